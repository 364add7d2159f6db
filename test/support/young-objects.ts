/**
 * Whether what a piece of work makes and forgets is gone with the collections of young objects, which are short: what
 * outlives them makes each of them longer, and stays until a full one.
 * Runs on: the test process, whose garbage it collects.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Does the work `rounds` times, with 10 young collections in between; returns the bytes that the heap has grown by. */
export function keptBytes(rounds: number, work: (round: number) => void): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void
  const between = Math.floor(rounds / 10)
  collect()
  const before = process.memoryUsage().heapUsed
  for (let round = 1; round <= rounds; round++) {
    work(round)
    if (round % between === 0) collect({ type: 'minor' })
  }
  return process.memoryUsage().heapUsed - before
}
