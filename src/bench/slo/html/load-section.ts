/**
 * One load on the page: what it was, its figures, its plots and its runs.
 * Runs on: main. Touches: nothing.
 */
import { bytesText, countText } from '../../../cli/terminal/quantities.js'
import type { Load, RunResult } from '../../run-result.js'
import { figureOf as figureNamed, figureText, type LatencyKind, latencyKinds, percentiles } from '../figures.js'
import type { ObjectiveResult, ReportLoad, SloReport } from '../slo-report.js'
import { boundText, rangeText, valueText } from '../slo-text.js'
import { median } from '../statistics.js'
import { latencyCurve, namedPoints, ninesFor } from './latency-curve.js'
import { html, type Markup } from './markup.js'
import { pill, verdictOf } from './objectives.js'
import { type Mark, plot, type Series } from './plot.js'
import { logAxis, maxOf, ninesAxis, numberText } from './scale.js'
import { colourOf, figureOf, timePlots } from './time-plots.js'
import { folded, gcTable, msText, percentileTable, runName, runTable } from './tables.js'

export function loadSection(report: SloReport, name: string, anchor: string): Markup {
  const runs = report.runs.filter((run) => run.name === name)
  const objectives = report.objectives.filter(({ load }) => load === name)
  const failure = report.failures.find(({ load }) => load === name)
  const verdict = verdictOf(objectives)
  const head = html`<h2 id="${anchor}">${name} ${verdict === undefined ? undefined : pill(verdict)}</h2>`
  const note =
    failure === undefined ? undefined : html`<p class="note">It could not be run to its end: ${failure.message}</p>`
  const [first] = runs
  if (first === undefined)
    return html`<section class="card">${head}${note}<p class="soft">No run was done.</p></section>`
  return html`<section class="card" aria-labelledby="${anchor}">${head}
<p class="facts">${loadText(first.load)}. ${runsText(
    runs,
    report.profile.loads.find((load) => load.name === name),
  )}</p>${note}
${tiles(runs)}
${legend(runs)}
<div class="plots">
${latencyKinds.map(({ id }) => percentilePlot(id, runs, objectives))}
${timePlots(runs, latencyKinds.filter(({ id }) => runs.some((run) => run.latency[id] !== undefined)).length)}
</div>
${folded('Every run, every figure', runTable(runs))}
${gcPart(runs)}
</section>`
}

/** As long as was planned; how long each took exactly is in its figures. */
function runsText(runs: readonly RunResult[], load: ReportLoad | undefined): string {
  const { seconds, warmUpSeconds } = load ?? runs[0]!
  const voids = runs.filter((run) => run.void !== undefined).length
  const count = `${countText(runs.length)} ${runs.length === 1 ? 'run' : 'runs'}`
  const warmUp = `after ${numberText(warmUpSeconds)} s of warm-up`
  return `${count} of ${numberText(seconds)} s ${warmUp}${voids === 0 ? '' : `, ${voids} of them void`}.`
}

/** What kind of load it was, in words. */
export function loadText(load: Load): string {
  const rate = load.rate === undefined ? 'flat out' : `${countText(load.rate)} records/s`
  const size = typeof load.recordBytes === 'number' ? bytesText(load.recordBytes) : `sizes ${load.recordBytes}`
  const count = (value: number, what: string) => `${countText(value)} ${what}${value === 1 ? '' : 's'}`
  const topics = load.topics === 1 ? '' : `${count(load.topics, 'topic')} of `
  return [
    `${load.kind}, ${load.oneAtATime === true ? 'one at a time' : rate}`,
    `values of ${size}`,
    `${topics}${count(load.partitions, 'partition')}`,
    `${count(load.connections, 'connection')} on ${count(load.threads, 'thread')}`,
    ...(load.keys === undefined ? [] : [count(load.keys, 'key')]),
    ...(load.subscribers === undefined ? [] : [count(load.subscribers, 'subscriber')]),
    `batches of ${bytesText(load.batchBytes)} or ${numberText(load.lingerMs)} ms`,
    ...(load.compression === 'none' ? [] : [load.compression]),
    `flush ${load.flush}`,
  ].join(', ')
}

