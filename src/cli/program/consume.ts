/**
 * `consume`.
 * Runs on: main. Touches: nothing until it is run.
 */
import type { Command } from 'commander'
import { asCount, asPartition, parseFrom } from '../arguments.js'
import { type CliEnvironment, invocationOf } from '../environment.js'

export function addConsume(program: Command, environment: CliEnvironment): void {
  program
    .command('consume')
    .argument('<TOPIC>')
    .description("print each record's value as a line")
    .option(
      '-o, --from <WHERE>',
      'earliest, latest, an offset, a time (2026-11-23T10:00) or a time ago (-5m)',
      parseFrom,
    )
    .option('-n, --max-messages <N>', 'end after this many records', asCount)
    .option('--until-end', 'end when everything is read that was there at the start')
    .option('-p, --partition <N>', 'read this partition only', asPartition)
    .option('-k, --key-separator <TEXT>', 'print the key and this before the value')
    .action(async (topic, options, command) => {
      const { consume } = await import('../commands/consume.js')
      environment.end(await consume(invocationOf(command, environment), topic, options))
    })
}
