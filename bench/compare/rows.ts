/**
 * The one table of what `npm run bench:all` measures: each row's load, who is measured with it, and its objectives.
 * Runs on: main, and tests. Touches: nothing.
 */

export const subjectIds = [
  'streambus-uws',
  'streambus-ws',
  'kafka',
  'kafka-synced',
  'nats',
  'nats-synced',
  'machine',
] as const
export type SubjectId = (typeof subjectIds)[number]
export type RowId = string

export const groups = ['throughput', 'consume', 'rate', 'latency', 'limits', 'start', 'memory'] as const
export type Group = (typeof groups)[number]

/** What is sent. Every subject that can is driven with the same. */
export interface ProduceLoad {
  readonly kind: 'produce' | 'replay'
  readonly recordBytes: number
  readonly partitions: number
  readonly batchBytes: number
  readonly lingerMs: number
  readonly flush: 'commit' | 'os'
  /**
   * Records a second, due in steps of 1 ms; `halfOf` a row that does the same flat out: half of what it did in the same
   * round. Absent: flat out.
   */
  readonly rate?: number | { readonly halfOf: RowId }
}

export type LoadSpec =
  | ProduceLoad
  /** Of 100-byte records that were produced before and are in memory. */
  | { readonly kind: 'consume'; readonly isDecoded: boolean }
  /** The next is sent when the last was delivered. */
  | { readonly kind: 'one-at-a-time'; readonly recordBytes: number }
  /** A fresh process on an empty folder until its first answer; its memory three seconds later. */
  | { readonly kind: 'start' }
  /** On a folder whose broker was killed under load. */
  | { readonly kind: 'crash-start' }
  /** A fresh broker of four shards under load. */
  | { readonly kind: 'more-shards'; readonly shards: number }
  /** The most memory since the round began. */
  | { readonly kind: 'memory' }
  | { readonly kind: 'limit'; readonly limit: Limit }

export type Limit =
  | {
      readonly what: 'sink'
      readonly frontEnd: 'uws' | 'ws'
      readonly batchBytes: number
      readonly recordBytes: number
    }
  | { readonly what: 'journal'; readonly commitBytes: number; readonly isDirect: boolean }
  | { readonly what: 'paced-journal'; readonly rate: number; readonly recordBytes: number }
  | { readonly what: 'memory-copy' | 'wake-up' | 'synced-write' }

/** A figure that must be at least or at most `bound`; with `over`, divided by that figure of the same round first. */
export interface Objective {
  readonly figure: string
  readonly atLeast?: number
  readonly atMost?: number
  readonly over?: { readonly row?: RowId; readonly subject?: SubjectId; readonly figure?: string }
  /** How the rounds become one figure; the median when absent. */
  readonly pool?: 'largest' | 'per-minute'
  /** Default: the subject on uws. */
  readonly subject?: SubjectId
}

export interface Row {
  readonly id: RowId
  readonly name: string
  readonly group: Group
  readonly load: LoadSpec
  readonly subjects: readonly SubjectId[]
  /** The figures that tables show, the first one is the row's. */
  readonly figures: readonly string[]
  readonly objectives: readonly Objective[]
  /** How many times as long as other rows it is measured. */
  readonly secondsFactor?: number
}

const both = ['streambus-uws', 'streambus-ws'] as const
const kafkas = ['kafka', 'kafka-synced'] as const
const large = { kind: 'produce', recordBytes: 100, batchBytes: 262_144, lingerMs: 5, flush: 'commit' } as const
const ofAMillisecond = { ...large, partitions: 1, batchBytes: 65_536, lingerMs: 0 } as const
const throughput = ['recordsPerSecond', 'mebibytesPerSecond', 'brokerSecondsPerMillion', 'clientSecondsPerMillion']
const latency = ['p50Ms', 'p99Ms', 'p999Ms', 'recordsPerSecond', 'brokerSecondsPerMillion']
const gcFigures = [
  'shardGcPausesOver1Ms',
  'shardGcLongestMs',
  'shardGcPausedPercent',
  'mainGcPausesOver1Ms',
  'mainGcLongestMs',
  'mainGcPausedPercent',
  'shardHeapBytesPerRecord',
  'mainHeapBytesPerRecord',
]
/** Of a row's flat out rate, where the objective is a share of it. */
const ownMaximum = (row: RowId) => ({ row, figure: 'recordsPerSecond' })

