/**
 * The metadata image: all that a thread knows of brokers, topics and partitions, as of one version. Never changed.
 * Runs on: every thread, and browsers. Touches: the bytes it is given.
 *
 * Bytes: JSON in UTF-8, its first field the format. A partition is a row [partitionId, leader, leaderEpoch, replicas,
 * isr], its number the row's index: a topic may have 10,000.
 */
import type { Uuid } from '../bytes/uuid.js'
import { StreamBusError } from '../errors/streambus-error.js'

export const imageFormat = 1

export interface BrokerImage {
  readonly brokerId: number
  /** Where clients reach it. */
  readonly host: string
  readonly port: number
  /** Of the process that registered last: random. */
  readonly incarnation: string
}

export interface PartitionImage {
  /** The number within the topic, from 0. */
  readonly partition: number
  /** Uint32, the number within the cluster: never given to another partition. */
  readonly partitionId: number
  /** -1: none. */
  readonly leader: number
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
}

export interface TopicImage {
  readonly topicId: Uuid
  readonly name: string
  /** Entries that differ from the defaults. */
  readonly configs: Readonly<Record<string, string>>
  /** In order of their numbers. */
  readonly partitions: readonly PartitionImage[]
}

export interface DeletedTopic {
  readonly topicId: Uuid
  /** The image that does not have it any more. */
  readonly version: number
}

export interface ImageContent {
  /** The raft index of the last command that changed anything. */
  readonly version: number
  readonly clusterId: Uuid
  /** In order of their numbers. */
  readonly brokers: readonly BrokerImage[]
  /** In order of creation. */
  readonly topics: readonly TopicImage[]
  readonly nextPartitionId: number
  readonly nextProducerId: number
  /**
   * In order of deletion; recovery tells a deleted topic from one that it does not know. Each is remembered until no
   * journal and no folder names it any more (`forgetDeletedTopics`).
   */
  readonly deletedTopics: readonly DeletedTopic[]
}

type PartitionRow = readonly [number, number, number, readonly number[], readonly number[]]

interface EncodedImage extends Omit<ImageContent, 'topics' | 'deletedTopics'> {
  readonly format: number
  readonly topics: readonly (Omit<TopicImage, 'partitions'> & { readonly partitions: readonly PartitionRow[] })[]
  readonly deletedTopics: readonly (readonly [Uuid, number])[]
}

export interface PartitionPlace {
  readonly topic: TopicImage
  readonly partition: PartitionImage
}

export class MetadataImage implements ImageContent {
  readonly version: number
  readonly clusterId: Uuid
  readonly brokers: readonly BrokerImage[]
  readonly topics: readonly TopicImage[]
  readonly nextPartitionId: number
  readonly nextProducerId: number
  readonly deletedTopics: readonly DeletedTopic[]
  private byName: Map<string, TopicImage> | undefined
  private byId: Map<Uuid, TopicImage> | undefined
  private byPartitionId: Map<number, PartitionPlace> | undefined
  private deleted: Map<Uuid, number> | undefined

  constructor(content: ImageContent) {
    this.version = content.version
    this.clusterId = content.clusterId
    this.brokers = content.brokers
    this.topics = content.topics
    this.nextPartitionId = content.nextPartitionId
    this.nextProducerId = content.nextProducerId
    this.deletedTopics = content.deletedTopics
  }

  /** What a new cluster starts with. */
  static empty(clusterId: Uuid): MetadataImage {
    const nothing = { brokers: [], topics: [], deletedTopics: [] }
    return new MetadataImage({ version: 0, clusterId, ...nothing, nextPartitionId: 0, nextProducerId: 0 })
  }

  /** Shared memory is copied first. Throws DATA_FORMAT_TOO_NEW, or INVALID_REQUEST for what is no image. */
  static parse(bytes: Uint8Array): MetadataImage {
    const { topics, deletedTopics, ...rest } = readEncoded(bytes)
    return new MetadataImage({
      ...rest,
      topics: topics.map(({ topicId, name, configs, partitions }) => ({
        topicId,
        name,
        configs,
        partitions: partitions.map(partitionOf),
      })),
      deletedTopics: deletedTopics.map(([topicId, version]) => ({ topicId, version })),
    })
  }

  /** Equal images have equal bytes. */
  encode(): Uint8Array<ArrayBuffer> {
    const encoded: EncodedImage = {
      format: imageFormat,
      version: this.version,
      clusterId: this.clusterId,
      nextPartitionId: this.nextPartitionId,
      nextProducerId: this.nextProducerId,
      brokers: this.brokers,
      topics: this.topics.map((topic) => ({ ...topic, partitions: topic.partitions.map(rowOf) })),
      deletedTopics: this.deletedTopics.map(({ topicId, version }) => [topicId, version]),
    }
    return new TextEncoder().encode(JSON.stringify(encoded))
  }

  topicByName(name: string): TopicImage | undefined {
    this.byName ??= new Map(this.topics.map((topic) => [topic.name, topic]))
    return this.byName.get(name)
  }

  topicById(topicId: Uuid): TopicImage | undefined {
    this.byId ??= new Map(this.topics.map((topic) => [topic.topicId, topic]))
    return this.byId.get(topicId)
  }

  partitionById(partitionId: number): PartitionPlace | undefined {
    this.byPartitionId ??= new Map(
      this.topics.flatMap((topic) =>
        topic.partitions.map((partition) => [partition.partitionId, { topic, partition }] as const),
      ),
    )
    return this.byPartitionId.get(partitionId)
  }

  brokerById(brokerId: number): BrokerImage | undefined {
    return this.brokers.find((broker) => broker.brokerId === brokerId)
  }

  /** True for a topic that was deleted and is remembered; false for one that exists, or is forgotten or unknown. */
  isDeleted(topicId: Uuid): boolean {
    this.deleted ??= new Map(this.deletedTopics.map((topic) => [topic.topicId, topic.version]))
    return this.deleted.has(topicId)
  }
}

function rowOf({ partitionId, leader, leaderEpoch, replicas, isr }: PartitionImage): PartitionRow {
  return [partitionId, leader, leaderEpoch, replicas, isr]
}

function partitionOf(row: PartitionRow, partition: number): PartitionImage {
  const [partitionId, leader, leaderEpoch, replicas, isr] = row
  return { partition, partitionId, leader, leaderEpoch, replicas, isr }
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function readEncoded(bytes: Uint8Array): EncodedImage {
  let value: Partial<EncodedImage> | null
  try {
    value = JSON.parse(decoder.decode(bytes.slice())) as Partial<EncodedImage> | null
  } catch (cause) {
    throw new StreamBusError('INVALID_REQUEST', `a metadata image of ${bytes.length} bytes is not JSON`, { cause })
  }
  const format = value?.format
  if (typeof format === 'number' && format > imageFormat) {
    throw new StreamBusError(
      'DATA_FORMAT_TOO_NEW',
      `a metadata image has format ${format}; this version reads ${imageFormat}`,
    )
  }
  if (format !== imageFormat || !Array.isArray(value?.topics) || !Array.isArray(value.deletedTopics)) {
    throw new StreamBusError('INVALID_REQUEST', `JSON of ${bytes.length} bytes is not a metadata image`)
  }
  const { format: _format, ...content } = value as EncodedImage
  return content as EncodedImage
}
