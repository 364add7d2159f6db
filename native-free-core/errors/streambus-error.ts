/**
 * The one error class: a row of the error table with a message that says what was wrong and what to do.
 * Runs on: every thread, and browsers. Touches: nothing.
 */
import { type ErrorName, errorNameOf, errorTable } from './error-table.js'

/** Works across copies of this module in one process, where instanceof does not. */
const brand = Symbol.for('streambus.error')

/** Every error that StreamBus throws or answers: `message` names what was wrong, `remedy` what to do about it. */
export class StreamBusError extends Error {
  override readonly name: ErrorName
  readonly code: number
  readonly retriable: boolean
  readonly remedy: string
  /** @internal */
  readonly [brand] = true

  /** `message` names the value that was wrong; the remedy defaults to the row's. */
  constructor(name: ErrorName, message: string, options: { cause?: unknown; remedy?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    const row = errorTable[name]
    this.name = name
    this.code = row.code
    this.retriable = row.retriable
    this.remedy = options.remedy ?? row.remedy
  }

  /** Whether it is one, of whichever copy of this module. */
  static is(error: unknown): error is StreamBusError {
    return typeof error === 'object' && error !== null && (error as { [brand]?: boolean })[brand] === true
  }

  /** From a wire code and message; between threads the remedy comes along. */
  static fromCode(code: number, message: string, remedy?: string): StreamBusError {
    const name = errorNameOf(code)
    const row = errorTable[name]
    // A push and a close have one text for both: the remedy that everybody knows is not said twice.
    const told = `. ${row.remedy}`
    const what = remedy === undefined && message.endsWith(told) ? message.slice(0, -told.length) : message
    return new StreamBusError(name, what || row.meaning, remedy === undefined ? {} : { remedy })
  }

  /** Any thrown thing as a StreamBusError; what is unknown becomes UNKNOWN_SERVER_ERROR with its text. */
  static from(error: unknown): StreamBusError {
    if (StreamBusError.is(error)) return error
    const text = error instanceof Error ? error.message : String(error)
    return new StreamBusError('UNKNOWN_SERVER_ERROR', text, { cause: error })
  }
}
