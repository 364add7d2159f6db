/**
 * The command line: `streambus` and `streambus-cli`. What a command needs is loaded when it is run, so that help and
 * version come at once.
 * Runs on: main. Touches: the process's arguments, streams and exit code.
 */
import { basename } from 'node:path'
import { CommanderError } from 'commander'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { ExitCode } from './exit-code.js'
import { buildProgram } from './program.js'

/** Runs one command; resolves with the exit code, which it also leaves to the process. */
export async function main(argv: readonly string[]): Promise<number> {
  const exitCode = await run(argv)
  process.exitCode = exitCode
  return exitCode
}

async function run(argv: readonly string[]): Promise<number> {
  const outcome = { exitCode: 0 }
  const program = buildProgram(calledBy(), (exitCode) => {
    outcome.exitCode = exitCode
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
    return outcome.exitCode
  } catch (error) {
    return report(error)
  }
}

/** The name by which people called it. */
function calledBy(): string {
  const name = basename(process.argv[1] ?? '').replace(/\.[cm]?js$/, '')
  return name === 'streambus' ? name : 'streambus-cli'
}

/** commander has told of its own errors already. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.done : ExitCode.usage
  if (isClosedPipe(error)) return ExitCode.done
  const { name, message, remedy } = StreamBusError.from(error)
  process.stderr.write(`error: ${message}\n${remedy === '' ? '' : `  ${remedy}\n`}`)
  if (name === 'UNKNOWN_SERVER_ERROR' && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  return name === 'USAGE' ? ExitCode.usage : ExitCode.failed
}

function isClosedPipe(error: unknown): boolean {
  return (error as { code?: string } | undefined)?.code === 'EPIPE'
}
