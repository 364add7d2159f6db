/**
 * The objectives on the page: a table, with a small drawing of where each figure lies beside its bound.
 * Runs on: main. Touches: nothing.
 */
import type { ObjectiveResult, SloReport, Verdict } from '../slo-report.js'
import { boundText, marginText, rangeText, shortened, valueText } from '../slo-text.js'
import { html, type Markup } from './markup.js'

const pillClass: Readonly<Record<Verdict, string>> = {
  held: 'good',
  missed: 'bad',
  void: 'doubt',
  'not measured': 'doubt',
}

export function pill(verdict: Verdict): Markup {
  const sign = verdict === 'held' ? '✓' : verdict === 'missed' ? '✗' : '?'
  return html`<span class="pill ${pillClass[verdict]}">${sign} ${verdict}</span>`
}

/** The worst of a load's; undefined when it has none. */
export function verdictOf(objectives: readonly ObjectiveResult[]): Verdict | undefined {
  const worst: readonly Verdict[] = ['missed', 'void', 'not measured', 'held']
  return worst.find((verdict) => objectives.some((one) => one.verdict === verdict))
}

export function objectiveTable(
  { objectives }: Pick<SloReport, 'objectives'>,
  anchorOf: (load: string) => string,
): Markup {
  let last: string | undefined
  const rows = shortened(objectives).map((one) => {
    const head =
      one.load === last
        ? undefined
        : html`<tr class="group"><th colspan="7" scope="rowgroup">
<a href="#${anchorOf(one.load)}">${one.load}</a></th></tr>`
    last = one.load
    const reason = one.reason === undefined ? undefined : html`<span class="reason">${one.reason}</span>`
    return html`${head}<tr><th scope="row">${one.title}${reason}</th>
<td class="n" data-name="wanted">${boundText(one)}${statedText(one)}</td>
<td class="n" data-name="measured"><b>${valueText(one, one.measured)}</b></td>
<td class="n" data-name="range">${spreadText(one)}</td>
<td class="drawn">${bullet(one)}</td>
<td class="n" data-name="margin">${one.marginPercent === undefined ? '' : marginText(one)}</td>
<td class="n">${pill(one.verdict)}</td></tr>`
  })
  return html`<div class="wide"><table class="objectives"><thead><tr>
<th scope="col">Objective</th><th scope="col" class="n">Wanted</th>
<th scope="col" class="n">Measured</th>
<th scope="col" class="n">Lowest to highest</th><th scope="col">Beside its bound</th>
<th scope="col" class="n">Margin</th><th scope="col" class="n">Verdict</th></tr></thead><tbody>
${rows}
</tbody></table></div>`
}

function statedText(one: ObjectiveResult): Markup | undefined {
  return one.stated === undefined ? undefined : html`<span class="stated">stated ${valueText(one, one.stated)}</span>`
}

function spreadText(one: ObjectiveResult): string {
  if (one.lowest === undefined || one.highest === undefined || one.runs < 2) return ''
  return one.lowest === one.highest ? '' : rangeText(one.lowest, one.highest, one.unit)
}

const width = 150
const middle = 10

/** Where the runs lie, and the side on which they should: the same scale in each, its end a little beyond all. */
function bullet({ bound, measured, lowest, highest, wanted, verdict, title }: ObjectiveResult): Markup | undefined {
  if (measured === undefined || lowest === undefined || highest === undefined || bound <= 0) return undefined
  const end = Math.max(bound, highest) * 1.12
  const at = (value: number) => 3 + (value / end) * (width - 6)
  const good = wanted === 'at most' ? [0, at(bound)] : [at(bound), width - at(bound)]
  const words = `${title}: the median is at ${Math.round((measured / bound) * 100)} % of the bound`
  return html`<svg class="bullet ${verdict === 'held' ? 'good' : 'bad'}" viewBox="0 0 ${width} 20" role="img"
aria-label="${words}"><title>${words}</title>
<rect class="good-side" x="${good[0]}" width="${good[1]}" y="3" height="14" rx="3"/>
<line class="base" x1="0" x2="${width}" y1="${middle}" y2="${middle}"/>
<line class="range" x1="${at(lowest)}" x2="${at(highest)}" y1="${middle}" y2="${middle}"/>
<line class="bound" x1="${at(bound)}" x2="${at(bound)}" y1="1" y2="19"/>
<circle class="value" cx="${at(measured)}" cy="${middle}" r="4.5"/></svg>`
}
