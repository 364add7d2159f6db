/**
 * `topic create | list | describe | alter | delete | delete-records`.
 * Runs on: main. Touches: the client, stdout; asks on a terminal before records are destroyed.
 */
import { uuidToBase64 } from '../../../native-free-core/bytes/uuid.js'
import { topicConfigRows } from '../../../native-free-core/config/topic-config.js'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { nearestOf } from '../../broker/nearest.js'
import type { Client, StartPoint, TopicDescription } from '../../client/index.js'
import { canAsk, confirm } from '../confirm.js'
import type { Invocation } from '../environment.js'
import { countOf, printFacts, printHeading, printJson, printLine, printOutcome, printTable, tell } from '../output.js'
import { bytesText, countText } from '../terminal/quantities.js'
import { withClient, withSuggestion } from '../with-client.js'

type Entries = Readonly<Record<string, string>>

export interface CreateOptions {
  readonly partitions: number
  readonly replicationFactor: number
  readonly config?: Entries
  readonly ifNotExists?: boolean
}

export async function createTopic(invocation: Invocation, name: string, options: CreateOptions): Promise<void> {
  const { partitions, replicationFactor, config = {} } = options
  refuseUnknownEntries(Object.keys(config))
  try {
    const topic = { name, partitions, replicationFactor, configs: config }
    const { topicId } = await withClient(invocation, (client) => client.admin().createTopic(topic))
    const facts = { topic: name, topicId: uuidToBase64(topicId), partitions, replicationFactor, created: true }
    printOutcome(invocation, `created topic ${name} with ${countOf(partitions, 'partition')}`, facts)
  } catch (error) {
    if (!options.ifNotExists || !StreamBusError.is(error) || error.name !== 'TOPIC_ALREADY_EXISTS') throw error
    printOutcome(invocation, `topic ${name} exists`, { topic: name, created: false })
  }
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
  if (invocation.isJson) return printJson({ ...topic, topicId: uuidToBase64(topic.topicId) })
  printFacts([
    ['topic', topic.name],
    ['id', uuidToBase64(topic.topicId)],
    ['partitions', topic.partitions.length],
    ['records', countText(recordCountOf(topic))],
    ['size', bytesText(topic.partitions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))],
  ])
  printLine('')
  printHeading('configuration')
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

function recordCountOf({ partitions }: TopicDescription): number {
  return partitions.reduce((sum, { logStartOffset, highWatermark }) => sum + highWatermark - logStartOffset, 0)
}

export async function alterTopic(
  invocation: Invocation,
  name: string,
  { config = {}, unset = [] }: { config?: Entries; unset?: readonly string[] },
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
  printOutcome(invocation, `changed topic ${name}`, { topic: name, set: config, unset })
}

export interface DestroyOptions {
  readonly yes?: boolean
}

export async function deleteTopic(invocation: Invocation, name: string, { yes }: DestroyOptions): Promise<void> {
  await withClient(invocation, async (client) => {
    if (canAsk() && !yes) {
      const topic = await withSuggestion(invocation, client, name, client.admin().describeTopic(name))
      await confirm(`delete topic ${name} and its ${countOf(recordCountOf(topic), 'record')}?`)
    }
    await withSuggestion(invocation, client, name, client.admin().deleteTopic(name))
  })
  printOutcome(invocation, `deleted topic ${name}`, { topic: name, deleted: true })
}

export interface DeleteRecordsOptions extends DestroyOptions {
  readonly before: StartPoint
  readonly partition?: readonly number[]
}

/** Records below an offset, a time, or all; tells where each log begins now. */
export async function deleteRecords(
  invocation: Invocation,
  name: string,
  options: DeleteRecordsOptions,
): Promise<void> {
  const starts = await withClient(invocation, async (client) => {
    const topic = await withSuggestion(invocation, client, name, client.admin().describeTopic(name))
    const before = await offsetsBefore(client, topic, options)
    const count = recordsBefore(topic, before)
    if (canAsk() && !options.yes) await confirm(`delete ${countOf(count, 'record')} of topic ${name}?`)
    return deleteBefore(client, name, before)
  })
  if (invocation.isJson) return printJson({ topic: name, partitions: starts })
  for (const { partition, logStartOffset } of starts) {
    printLine(`${name} partition ${partition} begins at offset ${logStartOffset} now`)
  }
}

/** Throws OFFSET_OUT_OF_RANGE for an offset that is still to come. */
function recordsBefore({ name, partitions }: TopicDescription, before: ReadonlyMap<number, number>): number {
  let count = 0
  for (const { partition, logStartOffset, highWatermark } of partitions) {
    const offset = before.get(partition)
    if (offset === undefined) continue
    if (offset > highWatermark) {
      const message = `partition ${partition} of ${name} has no offset ${offset} yet: it ends at ${highWatermark}`
      throw new StreamBusError('OFFSET_OUT_OF_RANGE', message, { remedy: 'For all records give --before latest.' })
    }
    count += Math.max(0, offset - logStartOffset)
  }
  return count
}

async function deleteBefore(
  client: Client,
  name: string,
  before: ReadonlyMap<number, number>,
): Promise<{ partition: number; logStartOffset: number }[]> {
  const admin = client.admin()
  const starts: { partition: number; logStartOffset: number }[] = []
  for (const [partition, offset] of before) {
    starts.push({ partition, ...(await admin.deleteRecords(name, partition, offset)) })
  }
  return starts
}

/** By partition. Throws USAGE where one offset would mean other records in each partition. */
async function offsetsBefore(
  client: Client,
  topic: TopicDescription,
  { before, partition: wanted }: DeleteRecordsOptions,
): Promise<Map<number, number>> {
  if (typeof before === 'object' && 'offsets' in before) return ofPartitions(before.offsets, wanted)
  const partitions = wanted ?? topic.partitions.map(({ partition }) => partition)
  if (typeof before === 'number') {
    if (partitions.length === 1) return new Map([[partitions[0]!, before]])
    throw new StreamBusError('USAGE', `offset ${before} is another record in each of ${partitions.length} partitions`, {
      remedy: `Give --partition as well, or an offset for each: --before 0:${before},1:${before}`,
    })
  }
  const admin = client.admin()
  const ends = await admin.listOffsets(topic.name, 'latest', { partitions })
  const found = before === 'latest' ? ends : await admin.listOffsets(topic.name, timeOf(before), { partitions })
  // Nothing at or after that time: all is older.
  return new Map(found.map(({ partition, offset }, index) => [partition, offset < 0 ? ends[index]!.offset : offset]))
}

function ofPartitions(offsets: Readonly<Record<number, number>>, wanted: readonly number[] | undefined) {
  const entries = Object.entries(offsets).map(([partition, offset]) => [Number(partition), offset] as const)
  return new Map(entries.filter(([partition]) => wanted === undefined || wanted.includes(partition)))
}

function timeOf(before: StartPoint): { timestampMs: number } {
  if (typeof before === 'object' && 'timestampMs' in before) return before
  throw new StreamBusError('USAGE', '--before does not take that place', {
    remedy: 'Give latest for all records, an offset, an offset for each partition (0:42,1:7), a time or a time ago.',
  })
}
