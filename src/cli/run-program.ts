/**
 * Runs the command that the arguments name, and tells of its error in the form that was asked for.
 * Runs on: main. Touches: stderr.
 */
import { CommanderError } from 'commander'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { CalledBy } from './called-by.js'
import { ExitCode } from './exit-code.js'
import { buildProgram } from './program.js'
import { asksForJson } from './program/global-options.js'
import { reportError, reportJson } from './report-error.js'

/** Resolves with the exit code. */
export async function runProgram(argv: readonly string[], called: CalledBy): Promise<number> {
  let exitCode: number = ExitCode.done
  const isJson = asksForJson(argv)
  const end = (code: number) => {
    exitCode = code
  }
  try {
    await buildProgram({ ...called, isJson, end }).parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    return error instanceof CommanderError ? reportUsage(error, called, isJson) : reportError(error, isJson)
  }
}

/** As text, commander has told of its own errors already. */
function reportUsage(error: CommanderError, called: CalledBy, isJson: boolean): number {
  if (error.exitCode === 0) return ExitCode.done
  if (isJson) reportJson(usageError(error, called))
  return ExitCode.usage
}

function usageError({ message }: CommanderError, { typed }: CalledBy): StreamBusError {
  const text = message.replace(/^error: /, '').replaceAll('\n', ' ')
  return new StreamBusError('USAGE', text, { remedy: `${typed} --help tells the commands and options.` })
}
