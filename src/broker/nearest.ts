/**
 * The nearest of some names to one that was misspelt.
 * Runs on: main, the command line. Touches: nothing.
 */

/** Undefined when none is near: more than a third of the letters differ. */
export function nearestOf(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** How many letters to change, add, take away or swap with their neighbour. */
function editDistance(one: string, other: string): number {
  let before: number[] = []
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let at = 1; at <= one.length; at++) {
    const next = [at]
    for (let index = 1; index <= other.length; index++) {
      const change = one[at - 1] === other[index - 1] ? 0 : 1
      const isSwap = at > 1 && index > 1 && one[at - 1] === other[index - 2] && one[at - 2] === other[index - 1]
      const swapped = isSwap ? before[index - 2]! + 1 : Number.POSITIVE_INFINITY
      next.push(Math.min(row[index - 1]! + change, row[index]! + 1, next[index - 1]! + 1, swapped))
    }
    before = row
    row = next
  }
  return row[other.length]!
}
