/**
 * `broker`, and `broker config` for one that runs.
 * Runs on: main. Touches: nothing until it is run.
 */
import { type Command, InvalidArgumentError } from 'commander'
import { collectNames } from '../arguments.js'
import { type CliEnvironment, invocationOf } from '../environment.js'
import { examples } from './examples.js'

export function addBroker(program: Command, environment: CliEnvironment): void {
  const broker = program
    .command('broker')
    .description('run a broker until a signal ends it')
    .option(
      '-c, --config <FILE>',
      'the configuration file; without it all settings have their defaults, and data goes to ./data',
    )
    .action(async ({ config }: { config?: string }) => {
      const { runBroker } = await import('../../broker/run-broker.js')
      environment.end(await runBroker({ configFile: config, cliName: environment.typed }))
    })
  const config = broker.command('config').description('the configuration of a broker that runs')
  const get = config
    .command('get')
    .argument('[KEY]', 'one key; without it all')
    .description('tell what a broker runs with, and where each value came from')
    .action(async (key, _options, command) => {
      const { getBrokerConfig } = await import('../commands/broker-config.js')
      await getBrokerConfig(invocationOf(command, environment), key)
    })
  const set = config
    .command('set')
    .argument('[KEY=VALUE...]', 'what to change', collectEntry, {})
    .description('change keys that need no restart; holds until the next start')
    .option('--unset <KEY>', 'go back to what the file and the environment say; may be repeated', collectNames, [])
    .action(async (changes, options, command) => {
      const { setBrokerConfig } = await import('../commands/broker-config.js')
      await setBrokerConfig(invocationOf(command, environment), changes, options)
    })
  examples(broker, environment, [['broker'], ['broker --config config/broker.yaml']])
  examples(get, environment, [['broker config get'], ['broker config get maxConnections']])
  examples(set, environment, [['broker config set maxConnections=5000'], ['broker config set --unset maxConnections']])
}

function collectEntry(text: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Expected KEY=VALUE, such as maxConnections=5000.')
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
}
