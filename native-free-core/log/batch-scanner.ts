/**
 * Walks over the batches of a segment through a small window, whatever their size.
 * Runs on: shards, recovery, jobs, `log dump`. Touches: what its `read` gives it.
 *
 * Two depths: headers only, which skips over the records; or with CRC, which reads every byte once.
 */
import { StreamBusError } from '../errors/streambus-error.js'
import { crc32cOf } from './crc32c.js'
import { BatchLayout, type BatchProblem, batchHeaderBytes, checkBatchHeader, RecordBatchView } from './record-batch.js'

/** Reads at a position until `into` is full or the file ends; returns how many bytes came. */
export type ReadAt = (into: Uint8Array, position: number) => number

const leastWindowBytes = 512
/** From this size on a batch's header is read alone when only headers are wanted. */
const largeBatchBytes = 8 * 1024

export class BatchScanner {
  /** The header of the current batch; its records are not all in the window. */
  readonly batch = new RecordBatchView()
  /** Where the current batch starts in the file. */
  position = 0
  /** Of the current batch. */
  sizeBytes = 0
  /** Why the scan ended before its end; 'ok' at the end itself. */
  problem: BatchProblem | 'ok' = 'ok'
  private readonly window: Uint8Array
  private read: ReadAt = () => 0
  private withCrc = false
  private end = 0
  private next = 0
  private windowStart = 0
  private windowEnd = 0

  constructor(windowBytes = 64 * 1024) {
    this.window = new Uint8Array(Math.max(windowBytes, leastWindowBytes))
  }

  /** Starts over on the batches in [start, end) of a file. */
  over(read: ReadAt, start: number, end: number, depth: 'headers' | 'crc'): this {
    this.read = read
    this.withCrc = depth === 'crc'
    this.next = start
    this.end = end
    this.position = start
    this.sizeBytes = 0
    this.problem = 'ok'
    this.windowStart = this.windowEnd = start
    return this
  }

  /** Where the last whole batch ended. */
  get soundEnd(): number {
    return this.next
  }

  /** Moves to the next batch; false at the end and at what is no whole, sound batch (see `problem`). */
  advance(): boolean {
    this.position = this.next
    const available = this.end - this.position
    if (available <= 0) return false
    const at = this.bring(this.position, batchHeaderBytes)
    this.batch.over(this.window, Math.max(at, 0))
    this.problem = at < 0 ? 'header' : checkBatchHeader(this.batch.view, at, available)
    if (this.problem !== 'ok') return false
    this.sizeBytes = this.batch.sizeBytes
    if (this.withCrc && !this.crcMatches()) {
      this.problem = 'crc'
      return false
    }
    this.next = this.position + this.sizeBytes
    return true
  }

  /** Reads the whole current batch into memory of its own. */
  readBatch(): RecordBatchView {
    const bytes = new Uint8Array(this.sizeBytes)
    const count = this.read(bytes, this.position)
    if (count < bytes.length) {
      throw new StreamBusError(
        'SEGMENT_DAMAGED',
        `a batch of ${bytes.length} bytes at byte ${this.position} is cut off`,
      )
    }
    return new RecordBatchView(bytes)
  }

  /** Makes `count` bytes from `position` on available; returns where in the window, or -1 if the file ends before. */
  private bring(position: number, count: number): number {
    if (position < this.windowStart || position + count > this.windowEnd) {
      // The first header is read alone, too: many walks are of one batch.
      const isSkipping = !this.withCrc && (this.sizeBytes === 0 || this.sizeBytes >= largeBatchBytes)
      const length = Math.min(isSkipping ? leastWindowBytes : this.window.length, this.end - position)
      this.windowStart = position
      this.windowEnd = position + this.read(this.window.subarray(0, Math.max(length, 0)), position)
    }
    return position + count <= this.windowEnd ? position - this.windowStart : -1
  }

  private crcMatches(): boolean {
    // A batch that fits is read once: the window moves to its start before its bytes are walked.
    if (this.bring(this.position, Math.min(this.sizeBytes, this.window.length)) < 0) return false
    const expected = this.headerAgain().crc
    const end = this.position + this.sizeBytes
    let at = this.position + BatchLayout.attributesAt
    let crc = 0
    while (at < end) {
      const start = this.bring(at, 1)
      if (start < 0) return false
      const length = Math.min(end, this.windowEnd) - at
      crc = crc32cOf(this.window, start, start + length, crc)
      at += length
    }
    this.headerAgain()
    return crc === expected
  }

  /** Points `batch` at the current header, wherever the window has moved. */
  private headerAgain(): RecordBatchView {
    return this.batch.over(this.window, Math.max(this.bring(this.position, batchHeaderBytes), 0))
  }
}
