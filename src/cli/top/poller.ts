/**
 * Asks the broker, at its own pace, and keeps what is known: the screen is drawn more often than the broker is asked.
 * Runs on: main. Touches: the client.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import type { Client } from '../../client/index.js'
import { BrokerModel, type BrokerView } from './broker-model.js'
import { readStatus, type StatusSample } from './status-sample.js'
import { TopicModel, type TopicView } from './topic-model.js'

/** Topics are asked once a second, and which there are every five. */
const topicIntervalMs = 1000
const namesIntervalMs = 5000

export interface TopView {
  readonly broker: BrokerView
  readonly topics: readonly TopicView[]
  /** When the broker answered, on performance.now(). */
  readonly receivedMs: number
}

export class Poller {
  private readonly client: Client
  private readonly broker = new BrokerModel()
  private readonly topics = new TopicModel()
  private topicsAskedMs = Number.NEGATIVE_INFINITY
  private namesAskedMs = Number.NEGATIVE_INFINITY

  constructor(client: Client) {
    this.client = client
  }

  /** Whether rates are known: after the second answer. */
  get hasRates(): boolean {
    return this.broker.hasRates
  }

  /** Asks once. Throws what the client throws, and UNSUPPORTED_VERSION for a broker that is too old. */
  async poll(signal?: AbortSignal): Promise<TopView> {
    const startMs = performance.now()
    if (startMs - this.topicsAskedMs >= topicIntervalMs) {
      this.topicsAskedMs = startMs
      await this.pollTopics(signal)
    } else this.broker.add(await this.status(signal))
    return { broker: this.broker.view()!, topics: this.topics.view(), receivedMs: performance.now() }
  }

  /** Polls until the signal: `onView` hears of each answer, `onTrouble` of what may pass. Throws what will not. */
  async run(
    intervalMs: number,
    signal: AbortSignal,
    onView: (view: TopView) => void,
    onTrouble: (error: StreamBusError) => void,
  ): Promise<void> {
    while (!signal.aborted) {
      const dueMs = performance.now() + intervalMs
      try {
        onView(await this.poll(signal))
      } catch (error) {
        if (signal.aborted) return
        const trouble = StreamBusError.from(error)
        if (!trouble.retriable) throw trouble
        onTrouble(trouble)
      }
      await delay(Math.max(0, dueMs - performance.now()), undefined, { signal }).catch(() => {})
    }
  }

  private async status(signal: AbortSignal | undefined): Promise<StatusSample> {
    return readStatus(await this.client.admin().clusterStatus({ signal }))
  }

  private async pollTopics(signal: AbortSignal | undefined): Promise<void> {
    const admin = this.client.admin()
    if (performance.now() - this.namesAskedMs >= namesIntervalMs) {
      this.namesAskedMs = performance.now()
      const topics = await admin.listTopics({ signal })
      this.topics.setNames(topics.map(({ name, partitions }) => ({ name, partitionCount: partitions.length })))
    }
    const descriptions = await Promise.all(
      this.topics
        .nextNames()
        .map((name) => admin.describeTopic(name, { signal }).catch((error: unknown) => this.withoutTopic(name, error))),
    )
    const nowMs = performance.now()
    const status = await this.status(signal)
    this.broker.add(status)
    for (const description of descriptions) {
      if (description !== undefined) this.topics.add(description, status, nowMs)
    }
  }

  /** A topic that is gone, or that we may not see, is left out. */
  private withoutTopic(name: string, error: unknown): undefined {
    const { name: errorName } = StreamBusError.from(error)
    if (errorName !== 'UNKNOWN_TOPIC_OR_PARTITION' && errorName !== 'TOPIC_AUTHORIZATION_FAILED') throw error
    this.topics.remove(name)
  }
}
