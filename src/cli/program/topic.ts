/**
 * `topic create | list | describe | alter | delete | delete-records`.
 * Runs on: main. Touches: nothing until one is run.
 */
import type { Command } from 'commander'
import { asCount, collectEntries, collectNames, collectPartitions, parseFrom } from '../arguments.js'
import { type CliEnvironment, invocationOf } from '../environment.js'
import { examples } from './examples.js'

const configs = ['--config <NAME=VALUE>', "an entry of the topic's configuration; may be repeated"] as const
const yes = ['-y, --yes', 'do not ask; without a terminal nothing is asked'] as const

export function addTopic(program: Command, environment: CliEnvironment): void {
  const topic = program.command('topic').description('create, list, describe, change and delete topics')
  addCreate(topic, environment)
  addRead(topic, environment)
  addAlter(topic, environment)
  addDelete(topic, environment)
  addDeleteRecords(topic, environment)
}

function addCreate(topic: Command, environment: CliEnvironment): void {
  const create = topic
    .command('create')
    .argument('<NAME>')
    .description('create a topic')
    .option('-p, --partitions <N>', 'partitions', asCount, 1)
    .option('-r, --replication-factor <N>', 'copies of each partition', asCount, 1)
    .option(...configs, collectEntries)
    .option('--if-not-exists', 'no error if there is a topic of this name')
    .action(async (name, options, command) => {
      const { createTopic } = await import('../commands/topic.js')
      await createTopic(invocationOf(command, environment), name, options)
    })
  examples(create, environment, [
    ['topic create orders --partitions 10'],
    ['topic create audit --config retention.ms=-1 --config flush=commit', 'kept for ever'],
  ])
}

function addRead(topic: Command, environment: CliEnvironment): void {
  const list = topic
    .command('list')
    .description('list topics')
    .action(async (_options, command) => {
      const { listTopics } = await import('../commands/topic.js')
      await listTopics(invocationOf(command, environment))
    })
  examples(list, environment, [['topic list'], ["topic list --json | jq -r '.[].name'"]])
  const describe = topic
    .command('describe')
    .argument('<TOPIC>')
    .description("tell a topic's configuration, and each partition's offsets and size")
    .action(async (name, _options, command) => {
      const { describeTopic } = await import('../commands/topic.js')
      await describeTopic(invocationOf(command, environment), name)
    })
  examples(describe, environment, [['topic describe orders']])
}

function addAlter(topic: Command, environment: CliEnvironment): void {
  const alter = topic
    .command('alter')
    .argument('<TOPIC>')
    .description("change a topic's configuration")
    .option(...configs, collectEntries)
    .option('--unset <NAME>', 'go back to the default; may be repeated', collectNames)
    .action(async (name, options, command) => {
      const { alterTopic } = await import('../commands/topic.js')
      await alterTopic(invocationOf(command, environment), name, options)
    })
  examples(alter, environment, [
    ['topic alter orders --config retention.ms=3600000', 'keep an hour'],
    ['topic alter orders --unset retention.ms'],
  ])
}

function addDelete(topic: Command, environment: CliEnvironment): void {
  const remove = topic
    .command('delete')
    .argument('<TOPIC>')
    .description('delete a topic and its records')
    .option(...yes)
    .action(async (name, options, command) => {
      const { deleteTopic } = await import('../commands/topic.js')
      await deleteTopic(invocationOf(command, environment), name, options)
    })
  examples(remove, environment, [['topic delete orders --yes']])
}

function addDeleteRecords(topic: Command, environment: CliEnvironment): void {
  const remove = topic
    .command('delete-records')
    .argument('<TOPIC>')
    .description('delete the records before an offset or a time; the topic stays')
    .requiredOption(
      '--before <WHERE>',
      'latest (all records), an offset, an offset for each partition (0:42,1:7), a time (2026-11-23T10:00) or a time ' +
        'ago (-7d)',
      parseFrom,
    )
    .option('-p, --partition <N,...>', 'of these partitions only', collectPartitions)
    .option(...yes)
    .action(async (name, options, command) => {
      const { deleteRecords } = await import('../commands/topic.js')
      await deleteRecords(invocationOf(command, environment), name, options)
    })
  examples(remove, environment, [
    ['topic delete-records orders --before -7d --yes', 'what is older than a week'],
    ['topic delete-records orders --before 42 -p 3 --yes'],
    ['topic delete-records orders --before latest --yes', 'all that is there now'],
  ])
}
