/**
 * What held a figure back, and whether it may be used at all.
 * Runs on: main. Touches: nothing.
 */
import type { LatencyResult, Load, RunResult } from './run-result.js'

/** A thread that used more of a core than this had nothing left. */
const fullPercent = 90
/** A rate that was kept this far was kept. */
const keptShare = 0.98

export interface Busy {
  /** Of the busiest thread of each side, in percent of one core. */
  readonly clientThreadPercent: number | undefined
  readonly brokerThreadPercent: number | undefined
}

/**
 * - `rate`: the rate was kept, so more was not asked for;
 * - `client`: a thread of the load used up its core, and no thread of the broker did;
 * - `broker`: a thread of the broker used up its core;
 * - otherwise it can't be told from here: the disk, answer times, or the machine as a whole.
 */
export function limitOf(load: Load, recordsPerSecond: number, busy: Busy): RunResult['limitedBy'] {
  if (load.rate !== undefined && recordsPerSecond >= load.rate * keptShare) return 'rate'
  const { clientThreadPercent = 0, brokerThreadPercent = 0 } = busy
  if (clientThreadPercent > fullPercent && brokerThreadPercent <= clientThreadPercent) return 'client'
  return brokerThreadPercent > fullPercent ? 'broker' : undefined
}

/** Less lateness than this never voids a run unless a bound is given. */
const leastMaxLatenessMs = 1
const latenessShare = 0.5

/** Why the load was too late for its latencies to be the broker's; undefined: it was not. */
export function latenessProblem(
  lateness: LatencyResult | undefined,
  measured: LatencyResult | undefined,
  maxLatenessMs: number | undefined,
): string | undefined {
  if (lateness === undefined) return undefined
  const share = (measured?.p99Ms ?? 0) * latenessShare
  const boundMs = maxLatenessMs ?? Math.max(leastMaxLatenessMs, share)
  if (lateness.p99Ms <= boundMs) return undefined
  const bound = maxLatenessMs === undefined ? `${boundMs.toFixed(2)} ms (half of the P99 measured)` : `${boundMs} ms`
  return `the load itself was late: P99 ${lateness.p99Ms.toFixed(2)} ms, and the bound is ${bound}`
}
