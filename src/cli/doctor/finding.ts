/**
 * One line of `doctor`.
 * Runs on: main. Touches: nothing.
 */
export interface Finding {
  /** ok: fine. warn: it runs, but somebody should know. fail: it will not run, or not keep what it promises. */
  readonly status: 'ok' | 'warn' | 'fail'
  readonly check: string
  /** What was found, with the value. */
  readonly found: string
  /** What to do about it. */
  readonly remedy?: string
}

export function ok(check: string, found: string): Finding {
  return { status: 'ok', check, found }
}

export function warn(check: string, found: string, remedy: string): Finding {
  return { status: 'warn', check, found, remedy }
}

export function fail(check: string, found: string, remedy: string): Finding {
  return { status: 'fail', check, found, remedy }
}
