/**
 * What the kinds of load have in common for the thread that runs them.
 * Runs on: load threads. Touches: nothing.
 */
import type { ThreadMemory } from '../thread-memory.js'
import type { Finished, LoadThreadData, Phase } from './thread-data.js'

export interface Driver {
  /** The first error of a record; the others are counted. */
  readonly firstError: string | undefined
  /** Connects; everything is looked up, and the first records have come, when it resolves. */
  prepare(): Promise<void>
  /** Resolves when nothing of the phase is under way any more. */
  run(phase: Phase): Promise<void>
  /** Ends `run` early. */
  stop(): void
  finish(): Promise<Finished>
}

/** What each driver is made of. */
export interface DriverContext {
  readonly data: LoadThreadData
  readonly memory: ThreadMemory
}

export const nothingFinished: Finished = { sent: [], duplicated: 0, outOfOrder: 0 }

/** Which of so many things in all this thread has. */
export function sharesOf(count: number, { index, plan }: LoadThreadData): number[] {
  return Array.from({ length: count }, (_, number) => number).filter((number) => number % plan.threads === index)
}
