/**
 * Compares the runs of two files, row by row and figure by figure.
 * Runs on: main. Touches: nothing.
 */
import type { RunResult } from '../run-result.js'
import { type Figure, figures, figureText } from './figures.js'
import { difference, median, ratio } from './statistics.js'

/** same: the interval holds no difference at all. too few: no interval can be given. */
export type Change = 'better' | 'worse' | 'same' | 'too few'

export interface DiffRow {
  readonly name: string
  readonly figure: Figure
  readonly before: number
  readonly after: number
  readonly beforeRuns: number
  readonly afterRuns: number
  /** After by before; undefined where a zero is among them: then the change is of the difference. */
  readonly ratio?: number
  /** Of the ratio, or of the difference. */
  readonly interval?: readonly [low: number, high: number]
  readonly change: Change
  /** How much worse, in percent; negative: better. Undefined where there is no ratio. */
  readonly worsePercent?: number
}

export interface Diff {
  readonly rows: readonly DiffRow[]
  /** Rows that only one of them has. */
  readonly onlyBefore: readonly string[]
  readonly onlyAfter: readonly string[]
  /** What makes the comparison doubtful: another machine, another load, void runs. */
  readonly notes: readonly string[]
}

/** Of a latency these; the others and the highest move too much from run to run to be shown unasked. */
const shown = /^(recordsPerSecond|brokerCpu|clientCpu|brokerMemory|.*\.(p50|p99|p99\.9))$/

export interface DiffOptions {
  /** Every figure that both have. */
  readonly all?: boolean
}

export function diffRuns(before: readonly RunResult[], after: readonly RunResult[], options: DiffOptions = {}): Diff {
  const one = byRow(before)
  const other = byRow(after)
  const both = [...one.keys()].filter((name) => other.has(name))
  const wanted = figures.filter(({ id }) => options.all === true || shown.test(id))
  return {
    rows: both.flatMap((name) => wanted.flatMap((figure) => rowOf(name, figure, one.get(name)!, other.get(name)!))),
    onlyBefore: [...one.keys()].filter((name) => !other.has(name)),
    onlyAfter: [...other.keys()].filter((name) => !one.has(name)),
    notes: [...new Set(both.flatMap((name) => notesOn(name, one.get(name)!, other.get(name)!)))],
  }
}

/** Void runs are not compared. */
function byRow(runs: readonly RunResult[]): Map<string, RunResult[]> {
  const subjects = new Set(runs.map(({ subject }) => subject))
  const rows = new Map<string, RunResult[]>()
  for (const run of runs) {
    const name = subjects.size > 1 ? `${run.subject}: ${run.name}` : run.name
    const row = rows.get(name) ?? []
    rows.set(name, row)
    if (run.void === undefined) row.push(run)
  }
  return rows
}

function rowOf(name: string, figure: Figure, one: readonly RunResult[], other: readonly RunResult[]): DiffRow[] {
  const read = (runs: readonly RunResult[]) =>
    runs.map((run) => figure.read(run)).filter((value) => value !== undefined)
  const [beforeValues, afterValues] = [read(one), read(other)]
  const [before, after] = [median(beforeValues), median(afterValues)]
  if (before === undefined || after === undefined) return []
  const row = { name, figure, before, after, beforeRuns: beforeValues.length, afterRuns: afterValues.length }
  const hasRatio = [...beforeValues, ...afterValues].every((value) => value > 0)
  const none = hasRatio ? 1 : 0
  const found = (hasRatio ? ratio : difference)(beforeValues, afterValues)!
  const worsePercent = hasRatio ? { ratio: found.estimate, worsePercent: worseBy(figure, found.estimate) } : {}
  if (found.interval === undefined) return [{ ...row, ...worsePercent, change: 'too few' }]
  const [low, high] = found.interval
  const isMore = low > none
  const isLess = high < none
  const isWorse = figure.wanted === 'at most' ? isMore : isLess
  const change = !isMore && !isLess ? 'same' : isWorse ? 'worse' : 'better'
  return [{ ...row, ...worsePercent, interval: found.interval, change }]
}

