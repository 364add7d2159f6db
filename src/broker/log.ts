/**
 * What the broker says to its operator, a line each: JSON for collectors, text for people, text with a priority for
 * journald.
 * Runs on: main. Touches: standard error; written at once, so that the last words are kept.
 */
import { pino } from 'pino'
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

export function createLog(level: string, format: LogFormat, isColoured = false): Log {
  const output = pino.destination({ dest: 2, sync: true })
  if (format === 'json') {
    const logger = pino({ level, base: { name: 'streambus' } }, output)
    const auditLog = logger.child({ audit: true }, { level: auditLevel(level) })
    return {
      audit: (entry) => auditLog.info(entry, textOf(entry)),
      debug: (message) => logger.debug(message),
      info: (message) => logger.info(message),
      warn: (message) => logger.warn(message),
      error: (message) => logger.error(message),
      setLevel: (next) => {
        logger.level = next
        auditLog.level = auditLevel(next)
      },
    }
  }
  const lineOf = format === 'journald' ? journaldLines : (of: Level, text: string) => textLine(of, text, isColoured)
  return plainLog(level, (of, message) => void output.write(`${lineOf(of, message)}\n`))
}

function plainLog(level: string, write: (level: Level, message: string) => void): Log {
  let rank = ranks.indexOf(level)
  const say = (of: Level) => (message: string) => {
    if (ranks.indexOf(of) >= rank) write(of, message)
  }
  return {
    audit: (entry) => {
      if (rank === ranks.indexOf('silent')) return
      // For people first, and whole for programs.
      write('info', `audit: ${textOf(entry)} ${JSON.stringify(entry)}`)
    },
    debug: say('debug'),
    info: say('info'),
    warn: say('warn'),
    error: say('error'),
    setLevel: (next) => {
      rank = ranks.indexOf(next)
    },
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

/** Whoever wants fewer lines still wants to know who deleted a topic. */
function auditLevel(level: string): string {
  return level === 'silent' ? 'silent' : 'info'
}

function textOf({ principal, operation, resource, resourceName, outcome, error }: AuditEntry): string {
  const who = principal === '' ? 'somebody' : principal
  const what = resourceName === '' ? resource : `${resource} ${resourceName}`
  return `${who}: ${operation} ${what}: ${outcome}${error === undefined ? '' : ` (${error})`}`
}
