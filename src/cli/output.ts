/**
 * What commands print: data on stdout, everything else on stderr.
 * Runs on: main. Touches: stdout, stderr.
 */
import { once } from 'node:events'

/** One line for people; never on stdout. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`)
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

export function printLine(line: string): void {
  endWithReader()
  process.stdout.write(`${line}\n`)
}

export function printJson(value: unknown): void {
  printLine(JSON.stringify(value, undefined, 2))
}

/** Columns under their heads, numbers to the right. */
export function printTable(heads: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => String(row[column]).length)))
  const line = (cells: readonly (string | number)[]) =>
    cells
      .map((cell, column) => {
        const text = String(cell)
        return typeof rows[0]?.[column] === 'number' ? text.padStart(widths[column]!) : text.padEnd(widths[column]!)
      })
      .join('  ')
      .trimEnd()
  printLine(line(heads))
  for (const row of rows) printLine(line(row))
}

/** Names and values, one a line. */
export function printFacts(facts: readonly (readonly [string, string | number])[]): void {
  const width = Math.max(...facts.map(([name]) => name.length))
  for (const [name, value] of facts) printLine(`${name.padEnd(width)}  ${value}`)
}

/** stdout with backpressure, that knows when nobody reads it any more. */
export class DataOutput {
  /** The reader closed the pipe: there is nobody to write for. */
  isClosed = false
  private readonly onError = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    this.isClosed = true
    this.onClosed()
  }
  private readonly onClosed: () => void

  constructor(onClosed: () => void) {
    this.onClosed = onClosed
    process.stdout.on('error', this.onError)
  }

  /** Resolves when more may be written. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.isClosed || process.stdout.write(bytes)) return
    // An error that ends the stream ends the wait as well.
    await once(process.stdout, 'drain').catch(() => {})
  }
}

/** Aborts at Ctrl-C or SIGTERM; the second one ends the process as the system would. */
export function onInterrupt(interrupt: () => void): () => void {
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
  return () => {
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
}

export function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
