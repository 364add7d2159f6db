/**
 * A long run on a data folder of its own, which goes with it.
 * Runs on: the process of a long run. Touches: a temporary folder.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface LongRun<Result> {
  /** Throws with what did not hold. */
  run(): Promise<Result>
  /** Ends everything of it, also after a failure. */
  end(): Promise<void>
}

/** Resolves with what the run returns. `name` is for people who find the folder. */
export async function inFolder<Result>(name: string, make: (dataFolder: string) => LongRun<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), `streambus-${name}-`))
  const run = make(join(folder, 'data'))
  try {
    return await run.run()
  } finally {
    await run.end()
    rmSync(folder, { recursive: true, force: true })
  }
}
