/**
 * What happened second by second: throughput and latency of each run, and the broker's own metrics below one another on
 * one time axis.
 * Runs on: main. Touches: nothing.
 */
import { bytesText, shortCountText } from '../../../cli/terminal/quantities.js'
import type { RunResult, TimelinePoint } from '../../run-result.js'
import { finite } from '../figures.js'
import { html, type Markup } from './markup.js'
import { plot, type Point, type Series } from './plot.js'
import { type Axis, linearAxis, logAxis, maxOf, numberText } from './scale.js'
import { runColours } from './style.js'
import { folded, runName, table } from './tables.js'

type Field = Exclude<keyof TimelinePoint, 'atSeconds'>

/** A line is drawn of at most so many points: more can't be seen, and a page of a long run stays small. */
const mostPoints = 300
/** So many of them can be pointed at. */
const mostHints = 60

export function colourOf(at: number): string {
  return `run${(at % runColours) + 1}`
}

function pointsOf(run: RunResult, field: Field): Point[] {
  const points: Point[] = []
  for (const point of run.timeline) {
    const [at, value] = [finite(point.atSeconds), finite(point[field])]
    if (at !== undefined && value !== undefined) points.push([at, value])
  }
  return thinned(points)
}

/** The highest of each group stands for it: what hurts must stay to be seen. */
export function thinned(points: readonly Point[], most = mostPoints): Point[] {
  const size = Math.ceil(points.length / most)
  if (size <= 1) return [...points]
  const kept: Point[] = []
  for (let at = 0; at < points.length; at += size) {
    kept.push(points.slice(at, at + size).reduce((highest, point) => (point[1] > highest[1] ? point : highest)))
  }
  return kept
}

interface Line {
  readonly field: Field
  readonly name: string
  readonly isDashed?: boolean
  readonly isFaint?: boolean
}

function seriesOf(runs: readonly RunResult[], lines: readonly Line[], textOf: (value: number) => string): Series[] {
  return runs.flatMap((run, at) =>
    lines.map(({ field, name, ...look }) => {
      const points = pointsOf(run, field)
      const label = lines.length > 1 ? `${runName(at, run)}, ${name}` : runName(at, run)
      const hints = thinned(points, mostHints).map(([x, y]) => [x, y, `${textOf(y)} at ${numberText(x)} s`] as const)
      return { name: label, colour: colourOf(at), points, hints, ...look }
    }),
  )
}

function timeAxis(runs: readonly RunResult[]): Axis {
  return linearAxis(
    'seconds',
    maxOf(runs.flatMap((run) => run.timeline.map((point) => finite(point.atSeconds) ?? 0))),
    numberText,
    6,
  )
}

function valuesOf(series: readonly Series[]): number[] {
  return series.flatMap(({ points }) => points.map(([, y]) => y))
}

/** `before`: how many plots stand before these, two in a row. */
export function timePlots(runs: readonly RunResult[], before: number): Markup[] {
  if (runs.every(({ timeline }) => timeline.length === 0)) return []
  const x = timeAxis(runs)
  return [brokerPlots(runs, x, before % 2 === 0), throughputPlot(runs, x), latencyPlot(runs, x)].filter(
    (one) => one !== undefined,
  )
}

function throughputPlot(runs: readonly RunResult[], x: Axis): Markup | undefined {
  const series = seriesOf(
    runs,
    [{ field: 'records', name: 'records' }],
    (value) => `${shortCountText(value)} records/s`,
  )
  const values = valuesOf(series)
  if (values.length === 0) return undefined
  const y = linearAxis('records/s', maxOf(values), shortCountText)
  const drawing = plot({
    title: 'Throughput over time',
    description: 'Records in each second, a line a run.',
    x,
    y,
    series,
  })
  return figureOf('Throughput over time', 'records in each second', drawing, secondsTable(runs, ['records']))
}

function latencyPlot(runs: readonly RunResult[], x: Axis): Markup | undefined {
  const lines: readonly Line[] = [
    { field: 'p50Ms', name: 'P50', isFaint: true },
    { field: 'p99Ms', name: 'P99' },
    { field: 'maxMs', name: 'highest', isDashed: true, isFaint: true },
  ]
  const series = seriesOf(runs, lines, (value) => `${numberText(value)} ms`)
  const values = valuesOf(series)
  if (values.length === 0) return undefined
  const y = logAxis('ms', values)
  const description = 'Milliseconds in each second: P99 strong, P50 faint, the highest dashed; a logarithmic scale.'
  const drawing = plot({ title: 'Latency over time', description, x, y, series })
  const caption = 'ms in each second: P99 strong, P50 faint, highest dashed'
  return figureOf('Latency over time', caption, drawing, secondsTable(runs, ['p50Ms', 'p99Ms', 'maxMs']))
}

