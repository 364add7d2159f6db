/**
 * The offsets that were acknowledged to one producer in one partition, as ranges in the order of the answers.
 * Runs on: load threads. Touches: nothing.
 */
export class OffsetRanges {
  /** First offset and the one after the last, in pairs. */
  readonly bounds: number[] = []
  recordCount = 0

  add(baseOffset: number, recordCount: number): void {
    this.recordCount += recordCount
    const last = this.bounds.length - 1
    if (last >= 0 && this.bounds[last] === baseOffset) this.bounds[last] = baseOffset + recordCount
    else this.bounds.push(baseOffset, baseOffset + recordCount)
  }
}
