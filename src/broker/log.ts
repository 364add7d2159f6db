/**
 * What the broker says to its operator: pino underneath.
 * Runs on: main. Touches: standard error.
 */
import { pino } from 'pino'

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
}

const nothing = (): void => undefined

export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** Lines of JSON on standard error, for journald and collectors; written at once, so that the last words are kept. */
export function createLog(level: string): Log {
  const logger = pino({ level, base: { name: 'streambus' } }, pino.destination({ dest: 2, sync: true }))
  return {
    debug: (message) => logger.debug(message),
    info: (message) => logger.info(message),
    warn: (message) => logger.warn(message),
    error: (message) => logger.error(message),
  }
}
