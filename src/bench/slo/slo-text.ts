/**
 * A report as text: the table, the sentence above it, and each objective that did not hold in a line.
 * Runs on: main. Touches: nothing.
 */
import type { Cell } from '../../cli/columns.js'
import { type FigureUnit, figureText, implied } from './figures.js'
import type { ObjectiveResult, SloReport } from './slo-report.js'

export const objectiveHeads = ['LOAD', 'OBJECTIVE', 'BOUND', 'MEDIAN', 'LOWEST', 'HIGHEST', 'MARGIN', '']

export function objectiveRows(report: Pick<SloReport, 'objectives'>): Cell[][] {
  return shortened(report.objectives).map((one) => [
    one.load,
    one.title,
    boundText(one),
    valueText(one, one.measured),
    valueText(one, one.lowest),
    valueText(one, one.highest),
    marginText(one),
    one.verdict === 'held' ? 'held' : one.verdict.toUpperCase(),
  ])
}

/** What never happened in a load stands in one line: `records lost, duplicated, out of order, refused`. */
export function shortened(objectives: readonly ObjectiveResult[]): ObjectiveResult[] {
  const isQuiet = (one: ObjectiveResult) => implied.includes(one.figure) && one.bound === 0 && one.verdict === 'held'
  const lines: ObjectiveResult[] = []
  for (const one of objectives) {
    const before = lines.at(-1)
    if (before === undefined || before.load !== one.load || !isQuiet(before) || !isQuiet(one)) lines.push(one)
    else lines[lines.length - 1] = { ...before, title: `${before.title}, ${one.title.replace(/^records /, '')}` }
  }
  return lines
}

/** `0.61 to 0.65 ms`: the unit once. */
export function rangeText(low: number, high: number, unit: FigureUnit): string {
  const [first, last] = [figureText(low, unit), figureText(high, unit)]
  if (first === last) return first
  const [, firstUnit] = first.split(' ')
  const [, lastUnit] = last.split(' ')
  if (firstUnit !== undefined && firstUnit === lastUnit) return `${first.split(' ')[0]} to ${last}`
  return `${first.replace(/\/s$/, '')} to ${last}`
}

/** `at most 5.00 ms` */
export function boundText({ wanted, bound, unit }: ObjectiveResult): string {
  return bound === 0 && wanted === 'at most' ? 'none' : `${wanted} ${figureText(bound, unit)}`
}

export function valueText({ unit }: ObjectiveResult, value: number | undefined): string {
  return value === undefined ? '-' : figureText(value, unit)
}

/** `12 % left`, `40 % beyond`. */
export function marginText({ marginPercent }: ObjectiveResult): string {
  if (marginPercent === undefined) return '-'
  const percent = Math.abs(marginPercent)
  const text = `${percent >= 9.95 ? percent.toFixed(0) : percent.toFixed(1)} %`
  return marginPercent >= 0 ? `${text} left` : `${text} beyond`
}

/** What did not hold, a line each; for stderr. */
export function complaints(report: SloReport): string[] {
  const lines = report.failures.map(({ load, message }) => `failed: ${load}: ${message}`)
  for (const one of report.objectives) {
    const what = `${one.verdict}: ${one.load}: ${one.title}`
    if (one.verdict === 'missed') {
      const margin = one.marginPercent === undefined ? '' : ` (${marginText(one)})`
      lines.push(`${what} is ${valueText(one, one.measured)}, wanted ${boundText(one)}${margin}`)
    } else if (one.verdict !== 'held') lines.push(`${what}, wanted ${boundText(one)}: ${one.reason}`)
  }
  if (report.stopped !== undefined) {
    const { runs, planned } = report.stopped
    lines.push(`stopped after ${runs} of ${planned} runs`)
  }
  return lines
}

/** `11 of 12 objectives held, 1 missed` */
export function outcomeText({ objectives, stopped }: SloReport): string {
  const count = (verdict: string) => objectives.filter((one) => one.verdict === verdict).length
  const others = ['missed', 'void', 'not measured'].filter((verdict) => count(verdict) > 0)
  const parts = [
    `${count('held')} of ${objectives.length} objectives held`,
    ...others.map((verdict) => `${count(verdict)} ${verdict}`),
    ...(stopped === undefined ? [] : [`stopped after ${stopped.runs} of ${stopped.planned} runs`]),
  ]
  return parts.join(', ')
}

/** How much the bounds were widened; undefined: they were not. */
export function widenedText({ objectives, profile }: SloReport): string | undefined {
  const widened = objectives.find(({ stated }) => stated !== undefined)
  if (widened?.stated === undefined || profile.calibrationMs === undefined) return undefined
  const { bound, stated } = widened
  const factor = bound > stated ? bound / stated : stated / bound
  return `This machine was ${factor.toFixed(2)} times slower than where the bounds were set: they are wider by as much`
}