function tiles(runs: readonly RunResult[]): Markup {
  // The last kind that it has is the one that it is about.
  const kind = latencyKinds.filter(({ id }) => runs.some((run) => run.latency[id] !== undefined)).at(-1)?.id
  const latency = kind === undefined ? [] : ['p50', 'p99', 'p99.9'].map((percentile) => `${kind}.${percentile}`)
  const ids = ['recordsPerSecond', ...latency, 'brokerCpu', 'clientCpu', 'brokerMemory']
  const usable = runs.some((run) => run.void === undefined) ? runs.filter((run) => run.void === undefined) : runs
  const shown = ids.map((id) => {
    const figure = figureNamed(id)!
    const values = usable.map((run) => figure.read(run)).filter((value) => value !== undefined)
    const middle = median(values)
    if (middle === undefined) return undefined
    const text = (value: number) => figureText(value, figure.unit)
    const range = values.length < 2 ? '' : rangeText(Math.min(...values), Math.max(...values), figure.unit)
    const spread = range === text(middle) ? 'in every run' : range
    return html`<div class="tile"><span>${figure.title}</span><b>${text(middle)}</b><span>${spread}</span></div>`
  })
  return html`<div class="tiles">${shown}</div>`
}

/** The same colours in every plot of the load. */
function legend(runs: readonly RunResult[]): Markup | undefined {
  const hasLateness = runs.some((run) => run.lateness !== undefined)
  const entries = runs.map((run, at) => html`<li><i class="${colourOf(at)}"></i>${runName(at, run)}</li>`)
  const late = hasLateness ? html`<li><i class="late dashed"></i>how late the load itself was</li>` : undefined
  return html`<ul class="legend">${entries}${late}</ul>`
}

function percentilePlot(
  kind: LatencyKind,
  runs: readonly RunResult[],
  objectives: readonly ObjectiveResult[],
): Markup | undefined {
  const { title } = latencyKinds.find(({ id }) => id === kind)!
  const series: Series[] = []
  let nines = 0
  for (const [at, run] of runs.entries()) {
    const latency = run.latency[kind]
    if (latency === undefined) continue
    nines = Math.max(nines, ninesFor(latency.count))
    const hints = namedPoints(latency).map(
      ([percent, ms]) => [percent, ms, `${msText(ms)} at ${numberText(percent)} %`] as const,
    )
    series.push({ name: runName(at, run), colour: colourOf(at), points: latencyCurve(latency), hints })
  }
  if (series.length === 0) return undefined
  for (const { lateness } of runs) {
    if (lateness === undefined) continue
    series.unshift({ name: 'lateness', colour: 'late', isDashed: true, isFaint: true, points: latencyCurve(lateness) })
  }
  const marks = marksOf(kind, objectives, nines)
  const ownLines = series.filter(({ colour }) => colour !== 'late')
  const values = [...ownLines.flatMap(({ points }) => points.map(([, ms]) => ms)), ...marks.map(({ y }) => y)]
  const heading = `Latency by percentile: ${title}`
  const highest = maxOf(ownLines.flatMap(({ points }) => points.map(([, ms]) => ms)))
  const drawing = plot({
    title: heading,
    description: `A line a run, scales logarithmic; the highest is ${msText(highest)}. The table below has the values.`,
    x: ninesAxis('percent of records', nines),
    y: logAxis('ms', values),
    series,
    marks,
  })
  const caption =
    marks.length === 0 ? 'ms, from when a record was due' : 'ms, from when a record was due; bars: objectives'
  return figureOf(heading, caption, drawing, percentileTable(kind, runs))
}

/** The bound of the highest value stands at the right edge. */
function marksOf(kind: LatencyKind, objectives: readonly ObjectiveResult[], nines: number): Mark[] {
  const marks: Mark[] = []
  for (const { id, percent } of percentiles) {
    const one = objectives.find(({ figure }) => figure === `${kind}.${id}`)
    if (one === undefined) continue
    const x = percent === 100 ? 100 * (1 - 10 ** -nines) : percent
    const text = `${one.title}: ${boundText(one)}, measured ${valueText(one, one.measured)}, ${one.verdict}`
    marks.push({ x, y: one.bound, isHeld: one.verdict === 'held', text })
  }
  return marks
}

function gcPart(runs: readonly RunResult[]): Markup | undefined {
  const tables = runs.map((run, at) => ({ at, run, found: gcTable(run) })).filter(({ found }) => found !== undefined)
  if (tables.length === 0) return undefined
  const parts = tables.map(({ at, run, found }) => html`<p class="soft">${runName(at, run)}</p>${found}`)
  return folded('Garbage collection of each thread', parts)
}
