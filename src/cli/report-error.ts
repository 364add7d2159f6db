/**
 * Tells why a command failed, in the form that was asked for.
 * Runs on: main. Touches: stderr.
 */
import type { ErrorName } from '../../native-free-core/errors/error-table.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { ExitCode } from './exit-code.js'
import { writeError } from './write-error.js'

/** Returns the exit code. */
export function reportError(error: unknown, isJson: boolean): number {
  if (isClosedPipe(error)) return ExitCode.done
  const reported = StreamBusError.from(error)
  const { exitCode, terminalText } = reported as StreamBusError & Told
  if (isJson) reportJson(reported)
  else if (terminalText !== undefined && process.stderr.isTTY) {
    process.stderr.write(terminalText.call(reported, hasColours(process.env)))
  } else reportText(reported, error)
  return exitCode ?? (usageErrors.includes(reported.name) ? ExitCode.usage : ExitCode.failed)
}

/** A person has to change something first: supervisors need not try again. */
const usageErrors: readonly string[] = ['USAGE', 'INSECURE_LISTENER', 'INVALID_CERTIFICATE'] satisfies ErrorName[]

/** What an error may know better than the rule: its exit code, and how it looks on a terminal. */
interface Told {
  readonly exitCode?: number
  readonly terminalText?: (isColoured: boolean) => string
}

function hasColours(variables: Readonly<Record<string, string | undefined>>): boolean {
  return (variables['NO_COLOR'] ?? '') === '' && variables['TERM'] !== 'dumb'
}

export function reportJson({ name, code, message, remedy, retriable }: StreamBusError): void {
  process.stderr.write(`${JSON.stringify({ error: { name, code, message, remedy, retriable } })}\n`)
}

/** What is our own mistake comes with where it happened. */
function reportText({ name, message, remedy }: StreamBusError, thrown: unknown): void {
  writeError(`error: ${message}\n${remedy === '' ? '' : `  ${remedy}\n`}`)
  if (name === 'UNKNOWN_SERVER_ERROR' && thrown instanceof Error) writeError(`${thrown.stack}\n`)
}

function isClosedPipe(error: unknown): boolean {
  return (error as { code?: string } | undefined)?.code === 'EPIPE'
}
