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

/** Levenshtein's distance. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let at = 1; at <= one.length; at++) {
    const next = [at]
    for (let index = 1; index <= other.length; index++) {
      const change = one[at - 1] === other[index - 1] ? 0 : 1
      next.push(Math.min(row[index - 1]! + change, row[index]! + 1, next[index - 1]! + 1))
    }
    row = next
  }
  return row[other.length]!
}
