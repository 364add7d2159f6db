/**
 * Reads a topic by subscription: an async iterator of record batches with credit, that goes on exactly where it was
 * after a lost connection.
 * Runs on: main thread of clients, browsers. Touches: the connection, its queue of batches.
 */
import {
  earliestOffset,
  latestOffset,
  outOfRangeError,
  Subscription,
} from '../../native-free-core/client/subscription.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import {
  Api,
  type DeliveryPush,
  readSubscribeResponse,
  readUnsubscribeResponse,
  type SubscribeResponse,
  type SubscriptionEndPush,
  type TopicInfo,
  writeCreditRequest,
  writeSubscribeRequest,
  writeUnsubscribeRequest,
} from '../../native-free-core/protocol/codecs.generated.js'
import { listOffsetsCall } from './admin.js'
import type { Connection, ConnectionUser } from './connection.js'
import { ConsumedBatch } from './consumed-batch.js'
import { type StartPoint, startOffsets } from './start-point.js'
import { type Topics, unknownPartition } from './topics.js'

/** What to read, and from where. */
export interface ConsumerOptions {
  readonly topic: string
  /** All, if absent. */
  readonly partitions?: readonly number[] | undefined
  /** Where to begin, default earliest. */
  readonly from?: StartPoint | undefined
  /** How many bytes of one partition may be here or on their way without being consumed, default 4 MiB. */
  readonly creditBytes?: number | undefined
  /** End when everything is read that was there at the start. */
  readonly untilEnd?: boolean | undefined
  /** What to do when the offset is not in the log (any more), default fail. */
  readonly whenOutOfRange?: 'fail' | 'earliest' | 'latest' | undefined
  /** Ends the consumer; iteration throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

interface Part {
  readonly partition: number
  readonly subscription: Subscription
  partitionId: number
  /** Where `untilEnd` ends; -1: not known yet. */
  endOffset: number
  /** The offset after the last record that the iterator gave; -1: none yet. */
  position: number
  isAsked: boolean
  isDone: boolean
}

interface QueuedBatch {
  readonly part: Part
  readonly batch: ConsumedBatch
}

type Result = IteratorResult<ConsumedBatch, undefined>

const defaultCreditBytes = 4 * 1024 * 1024
const ended: Result = { done: true, value: undefined }

/** Reads a topic's records, batch by batch, in order within each partition; made by `client.consumer()`. */
export class Consumer implements AsyncIterable<ConsumedBatch> {
  readonly topic: string
  private readonly connection: Connection
  private readonly topics: Topics
  private readonly options: ConsumerOptions
  private readonly user: ConnectionUser
  private parts: Part[] = []
  private info: TopicInfo | undefined
  private queue: QueuedBatch[] = []
  private queueAt = 0
  private next: { resolve(result: Result): void; reject(error: unknown): void } | undefined
  private error: unknown
  private isStarted = false
  private isClosed = false
  private isLookingAgain = false
  private readonly onAbort = () => this.fail(this.options.signal?.reason)

  constructor(connection: Connection, topics: Topics, options: ConsumerOptions) {
    this.connection = connection
    this.topics = topics
    this.topic = options.topic
    this.options = options
    this.user = {
      ready: (isOtherCluster) => this.reconnected(isOtherCluster),
      lost: () => this.lost(),
      refused: (error) => this.fail(error),
      tick: () => this.subscribeAll(),
    }
    connection.addUser(this.user)
    if (options.signal?.aborted) this.fail(options.signal.reason)
    options.signal?.addEventListener('abort', this.onAbort, { once: true })
    this.start().catch((error: unknown) => this.fail(error))
  }

  // Starting.

  private async start(): Promise<void> {
    const info = await this.topics.get(this.topic)
    this.info = info
    const wanted = this.options.partitions ?? info.partitions.map(({ partition }) => partition)
    for (const partition of wanted) if (!info.partitions[partition]) throw unknownPartition(info, partition)
    const offsets = await startOffsets(this.options.from ?? 'earliest', wanted, (partition, timestampMs) => {
      const { partitionId } = info.partitions[partition]!
      return this.connection.request(listOffsetsCall({ partitionId, timestampMs }))
    })
    const parts = wanted.map((partition) => this.partOf(info, partition, offsets.get(partition)!))
    if (this.isClosed) return
    this.parts = parts
    this.isStarted = true
    this.subscribeAll()
  }

