/**
 * One batch of a producer: its records until the broker answered, and how each of them ended. A batch that the broker
 * finds too large is divided; whoever waits for it asks the whole, which knows its pieces.
 * Runs on: clients, browsers. Touches: the builders of its records.
 */
import { encodeUtf8 } from '../bytes/utf8.js'
import type { StreamBusError } from '../errors/streambus-error.js'
import { batchHeaderBytes, RecordBatchView, RecordReader } from '../log/record-batch.js'
import { RecordBatchBuilder } from '../log/record-batch-builder.js'

/** Memory for batches that is used again. */
export class BuilderPool {
  private readonly free: RecordBatchBuilder[] = []
  private freeBytes = 0
  private readonly mostFreeBytes: number

  /** By bytes, not by count: a producer to a thousand partitions has thousands of small batches. */
  constructor(mostFreeBytes = 16 * 1024 * 1024) {
    this.mostFreeBytes = mostFreeBytes
  }

  take(): RecordBatchBuilder {
    const builder = this.free.pop()
    if (builder === undefined) return new RecordBatchBuilder(4096)
    this.freeBytes -= builder.memoryBytes
    return builder
  }

  give(builder: RecordBatchBuilder): void {
    const { memoryBytes } = builder
    if (this.freeBytes + memoryBytes > this.mostFreeBytes) return
    this.freeBytes += memoryBytes
    this.free.push(builder.reset())
  }
}

export type BatchState = 'open' | 'queued' | 'in flight' | 'divided' | 'done'

export class ProduceBatch {
  readonly builder: RecordBatchBuilder
  readonly createdAtMs: number
  readonly deadlineMs: number
  /** What it is a piece of. */
  readonly whole: ProduceBatch | undefined
  /** Of its first record in the whole. */
  readonly firstIndex: number
  state: BatchState = 'open'
  recordCount = 0
  /** Uncompressed, as counted against the producer's memory. */
  memoryBytes = batchHeaderBytes
  /** What is sent; a view on the builder. */
  bytes: Uint8Array | undefined
  baseSequence = -1
  attemptCount = 0
  /** Where it lies in the log; -1: unknown. */
  baseOffset = -1
  error: StreamBusError | undefined
  /** In order, if it was divided. */
  pieces: ProduceBatch[] | undefined
  /** Whoever waits for this batch; the caller's to use. */
  waiting: ((batch: ProduceBatch) => void)[] | undefined
  /** How many of its records somebody waits for; the caller's to use. */
  awaitedCount = 0

  constructor(builder: RecordBatchBuilder, nowMs: number, deadlineMs: number, whole?: ProduceBatch, firstIndex = 0) {
    this.builder = builder
    this.createdAtMs = nowMs
    this.deadlineMs = deadlineMs
    this.whole = whole
    this.firstIndex = firstIndex
  }

  /** The batch, or the piece of it, that record `index` ended with. */
  pieceOf(index: number): ProduceBatch {
    if (this.pieces === undefined) return this
    return this.pieces.find((piece) => index < piece.firstIndex + piece.recordCount)!
  }

  /** The offset of record `index`; -1: unknown. */
  offsetOf(index: number): number {
    const { baseOffset, firstIndex } = this.pieceOf(index)
    return baseOffset < 0 ? -1 : baseOffset + index - firstIndex
  }

  /** Two halves in place of this one, which takes part no more. There must be two records or more. */
  divide(pool: BuilderPool): [ProduceBatch, ProduceBatch] {
    const whole = this.whole ?? this
    const halfCount = this.recordCount >> 1
    const newPiece = (index: number) =>
      new ProduceBatch(pool.take(), this.createdAtMs, this.deadlineMs, whole, this.firstIndex + index)
    const halves: [ProduceBatch, ProduceBatch] = [newPiece(0), newPiece(halfCount)]
    const reader = new RecordReader().over(new RecordBatchView(this.builder.finish()))
    for (let index = 0; reader.next(); index++) addRecord(halves[index < halfCount ? 0 : 1], reader)
    const pieces = whole.pieces ?? [this]
    pieces.splice(pieces.indexOf(this), 1, ...halves)
    whole.pieces = pieces
    this.state = 'divided'
    this.bytes = undefined
    for (const half of halves) {
      half.state = 'queued'
      half.attemptCount = 0
    }
    pool.give(this.builder)
    return halves
  }
}

function addRecord(batch: ProduceBatch, { key, value, timestamp, headers }: RecordReader): void {
  const headerBytes = headers.map((header) => ({ key: encodeUtf8(header.key), value: header.value }))
  batch.memoryBytes = batch.builder.append(key, value, timestamp, headerBytes)
  batch.recordCount++
}
