/**
 * Runs seeds of the simulation, with or without a canary, and tells of a failing one what a person needs.
 * Runs on: the process that simulates. Touches: memory only.
 */
import type { Canary } from './canaries.js'
import { breathe } from './globals.js'
import type { FaultKind, Hints } from './plan.js'
import { Simulation, type SimulationResult } from './simulation.js'

export interface SeedOptions {
  readonly canary?: Canary | undefined
  readonly without?: ReadonlySet<FaultKind> | undefined
  readonly hints?: Hints | undefined
  readonly keptEvents?: number
}

export interface Failure {
  readonly seed: number
  readonly error: Error
  /** The last events. */
  readonly lines: (most: number) => string[]
  readonly faults: ReadonlySet<FaultKind>
}

export type Outcome = { readonly result: SimulationResult } | { readonly failure: Failure }

/** What nobody awaited and nobody caught: a mistake of the product, or of the simulation. */
const strays: Error[] = []
process.on('unhandledRejection', (reason) => {
  strays.push(asError(reason))
})

export async function runSeed(seed: number, options: SeedOptions = {}): Promise<Outcome> {
  const { canary, hints, without = new Set<FaultKind>(), keptEvents = 0 } = options
  const simulation = new Simulation({ seed, without, keptEvents, hints, disk: canary?.disk ?? {} })
  const takeOut = canary?.apply?.()
  strays.length = 0
  try {
    const result = await simulation.run()
    // A turn of the real event loop tells of promises that nobody caught.
    await breathe()
    const [stray] = strays
    if (stray !== undefined) throw stray
    return { result }
  } catch (error) {
    const { trace, plan } = simulation
    const lines = (most: number): string[] => trace.lines(most)
    return { failure: { seed, error: asError(error), lines, faults: plan.faults } }
  } finally {
    takeOut?.()
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

/** The kinds of fault without which the seed does not fail, found by leaving out one after another. */
export async function neededFaults(failure: Failure, options: SeedOptions): Promise<FaultKind[]> {
  const without = new Set(options.without)
  const needed: FaultKind[] = []
  for (const kind of failure.faults) {
    const outcome = await runSeed(failure.seed, { ...options, without: new Set([...without, kind]) })
    if ('failure' in outcome) without.add(kind)
    else needed.push(kind)
  }
  return needed
}

/** The first failing seed from `first` on, within `count`. */
export async function firstFailure(first: number, count: number, options: SeedOptions): Promise<Failure | undefined> {
  for (let seed = first; seed < first + count; seed++) {
    const outcome = await runSeed(seed, options)
    if ('failure' in outcome) return outcome.failure
  }
  return undefined
}
