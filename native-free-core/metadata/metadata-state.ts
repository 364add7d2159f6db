/**
 * The metadata state machine: committed commands in, answers and images out. The same commands give the same answers
 * and the same bytes on every broker.
 * Runs on: the metadata worker, the simulator. Touches: nothing but its own maps.
 */
import { assert } from '../errors/assert.js'
import { type ErrorName, errorTable } from '../errors/error-table.js'
import { StreamBusError } from '../errors/streambus-error.js'
import type { Uuid } from '../bytes/uuid.js'
import {
  type AllocateProducerIds,
  type AlterTopicConfig,
  type CreateTopic,
  type DeleteTopic,
  type ForgetDeletedTopics,
  type MetadataCommand,
  parseCommand,
  type RegisterBroker,
} from './metadata-command.js'
import { type BrokerImage, MetadataImage, type PartitionImage, type TopicImage } from './metadata-image.js'
import { collisionKeyOf } from './topic-name.js'

export type CommandValue =
  | { readonly brokerId: number }
  | { readonly topicId: Uuid; readonly name: string }
  /** A block of producer ids, half open. */
  | { readonly start: number; readonly end: number }
  /** How many ids of deleted topics are remembered no more. */
  | { readonly forgottenTopics: number }

export type CommandResult =
  | { readonly ok: true; readonly value: CommandValue }
  | { readonly ok: false; readonly error: ErrorName; readonly code: number; readonly message: string }

const partitionIdLimit = 2 ** 32

export class MetadataState {
  private readonly clusterId: Uuid
  private version: number
  private readonly brokers = new Map<number, BrokerImage>()
  private readonly topics = new Map<Uuid, TopicImage>()
  private readonly topicIdByName = new Map<string, Uuid>()
  private readonly nameByCollisionKey = new Map<string, string>()
  private readonly deletedTopics = new Map<Uuid, number>()
  private nextPartitionId: number
  private nextProducerId: number
  private current: MetadataImage

  /** Goes on from an image: an empty one, or a snapshot's. */
  constructor(image: MetadataImage) {
    this.clusterId = image.clusterId
    this.version = image.version
    this.nextPartitionId = image.nextPartitionId
    this.nextProducerId = image.nextProducerId
    for (const broker of image.brokers) this.brokers.set(broker.brokerId, broker)
    for (const topic of image.topics) this.putTopic(topic)
    for (const { topicId, version } of image.deletedTopics) this.deletedTopics.set(topicId, version)
    this.current = image
  }

  /** The same object until a command changes something. */
  get image(): MetadataImage {
    if (this.current.version !== this.version) this.current = this.makeImage()
    return this.current
  }

  /**
   * Applies one committed command. `index`: its place in the raft log, the version of what it changes.
   * Throws UNSUPPORTED_VERSION for a command of a newer release: this node must stop rather than differ from others.
   */
  apply(command: Uint8Array, index: number): CommandResult {
    assert(index > this.version, 'a command is applied a second time')
    try {
      return { ok: true, value: this.execute(parseCommand(command), index) }
    } catch (error) {
      if (!StreamBusError.is(error) || error.name === 'UNSUPPORTED_VERSION') throw error
      return { ok: false, error: error.name, code: errorTable[error.name].code, message: error.message }
    }
  }

  private execute(command: MetadataCommand, index: number): CommandValue {
    switch (command.type) {
      case 'registerBroker':
        return this.registerBroker(command, index)
      case 'createTopic':
        return this.createTopic(command, index)
      case 'deleteTopic':
        return this.deleteTopic(command, index)
      case 'alterTopicConfig':
        return this.alterTopicConfig(command, index)
      case 'allocateProducerIds':
        return this.allocateProducerIds(command, index)
      case 'forgetDeletedTopics':
        return this.forgetDeletedTopics(command, index)
    }
  }

  private registerBroker({ brokerId, host, port, incarnation }: RegisterBroker, index: number): CommandValue {
    const known = this.brokers.get(brokerId)
    if (known?.host !== host || known.port !== port || known.incarnation !== incarnation) {
      this.brokers.set(brokerId, { brokerId, host, port, incarnation })
      this.version = index
    }
    return { brokerId }
  }

  private createTopic(command: CreateTopic, index: number): CommandValue {
    const { name, topicId, configs } = command
    this.refuseTakenName(name)
    if (this.topics.has(topicId) || this.deletedTopics.has(topicId)) {
      throw new StreamBusError('INVALID_REQUEST', `topic ${name}: the id ${topicId} was given to a topic before`)
    }
    if (command.replicationFactor < 1 || command.replicationFactor > this.brokers.size) {
      throw new StreamBusError(
        'INVALID_REPLICATION_FACTOR',
        `topic ${name}: replication factor ${command.replicationFactor}, but the number of brokers is ` +
          `${this.brokers.size}`,
      )
    }
    if (command.partitions < 1 || this.nextPartitionId + command.partitions > partitionIdLimit) {
      throw new StreamBusError(
        'INVALID_PARTITIONS',
        `topic ${name}: ${command.partitions} partitions can't be numbered`,
      )
    }
    this.putTopic({ topicId, name, configs, partitions: this.placePartitions(command) })
    this.version = index
    return { topicId, name }
  }

