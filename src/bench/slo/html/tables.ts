/**
 * The figures of plots and runs as tables, for who reads them so.
 * Runs on: main. Touches: nothing.
 */
import type { RunResult } from '../../run-result.js'
import { figureOf, figures, figureText, finite, type LatencyKind, percentiles } from '../figures.js'
import { html, type Markup, type Part } from './markup.js'

export function table(heads: readonly string[], rows: readonly (readonly Part[])[]): Markup {
  const cell = (part: Part, at: number) =>
    at === 0 ? html`<th scope="row">${part}</th>` : html`<td class="n">${part}</td>`
  return html`<div class="wide"><table><thead><tr>${heads.map(
    (head, at) => html`<th scope="col" class="${at === 0 ? '' : 'n'}">${head}</th>`,
  )}</tr></thead><tbody>${rows.map((row) => html`<tr>${row.map(cell)}</tr>`)}</tbody></table></div>`
}

export function folded(summary: string, content: Part): Markup {
  return html`<details><summary>${summary}</summary>${content}</details>`
}

export function runName(at: number, run: RunResult): string {
  return `run ${at + 1}${run.void === undefined ? '' : ' (void)'}`
}

/** Every figure that any of the runs has, a column a run. */
export function runTable(runs: readonly RunResult[]): Markup {
  const known = figures.filter((figure) => runs.some((run) => figure.read(run) !== undefined))
  const textOf = (id: string) => (run: RunResult) => {
    const figure = figureOf(id)!
    const value = figure.read(run)
    return value === undefined ? '-' : figureText(value, figure.unit)
  }
  const facts: readonly (readonly [string, (run: RunResult) => string])[] = [
    ['began', (run) => run.startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')],
    ['records acknowledged', (run) => figureText(finite(run.records.acknowledged) ?? 0, 'records')],
    ...known.map(({ id, title }) => [title, textOf(id)] as const),
    ['client CPU, of one core', (run) => percentOf(run.cpu.clientPercent)],
    ['broker CPU, of one core', (run) => percentOf(run.cpu.brokerPercent)],
    ['held back by', (run) => limits[String(run.limitedBy)] ?? '-'],
    ['calibration loop', (run) => figureText(finite(run.calibrationMs) ?? 0, 'ms')],
    ['void because', (run) => run.void ?? '-'],
  ]
  const rows = facts.map(([name, of]) => [name, ...runs.map(of)])
  return table(
    ['', ...runs.map((run, at) => runName(at, run))],
    rows.filter((row) => row.slice(1).some((text) => text !== '-')),
  )
}

const limits: Readonly<Record<string, string>> = { broker: 'the broker', client: 'this client', rate: 'its rate' }

function percentOf(value: unknown): string {
  const percent = finite(value)
  return percent === undefined ? '-' : `${Math.round(percent)} %`
}

export function percentileTable(kind: LatencyKind, runs: readonly RunResult[]): Markup {
  const rows = percentiles.map(({ title, field }) => [title, ...runs.map((run) => msText(run.latency[kind]?.[field]))])
  return table(['', ...runs.map((run, at) => runName(at, run))], rows)
}

export function msText(value: unknown): string {
  const known = finite(value)
  return known === undefined ? '-' : figureText(known, 'ms')
}

/** The garbage collection of each thread, of one run. */
export function gcTable(run: RunResult): Markup | undefined {
  const threads = run.broker.gc ?? []
  if (!Array.isArray(threads) || threads.length === 0) return undefined
  const rows = threads.map((thread) => [
    String(thread.thread),
    String(finite(thread.pausesOver1Ms) ?? '-'),
    msText(thread.longestPauseMs),
    thread.pausedPercent === undefined ? '-' : figureText(finite(thread.pausedPercent) ?? 0, 'percent'),
    thread.heapBytesPerRecord === undefined ? '-' : figureText(finite(thread.heapBytesPerRecord) ?? 0, 'bytes'),
  ])
  return table(['thread', 'pauses over 1 ms', 'longest', 'time paused', 'heap per record'], rows)
}
