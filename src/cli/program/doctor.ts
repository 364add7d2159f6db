/**
 * `doctor`.
 * Runs on: main. Touches: nothing until it is run.
 */
import type { Command } from 'commander'
import { type CliEnvironment, invocationOf } from '../environment.js'

export function addDoctor(program: Command, environment: CliEnvironment): void {
  program
    .command('doctor')
    .description('check whether a broker would run well on this machine, and what to do about it')
    .option('-c, --config <FILE>', 'the configuration that the broker would have')
    .action(async (options, command) => {
      const { doctor } = await import('../commands/doctor.js')
      environment.end(await doctor(invocationOf(command, environment), options))
    })
}
