/**
 * `config check`, `explain`, `print`.
 * Runs on: main. Touches: nothing until it is run.
 */
import type { Command } from 'commander'
import { type CliEnvironment, invocationOf } from '../environment.js'
import { examples } from './examples.js'
import { localHelp } from './help-style.js'

const fileHelp = "the broker's configuration file; without it the defaults and the environment"

export function addConfig(program: Command, environment: CliEnvironment): void {
  const config = program.command('config').description("look at a broker's configuration")
  const check = config
    .command('check')
    .argument('[FILE]', fileHelp)
    .description('tell every mistake in a configuration file and the environment')
    .action(async (file, _options, command) => {
      const { checkConfig } = await import('../commands/config.js')
      checkConfig(invocationOf(command, environment), file)
    })
  const explain = config
    .command('explain')
    .argument('<KEY>', 'a key, its environment variable, or an entry of topics')
    .description('tell what a key means, accepts, and how it is set')
    .action(async (key, _options, command) => {
      const { explainKey } = await import('../commands/config.js')
      explainKey(invocationOf(command, environment), key)
    })
  const print = config
    .command('print')
    .argument('[FILE]', fileHelp)
    .description('print the configuration that a broker would run with, and where each value comes from')
    .option('--defaults', 'the defaults alone, explained: to begin a file with')
    .action(async (file, options, command) => {
      const { printConfig } = await import('../commands/config.js')
      printConfig(invocationOf(command, environment), file, options)
    })
  for (const command of [check, explain, print]) localHelp(command)
  examples(check, environment, [['config check config/broker.yaml']])
  examples(explain, environment, [['config explain flush'], ['config explain retention.ms']])
  examples(print, environment, [['config print'], ['config print --defaults > broker.yaml']])
}
