/**
 * A small terminal: what its screen shows after what was written to it. It knows the sequences that our command line,
 * commander and cli-progress write; any other is an error, so that nothing is overlooked.
 * Runs on: the test process.
 */
import { widthOf } from '../../src/cli/terminal/text-width.js'

const graphemes = new Intl.Segmenter()
const sequence = new RegExp(`${'\\x1b'}(?:\\[([?0-9;]*)([@-~])|([78=>]))`, 'y')

interface Buffer {
  rows: string[][]
  row: number
  column: number
}

export class TerminalScreen {
  isAlternate = false
  isCursorVisible = true
  isWrapping = true
  hasColour = false
  /** How often a frame began: synchronised updates. */
  updateCount = 0
  private columns: number
  private height: number
  private readonly main: Buffer
  private alternate: Buffer
  private rest = ''

  constructor(columns: number, rows: number) {
    this.columns = columns
    this.height = rows
    this.main = emptyBuffer(rows)
    this.alternate = emptyBuffer(rows)
  }

  resize(columns: number, rows: number): void {
    this.columns = columns
    this.height = rows
    for (const buffer of [this.main, this.alternate]) {
      while (buffer.rows.length < rows) buffer.rows.push([])
      while (buffer.rows.length > rows) buffer.rows.shift()
      buffer.row = Math.min(buffer.row, rows - 1)
    }
  }

  /** The lines of the screen without spaces at their ends, without empty lines at the end. */
  get text(): string {
    const { rows } = this.buffer
    const lines = rows.map((cells) => Array.from(cells, (cell) => cell ?? ' ').join(''))
    return lines
      .map((line) => line.trimEnd())
      .join('\n')
      .trimEnd()
  }

  private get buffer(): Buffer {
    return this.isAlternate ? this.alternate : this.main
  }

  write(chunk: string): void {
    const text = this.rest + chunk
    this.rest = ''
    let plain = ''
    for (let at = 0; at < text.length; ) {
      const character = text[at]!
      if (character >= ' ') {
        plain += character
        at++
        continue
      }
      this.print(plain)
      plain = ''
      if (character !== '\x1b') {
        this.control(character)
        at++
        continue
      }
      sequence.lastIndex = at
      const found = sequence.exec(text)
      if (found === null) {
        // The rest of it comes with the next chunk.
        if (text.length - at < 20) {
          this.rest = text.slice(at)
          return
        }
        throw new Error(`unknown sequence ${JSON.stringify(text.slice(at, at + 20))}`)
      }
      at = sequence.lastIndex
      if (found[3] === undefined) this.sequence(found[1]!, found[2]!)
    }
    this.print(plain)
  }

  private print(text: string): void {
    for (const { segment } of graphemes.segment(text)) {
      const width = Math.max(1, widthOf(segment))
      if (this.buffer.column + width > this.columns) {
        if (this.isWrapping) this.lineFeed()
        this.buffer.column = this.isWrapping ? 0 : this.columns - width
      }
      const { rows, row, column } = this.buffer
      rows[row]![column] = segment
      for (let more = 1; more < width; more++) rows[row]![column + more] = ''
      this.buffer.column += width
    }
  }

  private control(character: string): void {
    const { buffer } = this
    if (character === '\n') this.lineFeed()
    else if (character === '\r') buffer.column = 0
    else if (character === '\b') buffer.column = Math.max(0, buffer.column - 1)
    else if (character === '\t') buffer.column = Math.min(this.columns - 1, (Math.floor(buffer.column / 8) + 1) * 8)
    else if (character !== '\x07') throw new Error(`unknown control character ${JSON.stringify(character)}`)
  }

  private lineFeed(): void {
    const { buffer } = this
    if (buffer.row < this.height - 1) buffer.row++
    else {
      buffer.rows.shift()
      buffer.rows.push([])
    }
  }

  private sequence(parameters: string, final: string): void {
    const { buffer } = this
    const numbers = parameters.replace('?', '').split(';').map(Number)
    const count = Math.max(1, numbers[0]!)
    switch (final) {
      case 'H':
        buffer.row = Math.min(this.height, Math.max(1, numbers[0]!)) - 1
        buffer.column = Math.min(this.columns, Math.max(1, numbers[1] ?? 1)) - 1
        return
      case 'A':
        buffer.row = Math.max(0, buffer.row - count)
        return
      case 'B':
        buffer.row = Math.min(this.height - 1, buffer.row + count)
        return
      case 'G':
        buffer.column = Math.min(this.columns, count) - 1
        return
      case 'K':
        if (numbers[0] === 0) this.clearToEnd()
        else buffer.rows[buffer.row] = []
        return
      case 'J':
        if (numbers[0] === 0) this.clearBelow()
        else buffer.rows = buffer.rows.map(() => [])
        return
      case 'm':
        this.hasColour ||= numbers.some((number) => number >= 30 && number <= 107)
        return
      case 'h':
      case 'l':
        return this.mode(numbers[0]!, final === 'h')
      default:
        throw new Error(`unknown sequence ${parameters}${final}`)
    }
  }

  /** A cursor past the last column stands on it. */
  private clearToEnd(): void {
    const cells = this.buffer.rows[this.buffer.row]!
    cells.length = Math.min(cells.length, this.buffer.column, this.columns - 1)
  }

  private clearBelow(): void {
    const { buffer } = this
    this.clearToEnd()
    for (let row = buffer.row + 1; row < this.height; row++) buffer.rows[row] = []
  }

  private mode(mode: number, isOn: boolean): void {
    if (mode === 25) this.isCursorVisible = isOn
    else if (mode === 7) this.isWrapping = isOn
    else if (mode === 2026) this.updateCount += isOn ? 1 : 0
    else if (mode === 1049) {
      this.isAlternate = isOn
      if (isOn) this.alternate = emptyBuffer(this.height)
    } else throw new Error(`unknown mode ${mode}`)
  }
}

function emptyBuffer(rows: number): Buffer {
  return { rows: Array.from({ length: rows }, () => []), row: 0, column: 0 }
}
