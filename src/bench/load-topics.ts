/**
 * The topics of a run: created where they are missing, filled where there is too little to read, deleted when asked.
 * Runs on: main. Touches: the client.
 */
import { type Client, StreamBusError, type TopicInfo } from '../client/index.js'
import { type LoadPlan, usage } from './load-options.js'
import type { Place } from './thread/thread-data.js'
import { notDue, ValuePool } from './value-pool.js'
import { ValueSizes } from './value-sizes.js'

export interface LoadTopics {
  readonly places: readonly Place[]
  /** Of the first topic. */
  readonly partitions: number
  readonly flush: string
  readonly created: readonly string[]
}

/** Rejects with what the broker says. */
export async function prepareTopics(client: Client, plan: LoadPlan, signal?: AbortSignal): Promise<LoadTopics> {
  const admin = client.admin()
  const { partitions, flush, topicNames } = plan
  const known = new Set((await admin.listTopics({ signal })).map(({ name }) => name))
  const created = topicNames.filter((name) => !known.has(name))
  const configs = flush === 'commit' ? {} : { flush }
  for (const name of created) await admin.createTopic({ name, partitions, configs }, { signal })
  const topics = await infosOf(client, topicNames)
  checkPartitions(topics)
  if (plan.kind === 'consume' && plan.fill > 0) for (const topic of topics) await fill(client, plan, topic, signal)
  const places: Place[] = []
  for (const topic of topics) places.push(...(await placesOf(client, topic)))
  const { configs: inForce } = await admin.describeTopic(topicNames[0]!, { signal })
  return { places, partitions: topics[0]!.partitions.length, flush: inForce['flush'] ?? 'commit', created }
}

async function infosOf(client: Client, names: readonly string[]): Promise<TopicInfo[]> {
  const topics = await client.admin().listTopics()
  return names.map((name) => {
    const found = topics.find((topic) => topic.name === name)
    if (found === undefined) throw new StreamBusError('UNKNOWN_TOPIC_OR_PARTITION', `topic "${name}" is gone again`)
    return found
  })
}

/** Keys are laid out once for all topics. */
function checkPartitions([first, ...others]: readonly TopicInfo[]): void {
  const different = others.find(({ partitions }) => partitions.length !== first!.partitions.length)
  if (different === undefined) return
  const counts = [different, first!].map(({ name, partitions }) => `topic ${name} has ${partitions.length} partitions`)
  const what = counts.join(', ')
  throw usage(what, 'Take topics that are alike, or another --topic.')
}

async function placesOf(client: Client, { name, partitions }: TopicInfo): Promise<Place[]> {
  const ends = await client.admin().listOffsets(name, 'latest')
  return partitions.map(({ partition, partitionId }) => {
    const startOffset = ends.find((end) => end.partition === partition)!.offset
    return { topic: name, partition, partitionId, partitionCount: partitions.length, startOffset }
  })
}

async function fill(client: Client, plan: LoadPlan, { name }: TopicInfo, signal?: AbortSignal): Promise<void> {
  const sum = (answers: readonly { readonly offset: number }[]) => answers.reduce((so, { offset }) => so + offset, 0)
  const [earliest, latest] = [
    await client.admin().listOffsets(name, 'earliest'),
    await client.admin().listOffsets(name, 'latest'),
  ]
  const { batchBytes, compression, recordBytes } = plan
  const producer = client.producer({ batchBytes, compression })
  const values = new ValuePool(ValueSizes.parse(recordBytes), 0, compression !== 'none')
  for (let left = plan.fill - (sum(latest) - sum(earliest)); left > 0; left--) {
    signal?.throwIfAborted()
    if (!producer.write({ topic: name, value: values.next(notDue) })) await producer.ready({ signal })
  }
  await producer.close()
}

export async function deleteTopics(client: Client, names: readonly string[]): Promise<void> {
  for (const name of names) await client.admin().deleteTopic(name)
}
