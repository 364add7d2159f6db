/**
 * Assertions for programmer errors; they stay on in production.
 * Runs on: every thread, and browsers. Touches: nothing.
 * Bad input, a full disk, a lost connection are not programmer errors: they are rows of the error table.
 */

export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Throws AssertionError when an invariant does not hold. Keep `message` a constant: it is built on every call. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(`invariant broken: ${message}`)
}
