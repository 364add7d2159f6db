/**
 * `streambus broker`, as supervisors and `npm start` call it: without what only the other commands need, which takes as
 * long to load as the broker itself.
 * Runs on: main. Touches: stderr.
 */
import type { MetadataThread } from '../broker/metadata-thread.js'
import { runBroker } from '../broker/run-broker.js'
import type { PlainBroker } from './plain-arguments.js'
import { reportError } from './report-error.js'

/** Resolves with the exit code. `typed`: how people call the command line. */
export async function runPlainBroker(
  { configFile }: PlainBroker,
  typed: string,
  metadataThread: MetadataThread,
): Promise<number> {
  try {
    return await runBroker({ configFile, cliName: typed, metadataThread })
  } catch (error) {
    const exitCode = reportError(error, false)
    // It has no broker, unless that failed later, and ended it.
    await metadataThread.terminate()
    return exitCode
  }
}
