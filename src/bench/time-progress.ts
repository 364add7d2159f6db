/**
 * Shows how long a benchmark still takes, and what it has done: on a terminal's stderr, nothing elsewhere.
 * Runs on: main. Touches: stderr, a timer that looks ten times a second.
 */
import { countText } from '../cli/terminal/quantities.js'
import { startProgress } from '../cli/terminal/progress.js'

const intervalMs = 100

/** Resolves with what `work` resolves with, when the bar is gone. `countOf`: records so far. */
export async function withTimeProgress<Result>(
  title: string,
  seconds: number,
  countOf: () => number,
  work: () => Promise<Result>,
): Promise<Result> {
  const progress = await startProgress({ title, total: Math.round(seconds * 1000) })
  const startMs = performance.now()
  const timer = setInterval(() => {
    progress.update(performance.now() - startMs, `${countText(countOf())} records`)
  }, intervalMs)
  try {
    return await work()
  } finally {
    clearInterval(timer)
    progress.end()
  }
}
