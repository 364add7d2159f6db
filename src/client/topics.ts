/**
 * What the broker said about topics, kept until it turns out to be wrong.
 * Runs on: main thread of clients, browsers. Touches: its map, the connection.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import {
  Api,
  type MetadataRequest,
  type MetadataResponse,
  readMetadataResponse,
  type TopicInfo,
  writeMetadataRequest,
} from '../../native-free-core/protocol/codecs.generated.js'
import type { Call, CallOptions, Connection } from './connection.js'
import { orAborted } from './waiter.js'

export function metadataCall(request: MetadataRequest): Call<MetadataResponse> {
  return {
    api: Api.Metadata,
    write: (writer) => writeMetadataRequest(writer, request),
    read: readMetadataResponse,
    isRepeatable: true,
  }
}

export class Topics {
  private readonly connection: Connection
  private readonly known = new Map<string, TopicInfo>()
  private readonly asked = new Map<string, Promise<TopicInfo>>()

  constructor(connection: Connection) {
    this.connection = connection
  }

  /** Throws UNKNOWN_TOPIC_OR_PARTITION. */
  get(name: string, { signal }: CallOptions = {}): Promise<TopicInfo> {
    const topic = this.known.get(name)
    if (topic !== undefined) return Promise.resolve(topic)
    // One question serves all who ask, so nobody's signal ends it: each stops waiting by its own.
    const answer = this.asked.get(name) ?? this.ask(name)
    return signal === undefined ? answer : orAborted(answer, signal)
  }

  /** Asks the broker again. */
  refresh(name: string): Promise<TopicInfo> {
    this.known.delete(name)
    return this.get(name)
  }

  forgetAll(): void {
    this.known.clear()
    this.asked.clear()
  }

  forget(name: string): void {
    this.known.delete(name)
  }

  private ask(name: string): Promise<TopicInfo> {
    const answer = this.lookUp(name).finally(() => {
      if (this.asked.get(name) === answer) this.asked.delete(name)
    })
    this.asked.set(name, answer)
    return answer
  }

  private async lookUp(name: string): Promise<TopicInfo> {
    const { topics } = await this.connection.request(metadataCall({ all: false, names: [name] }))
    const topic = topics.find((found) => found.name === name)
    if (topic === undefined) throw unknownTopic(name)
    this.known.set(name, topic)
    return topic
  }
}

export function unknownTopic(name: string): StreamBusError {
  return new StreamBusError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic "${name}"`, {
    remedy: `Check the name, or create it: streambus-cli topic create ${name} --partitions 1`,
  })
}

export function unknownPartition(topic: TopicInfo, partition: number): StreamBusError {
  const count = topic.partitions.length
  const message = `topic "${topic.name}" has no partition ${partition}`
  return new StreamBusError('UNKNOWN_TOPIC_OR_PARTITION', message, {
    remedy: count === 1 ? 'Its only partition is 0.' : `Its partitions are 0 to ${count - 1}.`,
  })
}
