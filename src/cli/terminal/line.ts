/**
 * One line of a screen, made of pieces that are laid out first and coloured afterwards; never wider than its columns.
 * Runs on: main. Touches: nothing.
 */
import { cut, padEnd, padStart, widthOf } from './text-width.js'

export type Style = (text: string) => string

export class Line {
  private readonly columns: number
  private width = 0
  private styled = ''

  constructor(columns: number) {
    this.columns = columns
  }

  add(text: string, style?: Style): this {
    const short = cut(text, this.columns - this.width)
    this.width += widthOf(short)
    this.styled += style === undefined || short === '' ? short : style(short)
    return this
  }

  /** To the left in so many columns; longer text is cut. */
  left(text: string, columns: number, style?: Style): this {
    return this.add(padEnd(cut(text, columns), columns), style)
  }

  /** To the right in so many columns; longer text is cut. */
  right(text: string, columns: number, style?: Style): this {
    return this.add(padStart(cut(text, columns), columns), style)
  }

  /** Spaces up to this column. */
  to(column: number): this {
    return this.add(' '.repeat(Math.max(0, column - this.width)))
  }

  /** What follows it stands at the right end, if there is room. */
  end(text: string, style?: Style): this {
    const start = this.columns - widthOf(text)
    return start > this.width ? this.to(start).add(text, style) : this
  }

  toString(): string {
    return this.styled
  }
}
