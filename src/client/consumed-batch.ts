/**
 * A record batch as a consumer gets it; records are decoded when they are asked for.
 * Runs on: main thread of clients, browsers. Touches: the bytes it is given.
 */
import type { DeliveredBatch } from '../../native-free-core/client/subscription.js'
import {
  type Decompress,
  RecordBatchView,
  type RecordHeader,
  RecordReader,
} from '../../native-free-core/log/record-batch.js'
import type { Platform } from './platform/platform.js'

/** A record as a consumer gets it. */
export interface ConsumedRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
  /** In Node.js a Buffer. */
  readonly key: Uint8Array | null
  /** In Node.js a Buffer. */
  readonly value: Uint8Array | null
  readonly headers: readonly RecordHeader[]
}

/** What it takes to read a batch; a connection has it. */
export interface BatchTools {
  readonly platform: Platform
  readonly decompress: Decompress
}

const noHeaders: readonly RecordHeader[] = []

/** Records of one partition as they came together; decoded when they are asked for. */
export class ConsumedBatch {
  readonly topic: string
  readonly partition: number
  /** As known when the batch came: the offset after the last record that can be read. */
  readonly highWatermark: number
  private readonly delivered: DeliveredBatch
  private readonly tools: BatchTools

  constructor(topic: string, partition: number, highWatermark: number, delivered: DeliveredBatch, tools: BatchTools) {
    this.topic = topic
    this.partition = partition
    this.highWatermark = highWatermark
    this.delivered = delivered
    this.tools = tools
  }

  /** Of the first record that `records` gives. */
  get baseOffset(): number {
    return this.delivered.firstOffset
  }

  /** Of the last record. */
  get lastOffset(): number {
    return this.delivered.lastOffset
  }

  /** Offsets from the first to the last; compaction may have left fewer records. */
  get recordCount(): number {
    return this.delivered.lastOffset - this.delivered.firstOffset + 1
  }

  /** As it came, compressed perhaps. */
  get sizeBytes(): number {
    return this.delivered.sizeBytes
  }

  /** The latest timestamp in the batch, in ms since 1970. */
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
   * record. Throws CORRUPT_MESSAGE, or UNSUPPORTED_COMPRESSION_TYPE naming the codec.
   */
  forEach(onRecord: (record: RecordReader) => void): void {
    const reader = this.reader()
    while (reader.next()) if (reader.offset >= this.baseOffset) onRecord(reader)
  }

  /** Throws as `forEach` does. Keys and values are views on the batch. */
  *records(): Generator<ConsumedRecord, void, undefined> {
    const reader = this.reader()
    while (reader.next()) if (reader.offset >= this.baseOffset) yield this.recordAt(reader)
  }

  private reader(): RecordReader {
    const { bytes, position } = this.delivered
    return new RecordReader().over(new RecordBatchView(bytes, position), this.tools.decompress)
  }

  private recordAt(reader: RecordReader): ConsumedRecord {
    return {
      topic: this.topic,
      partition: this.partition,
      offset: reader.offset,
      timestampMs: reader.timestamp,
      key: this.viewOf(reader, reader.keyStart, reader.keyEnd),
      value: this.viewOf(reader, reader.valueStart, reader.valueEnd),
      headers: reader.headerCount === 0 ? noHeaders : reader.headers,
    }
  }

  private viewOf({ bytes }: RecordReader, start: number, end: number): Uint8Array | null {
    return start < 0 ? null : this.tools.platform.viewOf(bytes, start, end)
  }
}
