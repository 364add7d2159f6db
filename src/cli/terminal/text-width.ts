/**
 * How many columns of a terminal a text takes, and texts made to take a number of them.
 * Runs on: main. Touches: nothing.
 * Texts are laid out first and coloured afterwards: none of these functions is given escape sequences.
 */
import stringWidth from 'string-width'

const oneColumnOnly = /^[\x20-\x7e\u2500-\u259f\u00b7]*$/
const controls = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

const graphemes = new Intl.Segmenter()

/** Columns; wide characters (CJK, emoji) take two. */
export function widthOf(text: string): number {
  // Nearly all text is of this kind, and string-width takes a hundred times longer.
  return oneColumnOnly.test(text) ? text.length : stringWidth(text)
}

/** What others wrote, without characters that would move the cursor or change the terminal. */
export function printable(text: string): string {
  return text.replace(controls, '\ufffd')
}

/** At most `columns` wide; what is cut off is shown by an ellipsis. */
export function cut(text: string, columns: number, ellipsis = '…'): string {
  if (widthOf(text) <= columns) return text
  if (columns <= 0) return ''
  let kept = ''
  let left = columns - 1
  for (const { segment } of graphemes.segment(text)) {
    left -= widthOf(segment)
    if (left < 0) break
    kept += segment
  }
  return kept + ellipsis
}

export function padEnd(text: string, columns: number): string {
  return text + spaces(columns - widthOf(text))
}

export function padStart(text: string, columns: number): string {
  return spaces(columns - widthOf(text)) + text
}

/** Exactly `columns` wide. */
export function fit(text: string, columns: number, side: 'left' | 'right' = 'left'): string {
  const short = cut(text, columns)
  return side === 'left' ? padEnd(short, columns) : padStart(short, columns)
}

function spaces(count: number): string {
  return count > 0 ? ' '.repeat(count) : ''
}
