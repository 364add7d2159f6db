/**
 * What a partition must hold after any fault, told by what was acknowledged: the judge of every chaos test.
 * Runs on: the test process. Touches: nothing.
 *
 * | batch                                   | after a restart                                              |
 * |-----------------------------------------|--------------------------------------------------------------|
 * | acknowledged, or seen by a reader       | there, whole, at its offset                                  |
 * | sent, never answered                    | there whole or not at all; idempotent ones at most once      |
 * | acknowledged without being synced       | as acknowledged; after a power cut the last ones may be gone |
 * | any                                     | in the order sent by its producer, offsets dense             |
 */
import { BatchLayout, forEachBatch } from '../../native-free-core/log/record-batch.js'

export interface SentBatch {
  /** In the order of sending, from 0. */
  readonly index: number
  readonly crc: number
  readonly recordCount: number
  readonly isIdempotent: boolean
  /** Whose it is: order is kept for each one. */
  readonly producer: number
  readonly bytes: Uint8Array
  /** -1: not acknowledged. */
  offset: number
  /** Its topic does not ask for synced writes: a power cut may take it. */
  mayBeLost: boolean
}

export interface FoundBatch {
  readonly baseOffset: number
  readonly recordCount: number
  readonly crc: number
  readonly isSound: boolean
}

export class PartitionModel {
  readonly name: string
  readonly sent: SentBatch[] = []
  /** Records below were deleted: nothing is said about them. */
  logStartOffset = 0
  /** The log start may have moved up to here. */
  mayStartAt = 0
  /** Retention by time may have moved it up to here. */
  agedStart = 0
  /** Retention may remove what lies below so many bytes of the newest; infinity: nothing. */
  retainedBytes = Number.POSITIVE_INFINITY
  private readonly byCrc = new Map<number, SentBatch>()

  constructor(name: string) {
    this.name = name
  }

  /** Batches are told apart by their CRC: make each one unique. */
  send(bytes: Uint8Array, isIdempotent: boolean, mayBeLost = false, producer = 0): SentBatch {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const batch: SentBatch = {
      index: this.sent.length,
      crc: view.getUint32(BatchLayout.crcAt),
      recordCount: view.getInt32(BatchLayout.recordCountAt),
      isIdempotent,
      producer,
      bytes,
      offset: -1,
      mayBeLost,
    }
    if (this.byCrc.has(batch.crc)) throw new Error('two batches of one CRC: the test must make them differ')
    this.byCrc.set(batch.crc, batch)
    this.sent.push(batch)
    return batch
  }

  acknowledge(batch: SentBatch, offset: number): void {
    if (batch.offset >= 0 && batch.offset !== offset) {
      throw new Error(`${this.name}: batch ${batch.index} was at offset ${batch.offset} and is answered with ${offset}`)
    }
    batch.offset = offset
  }

  /** The end of what was acknowledged. */
  get acknowledgedEnd(): number {
    let end = 0
    for (const batch of this.sent) if (batch.offset >= 0) end = Math.max(end, batch.offset + batch.recordCount)
    return end
  }

  /**
   * Judges a whole log, as read; throws with what is wrong. What was found counts as acknowledged from then on.
   * `powerWasCut`: since it was judged last.
   */
  judge(logStartOffset: number, highWatermark: number, found: readonly FoundBatch[], powerWasCut: boolean): void {
    if (powerWasCut) this.giveUpLost(highWatermark)
    this.judgeRetention(logStartOffset, found, powerWasCut)
    const mostStart = Math.max(this.logStartOffset, this.mayStartAt, this.agedStart)
    if (logStartOffset < this.logStartOffset || logStartOffset > mostStart) {
      this.fail(`starts at ${logStartOffset}; expected ${this.logStartOffset} to ${mostStart}`)
    }
    this.logStartOffset = logStartOffset
    this.judgeOffsets(highWatermark, found)
    this.judgeOrder(found)
    this.judgeLoss(highWatermark)
  }

