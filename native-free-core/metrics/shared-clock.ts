/**
 * One clock for all threads of a process: `performance.now()` may begin with its thread (the web's rule, which Node.js
 * 20 does not keep), the system's monotonic clock does not. A thread adds the offset to its own readings.
 * Runs on: every thread, once. Touches: the two clocks that it is given.
 */

const attempts = 8

/**
 * What to add to `now()` for milliseconds of the monotonic clock; exact to the time between two readings, some
 * microseconds: of several attempts the one that was interrupted least counts.
 */
export function sharedClockOffsetMs(hrtime: () => readonly [number, number], now: () => number): number {
  let offsetMs = 0
  let bestMs = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < attempts; attempt++) {
    const before = now()
    const [seconds, nanoseconds] = hrtime()
    const after = now()
    if (after - before >= bestMs) continue
    bestMs = after - before
    offsetMs = seconds * 1000 + nanoseconds / 1e6 - (before + after) / 2
  }
  return offsetMs
}
