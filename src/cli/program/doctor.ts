/**
 * `doctor`.
 * Runs on: main. Touches: nothing until it is run.
 */
import type { Command } from 'commander'
import { type CliEnvironment, invocationOf } from '../environment.js'
import { examples } from './examples.js'

export function addDoctor(program: Command, environment: CliEnvironment): void {
  const doctor = program
    .command('doctor')
    .description('check whether a broker would run well on this machine, and what to do about it')
    .option('-c, --config <FILE>', 'the configuration that the broker would have')
    .action(async (options, command) => {
      const { doctor: examine } = await import('../commands/doctor.js')
      environment.end(await examine(invocationOf(command, environment), options))
    })
  examples(doctor, environment, [
    ['doctor', 'with the defaults and the environment'],
    ['doctor --config /etc/streambus/broker.yaml'],
    ['doctor --server broker.example:9400', 'the broker there as well, and whether its clock agrees with ours'],
  ])
}
