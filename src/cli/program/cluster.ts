/**
 * `cluster status`.
 * Runs on: main. Touches: nothing until it is run.
 */
import type { Command } from 'commander'
import { type CliEnvironment, invocationOf } from '../environment.js'
import { examples } from './examples.js'

export function addCluster(program: Command, environment: CliEnvironment): void {
  const status = program
    .command('cluster')
    .description('look at the cluster')
    .command('status')
    .description('tell what runs there')
    .action(async (_options, command) => {
      const { clusterStatus } = await import('../commands/cluster.js')
      await clusterStatus(invocationOf(command, environment))
    })
  examples(status, environment, [['cluster status'], ['cluster status --json | jq .connections']])
}
