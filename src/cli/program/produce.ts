/**
 * `produce`.
 * Runs on: main. Touches: nothing until it is run.
 */
import type { Command } from 'commander'
import { asFraction, asPartition, parseAcks } from '../arguments.js'
import { type CliEnvironment, invocationOf } from '../environment.js'

export function addProduce(program: Command, environment: CliEnvironment): void {
  program
    .command('produce')
    .argument('<TOPIC>')
    .description('send each line of standard input as a record')
    .option('-k, --key-separator <TEXT>', 'what comes before it in a line is the key')
    .option('-p, --partition <N>', 'send to this partition', asPartition)
    .option('--acks <ACKS>', "all: on disk on all in-sync copies; 1: on the leader's; 0: not waited for", parseAcks, -1)
    .option('--timeout <SECONDS>', 'give up on a record that is not acknowledged by then', asFraction, 120)
    .action(async (topic, options, command) => {
      const { produce } = await import('../commands/produce.js')
      environment.end(await produce(invocationOf(command, environment), topic, options))
    })
}
