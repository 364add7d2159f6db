/**
 * What a profile may hold: the keys of the profile, of a load and of its objectives, as rows. Checking, the reference
 * page and the JSON schema for editors are made from them.
 * Runs on: main. Touches: nothing.
 */
import type { Load } from '../run-result.js'
import { figures, type LatencyKind, latencyKinds, percentiles } from './figures.js'

export interface ProfileRow {
  readonly type: 'text' | 'count' | 'size' | 'time' | 'choice' | 'number' | 'switch'
  /** Of numbers; inclusive. Sizes in bytes; times in `unit`. */
  readonly min?: number
  readonly max?: number
  /** What a plain number counts. */
  readonly unit?: 'bytes' | 'ms' | 's'
  readonly choices?: readonly string[]
  readonly defaultValue?: string | number | boolean
  readonly isRequired?: boolean
  /** A text of this form is taken as well, and described so. */
  readonly orText?: { readonly form: RegExp; readonly words: string }
  readonly about: string
}

export type Rows = Readonly<Record<string, ProfileRow>>

const day = 86_400

/** For each run of a load; given at the top they hold for all loads that do not say otherwise. */
export const timingRows = {
  seconds: { type: 'time', unit: 's', min: 0.1, max: day, defaultValue: 10, about: 'How long each run is measured.' },
  warmUp: {
    type: 'time',
    unit: 's',
    min: 0,
    max: day,
    defaultValue: 2,
    about: 'How long the same load runs before, not counted.',
  },
  repeat: {
    type: 'count',
    min: 1,
    max: 1000,
    defaultValue: 3,
    about: 'Runs of each load; the median is judged. The loads take turns. From 4 on, two releases can be compared.',
  },
} as const satisfies Rows

export const profileRows = {
  name: { type: 'text', defaultValue: '', about: 'What reports call it. Without it: the name of the file.' },
  description: { type: 'text', defaultValue: '', about: 'A sentence or two for the reader of a report.' },
  ...timingRows,
  calibrationMs: {
    type: 'number',
    min: 0.01,
    max: 1e6,
    about:
      'What the calibration loop took where the bounds were set. A machine that is slower at that moment gets bounds ' +
      'that are wider by as much; a faster one keeps them.',
  },
} as const satisfies Rows

const loadKinds = ['produce', 'consume', 'e2e', 'fanout', 'replay'] as const

export const loadRows = {
  name: { type: 'text', isRequired: true, about: 'What reports call it; no two loads have the same.' },
  kind: {
    type: 'choice',
    choices: loadKinds,
    isRequired: true,
    about: 'As the commands `bench produce`, `consume`, `e2e`, `fanout`; `replay`: batches that were encoded before.',
  },
  rate: {
    type: 'number',
    min: 0.001,
    max: 1e9,
    about:
      'Records a second over all connections, due whatever the broker does. Without it: flat out; `e2e` and `fanout` ' +
      'have 1000.',
  },
  oneAtATime: {
    type: 'switch',
    about: 'Of `e2e`, in place of a rate: the next record is sent when the one before was delivered.',
  },
  step: {
    type: 'time',
    unit: 'ms',
    min: 0.05,
    max: 1000,
    about: 'Records fall due together in such steps; else 1 ms.',
  },
  recordBytes: {
    type: 'size',
    unit: 'bytes',
    min: 24,
    max: 16 * 1024 ** 2,
    orText: {
      form: /^\d+(\.\.\d+)?(:\d+(\.\d+)?)?(,\d+(\.\.\d+)?(:\d+(\.\d+)?)?)*$/,
      words: 'a range as 50..200, or sizes with weights as 100:0.9,1000:0.1',
    },
    defaultValue: 100,
    about: 'The size of a value.',
  },
  keys: { type: 'count', min: 1, max: 10_000_000, about: 'So many keys in turn. Without it records have none.' },
  topics: {
    type: 'count',
    min: 1,
    max: 10_000,
    defaultValue: 1,
    about: 'Topics; they are made for the run and deleted.',
  },
  partitions: { type: 'count', min: 1, max: 10_000, defaultValue: 1, about: 'Of each topic.' },
  flush: {
    type: 'choice',
    choices: ['commit', 'interval', 'os'],
    defaultValue: 'commit',
    about: 'When the broker acknowledges: synced to disk, or handed to the system and synced later.',
  },
  threads: { type: 'count', min: 1, max: 64, defaultValue: 1, about: 'Threads of the benchmark.' },
  connections: {
    type: 'count',
    min: 1,
    max: 10_000,
    about: 'That produce; of `consume` and `fanout`: that read. Without it: one a thread.',
  },
  subscribers: { type: 'count', min: 1, max: 100_000, about: 'Of `fanout`: who gets each record. Without it: 10.' },
  batchBytes: {
    type: 'size',
    unit: 'bytes',
    min: 1,
    max: 64 * 1024 ** 2,
    defaultValue: 262_144,
    about: 'A batch is sent when it is this large.',
  },
  linger: { type: 'time', unit: 'ms', min: 0, max: 60_000, about: 'Or this old; else 1 ms, one at a time 0.' },
  compression: {
    type: 'choice',
    choices: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
    defaultValue: 'none',
    about: 'Of batches. With a codec values are words in place of random bytes.',
  },
  decode: { type: 'switch', about: 'Of `consume`: look at each record, not only at batches.' },
  fill: { type: 'count', min: 0, max: 1e10, about: 'Of `consume`: records that are produced first, not measured.' },
  verify: {
    type: 'switch',
    defaultValue: true,
    about: 'Reads back every acknowledged offset afterwards; without it loss is not measured.',
  },
  maxLateness: {
    type: 'time',
    unit: 'ms',
    min: 0.01,
    max: 60_000,
    about: 'A run is void when its own lateness (P99) is above. Without it: 1 ms and half of the P99 that it measured.',
  },
} as const satisfies Rows

/** Keys of a load that are not of the load itself. */
export const loadParts = ['objectives', ...Object.keys(timingRows)] as const

/** Keys of the whole file that hold something else than a value. */
export const profileParts = {
  defaults: 'Keys of loads that hold for every load that does not say otherwise.',
  broker:
    'Keys of a broker (docs/configuration.md) for the one that `--own-broker` starts; its folder and port are chosen.',
  loads: 'The loads, at least one.',
} as const

/** Bounds of figures: latencies stand below their kind, the others by themselves. */
export const plainFigures = figures.filter(({ id }) => !id.includes('.'))
export const latencyKeys: readonly string[] = latencyKinds.map(({ id }) => id)
export const percentileKeys: readonly string[] = percentiles.map(({ id }) => id)

/** The latencies that each kind of load measures. */
export const latenciesOf: Readonly<Record<Load['kind'], readonly LatencyKind[]>> = {
  produce: ['produce'],
  replay: [],
  consume: [],
  e2e: ['produce', 'endToEnd'],
  fanout: ['produce', 'endToEnd', 'fanOut'],
}

/** The other way round, for the reference page. */
export const latencyAbouts = latencyKinds.map(({ id, about }) => ({
  id,
  about,
  kinds: loadKinds.filter((kind) => latenciesOf[kind].includes(id)),
}))
