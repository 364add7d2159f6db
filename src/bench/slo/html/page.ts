/**
 * A report as one page that needs nothing else: no network, no script, so that it opens from a mail, an archive of a CI
 * run, or without a connection.
 * Runs on: main. Touches: nothing.
 */
import type { RunResult } from '../../run-result.js'
import { finite } from '../figures.js'
import { isGood, type SloReport } from '../slo-report.js'
import { outcomeText, widenedText } from '../slo-text.js'
import { median } from '../statistics.js'
import { loadSection } from './load-section.js'
import { html, Markup } from './markup.js'
import { objectiveTable } from './objectives.js'
import { numberText } from './scale.js'
import { style } from './style.js'

/** Nothing of what is shown may do anything, whatever a name in it holds. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

export function htmlPage(report: SloReport): string {
  const good = isGood(report)
  const { profile } = report
  const anchors = new Map(profile.loads.map(({ name }, at) => [name, `load-${at + 1}`]))
  const anchorOf = (load: string) => anchors.get(load) ?? 'objectives'
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${good ? 'held' : 'not held'}: ${profile.name}, StreamBus</title>
<style>${new Markup(style)}</style></head><body>
<header><h1>${profile.name}</h1>
${profile.description === '' ? undefined : html`<p>${profile.description}</p>`}
<p class="facts">${environmentText(report)}</p>
${outcome(report, good)}
${notes(report)}</header>
<main>
<section class="card" aria-labelledby="objectives"><h2 id="objectives">Objectives</h2>
<p class="facts">The median of a load's runs is judged; loss, duplicates, order and refusals by the worst run. The
tinted side of a bar is where the figure should be, the line its bound, the dot the median, the stroke lowest to
highest.</p>
${report.objectives.length === 0 ? none : objectiveTable(report, anchorOf)}
</section>
${profile.loads.map(({ name }) => loadSection(report, name, anchorOf(name)))}
</main>
<footer><p>Latency counts from when a record was due to be sent, so that no stall is left out. Percentiles come from HDR
histograms; nothing is averaged. Made by <code>streambus bench slo --profile ${profile.file}</code>, StreamBus
${report.release}.</p></footer>
</body></html>
`
  return page.text
}

const none = html`<p class="soft">The profile states none.</p>`

const sign = (path: string): Markup =>
  html`<svg viewBox="0 0 28 28" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="3">
<path d="${path}"/></svg>`
const check = sign('M5 15l6 6L23 7')
const cross = sign('M6 6l16 16M22 6L6 22')

function outcome(report: SloReport, good: boolean): Markup {
  const missed = report.objectives.filter(({ verdict }) => verdict === 'missed')
  const first = missed.slice(0, 3).map(({ load, title }) => `${load}: ${title}`)
  const more = missed.length > first.length ? `, and ${missed.length - first.length} more` : ''
  const list = first.length === 0 ? undefined : html`<p class="more">${first.join('; ')}${more}</p>`
  return html`<div class="outcome ${good ? 'good' : 'bad'}">${good ? check : cross}
<div><p>${outcomeText(report)}</p>${list}</div></div>`
}

function notes(report: SloReport): Markup | undefined {
  const texts = [widenedText(report)]
  const voids = report.runs.filter((run) => run.void !== undefined)
  for (const reason of new Set(voids.map((run) => `${run.name}: ${run.void}`))) texts.push(`Void: ${reason}`)
  const held = report.runs.filter((run) => run.limitedBy === 'client').map(({ name }) => name)
  for (const name of new Set(held)) texts.push(`${name}: this client was the limit, not the broker`)
  const known = texts.filter((text) => text !== undefined)
  if (known.length === 0) return undefined
  return html`<ul class="note notes">${known.map((text) => html`<li>${text}</li>`)}</ul>`
}

function environmentText(report: SloReport): string {
  const [first] = report.runs
  const began = report.startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')
  if (first === undefined) return `${began}, StreamBus ${report.release}`
  const { environment } = first
  const calibrations = report.runs.map((run: RunResult) => finite(run.calibrationMs)).filter((one) => one !== undefined)
  const calibration = median(calibrations)
  return [
    began,
    `${first.subject} ${environment.release}`,
    ...(environment.frontEnd === undefined ? [] : [`front end ${environment.frontEnd}`]),
    `Node.js ${environment.node}`,
    `${environment.processor}, ${environment.cores} cores`,
    environment.platform,
    ...(calibration === undefined ? [] : [`calibration loop ${numberText(calibration)} ms`]),
  ].join(' · ')
}
