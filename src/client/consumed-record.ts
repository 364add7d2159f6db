/**
 * One record as a consumer gets it: where it is and when it was made; key, value and headers are decoded when they are
 * touched.
 * Runs on: main thread of clients, browsers. Touches: the bytes of its batch.
 *
 * A record is made of numbers and a reference to its batch's bytes, which nobody writes to again: it may be kept. What
 * it keeps is the whole delivery that it came in (up to the consumer's credit), so keep `copy()` of few among many.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { readHeaders, type RecordHeader, type RecordReader } from '../../native-free-core/log/record-batch.js'
import { VarintCursor } from '../../native-free-core/log/varint.js'
import type { Platform } from './platform/platform.js'

/** Where a record came from; all records of a batch share it. */
export interface RecordOrigin {
  readonly topic: string
  readonly partition: number
  readonly platform: Platform
}

/** Where a record lies: what a reader that stands on it says. */
export type RecordPlace = Pick<
  RecordReader,
  'offset' | 'timestamp' | 'bytes' | 'keyStart' | 'keyEnd' | 'valueStart' | 'valueEnd' | 'headersStart' | 'headerCount'
>

const noHeaders: readonly RecordHeader[] = []
const inspect = Symbol.for('nodejs.util.inspect.custom')

/** A record of a topic. `key`, `value` and `headers` are views on the batch it came in: do not write to them. */
export class ConsumedRecord {
  /** Its place in its partition. */
  readonly offset: number
  /** Milliseconds since 1970: the producer's time or, by the topic's message.timestamp.type, the broker's. */
  readonly timestampMs: number
  private readonly origin: RecordOrigin
  private readonly bytes: Uint8Array
  private readonly keyStart: number
  private readonly keyEnd: number
  private readonly valueStart: number
  private readonly valueEnd: number
  private readonly headersStart: number
  private readonly headerCount: number

  /** @internal The record that `reader` stands on. */
  constructor(origin: RecordOrigin, reader: RecordPlace) {
    this.origin = origin
    this.offset = reader.offset
    this.timestampMs = reader.timestamp
    this.bytes = reader.bytes
    this.keyStart = reader.keyStart
    this.keyEnd = reader.keyEnd
    this.valueStart = reader.valueStart
    this.valueEnd = reader.valueEnd
    this.headersStart = reader.headersStart
    this.headerCount = reader.headerCount
  }

  /** The topic it is in. */
  get topic(): string {
    return this.origin.topic
  }

  /** The partition it is in. */
  get partition(): number {
    return this.origin.partition
  }

  /** Null: it has none. In Node.js a Buffer. */
  get key(): Uint8Array | null {
    const { keyStart } = this
    return keyStart < 0 ? null : this.origin.platform.viewOf(this.bytes, keyStart, this.keyEnd)
  }

  /** Null: it has none (in a compacted topic: its key is deleted). In Node.js a Buffer. */
  get value(): Uint8Array | null {
    const { valueStart } = this
    return valueStart < 0 ? null : this.origin.platform.viewOf(this.bytes, valueStart, this.valueEnd)
  }

  /** In the order they were given; a name may come more than once. */
  get headers(): readonly RecordHeader[] {
    if (this.headerCount === 0) return noHeaders
    const { platform } = this.origin
    return readHeaders(this.bytes, this.headersStart, this.headerCount).map(({ key, value }) => {
      return { key, value: value === null ? null : platform.viewOf(value, 0, value.length) }
    })
  }

  /** The value of the last header of that name; undefined: there is none, or its value is null. */
  header(name: string): Uint8Array | undefined {
    for (const { key, value } of [...this.headers].reverse()) if (key === name) return value ?? undefined
    return undefined
  }

  /** The key as UTF-8 text; null: it has none. What is not UTF-8 becomes U+FFFD. */
  keyText(): string | null {
    const { keyStart } = this
    return keyStart < 0 ? null : this.origin.platform.textOf(this.bytes, keyStart, this.keyEnd)
  }

  /** The value as UTF-8 text; null: it has none. What is not UTF-8 becomes U+FFFD. */
  text(): string | null {
    const { valueStart } = this
    return valueStart < 0 ? null : this.origin.platform.textOf(this.bytes, valueStart, this.valueEnd)
  }

  /**
   * The value read as JSON; nothing checks that it is a `T`: see `json` with `validate` for that. Throws INVALID_RECORD
   * naming topic, partition and offset.
   */
  json<T = unknown>(): T {
    try {
      return JSON.parse(this.text() ?? 'null') as T
    } catch (cause) {
      const message = `record ${this.offset} of ${this.topic}-${this.partition}: its value is not JSON`
      const remedy = 'Read it with text() or value, and see who produced it.'
      throw new StreamBusError('INVALID_RECORD', `${message}: ${(cause as Error).message}`, { cause, remedy })
    }
  }

  /** The same record with bytes of its own, so that the delivery it came in can be freed. */
  copy(): ConsumedRecord {
    const { bytes, keyStart, valueStart, valueEnd, headersStart, headerCount } = this
    const start = keyStart >= 0 ? keyStart : valueStart >= 0 ? valueStart : headersStart
    const last =
      headerCount === 0 ? Math.max(start, this.keyEnd, valueEnd) : headersEnd(bytes, headersStart, headerCount)
    const moved = (position: number) => (position < 0 ? -1 : position - start)
    return new ConsumedRecord(this.origin, {
      offset: this.offset,
      timestamp: this.timestampMs,
      // Not slice: that of a Buffer is a view.
      bytes: new Uint8Array(bytes.subarray(start, last)),
      keyStart: moved(keyStart),
      keyEnd: this.keyEnd - start,
      valueStart: moved(valueStart),
      valueEnd: valueEnd - start,
      headersStart: headersStart - start,
      headerCount,
    })
  }

  /** Key, value and headers as text: for logs and for people, not for storage of bytes. */
  toJSON(): Record<string, unknown> {
    const { topic, partition, offset, timestampMs } = this
    const { platform } = this.origin
    const headers = this.headers.map(({ key, value }) => [key, value && platform.textOf(value, 0, value.length)])
    return { topic, partition, offset, timestampMs, key: this.keyText(), value: this.text(), headers }
  }

  /** @internal What console.log shows. */
  [inspect](): Record<string, unknown> {
    return this.toJSON()
  }
}

function headersEnd(bytes: Uint8Array, start: number, count: number): number {
  const cursor = new VarintCursor().over(bytes, start, bytes.length)
  for (let index = 0; index < count; index++) {
    cursor.skip(cursor.int32())
    const valueBytes = cursor.int32()
    if (valueBytes >= 0) cursor.skip(valueBytes)
  }
  return cursor.position
}
