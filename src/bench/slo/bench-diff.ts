/**
 * `bench diff`: compares saved results.
 * Runs on: main. Touches: the files, stdout, stderr.
 */
import type { Invocation } from '../../cli/environment.js'
import { ExitCode } from '../../cli/exit-code.js'
import { printJson, printLine, printTable, tell } from '../../cli/output.js'
import { visibleInLine } from '../../cli/safe-text.js'
import { type Diff, diffHeads, diffRows, diffRuns, regressions } from './diff.js'
import { readRuns } from './slo-report.js'

export interface BenchDiffOptions {
  readonly all?: boolean
  /** Percent. */
  readonly failOnRegression?: number
}

/** The exit code: 1 when a gate was asked for and does not open. */
export function benchDiff(
  { isJson }: Pick<Invocation, 'isJson'>,
  before: string,
  after: string,
  { all = false, failOnRegression }: BenchDiffOptions,
): number {
  const diff = diffRuns(readRuns(before), readRuns(after), { all })
  const found = failOnRegression === undefined ? [] : regressions(diff, failOnRegression)
  if (isJson) printJson(jsonOf(diff, failOnRegression === undefined ? undefined : found))
  else print(diff)
  for (const line of found) tell(visibleInLine(line))
  return found.length > 0 ? ExitCode.failed : ExitCode.done
}

function print(diff: Diff): void {
  if (diff.rows.length > 0) printTable(diffHeads, diffRows(diff))
  for (const name of diff.onlyBefore) printLine(visibleInLine(`only in the first: ${name}`))
  for (const name of diff.onlyAfter) printLine(visibleInLine(`only in the second: ${name}`))
  for (const note of diff.notes) printLine(visibleInLine(`note: ${note}`))
  printLine(outcomeOf(diff))
}

function outcomeOf({ rows }: Diff): string {
  const count = (change: string) => rows.filter((row) => row.change === change).length
  const parts = [`${count('better')} better`, `${count('worse')} worse`, `${count('same')} without a difference`]
  const few = count('too few')
  return [...parts, ...(few === 0 ? [] : [`${few} with too few runs to tell (4 of each are needed)`])].join(', ')
}

function jsonOf({ rows, ...rest }: Diff, found: readonly string[] | undefined): unknown {
  const plain = rows.map(({ figure, ...row }) => ({ ...row, figure: figure.id, unit: figure.unit }))
  return { rows: plain, ...rest, ...(found === undefined ? {} : { regressions: found }) }
}