  /** Where whole segments went that lie below the newest `retainedBytes`, the log may start higher. */
  private judgeRetention(logStartOffset: number, found: readonly FoundBatch[], powerWasCut: boolean): void {
    if (this.retainedBytes === Number.POSITIVE_INFINITY) return
    let bytes = 0
    for (const { crc } of found) bytes += this.byCrc.get(crc)?.bytes.length ?? 0
    // What was lost counted when the old segments went.
    const mayHaveLost = powerWasCut && this.sent.some((batch) => batch.mayBeLost)
    if (bytes >= this.retainedBytes || mayHaveLost) this.mayStartAt = Math.max(this.mayStartAt, logStartOffset)
  }

  /** Batches that were not synced and lie above the end are gone for good. */
  private giveUpLost(highWatermark: number): void {
    for (const batch of this.sent) {
      if (!batch.mayBeLost || batch.offset < highWatermark) continue
      batch.offset = -1
      this.byCrc.delete(batch.crc)
      // What was deleted may have been lost before: the log then starts at its end.
      this.logStartOffset = Math.min(this.logStartOffset, highWatermark)
    }
  }

  private judgeOffsets(highWatermark: number, found: readonly FoundBatch[]): void {
    let expected = found[0]?.baseOffset ?? highWatermark
    if (expected > this.logStartOffset && found.length > 0) {
      this.fail(`begins at ${expected} although its log start is ${this.logStartOffset}`)
    }
    for (const batch of found) {
      if (!batch.isSound) this.fail(`the batch at offset ${batch.baseOffset} fails its CRC`)
      if (batch.baseOffset !== expected) this.fail(`offset ${batch.baseOffset} follows ${expected - 1}`)
      expected += batch.recordCount
    }
    if (expected !== highWatermark) this.fail(`ends at ${expected}; its high watermark is ${highWatermark}`)
  }

  private judgeOrder(found: readonly FoundBatch[]): void {
    const seen = new Set<number>()
    const lastIndexes = new Map<number, number>()
    for (const { crc, baseOffset } of found) {
      const batch = this.byCrc.get(crc)
      if (batch === undefined) return this.fail(`the batch at offset ${baseOffset} was never sent`)
      if (seen.has(crc)) this.fail(`batch ${batch.index} is there twice`)
      seen.add(crc)
      if (batch.isIdempotent) {
        const lastIndex = lastIndexes.get(batch.producer) ?? -1
        if (batch.index < lastIndex) this.fail(`batch ${batch.index} is behind batch ${lastIndex}`)
        lastIndexes.set(batch.producer, batch.index)
      }
      if (batch.offset >= 0 && batch.offset !== baseOffset) {
        this.fail(`batch ${batch.index} was acknowledged at offset ${batch.offset} and is at ${baseOffset}`)
      }
    }
    for (const { crc, baseOffset } of found) this.byCrc.get(crc)!.offset = baseOffset
    this.foundCrcs = seen
  }

  private foundCrcs = new Set<number>()

  private judgeLoss(highWatermark: number): void {
    for (const batch of this.sent) {
      if (batch.offset < 0 || batch.offset + batch.recordCount <= this.logStartOffset) continue
      if (this.foundCrcs.has(batch.crc)) continue
      this.fail(`batch ${batch.index}, acknowledged at offset ${batch.offset}, is lost; it ends at ${highWatermark}`)
    }
  }

  private fail(what: string): never {
    throw new Error(`${this.name}: ${what}`)
  }
}

/** The batches of fetched bytes from `offset` on. `crcOf` checks the content. */
export function batchesOf(
  bytes: Uint8Array,
  crcOf: (bytes: Uint8Array, start: number, end: number) => number,
): FoundBatch[] {
  const found: FoundBatch[] = []
  forEachBatch(bytes, 0, bytes.length, (batch) => {
    const end = batch.position + batch.sizeBytes
    found.push({
      baseOffset: batch.baseOffset,
      recordCount: batch.recordCount,
      crc: batch.crc,
      isSound: crcOf(batch.bytes, batch.position + BatchLayout.attributesAt, end) === batch.crc,
    })
  })
  return found
}
