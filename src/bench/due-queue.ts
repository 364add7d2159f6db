/**
 * When records that are not answered yet were due, oldest first, in groups.
 * Runs on: load threads. Touches: nothing.
 */
const shrinkAt = 1000

export class DueQueue {
  private dues: number[] = []
  private counts: number[] = []
  private at = 0

  push(dueMs: number): void {
    const last = this.dues.length - 1
    if (last >= this.at && this.dues[last] === dueMs) this.counts[last]!++
    else {
      this.dues.push(dueMs)
      this.counts.push(1)
    }
  }

  /** Takes the oldest `count` records off. */
  take(count: number, onGroup: (dueMs: number, count: number) => void): void {
    let left = count
    while (left > 0 && this.at < this.dues.length) {
      const taken = Math.min(left, this.counts[this.at]!)
      onGroup(this.dues[this.at]!, taken)
      this.counts[this.at]! -= taken
      left -= taken
      if (this.counts[this.at] === 0) this.at++
    }
    if (this.at > shrinkAt) this.shrink()
  }

  private shrink(): void {
    this.dues = this.dues.slice(this.at)
    this.counts = this.counts.slice(this.at)
    this.at = 0
  }
}
