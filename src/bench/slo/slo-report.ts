/**
 * What `bench slo` found, as it is written to a file, and read again by `bench report` and `bench diff`.
 * Runs on: main. Touches: the file.
 */
import { readFileSync } from 'node:fs'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { type RunResult, runResultVersion } from '../run-result.js'
import { figures, type FigureUnit } from './figures.js'

/** Grows by new optional fields; a higher number is refused. */
export const sloReportVersion = 1

/**
 * held, missed; void: the load was not what it was to be, twice; not measured: there is no such figure in the runs.
 * Only the first is good.
 */
export type Verdict = 'held' | 'missed' | 'void' | 'not measured'

export interface ObjectiveResult {
  /** The load's name. */
  readonly load: string
  /** Of the table of figures. */
  readonly figure: string
  readonly title: string
  readonly unit: FigureUnit
  readonly wanted: 'at most' | 'at least'
  /** What was judged with. */
  readonly bound: number
  /** What the profile says, when the bound was widened for a slow machine. */
  readonly stated?: number
  readonly verdict: Verdict
  /** Of the runs: the median, or the worst where that is judged. */
  readonly measured?: number
  readonly lowest?: number
  readonly highest?: number
  /** How many runs it comes from. */
  readonly runs: number
  /** How far from its bound, in percent of it; negative: beyond. */
  readonly marginPercent?: number
  /** Why it is void or not measured. */
  readonly reason?: string
}

export interface SloReport {
  readonly version: typeof sloReportVersion
  readonly profile: {
    readonly name: string
    readonly description: string
    readonly file: string
    readonly calibrationMs?: number
    readonly loads: readonly ReportLoad[]
  }
  readonly startedAt: string
  readonly seconds: number
  /** Of the StreamBus that measured. */
  readonly release: string
  /** Every run in order, void ones too; `name` is the load's. */
  readonly runs: readonly RunResult[]
  readonly objectives: readonly ObjectiveResult[]
  /** Loads that could not be run to their end. */
  readonly failures: readonly { readonly load: string; readonly message: string }[]
  /** Ended before all runs were done, by a signal. */
  readonly stopped?: { readonly runs: number; readonly planned: number }
}

export interface ReportLoad {
  readonly name: string
  readonly repeat: number
  readonly seconds: number
  readonly warmUpSeconds: number
}

/** Every objective held, and every run was done. */
export function isGood({ objectives, failures, stopped }: SloReport): boolean {
  return stopped === undefined && failures.length === 0 && objectives.every(({ verdict }) => verdict === 'held')
}

/** What a comparison needs of a file: runs, of `bench slo` or of single commands. Throws USAGE. */
export function readRuns(path: string): RunResult[] {
  const found = readJson(path)
  const runs = isRecord(found) && Array.isArray(found['runs']) ? found['runs'] : Array.isArray(found) ? found : [found]
  if (runs.length > 0 && isListOf(runs, isRun)) return runs as RunResult[]
  throw notOurs(path, 'expected what `bench slo --save` or `bench produce --json` wrote')
}

/** Throws USAGE. */
export function readReport(path: string): SloReport {
  const found = readJson(path)
  if (isRecord(found) && typeof found['version'] === 'number' && found['version'] > sloReportVersion) {
    throw notOurs(path, `it is of version ${found['version']}, this release knows ${sloReportVersion}`)
  }
  if (isReport(found)) return found
  throw notOurs(path, 'expected what `bench slo --save` wrote')
}

const verdicts: readonly unknown[] = ['held', 'missed', 'void', 'not measured'] satisfies Verdict[]

function isReport(found: unknown): found is SloReport {
  if (!isRecord(found) || found['version'] !== sloReportVersion) return false
  const { profile, runs, objectives, failures, stopped } = found
  return (
    isRecord(profile) &&
    hasAll(profile, 'string', ['name', 'description', 'file']) &&
    isListOf(profile['loads'], isLoad) &&
    hasAll(found, 'string', ['startedAt', 'release']) &&
    hasAll(found, 'number', ['seconds']) &&
    isListOf(runs, isRun) &&
    isListOf(objectives, isObjective) &&
    isListOf(failures, (failure) => hasAll(failure, 'string', ['load', 'message'])) &&
    (stopped === undefined || (isRecord(stopped) && hasAll(stopped, 'number', ['runs', 'planned'])))
  )
}

function isLoad(load: Values): boolean {
  return hasAll(load, 'string', ['name']) && hasAll(load, 'number', ['repeat', 'seconds', 'warmUpSeconds'])
}

function isObjective(one: Values): boolean {
  const numbers = ['measured', 'lowest', 'highest', 'stated', 'marginPercent'].filter((key) => one[key] !== undefined)
  return (
    hasAll(one, 'string', ['load', 'figure', 'title']) &&
    hasAll(one, 'number', ['bound', 'runs', ...numbers]) &&
    figures.some(({ unit }) => unit === one['unit']) &&
    ['at most', 'at least'].includes(String(one['wanted'])) &&
    verdicts.includes(one['verdict']) &&
    (one['reason'] === undefined || typeof one['reason'] === 'string')
  )
}

type Values = Readonly<Record<string, unknown>>

function isListOf(list: unknown, isOne: (one: Values) => boolean): boolean {
  return Array.isArray(list) && list.every((one) => isRecord(one) && isOne(one))
}

function hasAll(values: Values, type: 'string' | 'number', keys: readonly string[]): boolean {
  return keys.every((key) => typeof values[key] === type)
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new StreamBusError('USAGE', `${path} can't be read: ${reason}`, {
      cause,
      remedy: 'Give a file that `bench slo --save FILE` wrote.',
    })
  }
}

function notOurs(path: string, reason: string): StreamBusError {
  return new StreamBusError('USAGE', `${path} holds no results: ${reason}`, {
    remedy: 'Give a file that `bench slo --save FILE` wrote.',
  })
}

function isRecord(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What every reader of runs counts on; the rest is looked at where it is used. */
function isRun(run: Values): boolean {
  const parts = ['load', 'environment', 'records', 'latency', 'cpu', 'broker']
  return (
    hasAll(run, 'string', ['name', 'subject', 'startedAt']) &&
    hasAll(run, 'number', ['version', 'recordsPerSecond', 'seconds', 'warmUpSeconds', 'calibrationMs']) &&
    Number(run['version']) <= runResultVersion &&
    parts.every((key) => isRecord(run[key])) &&
    isListOf(run['timeline'], () => true)
  )
}
