/**
 * A plot of lines as SVG: axes, grid, lines, and marks for bounds. Colours are classes; the page's style has them for
 * light and dark.
 * Runs on: main. Touches: nothing.
 */
import { html, type Markup } from './markup.js'
import type { Axis } from './scale.js'

export type Point = readonly [x: number, y: number]

export interface Series {
  /** Said at its points. */
  readonly name: string
  /** `run1` to `run8`, `late`: see the style. */
  readonly colour: string
  readonly isDashed?: boolean
  readonly isFaint?: boolean
  readonly points: readonly Point[]
  /** These can be pointed at, and say this. */
  readonly hints?: readonly (readonly [x: number, y: number, text: string])[]
}

/** Where a bound lies. */
export interface Mark {
  readonly x: number
  readonly y: number
  readonly isHeld: boolean
  readonly text: string
}

export interface PlotOptions {
  readonly title: string
  /** For who can't see it: what it shows, in a sentence. */
  readonly description: string
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly Series[]
  readonly marks?: readonly Mark[]
  /** Of the drawing, in its own units; 480 wide. */
  readonly height?: number
  /** Without the names of the horizontal axis: another plot below has them. */
  readonly isUpper?: boolean
}

const width = 480
const left = 54
const right = 14
const top = 10

export function plot(options: PlotOptions): Markup {
  const { x, y, height = 250, isUpper = false } = options
  const bottom = height - (isUpper ? 6 : 40)
  const toX = (value: number) => left + x.place(value) * (width - left - right)
  const toY = (value: number) => bottom - y.place(value) * (bottom - top)
  const grid = [
    ...y.ticks.map(({ at, text }) => [
      html`<line class="grid" x1="${left}" x2="${width - right}" y1="${toY(at)}" y2="${toY(at)}"/>`,
      html`<text class="tick" x="${left - 7}" y="${toY(at) + 4}" text-anchor="end">${text}</text>`,
    ]),
    ...x.ticks.map(({ at, text }) => [
      html`<line class="grid" x1="${toX(at)}" x2="${toX(at)}" y1="${top}" y2="${bottom}"/>`,
      isUpper
        ? undefined
        : html`<text class="tick" x="${toX(at)}" y="${bottom + 16}" text-anchor="middle">${text}</text>`,
    ]),
  ]
  const names = isUpper
    ? undefined
    : html`<text class="axis" x="${width - right}" y="${height - 6}" text-anchor="end">${x.title}</text>`
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${options.title}. ${options.description}">
${grid}
${names}
${options.series.map((series) => lineOf(series, toX, toY))}
${(options.marks ?? []).map((mark) => markOf(mark, toX, toY))}
</svg>`
}

type To = (value: number) => number

/** So few points are shown as such: a line between two seconds is no measurement. */
const mostDots = 15

function lineOf({ name, colour, isDashed, isFaint, points, hints = [] }: Series, toX: To, toY: To): Markup {
  const drawn = points.filter(([px, py]) => Number.isFinite(px) && Number.isFinite(py))
  const place = ([px, py]: Point) => `${toX(px).toFixed(1)} ${toY(py).toFixed(1)}`
  const style = `${colour}${isDashed === true ? ' dashed' : ''}${isFaint === true ? ' faint' : ''}`
  const [first] = drawn
  if (first === undefined) return html``
  const line = html`<path class="line ${style}" d="M${drawn.map(place).join('L')}"/>`
  const few = drawn.length > mostDots ? [] : drawn
  const dots = few.map(([px, py]) => html`<circle class="dot ${style}" cx="${toX(px)}" cy="${toY(py)}" r="2.3"/>`)
  const spots = hints.map(
    ([hx, hy, text]) =>
      html`<circle class="hint ${colour}" cx="${toX(hx)}" cy="${toY(hy)}" r="6">
<title>${name}: ${text}</title></circle>`,
  )
  return html`${line}${dots}${spots}`
}

/** A bar across, like a bar to jump over, with a stand to the axis below. */
function markOf({ x, y, isHeld, text }: Mark, toX: To, toY: To): Markup {
  const [cx, cy] = [toX(x), toY(y)]
  return html`<g class="mark ${isHeld ? 'good' : 'bad'}"><title>${text}</title>
<path d="M${cx - 11} ${cy}H${cx + 11}"/><path class="stand" d="M${cx} ${cy}v${isHeld ? 7 : -7}"/></g>`
}
