/**
 * Latency by percentile of one run: from its histogram, or from the named percentiles where there is none.
 * Runs on: main. Touches: nothing.
 */
import { decodeFromCompressedBase64 } from 'hdr-histogram-js'
import type { LatencyResult } from '../../run-result.js'
import { finite, percentiles } from '../figures.js'
import type { Point } from './plot.js'
import { ninesOf, percentOfNines } from './scale.js'

const stepsPerNine = 24
/** Beyond, a percentile is the highest value. */
const mostNines = 6

/** How many nines so many values can tell of. */
export function ninesFor(count: number): number {
  return Math.min(mostNines, Math.max(1, Math.log10(Math.max(10, count))))
}

/** Percent and milliseconds, in order. */
export function latencyCurve(latency: LatencyResult): Point[] {
  return curveOfHistogram(latency) ?? namedPoints(latency)
}

function curveOfHistogram({ histogram, count }: LatencyResult): Point[] | undefined {
  if (typeof histogram !== 'string') return undefined
  try {
    const decoded = decodeFromCompressedBase64(histogram)
    const last = ninesFor(count) * stepsPerNine
    const points: Point[] = []
    for (let step = 0; step <= last; step++) {
      const percent = percentOfNines(step / stepsPerNine)
      points.push([percent, decoded.getValueAtPercentile(percent) / 1000])
    }
    return points.every(([, value]) => Number.isFinite(value)) ? points : undefined
  } catch {
    // A file may hold anything there; the named percentiles are still right.
    return undefined
  }
}

/** The highest stands where a last value of so many stands. */
export function namedPoints(latency: LatencyResult): Point[] {
  const nines = ninesFor(latency.count)
  const points: Point[] = []
  for (const { percent, field } of percentiles) {
    const value = finite(latency[field])
    if (value === undefined) continue
    if (percent === 100) points.push([percentOfNines(nines), value])
    else if (ninesOf(percent) <= nines) points.push([percent, value])
  }
  return points
}
