/**
 * What the broker says to its operator: pino underneath.
 * Runs on: main. Touches: standard error.
 */
import { pino } from 'pino'
import type { AuditEntry, AuditSink } from '../gateway/audit.js'

/** Takes what a broker says to its operator. */
export interface Log {
  /** Of use to its developers. */
  debug(message: string): void
  /** What happened, as it should. */
  info(message: string): void
  /** Something that someone should look at soon. */
  warn(message: string): void
  /** Something that someone should look at now. */
  error(message: string): void
  /** An administrative change, or an attempt at one. Without this method it goes to `info`, as JSON. */
  audit?(entry: AuditEntry): void
}

export function auditSinkOf(log: Log): AuditSink {
  return { audit: (entry) => (log.audit === undefined ? log.info(JSON.stringify({ audit: entry })) : log.audit(entry)) }
}

const nothing = (): void => undefined

export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, audit: nothing }

/** Lines of JSON on standard error, for journald and collectors; written at once, so that the last words are kept. */
export function createLog(level: string): Log {
  const logger = pino({ level, base: { name: 'streambus' } }, pino.destination({ dest: 2, sync: true }))
  // Whoever wants fewer lines still wants to know who deleted a topic.
  const auditLog = logger.child({ audit: true }, { level: level === 'silent' ? 'silent' : 'info' })
  return {
    audit: (entry) => auditLog.info(entry, textOf(entry)),
    debug: (message) => logger.debug(message),
    info: (message) => logger.info(message),
    warn: (message) => logger.warn(message),
    error: (message) => logger.error(message),
  }
}

function textOf({ principal, operation, resource, resourceName, outcome, error }: AuditEntry): string {
  const who = principal === '' ? 'somebody' : principal
  const what = resourceName === '' ? resource : `${resource} ${resourceName}`
  return `${who}: ${operation} ${what}: ${outcome}${error === undefined ? '' : ` (${error})`}`
}