const throughputRows: readonly Row[] = [
  {
    id: 'produce-100',
    name: 'produce 100 B, 1 partition, flat out',
    group: 'throughput',
    load: { ...large, partitions: 1 },
    subjects: [...both, ...kafkas, 'nats', 'nats-synced'],
    figures: throughput,
    objectives: [
      { figure: 'recordsPerSecond', atLeast: 2, over: { subject: 'kafka' } },
      { figure: 'recordsPerSecond', atLeast: 3, over: { subject: 'kafka-synced' } },
      { figure: 'brokerSecondsPerMillion', atMost: 0.3 },
    ],
  },
  {
    id: 'replay-100',
    name: 'the same by replayed batches',
    group: 'throughput',
    load: { ...large, kind: 'replay', partitions: 1 },
    subjects: both,
    figures: throughput,
    objectives: [{ figure: 'recordsPerSecond', atLeast: 4e6 }],
  },
  {
    id: 'produce-100-16k',
    name: 'produce 100 B, 16 KiB batches',
    group: 'throughput',
    load: { ...large, partitions: 1, batchBytes: 16_384, lingerMs: 0 },
    subjects: [...both, ...kafkas],
    figures: throughput,
    objectives: [{ figure: 'recordsPerSecond', atLeast: 5, over: { subject: 'kafka-synced' } }],
  },
  {
    id: 'produce-100-p64',
    name: 'produce 100 B, 64 partitions',
    group: 'throughput',
    load: { ...large, partitions: 64 },
    subjects: both,
    figures: throughput,
    objectives: [{ figure: 'recordsPerSecond', atLeast: 0.8, over: ownMaximum('produce-100') }],
  },
  {
    id: 'produce-100-p1000',
    name: 'produce 100 B, 1,000 partitions',
    group: 'throughput',
    load: { ...large, partitions: 1000 },
    subjects: both,
    figures: throughput,
    objectives: [{ figure: 'recordsPerSecond', atLeast: 0.6, over: ownMaximum('produce-100') }],
  },
  {
    id: 'produce-100-os',
    name: 'produce 100 B, `flush: os`',
    group: 'throughput',
    load: { ...large, partitions: 1, flush: 'os' },
    subjects: both,
    figures: throughput,
    objectives: [{ figure: 'recordsPerSecond', atLeast: 1.2, over: ownMaximum('produce-100') }],
  },
  {
    id: 'produce-1k',
    name: 'produce 1 KB, 1 partition, flat out',
    group: 'throughput',
    load: { ...large, recordBytes: 1024, partitions: 1 },
    subjects: [...both, ...kafkas, 'nats'],
    figures: throughput,
    objectives: [
      { figure: 'recordsPerSecond', atLeast: 2, over: { subject: 'kafka-synced' } },
      { figure: 'recordsPerSecond', atLeast: 1.1, over: { subject: 'kafka' } },
    ],
  },
  {
    id: 'produce-1k-os',
    name: 'produce 1 KB, `flush: os`',
    group: 'throughput',
    load: { ...large, recordBytes: 1024, partitions: 1, flush: 'os' },
    subjects: both,
    figures: throughput,
    objectives: [{ figure: 'recordsPerSecond', atLeast: 1.5, over: { row: 'produce-1k', subject: 'kafka' } }],
  },
]

const consumeRows: readonly Row[] = [
  {
    id: 'consume-100',
    name: 'consume 100 B, by batch',
    group: 'consume',
    load: { kind: 'consume', isDecoded: false },
    subjects: [...both, 'kafka'],
    figures: throughput,
    objectives: [{ figure: 'recordsPerSecond', atLeast: 1, over: { subject: 'kafka' } }],
  },
  {
    id: 'consume-100-decoded',
    name: 'consume 100 B, every record decoded',
    group: 'consume',
    load: { kind: 'consume', isDecoded: true },
    subjects: both,
    figures: throughput,
    objectives: [{ figure: 'recordsPerSecond', atLeast: 0.5, over: { row: 'consume-100', subject: 'kafka' } }],
  },
]

interface Rate {
  readonly id: string
  readonly name: string
  readonly rate: number
  readonly recordBytes: number
  /** P50, P99, P99.9 in milliseconds. */
  readonly bounds: readonly [number, number, number]
  readonly peers: readonly SubjectId[]
}

