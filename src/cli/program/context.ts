/**
 * `context add | use | list | remove`.
 * Runs on: main. Touches: nothing until one is run.
 */
import type { Command } from 'commander'
import { type CliEnvironment, invocationOf } from '../environment.js'
import { examples } from './examples.js'
import type { GlobalOptions } from './global-options.js'
import { fullHelp, localHelp } from './help-style.js'

export function addContext(program: Command, environment: CliEnvironment): void {
  const context = program.command('context').description('names for brokers, with what it takes to reach them')
  const add = context
    .command('add')
    .argument('<NAME>')
    .description('remember --server and the options beside it under a name; the first one is used from then on')
    .option('--use', 'use it from now on')
    .action(async (name, options, command: Command) => {
      const commands = await import('../commands/context.js')
      commands.addContext(invocationOf(command, environment), name, command.optsWithGlobals<GlobalOptions>(), options)
    })
  fullHelp(add)
  examples(add, environment, [
    ['context add dev --server 127.0.0.1:9400'],
    ['context add live --server wss://streams.example.com:9400 --token-file token --tls-ca ca.pem --use'],
    ['topic list --context dev'],
  ])
  const use = context
    .command('use')
    .argument('<CONTEXT>')
    .description('talk to this broker from now on')
    .action(async (name, _options, command) => {
      const { useContext } = await import('../commands/context.js')
      useContext(invocationOf(command, environment), name)
    })
  const list = context
    .command('list')
    .description('list contexts; tokens are not shown')
    .action(async (_options, command) => {
      const { listContexts } = await import('../commands/context.js')
      listContexts(invocationOf(command, environment))
    })
  const remove = context
    .command('remove')
    .argument('<CONTEXT>')
    .description('forget a context')
    .action(async (name, _options, command) => {
      const { removeContext } = await import('../commands/context.js')
      removeContext(invocationOf(command, environment), name)
    })
  for (const command of [use, list, remove]) localHelp(command)
  examples(use, environment, [['context use dev']])
  examples(list, environment, [['context list']])
  examples(remove, environment, [['context remove dev']])
}
