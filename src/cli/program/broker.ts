/**
 * `broker`.
 * Runs on: main. Touches: nothing until it is run.
 */
import type { Command } from 'commander'
import type { CliEnvironment } from '../environment.js'

export function addBroker(program: Command, environment: CliEnvironment): void {
  program
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
}
