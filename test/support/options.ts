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

/** The one of `among` that follows `--name`, alone; all when it is not there. Throws for what is none of them. */
export function chosenOption<Name extends string>(name: string, among: readonly Name[]): readonly Name[] {
  const at = process.argv.indexOf(name)
  if (at < 0) return among
  const chosen = among.filter((one) => one === process.argv[at + 1])
  if (chosen.length === 0) throw new Error(`${name} is ${process.argv[at + 1]}; expected one of ${among.join(', ')}`)
  return chosen
}

/**
 * Ends the process when the command line asks for `usage`, or has what is not in it. Each option begins a line of
 * `usage`, behind blanks: `--flag`, or `--name VALUE`.
 */
export function checkOptions(usage: string): void {
  const args = process.argv.slice(2)
  const problem = optionProblem(usage, args)
  if (problem === undefined && !args.includes('--help')) return
  if (problem === undefined) console.log(usage)
  else console.error(`${problem}\n\n${usage}`)
  process.exit(problem === undefined ? 0 : 1)
}

/** What is wrong with `args`, in words; undefined: nothing. */
export function optionProblem(usage: string, args: readonly string[]): string | undefined {
  const known = new Map<string, string | undefined>([['--help', undefined]])
  for (const [, name, value] of usage.matchAll(/^ +(--[a-z-]+)(?: ([A-Z]\S*))?/gm)) known.set(name!, value)
  for (let index = 0; index < args.length; index++) {
    const name = args[index]!
    if (!known.has(name)) return `there is no option ${name}`
    const value = known.get(name)
    if (value === undefined) continue
    index++
    if (args[index] === undefined || known.has(args[index]!)) return `${name} needs a value: ${name} ${value}`
  }
  return undefined
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
