/**
 * What commands print: data on stdout, everything else on stderr.
 * Runs on: main. Touches: stdout, stderr.
 */
import { once } from 'node:events'
import { type Cell, tableLines } from './columns.js'
import type { Invocation } from './environment.js'
import { jsonText, visibleInLine } from './safe-text.js'
import { coloursFor } from './terminal/colours.js'
import { countText } from './terminal/quantities.js'
import { padEnd, widthOf } from './terminal/text-width.js'

/** One line for people; never on stdout. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** What happens on the way: a line, or with --json an object with `notice`. */
export function notice({ isJson }: Pick<Invocation, 'isJson'>, message: string): void {
  tell(isJson ? jsonText({ notice: { message } }) : message)
}

/** What came of it: a line, or with --json an object with `summary`. */
export function summary({ isJson }: Invocation, text: string, facts: Readonly<Record<string, unknown>>): void {
  tell(isJson ? jsonText({ summary: facts }) : text)
}

let isGuarded = false

/** Whoever reads the lines may stop early (`| head`): that is no error, and there is nobody left to print for. */
function endWithReader(): void {
  if (isGuarded) return
  isGuarded = true
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0)
  })
}

/** As it is. */
export function printText(text: string): void {
  endWithReader()
  process.stdout.write(text)
}

export function printLine(line: string): void {
  printText(`${line}\n`)
}

export function printJson(value: unknown): void {
  printLine(jsonText(value, 2))
}

/** The answer of a command that changes something: a line, or with --json an object. */
export function printOutcome({ isJson }: Invocation, line: string, facts: Readonly<Record<string, unknown>>): void {
  if (isJson) printJson(facts)
  else printLine(line)
}

/** Columns under their heads, numbers to the right; cut to the width of a terminal. */
export function printTable(heads: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const { bold } = coloursFor(process.stdout)
  const widthColumns = process.stdout.isTTY ? process.stdout.columns : undefined
  for (const line of tableLines(heads, rows, { widthColumns, styleHead: bold })) printLine(line)
}

/** Names and values, one a line. */
export function printFacts(facts: readonly (readonly [string, Cell])[]): void {
  const width = Math.max(...facts.map(([name]) => widthOf(name)))
  for (const [name, value] of facts) printLine(`${padEnd(name, width)}  ${visibleInLine(String(value))}`)
}

export function printHeading(text: string): void {
  printLine(coloursFor(process.stdout).bold(text))
}

/** stdout with backpressure, that knows when nobody reads it any more. */
export class DataOutput {
  /** The reader closed the pipe: there is nobody to write for. */
  isClosed = false
  private readonly onClosed: () => void

  constructor(onClosed: () => void) {
    this.onClosed = onClosed
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      this.isClosed = true
      this.onClosed()
    })
  }

  /** Resolves when more may be written. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.isClosed || process.stdout.write(bytes)) return
    // An error that ends the stream ends the wait as well.
    await once(process.stdout, 'drain').catch(() => {})
  }

  /** Resolves when the bytes are with the system: their buffer may be used again. */
  async writeThrough(bytes: Uint8Array): Promise<void> {
    if (this.isClosed || bytes.length === 0) return
    await new Promise<void>((resolve) => process.stdout.write(bytes, () => resolve()))
  }
}

/** Calls at Ctrl-C or SIGTERM; the second one ends the process as the system would. */
export function onInterrupt(interrupt: () => void): () => void {
  const onKey = () => {
    // The terminal shows ^C where the cursor was; what is said next begins a line of its own.
    if (process.stderr.isTTY) process.stderr.write('\n')
    interrupt()
  }
  process.once('SIGINT', onKey)
  process.once('SIGTERM', interrupt)
  return () => {
    process.off('SIGINT', onKey)
    process.off('SIGTERM', interrupt)
  }
}

export function countOf(count: number, what: string): string {
  return `${countText(count)} ${what}${count === 1 ? '' : 's'}`
}
