/**
 * Options of the long runs: `--name value` and `--flag`, the same in all of them.
 * Runs on: a process of its own. Touches: process.argv (reads).
 */

/** The number after `--name`; `otherwise` when it is not there. Throws for what is no number. */
export function numberOption(name: string, otherwise: number): number {
  const at = process.argv.indexOf(name)
  if (at < 0) return otherwise
  const value = Number(process.argv[at + 1])
  if (!Number.isFinite(value) || value < 0) throw new Error(`${name} is ${process.argv[at + 1]}; expected a number`)
  return value
}

export function hasFlag(name: string): boolean {
  return process.argv.includes(name)
}

/** Ends `run`'s process with 1 when it fails: with the message alone, which says how to play it again. */
export async function endWith(run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
