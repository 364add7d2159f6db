/**
 * What few repeated runs allow to say: a median, and how much one group of runs differs from another with which
 * confidence. Nothing is assumed of the distribution, and nothing is random.
 * Runs on: main. Touches: nothing.
 *
 * The difference is Hodges and Lehmann's: the median of all differences between a run of the one and a run of the
 * other. Its interval comes from the exact distribution of Mann and Whitney's U (Hollander, Wolfe, Nonparametric
 * Statistical Methods, 4.3): the k-th smallest to the k-th largest of these differences. With three runs against three
 * no interval of 95 % exists, since the most extreme order of them has a chance of 1 in 20 on either side; then there
 * is none.
 */

/** Of an even number of values the mean of the middle two. Undefined for none. */
export function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export interface Difference {
  /** The middle one. */
  readonly estimate: number
  /** Undefined: too few runs for this confidence. */
  readonly interval?: readonly [low: number, high: number]
}

/** Of `after` from `before`: positive when it is more. Undefined when either is empty. */
export function difference(before: readonly number[], after: readonly number[]): Difference | undefined {
  const all = after.flatMap((one) => before.map((other) => one - other)).sort((a, b) => a - b)
  const estimate = median(all)
  if (estimate === undefined) return undefined
  const rank = rankOf(before.length, after.length)
  return rank === 0 ? { estimate } : { estimate, interval: [all[rank - 1]!, all[all.length - rank]!] }
}

/** The same as a factor: 2 when `after` is twice as much. All values are above 0. */
export function ratio(before: readonly number[], after: readonly number[]): Difference | undefined {
  const logs = difference(before.map(Math.log), after.map(Math.log))
  if (logs === undefined) return undefined
  const { estimate, interval } = logs
  if (interval === undefined) return { estimate: Math.exp(estimate) }
  return { estimate: Math.exp(estimate), interval: [Math.exp(interval[0]), Math.exp(interval[1])] }
}

/** How sure an interval is to hold the true difference. */
export const confidence = 0.95
const tail = (1 - confidence) / 2
const tailDeviations = 1.96

/** Whether so many runs can have an interval at all. */
export function areEnough(beforeCount: number, afterCount: number): boolean {
  return rankOf(beforeCount, afterCount) > 0
}

/** From here on the normal distribution is near enough, and the counting would take long. */
const mostCounted = 2500

/** The largest k with a chance of at most 2.5 % that U is below k; 0: there is none. */
function rankOf(one: number, other: number): number {
  if (one * other > mostCounted) {
    const deviation = Math.sqrt((one * other * (one + other + 1)) / 12)
    return Math.max(0, Math.floor((one * other) / 2 - tailDeviations * deviation))
  }
  const counts = orderCounts(one, other)
  const total = counts.reduce((sum, count) => sum + count, 0)
  let below = 0
  let rank = 0
  while (rank < counts.length && (below + counts[rank]!) / total <= tail) below += counts[rank++]!
  return rank
}

/** How many orders of `one` and `other` values have each U from 0 to one * other. */
function orderCounts(one: number, other: number): number[] {
  // The Gaussian binomial coefficient: the product of (1 - x^(other + i)) / (1 - x^i) for i from 1 to `one`.
  const counts = new Array<number>(one * other + 1).fill(0)
  counts[0] = 1
  for (let i = 1; i <= one; i++) {
    for (let at = counts.length - 1; at >= other + i; at--) counts[at]! -= counts[at - other - i]!
    for (let at = i; at < counts.length; at++) counts[at]! += counts[at - i]!
  }
  return counts
}
