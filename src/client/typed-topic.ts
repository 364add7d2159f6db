/**
 * Topics whose keys and values have types: producers that encode, consumers that decode.
 * Runs on: main thread of clients, browsers. Touches: the producer or consumer that it wraps.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { RecordHeader } from '../../native-free-core/log/record-batch.js'
import { addAsyncDispose } from './async-dispose.js'
import { type Codec, nullable } from './codecs.js'
import type { CallOptions } from './connection.js'
import type { ConsumedRecord } from './consumed-record.js'
import type { Consumer, ConsumerIterator, ConsumerOptions } from './consumer.js'
import type { RunOptions } from './consumer-run.js'
import type { Producer } from './producer.js'
import type { ProducerOptions, ProducerRecord, RecordMetadata } from './producer-options.js'
import type { StartPoint } from './start-point.js'

/** How a topic's records are encoded. */
export interface TopicCodecs<Value, Key> {
  /** Default: JSON that nothing checks. */
  readonly value?: Codec<Value> | undefined
  /** Default: text. A key may always be missing. */
  readonly key?: Codec<Key> | undefined
}

/** A record to be sent to a typed topic. */
export interface TypedProducerRecord<Value, Key> {
  /** Records with the same key go to the same partition, in order; absent or null: none. */
  readonly key?: Key | null | undefined
  readonly value: Value
  readonly headers?: ProducerRecord['headers']
  /** Instead of the partition that the key or the partitioner would give. */
  readonly partition?: number | undefined
  /** Milliseconds since 1970; now, if absent. */
  readonly timestampMs?: number | undefined
}

/** A record of a typed topic, decoded. */
export interface TypedRecord<Value, Key> {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
  readonly key: Key | null
  readonly value: Value
  readonly headers: readonly RecordHeader[]
  /** The record as it came. */
  readonly record: ConsumedRecord
}

/** A typed consumer's options: those of a consumer without the topic, and what to do with records of another form. */
export interface TypedConsumerOptions extends Omit<ConsumerOptions, 'topic'> {
  /**
   * What a record that can't be decoded means: 'skip' leaves it out, 'fail' (as without this option) ends the loop with
   * `error`, an INVALID_RECORD that names topic, partition and offset.
   */
  readonly onDecodeError?: ((error: StreamBusError, record: ConsumedRecord) => 'skip' | 'fail') | undefined
}

/** What `run` of a typed consumer calls. */
export interface TypedRunOptions<Value, Key> extends Omit<RunOptions, 'eachRecord' | 'eachBatch'> {
  /** Gets every record; the next of its partition waits for the promise. */
  readonly eachRecord: (record: TypedRecord<Value, Key>) => unknown
}

/** What makes the producer and the consumer that a typed topic wraps. */
export interface TopicClient {
  producer(options?: ProducerOptions): Producer
  consumer(options: ConsumerOptions): Consumer
}

/** A topic with types. Made by `client.topic`. */
export class TypedTopic<Value, Key> {
  readonly name: string
  private readonly client: TopicClient
  private readonly codecs: Required<{ value: Codec<Value>; key: Codec<Key | null> }>

  /** @internal */
  constructor(client: TopicClient, name: string, value: Codec<Value>, key: Codec<Key>) {
    this.client = client
    this.name = name
    this.codecs = { value, key: nullable(key) }
  }

  /** A producer for this topic; options are those of `client.producer`. */
  producer(options: ProducerOptions = {}): TypedProducer<Value, Key> {
    return new TypedProducer(this.client.producer(options), (record) => this.encode(record))
  }

  /** Starts at once; errors come out of the loop or of `run`. */
  consumer(options: TypedConsumerOptions = {}): TypedConsumer<Value, Key> {
    const { onDecodeError, ...rest } = options
    const consumer = this.client.consumer({ ...rest, topic: this.name })
    return new TypedConsumer(consumer, (record) => this.decode(record), onDecodeError)
  }

  private encode(record: TypedProducerRecord<Value, Key>): ProducerRecord {
    const key = this.encodeOne('key', this.codecs.key, record.key ?? null)
    const value = this.encodeOne('value', this.codecs.value, record.value)
    const { headers, partition, timestampMs } = record
    return { topic: this.name, key, value, headers, partition, timestampMs }
  }

  private encodeOne<T>(what: string, codec: Codec<T>, value: T): Uint8Array | string | null {
    try {
      return codec.encode(value)
    } catch (cause) {
      const message = `the ${what} of a record for topic "${this.name}" can't be encoded: ${textOf(cause)}`
      throw new StreamBusError('INVALID_RECORD', message, { cause, remedy: `Give a ${what} that the codec takes.` })
    }
  }

  /** Throws INVALID_RECORD. */
  private decode(record: ConsumedRecord): TypedRecord<Value, Key> {
    const { topic, partition, offset, timestampMs, headers } = record
    const key = this.decodeOne('key', this.codecs.key, record)
    const value = this.decodeOne('value', this.codecs.value, record)
    return { topic, partition, offset, timestampMs, key, value, headers, record }
  }

  private decodeOne<T>(what: 'key' | 'value', codec: Codec<T>, record: ConsumedRecord): T {
    try {
      return codec.decode(record[what])
    } catch (cause) {
      const where = `record ${record.offset} of ${record.topic}-${record.partition}`
      throw new StreamBusError('INVALID_RECORD', `${where}: its ${what} can't be decoded: ${textOf(cause)}`, {
        cause,
        remedy: 'See who produced it; leave such records out with onDecodeError, or seek past it.',
      })
    }
  }
}

