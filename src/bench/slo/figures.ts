/**
 * The figures of a run that objectives, reports and comparisons speak of: a table. Profiles, their documentation and
 * their JSON schema are made from its rows.
 * Runs on: main. Touches: nothing.
 */
import { bytesText, countText, latencyText } from '../../cli/terminal/quantities.js'
import type { GcResult, LatencyResult, RunResult } from '../run-result.js'

export type FigureUnit =
  | 'ms'
  | 'records/s'
  | 'MiB/s'
  | 'records'
  | 'MiB'
  | 's per million'
  | 'percent'
  | 'per minute'
  | 'bytes'

export interface Figure {
  /** As profiles name it; with a point: below the name before it, as `produce.p99`. */
  readonly id: string
  /** For people: `produce P99`. */
  readonly title: string
  readonly unit: FigureUnit
  /** Which way an objective bounds it, and which way is better. */
  readonly wanted: 'at most' | 'at least'
  /** Of repeated runs the median is judged; of what must never happen the worst, whatever else was void about it. */
  readonly judgedBy: 'median' | 'worst'
  /** What a slower machine does to it: takes longer, does less, nothing. */
  readonly onSlowMachine: 'more' | 'less' | 'same'
  readonly about: string
  /** Undefined when this kind of load does not have it, or it could not be measured. */
  read(run: RunResult): number | undefined
}

type Row = Omit<Figure, 'id'>

const common = { wanted: 'at most', judgedBy: 'median', onSlowMachine: 'same' } as const

function never(title: string, about: string, read: Row['read']): Row {
  return { ...common, title, unit: 'records', judgedBy: 'worst', about, read }
}

function timed(title: string, unit: FigureUnit, about: string, read: Row['read']): Row {
  return { ...common, title, unit, onSlowMachine: 'more', about, read }
}

/** Of the thread where it is worst. */
function worstThread(run: RunResult, of: (thread: GcResult) => number | undefined): number | undefined {
  const values = (run.broker.gc ?? []).map(of).filter((value) => value !== undefined)
  return values.length === 0 ? undefined : Math.max(...values)
}

const rows: Readonly<Record<string, Row>> = {
  recordsPerSecond: {
    ...common,
    title: 'records per second',
    unit: 'records/s',
    wanted: 'at least',
    onSlowMachine: 'less',
    about:
      'Records a second: acknowledged (`produce`, `replay`) or delivered, of a fan-out to each of its subscribers.',
    read: (run) => run.recordsPerSecond,
  },
  mebibytesPerSecond: {
    ...common,
    title: 'MiB per second',
    unit: 'MiB/s',
    wanted: 'at least',
    onSlowMachine: 'less',
    about: 'The same in MiB of values.',
    read: (run) => run.mebibytesPerSecond,
  },
  lost: never(
    'records lost',
    'Acknowledged, but not there when every acknowledged offset was read back.',
    (run) => run.records.lost,
  ),
  duplicated: never('records duplicated', 'Found more than once when read back.', (run) => run.records.duplicated),
  outOfOrder: never(
    'records out of order',
    'Found after a later record of the same connection and partition.',
    (run) => run.records.outOfOrder,
  ),
  failed: never('records refused', 'Answered with an error, or not at all.', (run) => run.records.failed),
  brokerMemory: {
    ...common,
    title: 'broker memory, highest',
    unit: 'MiB',
    about: "The broker process's largest resident size during the run.",
    read: (run) => run.broker.largestResidentMiB ?? run.broker.residentMiB,
  },
  brokerCpu: timed(
    'broker CPU per million records',
    's per million',
    'Processor time of the broker process for a million records.',
    (run) => run.cpu.brokerSecondsPerMillion,
  ),
  clientCpu: timed(
    'client CPU per million records',
    's per million',
    'The same of the benchmark.',
    (run) => run.cpu.clientSecondsPerMillion,
  ),
  gcPauses: {
    ...common,
    title: 'GC pauses over 1 ms per minute',
    unit: 'per minute',
    about: 'Garbage collections over 1 ms, on the thread of the broker with most of them.',
    read: (run) => worstThread(run, ({ pausesOver1Ms }) => (pausesOver1Ms * 60) / run.seconds),
  },
  gcLongest: timed('GC pause, longest', 'ms', 'On the thread with the longest.', (run) =>
    worstThread(run, ({ longestPauseMs }) => longestPauseMs),
  ),
  gcPaused: timed('GC, share of time paused', 'percent', 'On the thread where it is highest.', (run) =>
    worstThread(run, ({ pausedPercent }) => pausedPercent),
  ),
  heapPerRecord: {
    ...common,
    title: 'heap bytes per record',
    unit: 'bytes',
    about: 'What the thread that allocates most takes from the heap for each record.',
    read: (run) => worstThread(run, ({ heapBytesPerRecord }) => heapBytesPerRecord),
  },
}

