/**
 * Plots as SVG that can be read on light and dark pages: bars of throughput, and latency on a logarithmic scale.
 * Runs on: main, and tests. Touches: nothing.
 */
import type { Results } from '../compare/results.js'
import { type RowId, type SubjectId, subjectIds } from '../compare/rows.js'
import { subjectNames } from './judge.js'
import { digits, shown, type Spread, spreadOfFigure } from './statistics.js'

const width = 860
const labelWidth = 300
const rightWidth = 150
const lineHeight = 30
const top = 56

const style = `<style>
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 15px }
  .faint { fill: #59636e; font-size: 12px }
  .grid { stroke: #d1d9e0 }
  .range { stroke: #59636e; stroke-width: 1.5 }
  .own { fill: #0969da } .peer { fill: #8c959f } .limit { fill: #bf8700 }
  .own-line { stroke: #0969da } .peer-line { stroke: #8c959f } .limit-line { stroke: #bf8700 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .faint { fill: #9198a1 } .grid { stroke: #3d444d } .range { stroke: #9198a1 }
    .own { fill: #4493f8 } .peer { fill: #6e7681 } .limit { fill: #d29922 }
    .own-line { stroke: #4493f8 } .peer-line { stroke: #6e7681 } .limit-line { stroke: #d29922 }
  }
</style>`

type Kind = 'own' | 'peer' | 'limit'

interface Bar {
  readonly label: string
  readonly kind: Kind
  readonly spread: Spread
}

function kindOf(subject: SubjectId): Kind {
  if (subject === 'machine') return 'limit'
  return subject.startsWith('streambus') ? 'own' : 'peer'
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('`', '')
}