/** Sends records of one form to one topic; as `Producer` otherwise. */
export class TypedProducer<Value, Key> {
  /** The producer that sends. */
  readonly producer: Producer
  private readonly encode: (record: TypedProducerRecord<Value, Key>) => ProducerRecord

  /** @internal */
  constructor(producer: Producer, encode: (record: TypedProducerRecord<Value, Key>) => ProducerRecord) {
    this.producer = producer
    this.encode = encode
  }

  /** As `Producer.send`; rejects with INVALID_RECORD for what the codecs don't take. */
  async send(record: TypedProducerRecord<Value, Key>, options: CallOptions = {}): Promise<RecordMetadata> {
    return this.producer.send(this.encode(record), options)
  }

  /** As `Producer.write`; throws INVALID_RECORD for what the codecs don't take. */
  write(record: TypedProducerRecord<Value, Key>): boolean {
    return this.producer.write(this.encode(record))
  }

  /** As `Producer.sendBatch`; rejects with INVALID_RECORD, sending none, when the codecs don't take one of them. */
  async sendBatch(
    records: Iterable<TypedProducerRecord<Value, Key>>,
    options: CallOptions = {},
  ): Promise<RecordMetadata[]> {
    return this.producer.sendBatch(Array.from(records, this.encode), options)
  }

  /** Resolves when `write` may go on. */
  ready(options: CallOptions = {}): Promise<void> {
    return this.producer.ready(options)
  }

  /** As `Producer.flush`. */
  flush(options: CallOptions = {}): Promise<void> {
    return this.producer.flush(options)
  }

  /** As `Producer.close`. */
  close(options: CallOptions = {}): Promise<void> {
    return this.producer.close(options)
  }

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
addAsyncDispose(TypedProducer)

/** Reads records of one form; as `Consumer` otherwise. */
export class TypedConsumer<Value, Key> implements AsyncIterable<TypedRecord<Value, Key>> {
  /** The consumer that reads; its records are not decoded. */
  readonly consumer: Consumer
  private readonly decode: (record: ConsumedRecord) => TypedRecord<Value, Key>
  private readonly onDecodeError: TypedConsumerOptions['onDecodeError']

  /** @internal */
  constructor(
    consumer: Consumer,
    decode: (record: ConsumedRecord) => TypedRecord<Value, Key>,
    onDecodeError: TypedConsumerOptions['onDecodeError'],
  ) {
    this.consumer = consumer
    this.decode = decode
    this.onDecodeError = onDecodeError
  }

  /** Record by record, decoded; the position moves past a record when it is given out. */
  records(): ConsumerIterator<TypedRecord<Value, Key>> {
    const records = this.consumer.records()
    const iterator: ConsumerIterator<TypedRecord<Value, Key>> = {
      next: () => this.nextOf(records),
      return: async () => {
        await this.close()
        return { done: true, value: undefined }
      },
      [Symbol.asyncIterator]: () => iterator,
    }
    return iterator
  }

  /** As `records`. */
  [Symbol.asyncIterator](): ConsumerIterator<TypedRecord<Value, Key>> {
    return this.records()
  }

  private async nextOf(
    records: ConsumerIterator<ConsumedRecord>,
  ): Promise<IteratorResult<TypedRecord<Value, Key>, undefined>> {
    for (;;) {
      const { done, value: record } = await records.next()
      if (done) return { done: true, value: undefined }
      const decoded = this.decodedOrSkipped(record)
      if (decoded !== undefined) return { done: false, value: decoded }
    }
  }

  /** Undefined: it is left out. */
  private decodedOrSkipped(record: ConsumedRecord): TypedRecord<Value, Key> | undefined {
    try {
      return this.decode(record)
    } catch (error) {
      if (this.onDecodeError?.(StreamBusError.from(error), record) === 'skip') return undefined
      // It is the next record of its partition, for whoever goes on from `positions`.
      this.consumer.failAt(record)
      throw error
    }
  }

  /** As `Consumer.run`, with decoded records. */
  run({ eachRecord, ...options }: TypedRunOptions<Value, Key>): Promise<void> {
    return this.consumer.run({
      ...options,
      eachRecord: (record) => {
        const decoded = this.decodedForRun(record)
        return decoded === undefined ? undefined : eachRecord(decoded)
      },
    })
  }

  private decodedForRun(record: ConsumedRecord): TypedRecord<Value, Key> | undefined {
    try {
      return this.decode(record)
    } catch (error) {
      if (this.onDecodeError?.(StreamBusError.from(error), record) === 'skip') return undefined
      throw error
    }
  }

  /** As `Consumer.pause`. */
  pause(partitions?: readonly number[]): void {
    this.consumer.pause(partitions)
  }

  /** As `Consumer.resume`. */
  resume(partitions?: readonly number[]): void {
    this.consumer.resume(partitions)
  }

  /** As `Consumer.seek`. */
  seek(partition: number, to: StartPoint): Promise<void> {
    return this.consumer.seek(partition, to)
  }

  /** As `Consumer.position`. */
  position(partition: number): number {
    return this.consumer.position(partition)
  }

  /** As `Consumer.positions`. */
  positions(): Record<number, number> {
    return this.consumer.positions()
  }

  /** As `Consumer.lag`. */
  lag(options: CallOptions = {}): Promise<Record<number, number>> {
    return this.consumer.lag(options)
  }

  /** As `Consumer.close`. */
  close(): Promise<void> {
    return this.consumer.close()
  }

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
addAsyncDispose(TypedConsumer)

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
