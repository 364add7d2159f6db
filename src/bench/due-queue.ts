/**
 * When records that are not answered yet were due, oldest first, in groups.
 * Runs on: load threads. Touches: nothing.
 *
 * Its memory is used again and holds no objects: what a thread that measures makes is collected while it measures.
 */
const firstGroups = 64

export class DueQueue {
  private dues = new Float64Array(firstGroups)
  private counts = new Uint32Array(firstGroups)
  private start = 0
  private end = 0

  push(dueMs: number): void {
    const last = this.end - 1
    if (last >= this.start && this.dues[last] === dueMs) {
      this.counts[last]!++
      return
    }
    if (this.end === this.dues.length) this.makeRoom()
    this.dues[this.end] = dueMs
    this.counts[this.end++] = 1
  }

  /** Takes the oldest `count` records off. */
  take(count: number, onGroup: (dueMs: number, count: number) => void): void {
    let left = count
    while (left > 0 && this.start < this.end) {
      const taken = Math.min(left, this.counts[this.start]!)
      onGroup(this.dues[this.start]!, taken)
      this.counts[this.start]! -= taken
      left -= taken
      if (this.counts[this.start] === 0) this.start++
    }
    if (this.start === this.end) this.start = this.end = 0
  }

  /** Moves what is left to the front, or into twice the memory if that is more than half of it. */
  private makeRoom(): void {
    const { start, end } = this
    const isCrowded = (end - start) * 2 > this.dues.length
    const dues = isCrowded ? new Float64Array(this.dues.length * 2) : this.dues
    const counts = isCrowded ? new Uint32Array(dues.length) : this.counts
    dues.set(this.dues.subarray(start, end))
    counts.set(this.counts.subarray(start, end))
    this.dues = dues
    this.counts = counts
    this.start = 0
    this.end = end - start
  }
}