  private partOf(info: TopicInfo, partition: number, startOffset: number): Part {
    const { partitionId } = info.partitions[partition]!
    const subscriptionId = this.connection.addSubscription({
      delivered: (push) => this.delivered(part, push),
      subscriptionEnded: (push) => this.subscriptionEnded(part, push),
    })
    const subscription = new Subscription(subscriptionId, startOffset, this.options.creditBytes ?? defaultCreditBytes)
    const flags = { endOffset: -1, position: -1, isAsked: false, isDone: false }
    const part: Part = { partition, partitionId, subscription, ...flags }
    return part
  }

  /** Subscribes what should be and is not: at the start, after a reconnect, and from time to time after an error. */
  private subscribeAll(): void {
    if (!this.isStarted || this.isClosed || !this.connection.isReady) return
    for (const part of this.parts) {
      const { subscription } = part
      if (!part.isDone && !part.isAsked && !subscription.isActive && part.partitionId >= 0) this.subscribe(part)
    }
    this.wake()
  }

  private subscribe(part: Part): void {
    part.isAsked = true
    const { subscription } = part
    const request = subscription.request(part.partitionId, this.connection.hello!.maxCreditBytes)
    this.connection.start(Api.Subscribe, (writer) => writeSubscribeRequest(writer, request), {
      succeeded: (body) => this.subscribed(part, readSubscribeResponse(body)),
      failed: (error) => {
        part.isAsked = false
        this.refused(part, error)
      },
    })
  }

  private subscribed(part: Part, response: SubscribeResponse): void {
    const { subscription } = part
    part.isAsked = false
    subscription.started(response)
    if (part.position < 0) part.position = subscription.nextOffset
    if (this.options.untilEnd && part.endOffset < 0) part.endOffset = response.highWatermark
    this.finishAtEnd(part)
  }

  /** What came so far was all that was wanted. */
  private finishAtEnd(part: Part): void {
    if (part.endOffset < 0 || part.subscription.nextOffset < part.endOffset || part.isDone) return
    part.isDone = true
    this.unsubscribe(part)
    this.wake()
  }

  private unsubscribe({ subscription }: Part): void {
    const { subscriptionId } = subscription
    this.connection.removeSubscription(subscriptionId)
    if (!subscription.isActive || !this.connection.isReady) return
    subscription.ended()
    this.connection.start(Api.Unsubscribe, (writer) => writeUnsubscribeRequest(writer, { subscriptionId }), {
      succeeded: (body) => void readUnsubscribeResponse(body),
      // The broker may have ended it at the same time.
      failed: () => {},
    })
  }

  // Deliveries.

  private delivered(part: Part, push: DeliveryPush): void {
    const { subscription } = part
    if (part.isDone || this.isClosed) return
    try {
      for (const delivered of subscription.delivered(push)) {
        if (part.endOffset >= 0 && delivered.firstOffset >= part.endOffset) break
        const batch = new ConsumedBatch(this.topic, part.partition, push.highWatermark, delivered, this.connection)
        this.queue.push({ part, batch })
      }
    } catch (error) {
      return this.fail(error)
    }
    this.grant(part, subscription.creditDue())
    this.finishAtEnd(part)
    this.wake()
  }

  private grant({ subscription }: Part, creditBytes: number): void {
    if (creditBytes === 0) return
    const { subscriptionId } = subscription
    this.connection.tell(Api.Credit, (writer) => writeCreditRequest(writer, { subscriptionId, creditBytes }))
  }

  private subscriptionEnded(part: Part, push: SubscriptionEndPush): void {
    part.subscription.ended()
    if (!part.isDone) this.refused(part, StreamBusError.fromCode(push.code, push.message))
  }

  private refused(part: Part, error: StreamBusError): void {
    if (this.isClosed || part.isDone) return
    if (error.name === 'OFFSET_OUT_OF_RANGE') return this.outOfRange(part, error)
    if (error.name === 'UNKNOWN_TOPIC_ID' || error.name === 'UNKNOWN_TOPIC_OR_PARTITION') return this.lookAgain()
    // The tick, or the next connection, tries again.
    if (!error.retriable) this.fail(error)
  }