const rates: readonly Rate[] = [
  {
    id: '10k',
    name: '10,000/s of 100 B',
    rate: 10_000,
    recordBytes: 100,
    bounds: [0.6, 1.5, 4],
    peers: [...kafkas, 'nats', 'nats-synced'],
  },
  {
    id: '50k',
    name: '50,000/s of 100 B',
    rate: 50_000,
    recordBytes: 100,
    bounds: [0.7, 2, 5],
    peers: [...kafkas, 'nats'],
  },
  { id: '200k', name: '200,000/s of 100 B', rate: 200_000, recordBytes: 100, bounds: [1, 4, 10], peers: kafkas },
  {
    id: '1k-50k',
    name: '50,000/s of 1 KB',
    rate: 50_000,
    recordBytes: 1024,
    bounds: [1, 4, 10],
    peers: kafkas,
  },
]

/** A synced write in place of what is due each millisecond: what the disk alone does to the tail. */
export const rawJournalRow = (rateId: string): RowId => `raw-journal-${rateId}`
const mostTimesRaw = 10

function rateRow({ id, name, rate, recordBytes, bounds, peers }: Rate, partitions: number): Row {
  const [p50Ms, p99Ms, p999Ms] = bounds
  const never = { row: rawJournalRow(id), subject: 'machine' } as const
  const cpuBound: readonly Objective[] = rate === 10_000 ? [{ figure: 'brokerSecondsPerMillion', atMost: 15 }] : []
  return {
    id: `rate-${id}-p${partitions}`,
    name: `${name}, ${partitions === 1 ? '1 partition' : `${partitions} partitions`}`,
    group: 'rate',
    load: { ...large, recordBytes, partitions, lingerMs: 0, rate },
    subjects: partitions === 1 ? [...both, ...peers] : both,
    figures: latency,
    // A percentile of a thousandth needs as many requests; there are a thousand a second.
    secondsFactor: 3,
    objectives: [
      { figure: 'p50Ms', atMost: p50Ms },
      { figure: 'p99Ms', atMost: p99Ms },
      { figure: 'p999Ms', atMost: p999Ms },
      { figure: 'p99Ms', atMost: mostTimesRaw, over: never },
      ...cpuBound,
    ],
  }
}

/** Beside the row that takes half of it. */
const maximum: Row = {
  id: 'produce-100-64k',
  name: 'produce 100 B, 64 KiB batches, flat out',
  group: 'throughput',
  load: ofAMillisecond,
  subjects: both,
  figures: throughput,
  objectives: [],
}

const latencyRows: readonly Row[] = [
  {
    id: 'one-at-a-time',
    name: 'one record at a time, produce to delivery',
    group: 'latency',
    load: { kind: 'one-at-a-time', recordBytes: 100 },
    subjects: [...both, ...kafkas, 'nats', 'nats-synced'],
    figures: latency,
    secondsFactor: 3,
    objectives: [
      { figure: 'p50Ms', atMost: 0.4 },
      { figure: 'p99Ms', atMost: 1 },
    ],
  },
  maximum,
  {
    id: 'half',
    name: 'half of the own maximum, 64 KiB batches',
    group: 'latency',
    load: { ...ofAMillisecond, rate: { halfOf: maximum.id } },
    subjects: both,
    figures: [...latency, ...gcFigures],
    secondsFactor: 3,
    objectives: [
      { figure: 'p99Ms', atMost: 5 },
      { figure: 'p999Ms', atMost: 10 },
      { figure: 'shardGcPausesOver1Ms', atMost: 1, pool: 'per-minute' },
      { figure: 'shardGcLongestMs', atMost: 5, pool: 'largest' },
      { figure: 'shardHeapBytesPerRecord', atMost: 4 },
      { figure: 'mainHeapBytesPerRecord', atMost: 4 },
    ],
  },
]

function limitRow(id: RowId, name: string, limit: Limit, figures: readonly string[]): Row {
  return { id, name, group: 'limits', load: { kind: 'limit', limit }, subjects: ['machine'], figures, objectives: [] }
}

const mebibyte = 1 << 20
const journalFigures = ['recordsPerSecond', 'mebibytesPerSecond', 'p50Ms', 'p99Ms']
const sinkFigures = ['recordsPerSecond', 'mebibytesPerSecond', 'brokerSecondsPerMillion', 'clientSecondsPerMillion']
const sink = { what: 'sink', batchBytes: 262_144, recordBytes: 100 } as const