interface Panel {
  readonly title: string
  readonly unit: string
  readonly lines: readonly Line[]
  readonly textOf?: (value: number) => string
}

const panels: readonly Panel[] = [
  {
    title: 'CPU, % of one core',
    unit: '%',
    lines: [
      { field: 'brokerCpuPercent', name: 'broker' },
      { field: 'clientCpuPercent', name: 'client', isDashed: true, isFaint: true },
    ],
  },
  {
    title: 'Memory of the broker',
    unit: '',
    lines: [{ field: 'brokerResidentMiB', name: 'resident' }],
    textOf: (value) => bytesText(value * 1024 * 1024),
  },
  { title: 'Commit, P99, ms', unit: 'ms', lines: [{ field: 'commitP99Ms', name: 'commit P99' }] },
  { title: 'Journal used, %', unit: '%', lines: [{ field: 'journalUsedPercent', name: 'journal' }] },
  { title: 'GC pauses, ms', unit: 'ms', lines: [{ field: 'gcPauseMs', name: 'pause' }] },
]

const tallPanel = 96
const lowPanel = 62
/** The names of the axis. */
const axisHeight = 34

/** `isTall`: beside two others. */
function brokerPlots(runs: readonly RunResult[], x: Axis, isTall: boolean): Markup | undefined {
  const known = panels
    .map((panel) => ({
      ...panel,
      series: seriesOf(runs, panel.lines, panel.textOf ?? ((v) => `${numberText(v)} ${panel.unit}`)),
    }))
    .filter(({ series }) => valuesOf(series).length > 0)
  if (known.length === 0) return undefined
  const panelHeight = isTall ? tallPanel : lowPanel
  const drawings = known.map(({ title, series, textOf, lines }, at) => {
    const isUpper = at < known.length - 1
    const y = linearAxis(title, maxOf(valuesOf(series)), textOf ?? numberText, 2)
    const height = panelHeight + (isUpper ? 0 : axisHeight)
    const second = lines.length > 1 ? ' (broker; dashed: client)' : ''
    const drawing = plot({ title, description: 'In each second, a line a run.', x, y, series, height, isUpper })
    return html`<figcaption>${title}${second}</figcaption>${drawing}`
  })
  const fields = known.flatMap(({ lines }) => lines.map(({ field }) => field))
  return figureOf('The broker', undefined, html`${drawings}`, secondsTable(runs, fields), isTall ? 'tall' : '')
}

export function figureOf(
  title: string,
  caption: string | undefined,
  drawing: Markup,
  values: Markup,
  look = '',
): Markup {
  const words = caption === undefined ? undefined : html`<figcaption>${caption}</figcaption>`
  return html`<figure class="${look}"><h3>${title}</h3>${words}${drawing}${folded('Values', values)}</figure>`
}

const fieldTitles: Readonly<Record<Field, string>> = {
  records: 'records',
  p50Ms: 'P50 ms',
  p99Ms: 'P99 ms',
  maxMs: 'highest ms',
  brokerCpuPercent: 'broker CPU %',
  clientCpuPercent: 'client CPU %',
  brokerResidentMiB: 'broker MiB',
  commitP99Ms: 'commit P99 ms',
  journalUsedPercent: 'journal %',
  gcPauseMs: 'GC ms',
}
const mostRows = 60

function secondsTable(runs: readonly RunResult[], fields: readonly Field[]): Markup {
  const heads = [
    'second',
    ...runs.flatMap((run, at) => fields.map((field) => `${runName(at, run)}, ${fieldTitles[field]}`)),
  ]
  const count = Math.max(...runs.map(({ timeline }) => timeline.length))
  const step = Math.ceil(count / mostRows)
  const rows: string[][] = []
  for (let at = 0; at < count; at += step) {
    const second = runs.map(({ timeline }) => finite(timeline[at]?.atSeconds)).find((value) => value !== undefined)
    const cells = runs.flatMap(({ timeline }) =>
      fields.map((field) => {
        const value = finite(timeline[at]?.[field])
        return value === undefined ? '-' : numberText(value)
      }),
    )
    rows.push([second === undefined ? '-' : numberText(second), ...cells])
  }
  return table(heads, rows)
}