/** Twice the latency is 100 % worse, and so is half the throughput. */
function worseBy({ wanted }: Figure, factor: number): number {
  return (wanted === 'at most' ? factor - 1 : 1 / factor - 1) * 100
}

/** Beyond this the machines, or their moments, were not alike. */
const calibrationSlack = 1.15

function notesOn(name: string, one: readonly RunResult[], other: readonly RunResult[]): string[] {
  const [first, second] = [one[0], other[0]]
  if (first === undefined || second === undefined) return [`${name}: every run of one of them is void`]
  const notes: string[] = []
  if (JSON.stringify(first.load) !== JSON.stringify(second.load)) {
    const keys = Object.keys({ ...first.load, ...second.load }) as (keyof typeof first.load)[]
    const changes = keys
      .filter((key) => first.load[key] !== second.load[key])
      .map((key) => `${key} ${first.load[key] ?? 'none'} and ${second.load[key] ?? 'none'}`)
    if (changes.length > 0) notes.push(`${name}: the loads differ: ${changes.join(', ')}`)
  }
  for (const key of ['node', 'processor', 'cores', 'platform', 'frontEnd'] as const) {
    const [before, after] = [first.environment[key], second.environment[key]]
    if (before !== after) notes.push(`${key} differs: ${before ?? 'unknown'} and ${after ?? 'unknown'}`)
  }
  const calibrations = [one, other].map((runs) => median(runs.map((run) => run.calibrationMs))!)
  const [slower, factor] = slowerOf(calibrations[0]!, calibrations[1]!)
  if (factor > calibrationSlack) {
    notes.push(`${name}: the machine was ${factor.toFixed(2)} times slower in ${slower}, by the calibration loop`)
  }
  return notes
}

function slowerOf(before: number, after: number): ['the first' | 'the second', number] {
  return before > after ? ['the first', before / after] : ['the second', after / before]
}

export const diffHeads = ['LOAD', 'FIGURE', 'BEFORE', 'AFTER', 'CHANGE', '95 % INTERVAL', '']

export function diffRows({ rows }: Diff): string[][] {
  return rows.map((row) => [
    row.name,
    row.figure.title,
    figureText(row.before, row.figure.unit),
    figureText(row.after, row.figure.unit),
    row.ratio === undefined ? '-' : `x ${row.ratio.toFixed(3)}`,
    intervalText(row),
    changeText(row),
  ])
}

function intervalText({ interval, ratio: factor, figure }: DiffRow): string {
  if (interval === undefined) return '-'
  if (factor !== undefined) return `x ${interval[0].toFixed(3)} to ${interval[1].toFixed(3)}`
  const signed = (value: number) => `${value < 0 ? '-' : '+'}${figureText(Math.abs(value), figure.unit)}`
  return `${signed(interval[0])} to ${signed(interval[1])}`
}

function changeText({ change, beforeRuns, afterRuns }: DiffRow): string {
  if (change === 'same') return 'no difference'
  return change === 'too few' ? `not enough runs (${beforeRuns} and ${afterRuns})` : change.toUpperCase()
}

/**
 * What a gate complains of: figures that are worse by more than so many percent and surely so, and all that can't be
 * told. Nothing to compare is no pass.
 */
export function regressions({ rows, onlyBefore }: Diff, percent: number): string[] {
  const lines = onlyBefore.map((name) => `missing: ${name} is not in the second file`)
  if (rows.length === 0 && lines.length === 0) lines.push('nothing to compare: the files have no row in common')
  for (const row of rows) {
    const { name, figure, change, worsePercent } = row
    const what = `${name}: ${figure.title}`
    const values = `${figureText(row.before, figure.unit)} became ${figureText(row.after, figure.unit)}`
    if (change === 'too few') {
      lines.push(`can't tell: ${what}: ${row.beforeRuns} and ${row.afterRuns} runs; 4 of each are needed`)
    } else if (change === 'worse' && (worsePercent === undefined || worsePercent > percent)) {
      const by =
        worsePercent === undefined ? '' : ` (${worsePercent.toFixed(1)} % worse, interval ${intervalText(row)})`
      lines.push(`worse: ${what}: ${values}${by}`)
    }
  }
  return lines
}
