/**
 * One clock for all threads of a benchmark: `performance.now()` of each counts from the start of that thread.
 * Runs on: main and load threads. Touches: the system's monotonic clock.
 */
const readings = 5

/** What to add to this thread's `performance.now()`. The reading with the least between its two halves counts. */
const offsetMs = Math.min(...Array.from({ length: readings }, offsetNow))

function offsetNow(): number {
  const nowMs = performance.now()
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6 - nowMs
}

/** Milliseconds, the same in every thread and every process of this machine. */
export function clockMs(): number {
  return performance.now() + offsetMs
}
