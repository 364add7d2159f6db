/**
 * What a comparison found, as it is kept in bench/results: every run of every row, also those that failed.
 * Runs on: main. Touches: one file.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { LatencyResult, RunResult } from '../../src/bench/run-result.js'
import type { RowId, SubjectId } from './rows.js'

export const resultsVersion = 1

/** One run of one row with one subject. Either `result` or `failed`. */
export interface Sample {
  readonly round: number
  readonly row: RowId
  readonly subject: SubjectId
  /** Without histogram and timeline. */
  readonly result?: RunResult
  /** Why there is no figure. */
  readonly failed?: string
}

export interface Results {
  readonly version: typeof resultsVersion
  readonly release: string
  readonly startedAt: string
  endedAt: string
  readonly rounds: number
  readonly seconds: number
  /** Of the data under the start after kill -9. */
  readonly crashGigabytes: number
  readonly machine: Machine
  /** What each subject was: its name, version and configuration. */
  readonly subjects: Partial<Record<SubjectId, SubjectDescription>>
  readonly samples: Sample[]
}

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGiB: number
  readonly platform: string
  readonly fileSystem: string
  readonly node: string
}

export interface SubjectDescription {
  readonly name: string
  readonly version: string
  readonly configuration: string
}

/** Figures by name, the unit in the name. */
export type Figures = Readonly<Record<string, number>>

/** All figures of a run under one name each; the latency is the one that the run is about. */
export function figuresOf(result: RunResult): Figures {
  const { latency, cpu, broker, figures } = result
  const main = latency.endToEnd ?? latency.fanOut ?? latency.produce
  const found: Record<string, number | undefined> = {
    recordsPerSecond: result.recordsPerSecond > 0 ? result.recordsPerSecond : undefined,
    mebibytesPerSecond: result.mebibytesPerSecond > 0 ? result.mebibytesPerSecond : undefined,
    wantedRate: result.load.rate,
    ...latencyFigures(main),
    brokerSecondsPerMillion: cpu.brokerSecondsPerMillion,
    clientSecondsPerMillion: cpu.clientSecondsPerMillion > 0 ? cpu.clientSecondsPerMillion : undefined,
    residentMiB: broker.residentMiB,
    largestResidentMiB: broker.largestResidentMiB,
    seconds: result.seconds,
    lost: result.records.lost,
    duplicated: result.records.duplicated,
    outOfOrder: result.records.outOfOrder,
    ...gcFigures(result),
    ...figures,
  }
  const defined = Object.entries(found).filter((entry): entry is [string, number] => Number.isFinite(entry[1]))
  return Object.fromEntries(defined)
}

function latencyFigures(latency: LatencyResult | undefined): Record<string, number> {
  if (latency === undefined) return {}
  const { p50Ms, p99Ms, p999Ms, maxMs } = latency
  return { p50Ms, p99Ms, p999Ms, maxMs }
}

/** Of the worst shard and of main. */
function gcFigures({ broker }: RunResult): Record<string, number> {
  const threads = broker.gc ?? []
  const shards = threads.filter(({ thread }) => thread.startsWith('shard'))
  const main = threads.find(({ thread }) => thread === 'main')
  const found: Record<string, number> = {}
  for (const [name, group] of [
    ['shard', shards],
    ['main', main === undefined ? [] : [main]],
  ] as const) {
    if (group.length === 0) continue
    const most = (of: (thread: (typeof threads)[number]) => number) => Math.max(...group.map(of))
    found[`${name}GcPausesOver1Ms`] = most(({ pausesOver1Ms }) => pausesOver1Ms)
    found[`${name}GcLongestMs`] = most(({ longestPauseMs }) => longestPauseMs)
    found[`${name}GcPausedPercent`] = most(({ pausedPercent }) => pausedPercent)
    const allocated = group.map(({ heapBytesPerRecord }) => heapBytesPerRecord).filter((bytes) => bytes !== undefined)
    if (allocated.length > 0) found[`${name}HeapBytesPerRecord`] = Math.max(...allocated)
  }
  return found
}

/** Histograms and timelines would make the committed file ten times as large. */
export function withoutBulk(result: RunResult): RunResult {
  const bare = (latency: LatencyResult | undefined): LatencyResult | undefined => {
    if (latency === undefined) return undefined
    const { histogram: _, ...rest } = latency
    return rest
  }
  const { produce, endToEnd, fanOut } = result.latency
  const latencies = { produce: bare(produce), endToEnd: bare(endToEnd), fanOut: bare(fanOut) }
  const latency = Object.fromEntries(Object.entries(latencies).filter(([, one]) => one !== undefined))
  const lateness = bare(result.lateness)
  return { ...result, latency, ...(lateness === undefined ? {} : { lateness }), timeline: [] }
}

/** Written beside and renamed: a run that is cut off leaves the file whole. */
export function writeResults(path: string, results: Results): void {
  const lines = results.samples.map((sample) => `    ${JSON.stringify(rounded(sample))}`)
  const { samples: _, ...head } = results
  const text = JSON.stringify({ ...head, samples: ['@'] }, undefined, 2)
  writeFileSync(`${path}.new`, `${text.replace(/ {4}"@"/, () => lines.join(',\n'))}\n`)
  renameSync(`${path}.new`, path)
}

export function readResults(path: string): Results {
  if (!existsSync(path)) throw new Error(`${path} does not exist; expected results that \`npm run bench:all\` wrote`)
  const results = JSON.parse(readFileSync(path, 'utf8')) as Results
  if (results.version !== resultsVersion) {
    throw new Error(`${path} has version ${results.version}; this program reads version ${resultsVersion}`)
  }
  return results
}

const keptDigits = 6

/** Figures of a measurement are not exact to sixteen digits. */
function rounded<Value>(value: Value): Value {
  const text = JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'number' && !Number.isInteger(one) ? Number(one.toPrecision(keptDigits)) : one,
  )
  return JSON.parse(text) as Value
}
