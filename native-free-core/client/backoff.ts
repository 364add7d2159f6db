/**
 * How long to wait before the next attempt: doubling, bounded, with jitter so that many clients do not return at once.
 * Runs on: clients, browsers. Touches: nothing.
 */

export interface BackoffOptions {
  /** The ceiling of the first wait. */
  readonly firstMs: number
  readonly maxMs: number
}

export const reconnectBackoff: BackoffOptions = { firstMs: 100, maxMs: 2000 }
export const retryBackoff: BackoffOptions = { firstMs: 50, maxMs: 1000 }

/** `attempt` counts from 0; `random` is from [0, 1). The wait lies between half its ceiling and the ceiling. */
export function backoffMs(attempt: number, options: BackoffOptions, random: number): number {
  const ceilingMs = Math.min(options.maxMs, options.firstMs * 2 ** Math.min(attempt, 30))
  return Math.round(ceilingMs * (0.5 + random / 2))
}
