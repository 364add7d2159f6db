/**
 * Percentiles of what was counted between two answers, from the buckets of a histogram.
 * Runs on: main. Touches: nothing.
 */
import type { Histogram } from './status-sample.js'

/** The counts that came between the two. */
export function countsBetween(before: Histogram, after: Histogram): Histogram {
  if (before.counts.length !== after.counts.length) return after
  const counts = after.counts.map((count, index) => Math.max(0, count - before.counts[index]!))
  return { bounds: after.bounds, counts, sum: Math.max(0, after.sum - before.sum) }
}

export function totalCount({ counts }: Histogram): number {
  return counts.reduce((sum, count) => sum + count, 0)
}

/**
 * In milliseconds, as if the values of a bucket were spread evenly over it; above the last bound that bound.
 * NaN when nothing was counted.
 */
export function percentileMs(histogram: Histogram, percentile: number): number {
  const { bounds, counts } = histogram
  let left = (totalCount(histogram) * percentile) / 100
  if (left <= 0) return Number.NaN
  for (const [index, count] of counts.entries()) {
    if (left > count) {
      left -= count
      continue
    }
    const lower = bounds[index - 1] ?? 0
    const upper = bounds[index] ?? lower
    return (lower + ((upper - lower) * left) / count) * 1000
  }
  return bounds[bounds.length - 1]! * 1000
}
