/**
 * `token create`, `list`.
 * Runs on: main. Touches: nothing until one is run.
 */
import type { Command } from 'commander'
import { listOf } from '../arguments.js'
import { type CliEnvironment, invocationOf } from '../environment.js'
import { examples } from './examples.js'
import { localHelp } from './help-style.js'

export function addToken(program: Command, environment: CliEnvironment): void {
  const token = program.command('token').description('make tokens for the tokens file of a broker')
  const create = token
    .command('create')
    .description('make a token: it is printed once, the file keeps its hash')
    .requiredOption('--name <NAME>', 'who will use it; appears in logs')
    .requiredOption('--roles <ROLES>', 'some of admin, produce, consume, metrics, with commas between', listOf)
    .option(
      '--topics <PREFIXES>',
      'beginnings of the topics that it may use, with commas between; * for all',
      listOf,
      [],
    )
    .option('--certificate-name <NAME>', 'the common name of a client certificate that may be used instead')
    .option('--add-to <FILE>', 'append the entry to this tokens file, which is made if it is missing')
    .action(async (options, command) => {
      const { createTokenEntry } = await import('../commands/token.js')
      await createTokenEntry(invocationOf(command, environment), options)
    })
  const list = token
    .command('list')
    .argument('<FILE>', 'a tokens file')
    .description('check a tokens file, and tell who is in it')
    .action(async (file, _options, command) => {
      const { listTokens } = await import('../commands/token.js')
      await listTokens(invocationOf(command, environment), file)
    })
  for (const command of [create, list]) localHelp(command)
  examples(create, environment, [
    ['token create --name shop --roles produce,consume --topics orders --add-to tokens.yaml'],
    ['token create --name grafana --roles metrics'],
  ])
  examples(list, environment, [['token list tokens.yaml']])
}
