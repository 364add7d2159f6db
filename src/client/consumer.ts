/**
 * Reads a topic: by record, by batch or through a callback; goes on exactly where it was after a lost connection.
 * Runs on: main thread of clients, browsers. Touches: its feed.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { RecordReader } from '../../native-free-core/log/record-batch.js'
import { addAsyncDispose } from './async-dispose.js'
import type { CallOptions, Connection } from './connection.js'
import type { ConsumedBatch } from './consumed-batch.js'
import { ConsumedRecord } from './consumed-record.js'
import { ConsumerFeed, type FeedPart, type Taken } from './consumer-feed.js'
import { ConsumerRun, type RunOptions } from './consumer-run.js'
import { checkStartPoint, type StartPoint } from './start-point.js'
import type { Topics } from './topics.js'
import { orAborted } from './waiter.js'

/** What a consumer reads, and how. */
export interface ConsumerOptions {
  readonly topic: string
  /** All of the topic, if absent. */
  readonly partitions?: readonly number[] | undefined
  /** Where to begin, default earliest. */
  readonly from?: StartPoint | undefined
  /** How many bytes of one partition may be here or on their way without being consumed, default 4 MiB. */
  readonly creditBytes?: number | undefined
  /** End when everything is read that was there at the start; default false: wait for more. */
  readonly untilEnd?: boolean | undefined
  /** What to do when the offset is not in the log (any more), default fail. */
  readonly whenOutOfRange?: 'fail' | 'earliest' | 'latest' | undefined
  /** Ends the consumer at once; iteration and `run` reject with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** A loop over a consumer; leaving it with `break`, `return` or an error closes the consumer. */
export type ConsumerIterator<Item> = AsyncIterableIterator<Item, undefined>

const defaultCreditBytes = 4 * 1024 * 1024
const ended: IteratorReturnResult<undefined> = { done: true, value: undefined }

/**
 * Reads a topic from the moment it is made. Iterate it by batch (`for await (const batch of consumer)`) or by record
 * (`for await (const record of consumer.records())`), or let it call you (`run`): one of the three, once. Records of a
 * partition come in order and each once, also over lost connections; partitions come in turn.
 *
 * `position` says where to go on: after a crash, start the next consumer from what `positions()` said last.
 */
export class Consumer implements AsyncIterable<ConsumedBatch> {
  readonly topic: string
  private readonly feed: ConsumerFeed
  private current: Taken | undefined
  private reader: RecordReader | undefined
  private isRunning = false

  /** @internal Made by `client.consumer`. Throws USAGE. */
  constructor(connection: Connection, topics: Topics, options: ConsumerOptions, onEnd: () => void = () => {}) {
    const { topic, partitions, from = 'earliest', creditBytes = defaultCreditBytes, signal } = options
    const { untilEnd = false, whenOutOfRange = 'fail' } = options
    checkStartPoint(from)
    if (!Number.isSafeInteger(creditBytes) || creditBytes < 1) {
      throw new StreamBusError('USAGE', `creditBytes is ${creditBytes}; expected a whole number of at least 1`)
    }
    this.topic = topic
    const onAbort = () => this.feed.abort(signal?.reason)
    const feedOptions = { partitions, from, creditBytes, untilEnd, whenOutOfRange }
    this.feed = new ConsumerFeed(connection, topics, topic, feedOptions, () => {
      signal?.removeEventListener('abort', onAbort)
      onEnd()
    })
    // Not within the constructor: whoever makes it does not have it yet.
    if (signal?.aborted) queueMicrotask(onAbort)
    else signal?.addEventListener('abort', onAbort, { once: true })
  }

  // By batch.

  /** Batches as they were produced; the position moves past a batch when it is given out. */
  [Symbol.asyncIterator](): ConsumerIterator<ConsumedBatch> {
    return this.iterator(() => this.nextBatch())
  }

  private async nextBatch(): Promise<IteratorResult<ConsumedBatch, undefined>> {
    const taken = await this.feed.take()
    if (taken === undefined) return ended
    const { batch } = taken
    this.feed.advance(taken, batch.lastOffset + 1)
    this.feed.finish(taken)
    return { done: false, value: batch }
  }

  // By record.

  /**
   * Record by record; the position moves past a record when it is given out. Records decode when they are touched and
   * may be kept (see `ConsumedRecord.copy`).
   */
  records(): ConsumerIterator<ConsumedRecord> {
    return this.iterator(() => this.nextRecord())
  }

