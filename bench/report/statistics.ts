/**
 * Figures of many rounds as one: the median with lowest and highest. And how figures are written.
 * Runs on: main, and tests. Touches: nothing.
 */
import { type Figures, figuresOf, type Results } from '../compare/results.js'
import type { RowId, SubjectId } from '../compare/rows.js'

export interface Spread {
  readonly median: number
  readonly lowest: number
  readonly highest: number
  readonly count: number
}

export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined
  const sorted = [...values].sort((one, other) => one - other)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { median, lowest: sorted[0]!, highest: sorted.at(-1)!, count: sorted.length }
}

/** Figures of a row and subject by round, without runs that failed or are void. */
export function roundsOf(results: Results, row: RowId, subject: SubjectId): ReadonlyMap<number, Figures> {
  const found = new Map<number, Figures>()
  for (const sample of results.samples) {
    const { result } = sample
    if (sample.row !== row || sample.subject !== subject || result === undefined || result.void !== undefined) continue
    found.set(sample.round, figuresOf(result))
  }
  return found
}

export function valuesOf(results: Results, row: RowId, subject: SubjectId, figure: string): number[] {
  return [...roundsOf(results, row, subject).values()]
    .map((figures) => figures[figure])
    .filter((value) => value !== undefined)
}

export function spreadOfFigure(results: Results, row: RowId, subject: SubjectId, figure: string): Spread | undefined {
  return spreadOf(valuesOf(results, row, subject, figure))
}

const million = 1e6

/** Three figures are all that a measurement gives; the unit is written once, by `unitOf`. */
export function shown(value: number, figure: string): string {
  if (figure === 'recordsPerSecond') return value >= million / 10 ? `${digits(value / million)} M` : grouped(value)
  if (figure.endsWith('PausesOver1Ms')) return digits(value)
  if (figure.endsWith('MiB') || figure === 'readyMs' || figure === 'mebibytesPerSecond') return grouped(value)
  return digits(value)
}

export function unitOf(figure: string): string {
  if (figure === 'recordsPerSecond') return 'records/s'
  if (figure === 'mebibytesPerSecond') return 'MiB/s'
  if (figure.endsWith('SecondsPerMillion')) return 's per million'
  if (figure.endsWith('Ms') && !figure.endsWith('PausesOver1Ms')) return 'ms'
  if (figure.endsWith('MiB')) return 'MiB'
  if (figure.endsWith('GiB')) return 'GiB'
  if (figure.endsWith('BytesPerRecord')) return 'bytes per record'
  if (figure.endsWith('Percent')) return '%'
  return ''
}

export function withUnit(value: number, figure: string): string {
  return `${shown(value, figure)} ${unitOf(figure)}`.trim()
}

/** Median, and lowest to highest in brackets. */
export function spreadText(spread: Spread | undefined, figure: string): string {
  if (spread === undefined) return '-'
  const { median, lowest, highest, count } = spread
  const text = shown(median, figure)
  return count === 1 ? text : `${text} (${shown(lowest, figure)} to ${shown(highest, figure)})`
}

function grouped(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : digits(value)
}

export function digits(value: number): string {
  if (value === 0) return '0'
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US')
  if (Math.abs(value) < 0.0001) return value.toExponential(1)
  return String(Number(value.toPrecision(Math.abs(value) < 0.1 ? 2 : 3)))
}
