/**
 * Markup that can't be made of foreign text by mistake: whatever is put into a template is escaped, unless it is markup
 * itself.
 * Runs on: main. Touches: nothing.
 */
import { escapeXml } from '../junit.js'

export class Markup {
  readonly text: string

  /** Only for what was made here. */
  constructor(text: string) {
    this.text = text
  }
}

export type Part = Markup | string | number | undefined | readonly Part[]

/**
 * Texts and numbers are escaped, lists are put together, undefined is nothing. Fits HTML and SVG, text and attributes.
 */
export function html(pieces: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let text = pieces[0]!
  for (const [index, part] of parts.entries()) text += textOf(part) + pieces[index + 1]!
  return new Markup(text)
}

function textOf(part: Part): string {
  if (part === undefined) return ''
  if (part instanceof Markup) return part.text
  if (typeof part === 'string') return escapeXml(part)
  if (typeof part === 'number') return Number.isFinite(part) ? String(Math.round(part * 100) / 100) : ''
  return part.map(textOf).join('')
}
