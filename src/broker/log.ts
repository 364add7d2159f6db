/**
 * What the broker says to its operator, a line each: JSON for collectors, text for people, text with a priority for
 * journald.
 * Runs on: main. Touches: standard error; written at once, so that the last words are kept.
 */
import { createRequire } from 'node:module'
import type { DestinationStream, pino as pinoPackage } from 'pino'
import type { AuditEntry } from '../gateway/audit.js'
import { isJournal, journaldLines, type Level, standardErrorStream } from './journald.js'
import type { Log } from './log-sink.js'

export type LogFormat = 'json' | 'text' | 'journald'

const colours: Readonly<Record<Level, number>> = { debug: 90, info: 36, warn: 33, error: 31 }
const ranks = ['trace', 'debug', 'info', 'warn', 'error', 'silent']

export interface LogSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly isTerminal: boolean
  /** Device and inode of standard error, as JOURNAL_STREAM has them. */
  readonly stream: string
}

function surroundings(): LogSurroundings {
  return { environment: process.env, isTerminal: process.stderr.isTTY === true, stream: standardErrorStream() }
}

export function formatFor(wanted: string, around: LogSurroundings = surroundings()): LogFormat {
  if (wanted !== 'auto') return wanted as LogFormat
  if (isJournal(around.environment, () => around.stream)) return 'journald'
  return around.isTerminal ? 'text' : 'json'
}

/** What is said first, or `load`, loads pino: it takes longer than all else that a broker needs to begin its start. */
export interface LateLog extends Log {
  /**
   * When there is time for it; not with the first line, which may tell that no file can be opened any more.
   */
  load(): void
}

export function createLog(level: string, format: LogFormat, isColoured = false): LateLog {
  return levelled(
    level,
    once(() => (format === 'json' ? jsonLines() : textLines(format, isColoured))),
  )
}

/** Lines of either form, whatever their level. */
interface Lines {
  write(level: Level, message: string): void
  audit(entry: AuditEntry): void
}

function jsonLines(): Lines {
  const pino = loadPino()
  const logger = pino({ level: 'trace', base: { name: 'streambus' } }, standardError(pino))
  const auditLogger = logger.child({ audit: true })
  return {
    write: (level, message) => logger[level](message),
    audit: (entry) => auditLogger.info(entry, textOf(entry)),
  }
}

function textLines(format: 'text' | 'journald', isColoured: boolean): Lines {
  const output = standardError(loadPino())
  const lineOf = format === 'journald' ? journaldLines : (of: Level, text: string) => textLine(of, text, isColoured)
  const write = (level: Level, message: string): void => output.write(`${lineOf(level, message)}\n`)
  // For people first, and whole for programs.
  return { write, audit: (entry) => write('info', `audit: ${textOf(entry)} ${JSON.stringify(entry)}`) }
}

type Pino = typeof pinoPackage

function loadPino(): Pino {
  return (createRequire(import.meta.url)('pino') as { readonly pino: Pino }).pino
}

function standardError(pino: Pino): DestinationStream {
  return pino.destination({ dest: 2, sync: true })
}

function once<Of>(make: () => Of): () => Of {
  let made: Of | undefined
  return () => (made ??= make())
}

function levelled(level: string, lines: () => Lines): LateLog {
  let rank = ranks.indexOf(level)
  const say = (of: Level) => (message: string) => {
    if (ranks.indexOf(of) >= rank) lines().write(of, message)
  }
  return {
    // Whoever wants fewer lines still wants to know who deleted a topic.
    audit: (entry) => {
      if (rank !== ranks.indexOf('silent')) lines().audit(entry)
    },
    debug: say('debug'),
    info: say('info'),
    warn: say('warn'),
    error: say('error'),
    setLevel: (next) => {
      rank = ranks.indexOf(next)
    },
    load: () => void lines(),
  }
}

/** 14:03:07.120 warn  the message; in the time of the reader's clock. */
function textLine(level: Level, message: string, isColoured: boolean): string {
  const now = new Date()
  const parts = [now.getHours(), now.getMinutes(), now.getSeconds()].map((part) => String(part).padStart(2, '0'))
  const time = `${parts.join(':')}.${String(now.getMilliseconds()).padStart(3, '0')}`
  const name = level.padEnd(5)
  return `${time} ${isColoured ? `\u001b[${colours[level]}m${name}\u001b[0m` : name} ${message}`
}

function textOf({ principal, operation, resource, resourceName, outcome, error }: AuditEntry): string {
  const who = principal === '' ? 'somebody' : principal
  const what = resourceName === '' ? resource : `${resource} ${resourceName}`
  return `${who}: ${operation} ${what}: ${outcome}${error === undefined ? '' : ` (${error})`}`
}
