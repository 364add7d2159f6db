/**
 * How far long work has come, as a bar on stderr; nothing at all when stderr is no terminal.
 * Runs on: main. Touches: stderr.
 */
import { coloursFor, drawsBlocks } from './colours.js'
import { countText } from './quantities.js'

export interface Progress {
  /** `done` of the total so far. `note`: said after it. */
  update(done: number, note?: string): void
  /** Takes the bar off the terminal; other output may follow. */
  end(): void
}

export interface ProgressOptions {
  /** What is being done, in a word or two. */
  readonly title: string
  readonly total: number
  /** Said after the numbers: `records`. Without it only percent are shown. */
  readonly unit?: string
}

const barColumns = 24
const none: Progress = { update: () => {}, end: () => {} }

/** Loads what draws it only when there is a terminal. */
export async function startProgress({ title, total, unit }: ProgressOptions): Promise<Progress> {
  if (process.stderr.isTTY !== true || process.env['TERM'] === 'dumb') return none
  const { default: cliProgress } = await import('cli-progress')
  const colours = coloursFor(process.stderr)
  const withBlocks = drawsBlocks()
  const numbers = unit === undefined ? '' : '  {value} of {total} {unit}'
  const bar = new cliProgress.SingleBar({
    format: `${title} ${colours.cyan('{bar}')} {percentage} %${numbers}{note}`,
    formatValue: (value, _options, type) => (type === 'percentage' ? String(value).padStart(3) : countText(value)),
    stream: process.stderr,
    barsize: barColumns,
    barCompleteChar: withBlocks ? '█' : '#',
    barIncompleteChar: withBlocks ? '░' : '.',
    fps: 10,
    clearOnComplete: true,
    // Whatever ends the process, the terminal is as it was: nothing is changed that would have to be restored.
    hideCursor: null,
    linewrap: null,
    gracefulExit: false,
  })
  bar.start(total, 0, { unit, note: '' })
  return {
    update: (done, note) => bar.update(Math.min(done, total), { note: note === undefined ? '' : `  ${note}` }),
    end: () => bar.stop(),
  }
}
