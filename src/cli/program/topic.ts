/**
 * `topic create | list | describe | alter | delete`.
 * Runs on: main. Touches: nothing until one is run.
 */
import type { Command } from 'commander'
import { asCount, collectEntries, collectNames } from '../arguments.js'
import { type CliEnvironment, invocationOf } from '../environment.js'

export function addTopic(program: Command, environment: CliEnvironment): void {
  const topic = program.command('topic').description('create, list, describe, change and delete topics')
  const configs = ['--config <NAME=VALUE>', "an entry of the topic's configuration; may be repeated"] as const
  topic
    .command('create')
    .argument('<NAME>')
    .description('create a topic')
    .option('-p, --partitions <N>', 'partitions', asCount, 1)
    .option('-r, --replication-factor <N>', 'copies of each partition', asCount, 1)
    .option(...configs, collectEntries, {})
    .action(async (name, options, command) => {
      const { createTopic } = await import('../commands/topic.js')
      await createTopic(invocationOf(command, environment), name, options)
    })
  topic
    .command('list')
    .description('list topics')
    .action(async (_options, command) => {
      const { listTopics } = await import('../commands/topic.js')
      await listTopics(invocationOf(command, environment))
    })
  topic
    .command('describe')
    .argument('<NAME>')
    .description("tell a topic's configuration, and each partition's offsets and size")
    .action(async (name, _options, command) => {
      const { describeTopic } = await import('../commands/topic.js')
      await describeTopic(invocationOf(command, environment), name)
    })
  topic
    .command('alter')
    .argument('<NAME>')
    .description("change a topic's configuration")
    .option(...configs, collectEntries, {})
    .option('--unset <NAME>', 'go back to the default; may be repeated', collectNames, [])
    .action(async (name, options, command) => {
      const { alterTopic } = await import('../commands/topic.js')
      await alterTopic(invocationOf(command, environment), name, options)
    })
  topic
    .command('delete')
    .argument('<NAME>')
    .description('delete a topic and its records')
    .action(async (name, _options, command) => {
      const { deleteTopic } = await import('../commands/topic.js')
      await deleteTopic(invocationOf(command, environment), name)
    })
}
