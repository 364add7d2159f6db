/**
 * Tables of text: columns as wide as what stands in them, as a terminal counts width (CJK and emoji are two wide).
 * Runs on: main. Touches: nothing.
 */
import { visibleInLine } from './safe-text.js'
import { fit, widthOf } from './terminal/text-width.js'

export type Cell = string | number

export interface TableOptions {
  /** Columns of the terminal; undefined: nothing is cut. */
  readonly widthColumns?: number | undefined
  readonly styleHead?: ((text: string) => string) | undefined
}

const gap = '  '
/** A column is not cut below this. */
const minColumns = 8

/** The lines of a table; numbers stand to the right. Cells are shown on one line each, without control characters. */
export function tableLines(
  heads: readonly string[],
  rows: readonly (readonly Cell[])[],
  { widthColumns, styleHead = (text) => text }: TableOptions = {},
): string[] {
  const texts = rows.map((row) => row.map((cell) => visibleInLine(String(cell))))
  const natural = heads.map((head, column) =>
    Math.max(widthOf(head), ...texts.map((row) => widthOf(row[column] ?? ''))),
  )
  const widths = widthColumns === undefined ? natural : narrowed(natural, widthColumns)
  const isNumber = heads.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'))
  const line = (cells: readonly string[]) =>
    cells
      .map((text, column) => fit(text, widths[column]!, isNumber[column] ? 'right' : 'left'))
      .join(gap)
      .trimEnd()
  return [styleHead(line(heads)), ...texts.map(line)]
}

/** Takes from the widest column until all fit, or none can give more. */
function narrowed(natural: readonly number[], widthColumns: number): number[] {
  const widths = [...natural]
  const sum = () => widths.reduce((total, width) => total + width, gap.length * (widths.length - 1))
  for (let over = sum() - widthColumns; over > 0; over = sum() - widthColumns) {
    const widest = widths.indexOf(Math.max(...widths))
    if (widths[widest]! <= minColumns) break
    const next = Math.max(minColumns, ...widths.filter((_, column) => column !== widest))
    widths[widest] = Math.max(widths[widest]! - over, Math.min(next, widths[widest]! - 1))
  }
  return widths
}
