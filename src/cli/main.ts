/**
 * The command line: `streambus` and `streambus-cli`. What a command needs is loaded when it is run, so that help and
 * version come at once.
 * Runs on: main. Touches: the process's arguments, streams and exit code.
 */
import { releaseVersion } from '../../native-free-core/version.js'
import { calledBy } from './called-by.js'
import { ExitCode } from './exit-code.js'
import { plainBrokerOf } from './plain-arguments.js'

/** Runs one command; resolves with the exit code, which it also leaves to the process. */
export async function main(argv: readonly string[]): Promise<number> {
  const exitCode = await run(argv)
  process.exitCode = exitCode
  return exitCode
}

async function run(argv: readonly string[]): Promise<number> {
  if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
    process.stdout.write(`${releaseVersion}\n`)
    return ExitCode.done
  }
  const called = calledBy(process.argv[1], process.env)
  const plainBroker = plainBrokerOf(argv)
  if (plainBroker !== undefined) {
    const { startMetadataEarly } = await import('../broker/early-metadata.js')
    const metadataThread = startMetadataEarly()
    const { runPlainBroker } = await import('./plain-broker.js')
    return runPlainBroker(plainBroker, called.typed, metadataThread)
  }
  const { runProgram } = await import('./run-program.js')
  return runProgram(argv, called)
}
