/**
 * Where a broker's words to its operator go: what it needs of a log, and one that says nothing.
 * Runs on: main. Touches: nothing. A broker in a program brings its own log and loads no other.
 */
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
  /** Left out by a log whose level is not the broker's to change. */
  setLevel?(level: string): void
}

export function auditSinkOf(log: Log): AuditSink {
  return { audit: (entry) => (log.audit === undefined ? log.info(JSON.stringify({ audit: entry })) : log.audit(entry)) }
}

const nothing = (): void => undefined

export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, audit: nothing }
