/**
 * Topics, offsets and the state of the cluster.
 * Runs on: main thread of clients, browsers. Touches: the connection.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import {
  type AlterBrokerConfigResponse,
  Api,
  type BrokerConfigEntry,
  type BrokerInfo,
  type ListOffsetsRequest,
  type ListOffsetsResponse,
  type PartitionDetail,
  readAlterBrokerConfigResponse,
  readAlterTopicConfigResponse,
  readClusterStatusResponse,
  readCreateTopicResponse,
  readDeleteRecordsResponse,
  readDeleteTopicResponse,
  readDescribeBrokerConfigResponse,
  readDescribeTopicResponse,
  readListOffsetsResponse,
  type TopicInfo,
  writeAlterBrokerConfigRequest,
  writeAlterTopicConfigRequest,
  writeCreateTopicRequest,
  writeDeleteRecordsRequest,
  writeDeleteTopicRequest,
  writeDescribeBrokerConfigRequest,
  writeDescribeTopicRequest,
  writeListOffsetsRequest,
} from '../../native-free-core/protocol/codecs.generated.js'
import type { Call, CallOptions, Connection } from './connection.js'
import { type TimeAgo, timestampOf } from './start-point.js'
import { metadataCall, type Topics, unknownPartition, unknownTopic } from './topics.js'

/** What `createTopic` makes. */
export interface NewTopic {
  readonly name: string
  /** Default 1. */
  readonly partitions?: number | undefined
  /** Default 1. */
  readonly replicationFactor?: number | undefined
  /** Entries that differ from the defaults, such as { 'retention.ms': '3600000' }. */
  readonly configs?: Readonly<Record<string, string>> | undefined
}

/** What `describeTopic` tells. */
export interface TopicDescription {
  readonly name: string
  readonly topicId: string
  /** All entries in force. */
  readonly configs: Readonly<Record<string, string>>
  readonly partitions: readonly PartitionDetail[]
}

/** Values by key; null goes back to what the broker's file and environment say. Sizes and durations may have units. */
export type BrokerConfigChanges = Readonly<Record<string, string | number | boolean | readonly string[] | null>>

/**
 * The record that a point in time means: the first that is there, the next to come, the one with the largest timestamp,
 * or the first at or after a time, which may be so long ago by the client's clock.
 */
export type OffsetSpec = 'earliest' | 'latest' | 'max-timestamp' | TimeAgo | Date | { readonly timestampMs: number }

/** The offset that `listOffsets` found in one partition. */
export interface OffsetAnswer {
  readonly partition: number
  /** -1: there is no record at or after that time. */
  readonly offset: number
  readonly timestampMs: number
}

export function listOffsetsCall(request: ListOffsetsRequest): Call<ListOffsetsResponse> {
  return {
    api: Api.ListOffsets,
    write: (writer) => writeListOffsetsRequest(writer, request),
    read: readListOffsetsResponse,
    isRepeatable: true,
  }
}

/** Commands and questions about topics, offsets and the cluster; made by `client.admin()`. */
export class Admin {
  private readonly connection: Connection
  private readonly topics: Topics

  constructor(connection: Connection, topics: Topics) {
    this.connection = connection
    this.topics = topics
  }

  /** Resolves when the topic can be produced to. */
  createTopic(topic: NewTopic, options: CallOptions = {}): Promise<{ topicId: string }> {
    const { name, partitions = 1, replicationFactor = 1 } = topic
    const request = { name, partitions, replicationFactor, configs: entriesOf(topic.configs) }
    const write: Call<unknown>['write'] = (writer) => writeCreateTopicRequest(writer, request)
    const call = { api: Api.CreateTopic, write, read: readCreateTopicResponse, isRepeatable: false }
    return this.connection.request(call, options)
  }

