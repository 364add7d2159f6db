/**
 * `topic create | list | describe | alter | delete`.
 * Runs on: main. Touches: the client, stdout.
 */
import { uuidToBase64 } from '../../../native-free-core/bytes/uuid.js'
import { topicConfigRows } from '../../../native-free-core/config/topic-config.js'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { nearestOf } from '../../broker/nearest.js'
import type { Invocation } from '../environment.js'
import { countOf, printFacts, printJson, printLine, printTable, tell } from '../output.js'
import { withClient, withSuggestion } from '../with-client.js'

type Entries = Readonly<Record<string, string>>

export async function createTopic(
  invocation: Invocation,
  name: string,
  { partitions, replicationFactor, config }: { partitions: number; replicationFactor: number; config: Entries },
): Promise<void> {
  refuseUnknownEntries(Object.keys(config))
  await withClient(invocation, (client) =>
    client.admin().createTopic({ name, partitions, replicationFactor, configs: config }),
  )
  printLine(`created topic ${name} with ${countOf(partitions, 'partition')}`)
}

function refuseUnknownEntries(names: readonly string[]): void {
  const known = Object.keys(topicConfigRows)
  for (const name of names) {
    if (known.includes(name)) continue
    const nearest = nearestOf(name, known)
    throw new StreamBusError('USAGE', `a topic has no configuration entry "${name}"`, {
      remedy: nearest === undefined ? `There are ${known.join(', ')}.` : `Did you mean ${nearest}?`,
    })
  }
}

export async function listTopics(invocation: Invocation): Promise<void> {
  const topics = await withClient(invocation, (client) => client.admin().listTopics())
  const rows = topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.length,
    replicationFactor: partitions[0]?.replicas.length ?? 0,
  }))
  if (invocation.isJson) return printJson(rows)
  if (rows.length === 0) {
    return tell(`there are no topics; create one: ${invocation.environment.typed} topic create my-topic`)
  }
  printTable(
    ['TOPIC', 'PARTITIONS', 'COPIES'],
    rows.map((row) => [row.name, row.partitions, row.replicationFactor]),
  )
}

export async function describeTopic(invocation: Invocation, name: string): Promise<void> {
  const topic = await withClient(invocation, (client) =>
    withSuggestion(invocation, client, name, client.admin().describeTopic(name)),
  )
  if (invocation.isJson) return printJson(topic)
  printFacts([
    ['topic', topic.name],
    ['id', uuidToBase64(topic.topicId)],
    ['partitions', topic.partitions.length],
  ])
  printLine('\nconfiguration')
  printFacts(Object.entries(topic.configs).map(([entry, value]) => [`  ${entry}`, value]))
  printLine('')
  const heads = ['PARTITION', 'LEADER', 'START', 'END', 'BYTES', 'SEGMENTS', 'SHARD']
  const rows = topic.partitions.map((one) => [
    one.partition,
    one.leader,
    one.logStartOffset,
    one.highWatermark,
    one.sizeBytes,
    one.segmentCount,
    one.shard,
  ])
  printTable(heads, rows)
}

export async function alterTopic(
  invocation: Invocation,
  name: string,
  { config, unset }: { config: Entries; unset: readonly string[] },
): Promise<void> {
  const entries = { ...config, ...Object.fromEntries(unset.map((entry) => [entry, ''])) }
  if (Object.keys(entries).length === 0) {
    throw new StreamBusError('USAGE', 'nothing to change was given', {
      remedy: 'Give --config NAME=VALUE or --unset NAME.',
    })
  }
  refuseUnknownEntries(Object.keys(entries))
  await withClient(invocation, (client) =>
    withSuggestion(invocation, client, name, client.admin().alterTopicConfig(name, entries)),
  )
  printLine(`changed topic ${name}`)
}

export async function deleteTopic(invocation: Invocation, name: string): Promise<void> {
  await withClient(invocation, (client) => withSuggestion(invocation, client, name, client.admin().deleteTopic(name)))
  printLine(`deleted topic ${name}`)
}
