/**
 * What systemd's journal asks of a line: its priority before it, where standard error is the journal.
 * Runs on: main. Touches: the descriptor of standard error (looks at it).
 */
import { fstatSync } from 'node:fs'

export type Level = 'debug' | 'info' | 'warn' | 'error'

/** The priorities of syslog, as journald reads them before a line. */
const priorities: Readonly<Record<Level, number>> = { debug: 7, info: 6, warn: 4, error: 3 }

/** Device and inode of standard error, as JOURNAL_STREAM has them. */
export function standardErrorStream(): string {
  const { dev, ino } = fstatSync(2)
  return `${dev}:${ino}`
}

/** systemd tells in JOURNAL_STREAM which file the journal is: standard error may be something else. */
export function isJournal(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  stream: () => string = standardErrorStream,
): boolean {
  const journal = environment['JOURNAL_STREAM']
  return journal !== undefined && journal === stream()
}

/** A journald entry ends with its line: each line of a message gets the priority. */
export function journaldLines(level: Level, message: string): string {
  const prefix = `<${priorities[level]}>`
  return message.replace(/^(?!$)/gm, prefix)
}