export type LatencyKind = keyof RunResult['latency']

/** What latencies are measured of: their names in profiles and for people. */
export const latencyKinds: readonly { readonly id: LatencyKind; readonly title: string; readonly about: string }[] = [
  { id: 'produce', title: 'produce', about: 'From when a record was due until its acknowledgement.' },
  { id: 'endToEnd', title: 'end to end', about: 'From when a record was due until a subscriber had it.' },
  { id: 'fanOut', title: 'fan-out', about: 'From when a record was due until the last of the subscribers had it.' },
]

export const percentiles: readonly {
  readonly id: string
  readonly title: string
  readonly percent: number
  readonly field: Exclude<keyof LatencyResult, 'histogram' | 'count'>
}[] = [
  { id: 'p50', title: 'P50', percent: 50, field: 'p50Ms' },
  { id: 'p90', title: 'P90', percent: 90, field: 'p90Ms' },
  { id: 'p95', title: 'P95', percent: 95, field: 'p95Ms' },
  { id: 'p99', title: 'P99', percent: 99, field: 'p99Ms' },
  { id: 'p99.9', title: 'P99.9', percent: 99.9, field: 'p999Ms' },
  { id: 'p99.99', title: 'P99.99', percent: 99.99, field: 'p9999Ms' },
  { id: 'max', title: 'highest', percent: 100, field: 'maxMs' },
]

const latencyFigures: readonly Figure[] = latencyKinds.flatMap((kind) =>
  percentiles.map(({ id, title, field }) => ({
    ...timed(`${kind.title} ${title}`, 'ms', kind.about, (run) => run.latency[kind.id]?.[field]),
    id: `${kind.id}.${id}`,
  })),
)

export const figures: readonly Figure[] = [
  ...Object.entries(rows).map(([id, row]) => ({ ...row, id })),
  ...latencyFigures,
].map((figure) => ({ ...figure, read: (run) => finite(figure.read(run)) }))

/** A file of results may have been written by anything: what is no number is not there. */
export function finite(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

const byId = new Map(figures.map((figure) => [figure.id, figure]))

export function figureOf(id: string): Figure | undefined {
  return byId.get(id)
}

/** These hold for every load that measures them, whether its profile says so or not. */
export const implied: readonly string[] = ['lost', 'duplicated', 'outOfOrder', 'failed']

/** `4.25 ms`, `612,000 records/s`, `0`. */
export function figureText(value: number, unit: FigureUnit): string {
  switch (unit) {
    case 'ms':
      return latencyText(value)
    case 'records':
      return countText(value)
    case 'records/s':
      return `${countText(value)}/s`
    case 'MiB':
      return bytesText(value * 1024 * 1024)
    case 'MiB/s':
      return `${plain(value)} MiB/s`
    case 's per million':
      return `${plain(value)} s`
    case 'percent':
      return `${plain(value)} %`
    case 'per minute':
      return plain(value)
    case 'bytes':
      return `${plain(value)} B`
  }
}

function plain(value: number): string {
  if (value === 0) return '0'
  if (value >= 99.95) return countText(value)
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2)
}