  private refuseTakenName(name: string): void {
    const taken = this.nameByCollisionKey.get(collisionKeyOf(name))
    if (taken === undefined) return
    throw new StreamBusError(
      'TOPIC_ALREADY_EXISTS',
      taken === name
        ? `topic ${name} exists`
        : `topic ${name} collides with ${taken}: "." and "_" count as the same character`,
    )
  }

  /** Leaders go round the brokers, and so do the copies behind each. */
  private placePartitions({ partitions, replicationFactor }: CreateTopic): PartitionImage[] {
    const brokerIds = [...this.brokers.keys()].sort((a, b) => a - b)
    return Array.from({ length: partitions }, (_, partition) => {
      const partitionId = this.nextPartitionId++
      const replicas = Array.from(
        { length: replicationFactor },
        (_copy, copy) => brokerIds[(partitionId + copy) % brokerIds.length]!,
      )
      return { partition, partitionId, leader: replicas[0]!, leaderEpoch: 0, replicas, isr: replicas }
    })
  }

  private deleteTopic(command: DeleteTopic, index: number): CommandValue {
    const { topicId, name } = this.findTopic(command)
    this.topics.delete(topicId)
    this.topicIdByName.delete(name)
    this.nameByCollisionKey.delete(collisionKeyOf(name))
    this.deletedTopics.set(topicId, index)
    this.version = index
    return { topicId, name }
  }

  private alterTopicConfig(command: AlterTopicConfig, index: number): CommandValue {
    const topic = this.findTopic(command)
    const merged = Object.entries({ ...topic.configs, ...command.configs }).filter(([, text]) => text !== '')
    const configs = Object.fromEntries(merged)
    if (JSON.stringify(configs) !== JSON.stringify(topic.configs)) {
      this.topics.set(topic.topicId, { ...topic, configs })
      this.version = index
    }
    return { topicId: topic.topicId, name: topic.name }
  }

  private findTopic({ name, topicId, type }: DeleteTopic | AlterTopicConfig): TopicImage {
    const byName = name === undefined ? undefined : this.topicIdByName.get(name)
    const topic = this.topics.get(topicId ?? byName ?? '')
    if (topic !== undefined && (name === undefined || topic.name === name)) return topic
    if (topicId !== undefined) {
      const called = name === undefined ? '' : ` called ${name}`
      throw new StreamBusError('UNKNOWN_TOPIC_ID', `${type}: there is no topic with the id ${topicId}${called}`)
    }
    throw new StreamBusError('UNKNOWN_TOPIC_OR_PARTITION', `${type}: there is no topic ${name ?? ''}`)
  }

  private allocateProducerIds({ brokerId, count }: AllocateProducerIds, index: number): CommandValue {
    if (!this.brokers.has(brokerId)) {
      throw new StreamBusError('INVALID_REQUEST', `allocateProducerIds: broker ${brokerId} is not registered`)
    }
    const start = this.nextProducerId
    if (count < 1 || !Number.isSafeInteger(start + count)) {
      throw new StreamBusError('INVALID_REQUEST', `allocateProducerIds: ${count} ids can't follow ${start}`)
    }
    this.nextProducerId = start + count
    this.version = index
    return { start, end: start + count }
  }

  private forgetDeletedTopics({ brokerId, imageVersion }: ForgetDeletedTopics, index: number): CommandValue {
    if (!this.brokers.has(brokerId)) {
      throw new StreamBusError('INVALID_REQUEST', `forgetDeletedTopics: broker ${brokerId} is not registered`)
    }
    if (this.brokers.size > 1) {
      throw new StreamBusError(
        'INVALID_REQUEST',
        `forgetDeletedTopics: broker ${brokerId} can't speak for all ${this.brokers.size} brokers`,
      )
    }
    const gone = [...this.deletedTopics].filter(([, version]) => version <= imageVersion)
    for (const [topicId] of gone) this.deletedTopics.delete(topicId)
    if (gone.length > 0) this.version = index
    return { forgottenTopics: gone.length }
  }

  private putTopic(topic: TopicImage): void {
    this.topics.set(topic.topicId, topic)
    this.topicIdByName.set(topic.name, topic.topicId)
    this.nameByCollisionKey.set(collisionKeyOf(topic.name), topic.name)
  }

  private makeImage(): MetadataImage {
    return new MetadataImage({
      version: this.version,
      clusterId: this.clusterId,
      brokers: [...this.brokers.values()].sort((a, b) => a.brokerId - b.brokerId),
      topics: [...this.topics.values()],
      nextPartitionId: this.nextPartitionId,
      nextProducerId: this.nextProducerId,
      deletedTopics: [...this.deletedTopics].map(([topicId, version]) => ({ topicId, version })),
    })
  }
}