function page(height: number, title: string, note: string, body: readonly string[]): string {
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`
  const texts = [
    `<title>${escaped(title)}</title>`,
    style,
    `<text class="title" x="0" y="18">${escaped(title)}</text>`,
    `<text class="faint" x="0" y="38">${escaped(note)}</text>`,
  ]
  return `${[head, ...texts, ...body, '</svg>'].join('\n')}\n`
}

const at = (value: number): string => value.toFixed(1)

function barPlot(title: string, note: string, bars: readonly Bar[], figure: string): string {
  const most = Math.max(...bars.map(({ spread }) => spread.highest))
  const scale = (value: number) => labelWidth + (value / most) * (width - labelWidth - rightWidth)
  const body = bars.flatMap(({ label, kind, spread }, index) => {
    const y = top + index * lineHeight
    const [end, low, high] = [scale(spread.median), scale(spread.lowest), scale(spread.highest)]
    return [
      `<text x="${labelWidth - 10}" y="${y + 14}" text-anchor="end">${escaped(label)}</text>`,
      `<rect class="${kind}" x="${labelWidth}" y="${y}" width="${at(end - labelWidth)}" height="19" rx="2"/>`,
      `<path class="range" d="M${at(low)} ${y + 9.5}H${at(high)}M${at(low)} ${y + 5}v9M${at(high)} ${y + 5}v9"/>`,
      `<text x="${at(high + 8)}" y="${y + 14}">${shown(spread.median, figure)}</text>`,
    ]
  })
  return page(top + bars.length * lineHeight + 4, title, note, body)
}

const rangeNote = 'records/s: median of the rounds; the line is from lowest to highest'

export function throughputPlot(results: Results): string {
  const own = subjectIds.flatMap((id) => bar(results, 'produce-100', id, subjectNames[id]))
  const sink = bar(results, 'sink-uws', 'machine', 'limit: WebSocket sink on uws')
  const journal = bar(results, 'raw-journal', 'machine', 'limit: journal and segment alone')
  return barPlot(
    '100-byte records, one partition, flat out',
    rangeNote,
    [...own, ...sink, ...journal],
    'recordsPerSecond',
  )
}

const ownRows: readonly (readonly [RowId, string])[] = [
  ['produce-100', '1 partition, 256 KiB batches'],
  ['replay-100', 'the same, replayed batches'],
  ['produce-100-16k', '16 KiB batches'],
  ['produce-100-64k', '64 KiB batches, no linger'],
  ['produce-100-p64', '64 partitions'],
  ['produce-100-p1000', '1,000 partitions'],
  ['produce-100-os', '1 partition, flush: os'],
  ['consume-100', 'consume, by batch'],
  ['consume-100-decoded', 'consume, every record decoded'],
]

export function shapesPlot(results: Results): string {
  const bars = ownRows.flatMap(([row, label]) => bar(results, row, 'streambus-uws', label))
  return barPlot('StreamBus on uws, 100-byte records, by shape of load', rangeNote, bars, 'recordsPerSecond')
}

function bar(results: Results, row: RowId, subject: SubjectId, label: string): Bar[] {
  const spread = spreadOfFigure(results, row, subject, 'recordsPerSecond')
  return spread === undefined ? [] : [{ label, kind: kindOf(subject), spread }]
}

interface Percentiles {
  readonly label: string
  readonly kind: Kind
  readonly values: readonly number[]
}

const latencyRows: readonly (readonly [RowId, string, RowId])[] = [
  ['one-at-a-time', 'one at a time', 'synced-write'],
  ['rate-10k-p1', '10,000/s', 'raw-journal-10k'],
  ['rate-50k-p1', '50,000/s', 'raw-journal-50k'],
  ['rate-200k-p1', '200,000/s', 'raw-journal-200k'],
]

export function latencyPlot(results: Results): string {
  const lines = latencyRows.flatMap(([row, label, limit]) => [
    ...subjectIds.flatMap((id) => percentiles(results, row, id, `${label}: ${subjectNames[id]}`)),
    ...percentiles(results, limit, 'machine', `${label}: this disk alone`),
  ])
  return percentilePlot(
    'Latency from when a record was due',
    'ms, logarithmic: P50, P99, P99.9; medians of the rounds',
    lines,
  )
}

function percentiles(results: Results, row: RowId, subject: SubjectId, label: string): Percentiles[] {
  const spreads = ['p50Ms', 'p99Ms', 'p999Ms'].map((figure) => spreadOfFigure(results, row, subject, figure))
  if (spreads.some((spread) => spread === undefined)) return []
  return [{ label, kind: kindOf(subject), values: spreads.map((spread) => spread!.median) }]
}

function percentilePlot(title: string, note: string, lines: readonly Percentiles[]): string {
  const all = lines.flatMap(({ values }) => values)
  const [low, high] = [
    10 ** Math.floor(Math.log10(Math.min(...all, 1))),
    10 ** Math.ceil(Math.log10(Math.max(...all, 1.1))),
  ]
  const span = Math.log10(high) - Math.log10(low)
  const scale = (value: number) =>
    labelWidth + ((Math.log10(value) - Math.log10(low)) / span) * (width - labelWidth - rightWidth)
  const bottom = top + 14 + lines.length * (lineHeight - 6)
  const grid: string[] = []
  for (let power = low; power <= high * 1.01; power *= 10) {
    const x = at(scale(power))
    grid.push(`<path class="grid" d="M${x} ${top}V${bottom}"/>`)
    grid.push(`<text class="faint" x="${x}" y="${top - 2}" text-anchor="middle">${digits(power)}</text>`)
  }
  const body = lines.flatMap(({ label, kind, values }, index) => {
    const y = top + 16 + index * (lineHeight - 6)
    const [first, last] = [scale(values[0]!), scale(values.at(-1)!)]
    const radii = [3, 4.5, 6]
    return [
      `<text x="${labelWidth - 14}" y="${y + 4}" text-anchor="end">${escaped(label)}</text>`,
      `<path class="${kind}-line" d="M${at(first)} ${y}H${at(last)}"/>`,
      ...values.map((value, dot) => `<circle class="${kind}" cx="${at(scale(value))}" cy="${y}" r="${radii[dot]}"/>`),
      `<text class="faint" x="${at(last + 12)}" y="${y + 4}">${values.map(digits).join(' / ')}</text>`,
    ]
  })
  return page(bottom + 10, title, note, [...grid, ...body])
}
