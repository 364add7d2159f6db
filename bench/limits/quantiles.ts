/**
 * Percentiles of a few thousand times that are kept one by one.
 * Runs on: every thread of the limits. Touches: nothing.
 */
import type { LatencyResult } from '../../src/bench/run-result.js'

/** Sorts `times` (milliseconds). */
export function latencyOf(times: number[]): LatencyResult {
  times.sort((one, other) => one - other)
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN
  const sum = times.reduce((total, time) => total + time, 0)
  return {
    count: times.length,
    meanMs: sum / times.length,
    p50Ms: at(0.5),
    p90Ms: at(0.9),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    p999Ms: at(0.999),
    p9999Ms: at(0.9999),
    maxMs: at(1),
  }
}
