/**
 * `top`.
 * Runs on: main. Touches: nothing until it is run.
 */
import type { Command } from 'commander'
import { asCount, asFraction } from '../arguments.js'
import { type CliEnvironment, invocationOf } from '../environment.js'
import { examples } from './examples.js'

export function addTop(program: Command, environment: CliEnvironment): void {
  const top = program
    .command('top')
    .description('show what a broker does: rates, latencies, shards, topics; live on a terminal, else once')
    .option('--interval <SECONDS>', 'ask the broker so often (default: 1)', asFraction)
    .option('--once', 'print one table and end')
    .option('-n, --count <N>', 'with --json, which prints a line for each look: end after this many', asCount)
    .action(async (options, command) => {
      const { top } = await import('../commands/top.js')
      await top(invocationOf(command, environment), options)
    })
  examples(top, environment, [
    ['top'],
    ['top --once'],
    ['top --json --count 10 > rates.ndjson', 'ten lines, one a second'],
  ])
}