  private nextRecord(): Promise<IteratorResult<ConsumedRecord, undefined>> {
    try {
      const value = this.recordAtHand()
      return value === undefined ? this.recordToCome() : Promise.resolve({ done: false, value })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  private async recordToCome(): Promise<IteratorResult<ConsumedRecord, undefined>> {
    for (;;) {
      const taken = await this.feed.take()
      if (taken === undefined) return ended
      this.current = taken
      const value = this.recordAtHand()
      if (value !== undefined) return { done: false, value }
    }
  }

  /** The next record of the batch that was taken last, or of one that is there; undefined: none is there. */
  private recordAtHand(): ConsumedRecord | undefined {
    for (;;) {
      this.current ??= this.feed.tryTake()
      if (this.current === undefined) return undefined
      const record = this.recordOf(this.current)
      if (record !== undefined) return record
      this.current = undefined
      this.reader = undefined
    }
  }

  /** A batch that can't be decoded ends the consumer. */
  private readerOf(batch: ConsumedBatch): RecordReader {
    try {
      return batch.reader()
    } catch (error) {
      this.feed.abort(error)
      throw error
    }
  }

  /** Undefined: the batch is finished, or its rest is for later. */
  private recordOf(taken: Taken): ConsumedRecord | undefined {
    const { feed } = this
    const { batch } = taken
    if (!feed.isWanted(taken)) {
      feed.putBack(taken)
      return undefined
    }
    const reader = this.reader ?? this.readerOf(batch)
    this.reader = reader
    while (reader.next()) {
      const { offset } = reader
      if (offset < batch.baseOffset) continue
      feed.advance(taken, offset + 1)
      return new ConsumedRecord(batch, reader)
    }
    feed.advance(taken, batch.lastOffset + 1)
    feed.finish(taken)
    return undefined
  }

  private iterator<Item>(next: () => Promise<IteratorResult<Item, undefined>>): ConsumerIterator<Item> {
    const iterator: ConsumerIterator<Item> = {
      next,
      return: async () => {
        await this.close()
        return ended
      },
      [Symbol.asyncIterator]: () => iterator,
    }
    return iterator
  }

  // By callback.

  /**
   * Calls `eachRecord` or `eachBatch` for everything that comes; of one partition the next waits until the promise of
   * the last is settled. The position moves when the callback is done. Resolves when the consumer ends (`untilEnd`,
   * `close`).
   *
   * When a callback throws, no other is called; those at work are waited for, the consumer closes, and `run` rejects
   * with that error. `positions()` then names the record that failed as the next of its partition, so that a consumer
   * started from there gets it again. `onError` can skip it instead.
   */
  async run(options: RunOptions): Promise<void> {
    const run = new ConsumerRun(this.feed, options)
    if (this.isRunning) throw new StreamBusError('USAGE', 'run was called before; a consumer is read by one at a time')
    this.isRunning = true
    try {
      await run.toEnd()
    } finally {
      await this.close()
    }
  }

  // Flow and place.

  /**
   * Gives out nothing more of these partitions, or of all, until `resume`; of a partition that a callback works on,
   * nothing after that record. What the credit allows still comes, and waits here.
   */
  pause(partitions?: readonly number[]): void {
    this.forParts(partitions, (part) => this.feed.pause(part))
  }

  /** Goes on with these partitions, or with all. */
  resume(partitions?: readonly number[]): void {
    this.forParts(partitions, (part) => this.feed.resume(part))
  }

  /** The partitions that are paused. */
  paused(): number[] {
    return this.feed.parts.filter((part) => part.isPaused).map(({ partition }) => partition)
  }

  private forParts(partitions: readonly number[] | undefined, action: (part: FeedPart) => void): void {
    this.feed.whenStarted(() => {
      const parts = partitions?.map((partition) => this.feed.partOf(partition)) ?? this.feed.parts
      for (const part of parts) action(part)
    })
  }

  /**
   * Goes on somewhere else in one partition; `{ last: n }` counts in that partition. After this call nothing from the
   * old place is given out. Resolves when the new place is known. Throws USAGE.
   */
  async seek(partition: number, to: StartPoint): Promise<void> {
    checkStartPoint(to)
    await this.feed.started
    if (this.feed.isClosed) throw new StreamBusError('USAGE', 'the consumer has ended', { remedy: 'Make another.' })
    await this.feed.seek(this.feed.partOf(partition), to)
  }

  /** The partitions that are read; empty as long as the topic is being looked up. */
  get partitions(): number[] {
    return this.feed.parts.map(({ partition }) => partition)
  }

  /** The offset of the next record of this partition that will be given out; -1: not known yet. */
  position(partition: number): number {
    return this.feed.parts.find((part) => part.partition === partition)?.position ?? -1
  }

  /** The offsets from which another consumer would go on, as its `from.offsets`; those that are known. */
  positions(): Record<number, number> {
    const known = this.feed.parts.filter((part) => part.position >= 0)
    return Object.fromEntries(known.map(({ partition, position }) => [partition, position]))
  }

  /** How many records each partition has beyond `position`: the broker is asked for its high watermarks. */
  async lag(options: CallOptions = {}): Promise<Record<number, number>> {
    await (options.signal === undefined ? this.feed.started : orAborted(this.feed.started, options.signal))
    const lags = await Promise.all(
      this.feed.parts.map(async (part) => [part.partition, await this.feed.lag(part, options.signal)] as const),
    )
    return Object.fromEntries(lags)
  }

  /** @internal Closes with this record as the next of its partition: it was given out, but of no use. */
  failAt({ partition, offset }: ConsumedRecord): void {
    this.feed.partOf(partition).position = offset
    this.feed.close()
  }

  /** Ends at once: nothing more is given out, loops end, `run` resolves when the callbacks at work are done. */
  close(): Promise<void> {
    this.feed.close()
    return Promise.resolve()
  }

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
addAsyncDispose(Consumer)