  /** All topics, in order of their names. */
  async listTopics(options: CallOptions = {}): Promise<readonly TopicInfo[]> {
    const { topics } = await this.connection.request(metadataCall({ all: true, names: [] }), options)
    return [...topics].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** The brokers of the cluster. */
  async listBrokers(options: CallOptions = {}): Promise<readonly BrokerInfo[]> {
    const { brokers } = await this.connection.request(metadataCall({ all: false, names: [] }), options)
    return brokers
  }

  /** A topic's configuration, and each partition's offsets and size. Rejects with UNKNOWN_TOPIC_OR_PARTITION. */
  async describeTopic(name: string, options: CallOptions = {}): Promise<TopicDescription> {
    const answer = await this.forTopic(
      name,
      {
        api: Api.DescribeTopic,
        write: (writer) => writeDescribeTopicRequest(writer, { name }),
        read: readDescribeTopicResponse,
        isRepeatable: true,
      },
      options,
    )
    const configs = Object.fromEntries(answer.configs.map((entry) => [entry.name, entry.value]))
    return { ...answer, configs }
  }

  /** Deletes a topic and all its records. Rejects with UNKNOWN_TOPIC_OR_PARTITION. */
  async deleteTopic(name: string, options: CallOptions = {}): Promise<void> {
    this.topics.forget(name)
    await this.forTopic(
      name,
      {
        api: Api.DeleteTopic,
        write: (writer) => writeDeleteTopicRequest(writer, { name }),
        read: readDeleteTopicResponse,
        isRepeatable: false,
      },
      options,
    )
  }

  /** Sets entries; an empty text goes back to the default. */
  async alterTopicConfig(
    name: string,
    configs: Readonly<Record<string, string>>,
    options: CallOptions = {},
  ): Promise<void> {
    await this.forTopic(
      name,
      {
        api: Api.AlterTopicConfig,
        write: (writer) => writeAlterTopicConfigRequest(writer, { name, configs: entriesOf(configs) }),
        read: readAlterTopicConfigResponse,
        isRepeatable: true,
      },
      options,
    )
  }

  /** Records below the offset can't be read any more; 'latest': none of those that are there. */
  deleteRecords(
    topic: string,
    partition: number,
    beforeOffset: number | 'latest',
    options: CallOptions = {},
  ): Promise<{ logStartOffset: number }> {
    return this.withTopic(topic, options, (info) => {
      const request = {
        partitionId: partitionIdOf(info, partition),
        beforeOffset: beforeOffset === 'latest' ? -1 : beforeOffset,
      }
      const write: Call<unknown>['write'] = (writer) => writeDeleteRecordsRequest(writer, request)
      const call = { api: Api.DeleteRecords, write, read: readDeleteRecordsResponse, isRepeatable: true }
      return this.connection.request(call, options)
    })
  }

  /** For all partitions of a topic, or those given. */
  async listOffsets(
    topic: string,
    spec: OffsetSpec,
    options: CallOptions & { readonly partitions?: readonly number[] } = {},
  ): Promise<OffsetAnswer[]> {
    const timestampMs = timestampOf(spec)
    return this.withTopic(topic, options, (info) => {
      const partitions = options.partitions ?? info.partitions.map(({ partition }) => partition)
      return Promise.all(
        partitions.map(async (partition) => {
          const call = listOffsetsCall({ partitionId: partitionIdOf(info, partition), timestampMs })
          const { offset, timestampMs: foundMs } = await this.connection.request(call, options)
          return { partition, offset, timestampMs: foundMs }
        }),
      )
    })
  }

  /** The document that docs/protocol.md describes. */
  async clusterStatus(options: CallOptions = {}): Promise<Record<string, unknown>> {
    const call = { api: Api.ClusterStatus, write: () => {}, read: readClusterStatusResponse, isRepeatable: true }
    const { json } = await this.connection.request(call, options)
    return JSON.parse(json) as Record<string, unknown>
  }

  /** What the broker runs with, and where each value came from: all keys, or those given. */
  async describeBrokerConfig(
    keys: readonly string[] = [],
    options: CallOptions = {},
  ): Promise<readonly BrokerConfigEntry[]> {
    const call: Call<{ readonly entries: readonly BrokerConfigEntry[] }> = {
      api: Api.DescribeBrokerConfig,
      write: (writer) => writeDescribeBrokerConfigRequest(writer, { keys }),
      read: readDescribeBrokerConfigResponse,
      isRepeatable: true,
    }
    return (await this.connection.request(call, options)).entries
  }

  /**
   * Changes keys of the broker that need no restart, all or none; holds until its next start.
   * Rejects with INVALID_CONFIG, which names what is wrong or needs a restart.
   */
  alterBrokerConfig(changes: BrokerConfigChanges, options: CallOptions = {}): Promise<AlterBrokerConfigResponse> {
    const given = Object.entries(changes)
    const configs = given.flatMap(([name, value]) => (value === null ? [] : [{ name, value: textOf(value) }]))
    const reset = given.filter(([, value]) => value === null).map(([name]) => name)
    const call: Call<AlterBrokerConfigResponse> = {
      api: Api.AlterBrokerConfig,
      write: (writer) => writeAlterBrokerConfigRequest(writer, { configs, reset }),
      read: readAlterBrokerConfigResponse,
      isRepeatable: true,
    }
    return this.connection.request(call, options)
  }

  /** What is known of a topic may be of one that was deleted and made anew since: then the broker is asked again. */
  private async withTopic<Result>(
    name: string,
    options: CallOptions,
    ask: (info: TopicInfo) => Promise<Result>,
  ): Promise<Result> {
    const info = await this.topics.get(name, options)
    try {
      return await ask(info)
    } catch (error) {
      if (!StreamBusError.is(error) || error.name !== 'UNKNOWN_TOPIC_ID') throw error
      this.topics.forget(name)
      return await ask(await this.topics.get(name, options))
    }
  }

  private async forTopic<Response>(name: string, call: Call<Response>, options: CallOptions): Promise<Response> {
    try {
      return await this.connection.request(call, options)
    } catch (error) {
      if (StreamBusError.is(error) && error.name === 'UNKNOWN_TOPIC_OR_PARTITION') throw unknownTopic(name)
      throw error
    }
  }
}

function textOf(value: string | number | boolean | readonly string[]): string {
  return typeof value === 'object' ? value.join(',') : String(value)
}

function entriesOf(configs: Readonly<Record<string, string>> = {}): { name: string; value: string }[] {
  return Object.entries(configs).map(([name, value]) => ({ name, value }))
}

function partitionIdOf(info: TopicInfo, partition: number): number {
  const found = info.partitions[partition]
  if (found === undefined) throw unknownPartition(info, partition)
  return found.partitionId
}