const limitRows: readonly Row[] = [
  limitRow('sink-uws', 'WebSocket sink on uws, same frames', { ...sink, frontEnd: 'uws' }, sinkFigures),
  limitRow('sink-ws', 'WebSocket sink on ws, same frames', { ...sink, frontEnd: 'ws' }, sinkFigures),
  limitRow(
    'raw-journal',
    'journal: synced 1 MiB writes in place, settled to a segment',
    { what: 'journal', commitBytes: mebibyte, isDirect: false },
    journalFigures,
  ),
  limitRow(
    'raw-segment',
    'segment: 1 MiB appended and synced, no journal',
    { what: 'journal', commitBytes: mebibyte, isDirect: true },
    journalFigures,
  ),
  ...rates.map(({ id, name, rate, recordBytes }) =>
    limitRow(
      rawJournalRow(id),
      `journal at ${name}, a commit each millisecond`,
      { what: 'paced-journal', rate, recordBytes },
      ['p50Ms', 'p99Ms', 'p999Ms'],
    ),
  ),
  limitRow('synced-write', 'synced 4 KiB write in place', { what: 'synced-write' }, ['p50Ms', 'p99Ms', 'p999Ms']),
  limitRow('memory-copy', 'memory copy, 256 KiB blocks', { what: 'memory-copy' }, ['mebibytesPerSecond']),
  limitRow('wake-up', 'wake-up between two threads, there and back', { what: 'wake-up' }, [
    'waitP50Ms',
    'waitP99Ms',
    'doorbellP50Ms',
    'doorbellP99Ms',
  ]),
]

const startRows: readonly Row[] = [
  {
    id: 'start',
    name: 'start on an empty folder; memory after 3 s idle',
    group: 'start',
    load: { kind: 'start' },
    subjects: [...both, 'kafka', 'nats'],
    figures: ['readyMs', 'idleMiB'],
    objectives: [
      { figure: 'readyMs', atMost: 250 },
      { figure: 'idleMiB', atMost: 100 },
    ],
  },
  {
    id: 'crash-start',
    name: 'start after kill -9 under load, 1,000 partitions',
    group: 'start',
    load: { kind: 'crash-start' },
    // The front end has no part in it.
    subjects: ['streambus-uws'],
    figures: ['readyMs', 'dataGiB'],
    objectives: [{ figure: 'readyMs', atMost: 2000 }],
  },
]

const memoryRows: readonly Row[] = [
  {
    id: 'more-shards',
    name: 'memory with 4 shards under load, of what the formula allows',
    group: 'memory',
    load: { kind: 'more-shards', shards: 4 },
    subjects: ['streambus-uws'],
    figures: ['largestResidentMiB', 'boundMiB'],
    objectives: [{ figure: 'largestResidentMiB', atMost: 1, over: { figure: 'boundMiB' } }],
  },
  {
    id: 'memory',
    name: 'most memory under the loads of a round',
    group: 'memory',
    load: { kind: 'memory' },
    subjects: [...both, 'kafka', 'nats', 'nats-synced'],
    figures: ['largestResidentMiB'],
    objectives: [{ figure: 'largestResidentMiB', atMost: 400, pool: 'largest' }],
  },
]

/** In the order in which a round measures them: the memory of a round is read last. */
export const rows: readonly Row[] = [
  ...throughputRows,
  ...consumeRows,
  ...rates.map((rate) => rateRow(rate, 1)),
  ...rates.map((rate) => rateRow(rate, 64)),
  ...latencyRows,
  ...limitRows,
  ...startRows,
  ...memoryRows,
]

/** The row of which a row's rate is the half; undefined: the row has a rate of its own, or none. */
export function maximumRowOf({ load }: Row): RowId | undefined {
  return load.kind === 'produce' && typeof load.rate === 'object' ? load.rate.halfOf : undefined
}

/** With the rows that their rates depend on, in the order in which a round measures them. */
export function withMaximumRows(wanted: readonly Row[]): Row[] {
  const ids = new Set(wanted.flatMap((row) => [row.id, maximumRowOf(row)]))
  return rows.filter(({ id }) => ids.has(id))
}

export function rowOf(id: RowId): Row {
  const row = rows.find((one) => one.id === id)
  if (row === undefined) throw new Error(`there is no row ${id}; rows are ${rows.map((one) => one.id).join(', ')}`)
  return row
}
