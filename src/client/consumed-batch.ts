/**
 * A record batch as a consumer gets it; records are decoded when they are asked for.
 * Runs on: main thread of clients, browsers. Touches: the bytes it is given.
 */
import type { DeliveredBatch } from '../../native-free-core/client/subscription.js'
import { type Decompress, RecordBatchView, RecordReader } from '../../native-free-core/log/record-batch.js'
import { ConsumedRecord } from './consumed-record.js'
import type { Platform } from './platform/platform.js'

/** What it takes to read a batch; a connection has it. */
export interface BatchTools {
  readonly platform: Platform
  readonly decompress: Decompress
}

/**
 * The unit in which records are stored and delivered: consecutive records of one partition. It may be kept and read
 * later; what it keeps is the delivery that it came in, up to the consumer's credit.
 */
export class ConsumedBatch implements Iterable<ConsumedRecord> {
  readonly topic: string
  readonly partition: number
  /** As known when the batch came: the offset after the last record that can be read. */
  readonly highWatermark: number
  private readonly delivered: DeliveredBatch
  private readonly tools: BatchTools

  /** @internal */
  constructor(topic: string, partition: number, highWatermark: number, delivered: DeliveredBatch, tools: BatchTools) {
    this.topic = topic
    this.partition = partition
    this.highWatermark = highWatermark
    this.delivered = delivered
    this.tools = tools
  }

  /** @internal What decodes this batch's records. */
  get platform(): Platform {
    return this.tools.platform
  }

  /** Offset of the first record that `records` gives. */
  get baseOffset(): number {
    return this.delivered.firstOffset
  }

  /** Offset of the last record. */
  get lastOffset(): number {
    return this.delivered.lastOffset
  }

  /** How many offsets the batch spans; a compacted one may hold fewer records. */
  get recordCount(): number {
    return this.delivered.lastOffset - this.delivered.firstOffset + 1
  }

  /** In bytes, as it came, compressed perhaps. */
  get sizeBytes(): number {
    return this.delivered.sizeBytes
  }

  /** The largest timestamp of its records, in milliseconds since 1970. */
  get maxTimestampMs(): number {
    return this.delivered.maxTimestampMs
  }

  /** The whole batch as it lies in the log; it may begin below `baseOffset`. */
  get bytes(): Uint8Array {
    const { bytes, position, sizeBytes } = this.delivered
    return bytes.subarray(position, position + sizeBytes)
  }

  /**
   * Calls `onRecord` for each record with a reader that stands on it and is reused: the fast path, without an object a
   * record. Throws CORRUPT_MESSAGE, MESSAGE_TOO_LARGE, or UNSUPPORTED_COMPRESSION_TYPE naming the codec.
   */
  forEach(onRecord: (record: RecordReader) => void): void {
    const reader = this.reader()
    const { firstOffset } = this.delivered
    while (reader.next()) if (reader.offset >= firstOffset) onRecord(reader)
  }

  /** The records in order; they may be kept. Throws as `forEach` does. */
  *records(): Generator<ConsumedRecord, void, undefined> {
    const reader = this.reader()
    const { firstOffset } = this.delivered
    while (reader.next()) if (reader.offset >= firstOffset) yield new ConsumedRecord(this, reader)
  }

  /** As `records`. */
  [Symbol.iterator](): Generator<ConsumedRecord, void, undefined> {
    return this.records()
  }

  /** @internal Stands before the first record, which may lie below `baseOffset`. */
  reader(): RecordReader {
    const { bytes, position } = this.delivered
    return new RecordReader().over(new RecordBatchView(bytes, position), this.tools.decompress)
  }

  /** @internal The part of it from `offset` on. */
  from(offset: number): ConsumedBatch {
    const { topic, partition, highWatermark, tools } = this
    return new ConsumedBatch(topic, partition, highWatermark, { ...this.delivered, firstOffset: offset }, tools)
  }
}