  private outOfRange(part: Part, error: StreamBusError): void {
    const { subscription, partition } = part
    const { whenOutOfRange } = this.options
    if (whenOutOfRange === 'earliest') subscription.nextOffset = earliestOffset
    else if (whenOutOfRange === 'latest') subscription.nextOffset = latestOffset
    else this.fail(outOfRangeError(this.topic, partition, subscription.nextOffset, error.message))
  }

  /** The broker does not know a partition: only a topic of the same id may be read on. */
  private lookAgain(): void {
    if (this.isLookingAgain) return
    this.isLookingAgain = true
    this.topics
      .refresh(this.topic)
      .then(
        (info) => this.adopt(info),
        (error: unknown) => {
          if (StreamBusError.is(error) && error.retriable && error.name !== 'UNKNOWN_TOPIC_OR_PARTITION') return
          this.fail(error)
        },
      )
      .finally(() => {
        this.isLookingAgain = false
      })
  }

  private adopt(info: TopicInfo): void {
    if (info.topicId !== this.info?.topicId) {
      const message = `topic "${this.topic}" was deleted and made anew, so its offsets mean other records`
      return this.fail(new StreamBusError('UNKNOWN_TOPIC_ID', message, { remedy: 'Start a new consumer.' }))
    }
    for (const part of this.parts) part.partitionId = info.partitions[part.partition]?.partitionId ?? -1
    this.subscribeAll()
  }

  // The connection.

  private lost(): void {
    for (const part of this.parts) {
      part.isAsked = false
      part.subscription.ended()
    }
  }

  private reconnected(isOtherCluster: boolean): void {
    if (!isOtherCluster) return this.subscribeAll()
    for (const part of this.parts) part.partitionId = -1
    if (this.isStarted) this.lookAgain()
  }

  // Iteration.

  /** The batches, as they come; leaving the loop closes the consumer. */
  [Symbol.asyncIterator](): AsyncIterator<ConsumedBatch, undefined> {
    return {
      next: () => this.take(),
      return: async () => {
        await this.close()
        return ended
      },
    }
  }

  private take(): Promise<Result> {
    if (this.next !== undefined) {
      return Promise.reject(new StreamBusError('USAGE', 'a consumer is read by one loop at a time'))
    }
    const queued = this.shift()
    if (queued !== undefined) return Promise.resolve({ done: false, value: this.consume(queued) })
    if (this.error !== undefined) return Promise.reject(this.error)
    if (this.isClosed || this.isFinished()) return this.close().then(() => ended)
    return new Promise((resolve, reject) => {
      this.next = { resolve, reject }
    })
  }

  private shift(): QueuedBatch | undefined {
    const queued = this.queue[this.queueAt]
    if (queued === undefined) return undefined
    this.queueAt++
    if (this.queueAt === this.queue.length) {
      this.queue = []
      this.queueAt = 0
    }
    return queued
  }

  private consume({ part, batch }: QueuedBatch): ConsumedBatch {
    part.position = batch.lastOffset + 1
    this.grant(part, part.subscription.consumed(batch.sizeBytes))
    return batch
  }

  private isFinished(): boolean {
    return this.isStarted && this.parts.every((part) => part.isDone)
  }

  /** Lets a waiting `next` go on if there is something for it. */
  private wake(): void {
    const { next } = this
    if (next === undefined) return
    const isWorthIt = this.queueAt < this.queue.length || this.error !== undefined || this.isClosed || this.isFinished()
    if (!isWorthIt) return
    this.next = undefined
    this.take().then(next.resolve, next.reject)
  }

  private fail(error: unknown): void {
    if (this.isClosed) return
    this.error = error
    this.end()
    this.wake()
  }

  /** The offset after the last record that the iterator gave of this partition; -1: nothing is known yet. */
  position(partition: number): number {
    return this.parts.find((part) => part.partition === partition)?.position ?? -1
  }

  /** The offsets from which another consumer would go on, as its `from.offsets`. */
  positions(): Record<number, number> {
    const known = this.parts.filter((part) => part.position >= 0)
    return Object.fromEntries(known.map(({ partition, position }) => [partition, position]))
  }

  /** Ends the subscriptions; a loop over the consumer ends after what came already. */
  close(): Promise<void> {
    this.end()
    this.wake()
    return Promise.resolve()
  }

  private end(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.options.signal?.removeEventListener('abort', this.onAbort)
    this.connection.removeUser(this.user)
    for (const part of this.parts) if (!part.isDone) this.unsubscribe(part)
  }
}
