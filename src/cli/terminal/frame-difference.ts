/**
 * What has to be written to a terminal so that it shows the next frame instead of the last one: only the lines that
 * differ, in one synchronised update, so that nothing flickers.
 * Runs on: main. Touches: nothing.
 */

const beginUpdate = '\x1b[?2026h'
const endUpdate = '\x1b[?2026l'
const clearScreen = '\x1b[2J'
const clearLine = '\x1b[K'
const plain = '\x1b[0m'

export class FrameDifference {
  private last: readonly string[] = []
  private rows = 0
  private columns = 0

  /** The screen holds something else: the next frame is written whole. */
  forget(): void {
    this.rows = 0
  }

  /** '' when nothing differs. `lines` are cut to `columns` already; those beyond `rows` are left out. */
  next(lines: readonly string[], rows: number, columns: number): string {
    const isWhole = rows !== this.rows || columns !== this.columns
    let text = ''
    for (let row = 0; row < rows; row++) {
      const line = lines[row] ?? ''
      if (!isWhole && line === (this.last[row] ?? '')) continue
      if (isWhole && line === '') continue
      // Cleared first: at the end of a full line the cursor stands on its last character.
      text += `\x1b[${row + 1};1H${clearLine}${line}${plain}`
    }
    this.last = lines
    this.rows = rows
    this.columns = columns
    if (isWhole) return `${beginUpdate}${clearScreen}${text}${endUpdate}`
    return text === '' ? '' : `${beginUpdate}${text}${endUpdate}`
  }
}
