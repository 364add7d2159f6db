/**
 * Numbers as people read them: 3, 5 to 9, 12.
 * Runs on: main. Touches: nothing.
 */

/** Numbers that come mostly in order, kept as ranges. */
export class NumberRanges {
  private readonly ranges: { first: number; last: number }[] = []
  count = 0

  add(number: number): void {
    this.count++
    const last = this.ranges.at(-1)
    if (last !== undefined && number === last.last + 1) last.last = number
    else this.ranges.push({ first: number, last: number })
  }

  /** Sorted, neighbours joined; at most so many are named. */
  text(maxRanges = 10): string {
    const joined = this.joined()
    const shown = joined
      .slice(0, maxRanges)
      .map(({ first, last }) => (first === last ? `${first}` : `${first} to ${last}`))
    if (joined.length > maxRanges) shown.push(`and ${joined.length - maxRanges} more`)
    return shown.join(', ')
  }

  private joined(): { first: number; last: number }[] {
    const joined: { first: number; last: number }[] = []
    for (const range of [...this.ranges].sort((a, b) => a.first - b.first)) {
      const before = joined.at(-1)
      if (before !== undefined && range.first === before.last + 1) before.last = range.last
      else joined.push({ ...range })
    }
    return joined
  }
}
