/**
 * What a seed decides about a simulation before it begins: sizes, topics, and which kinds of fault there are.
 * Runs on: the process that simulates. Touches: nothing.
 */
import type { Operation } from '../support/memory-disk.js'
import type { Random } from '../support/random.js'

/** Kinds of trouble; a failing seed is tried without each of them, to tell which ones it needs. */
export const faultKinds = [
  'cuts', // connections break
  'crashes', // the process ends at any disk call
  'power', // ... and the machine with it
  'stops', // a clean stop and a start
  'errors', // EIO, ENOSPC
  'short writes',
  'slow', // disk and threads are held up
  'clock', // the wall clock is set forward and back
  'churn', // topics are made and deleted
  'deletions', // delete records
  'retention',
  'room', // the disk is nearly full
] as const
export type FaultKind = (typeof faultKinds)[number]

export interface Plan {
  readonly faults: ReadonlySet<FaultKind>
  readonly steps: number
  readonly shardCounts: readonly number[]
  readonly journalBytesPerShard: number
  readonly settleStartPercent: number
  readonly settleBytesInFlight: number
  readonly retentionCheckIntervalMs: number
  readonly producers: number
  readonly batchesPerProducer: number
  readonly consumers: number
  readonly mostPartitions: number
  /** Crashes come in writes to journals, after others had time to go on: what was said too early is known by then. */
  readonly crashesInCommits: boolean
  /** How often others go on while a thread waits for the disk, and for how many steps at most. */
  readonly waitChance: number
  readonly waitSteps: number
  /** Of 16 times, how often the front end takes what comes from the network before what comes from shards. */
  readonly networkFirst: number
  /** What fails, and how often. */
  readonly failing: readonly Operation[]
  readonly errorChance: number
  /** Some topics do not ask for synced writes; then the power stays on. */
  readonly hasVolatileTopics: boolean
}

/** What a canary's search is narrowed to. */
export interface Hints extends Partial<Omit<Plan, 'faults'>> {
  readonly with?: readonly FaultKind[]
}

const likelihoods: Readonly<Record<FaultKind, number>> = {
  cuts: 0.5,
  crashes: 0.8,
  power: 0.8,
  stops: 0.3,
  errors: 0.2,
  'short writes': 0.3,
  slow: 0.4,
  clock: 0.2,
  churn: 0.4,
  deletions: 0.4,
  retention: 0.4,
  room: 0.1,
}

const failingOperations: readonly (readonly Operation[])[] = [
  ['sync'],
  ['sync', 'sync folder'],
  ['write', 'durable write'],
  ['read'],
  ['write', 'durable write', 'sync', 'sync folder', 'read'],
]

/** `without`: kinds that are left out whatever the seed says. */
export function planOf(random: Random, without: ReadonlySet<FaultKind>, hints: Hints = {}): Plan {
  const { with: wanted = [], ...settled } = hints
  const faults = new Set<FaultKind>(wanted)
  for (const kind of faultKinds) if (random.chance(likelihoods[kind]) && !without.has(kind)) faults.add(kind)
  const hasVolatileTopics = random.chance(0.2) && !wanted.includes('power')
  if (hasVolatileTopics) faults.delete('power')
  return {
    faults,
    steps: random.pick([300, 600, 1000]),
    shardCounts: random.pick([[1], [2], [1, 2], [1, 2, 3]]),
    journalBytesPerShard: random.pick([32, 32, 64, 256]) * 1024,
    settleStartPercent: random.pick([2, 10, 40]),
    settleBytesInFlight: random.pick([4096, 32_768, 1 << 20]),
    retentionCheckIntervalMs: random.pick([10, 40, 200]),
    producers: random.between(1, 2),
    batchesPerProducer: random.pick([10, 40, 100, 200]),
    consumers: random.between(1, 3),
    mostPartitions: random.between(1, 3),
    crashesInCommits: random.chance(0.5),
    waitChance: random.pick([0, 0.1, 0.5]),
    waitSteps: random.pick([5, 20, 60]),
    networkFirst: random.pick([8, 8, 1, 15]),
    failing: random.pick(failingOperations),
    errorChance: random.pick([0.01, 0.1]),
    hasVolatileTopics,
    ...settled,
  }
}
