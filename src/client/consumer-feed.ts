/**
 * What comes to a consumer: one subscription a partition, subscribed again when it ends, and the batches that wait.
 * Runs on: main thread of clients, browsers. Touches: the connection, its queues.
 *
 * `take` gives the batches of all partitions in turn, one batch of a partition at a time: the next of it comes when
 * the last is finished. Whoever takes a batch calls `finish`, which grants the broker its bytes again, or `putBack`.
 *
 *   delivered -> queue of its partition -> in turn -> take -> finish
 *                        ^                              |
 *                        +---------- putBack -----------+
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
import { type OffsetLookUp, type StartPoint, startOffsets } from './start-point.js'
import { type Topics, unknownPartition } from './topics.js'

export interface FeedOptions {
  readonly partitions: readonly number[] | undefined
  readonly from: StartPoint
  readonly creditBytes: number
  readonly untilEnd: boolean
  readonly whenOutOfRange: 'fail' | 'earliest' | 'latest'
}

/** One partition. */
export interface FeedPart {
  readonly partition: number
  /** As the broker named it; -1: not known now. */
  partitionId: number
  subscription: Subscription
  /** Of this subscription; the next come when they are finished. */
  queue: ConsumedBatch[]
  /** Where `untilEnd` ends; -1: not known yet. */
  endOffset: number
  /** The offset after the last record that was given out; -1: none yet, and the first is not known. */
  position: number
  /** A subscribe request is on its way. */
  isAsked: boolean
  isDone: boolean
  isPaused: boolean
  /** Where to go on is being looked up. */
  isSeeking: boolean
  isTaken: boolean
  /** Among those whose turn comes. */
  isInTurn: boolean
  seekCount: number
}

export interface Taken {
  readonly part: FeedPart
  readonly subscription: Subscription
  readonly batch: ConsumedBatch
}

interface Waiter {
  resolve(taken: Taken | undefined): void
  reject(error: unknown): void
}

export class ConsumerFeed {
  readonly topic: string
  parts: readonly FeedPart[] = []
  /** Resolves when the partitions are known; rejects with what made that impossible. */
  readonly started: Promise<void>
  /** Nothing more comes; what came before may still be given out. */
  isClosed = false
  private readonly connection: Connection
  private readonly topics: Topics
  private readonly options: FeedOptions
  private readonly user: ConnectionUser
  private readonly onEnd: () => void
  private info: TopicInfo | undefined
  private turn: FeedPart[] = []
  private waiter: Waiter | undefined
  private error: unknown
  private isStarted = false
  /** Nothing more is given out. */
  private isOver = false
  private beforeStart: (() => void)[] = []
  private isLookingAgain = false

  /** `onEnd` is called once. */
  constructor(connection: Connection, topics: Topics, topic: string, options: FeedOptions, onEnd: () => void) {
    this.connection = connection
    this.topics = topics
    this.topic = topic
    this.options = options
    this.onEnd = onEnd
    this.user = {
      ready: (isOtherCluster) => this.reconnected(isOtherCluster),
      refused: (error) => this.fail(error),
      lost: () => this.lost(),
      tick: () => this.subscribeAll(),
    }
    connection.addUser(this.user)
    this.started = this.start()
    this.started.catch((error: unknown) => this.fail(error))
  }

  // Starting.

  private async start(): Promise<void> {
    const info = await this.topics.get(this.topic)
    this.info = info
    const wanted = this.options.partitions ?? info.partitions.map(({ partition }) => partition)
    for (const partition of wanted) if (!info.partitions[partition]) throw unknownPartition(info, partition)
    const offsets = await startOffsets(this.options.from, wanted, this.lookUp)
    if (this.isClosed) return
    this.parts = wanted.map((partition) => this.newPart(info, partition, offsets.get(partition)!))
    this.isStarted = true
    for (const action of this.beforeStart) action()
    this.subscribeAll()
  }

  /** Runs `action` when the partitions are known, which may be now. */
  whenStarted(action: () => void): void {
    if (this.isStarted) action()
    else this.beforeStart.push(action)
  }

  /** Throws USAGE for one that is not read. */
  partOf(partition: number): FeedPart {
    const part = this.parts.find((one) => one.partition === partition)
    if (part !== undefined) return part
    const read = this.parts.map((one) => one.partition).join(', ')
    throw new StreamBusError('USAGE', `partition ${partition} of ${this.topic} is not read by this consumer`, {
      remedy: `It reads partition ${read}.`,
    })
  }

  private readonly lookUp: OffsetLookUp = (partition, timestampMs) => {
    const { partitionId } = this.info!.partitions[partition]!
    return this.connection.request(listOffsetsCall({ partitionId, timestampMs }))
  }

  private newPart(info: TopicInfo, partition: number, startOffset: number): FeedPart {
    const flags = { isAsked: false, isDone: false, isPaused: false, isSeeking: false, isTaken: false, isInTurn: false }
    const part: FeedPart = {
      partition,
      partitionId: info.partitions[partition]!.partitionId,
      subscription: new Subscription(0, startOffset, this.options.creditBytes),
      queue: [],
      endOffset: -1,
      position: Math.max(-1, startOffset),
      seekCount: 0,
      ...flags,
    }
    part.subscription = this.newSubscription(part, startOffset)
    return part
  }

  private newSubscription(part: FeedPart, startOffset: number): Subscription {
    const subscriptionId = this.connection.addSubscription({
      delivered: (push) => this.delivered(part, subscription, push),
      subscriptionEnded: (push) => this.subscriptionEnded(part, subscription, push),
    })
    const subscription = new Subscription(subscriptionId, startOffset, this.options.creditBytes)
    return subscription
  }

  /** Subscribes what should be and is not: at the start, after a reconnect, and from time to time after an error. */
  private subscribeAll(): void {
    if (!this.isStarted || this.isClosed || !this.connection.isReady) return
    for (const part of this.parts) {
      const isOff = part.isDone || part.isAsked || part.isSeeking || part.partitionId < 0
      if (!isOff && !part.subscription.isActive) this.subscribe(part)
    }
    this.wake()
  }

  private subscribe(part: FeedPart): void {
    const { subscription } = part
    part.isAsked = true
    const request = subscription.request(part.partitionId, this.connection.hello!.maxCreditBytes)
    this.connection.start(Api.Subscribe, (writer) => writeSubscribeRequest(writer, request), {
      succeeded: (body) => this.subscribed(part, subscription, readSubscribeResponse(body)),
      failed: (error) => {
        if (part.subscription !== subscription) return
        part.isAsked = false
        this.refused(part, error)
      },
    })
  }

  private subscribed(part: FeedPart, subscription: Subscription, response: SubscribeResponse): void {
    if (part.subscription !== subscription) return this.unsubscribe(subscription)
    part.isAsked = false
    subscription.started(response)
    if (part.position < 0) part.position = subscription.nextOffset
    if (this.options.untilEnd && part.endOffset < 0) part.endOffset = response.highWatermark
    this.finishAtEnd(part)
  }

  /** What came so far was all that was wanted. */
  private finishAtEnd(part: FeedPart): void {
    if (part.endOffset < 0 || part.subscription.nextOffset < part.endOffset || part.isDone) return
    part.isDone = true
    this.end(part.subscription)
    this.wake()
  }

  private end(subscription: Subscription): void {
    this.connection.removeSubscription(subscription.subscriptionId)
    if (subscription.isActive) this.unsubscribe(subscription)
    subscription.ended()
  }

  private unsubscribe({ subscriptionId }: Subscription): void {
    if (!this.connection.isReady) return
    this.connection.start(Api.Unsubscribe, (writer) => writeUnsubscribeRequest(writer, { subscriptionId }), {
      succeeded: (body) => void readUnsubscribeResponse(body),
      // The broker may have ended it at the same time.
      failed: () => {},
    })
  }

  // Deliveries.

  private delivered(part: FeedPart, subscription: Subscription, push: DeliveryPush): void {
    if (part.isDone || this.isClosed) return
    try {
      for (const delivered of subscription.delivered(push)) {
        if (part.endOffset >= 0 && delivered.firstOffset >= part.endOffset) break
        part.queue.push(new ConsumedBatch(this.topic, part.partition, push.highWatermark, delivered, this.connection))
      }
    } catch (error) {
      return this.fail(error)
    }
    this.grant(subscription, subscription.creditDue())
    this.finishAtEnd(part)
    this.line(part)
    this.wake()
  }

  private grant({ subscriptionId }: Subscription, creditBytes: number): void {
    if (creditBytes === 0) return
    this.connection.tell(Api.Credit, (writer) => writeCreditRequest(writer, { subscriptionId, creditBytes }))
  }

  private subscriptionEnded(part: FeedPart, subscription: Subscription, push: SubscriptionEndPush): void {
    subscription.ended()
    if (!part.isDone) this.refused(part, StreamBusError.fromCode(push.code, push.message))
  }

  private refused(part: FeedPart, error: StreamBusError): void {
    if (this.isClosed || part.isDone) return
    if (error.name === 'OFFSET_OUT_OF_RANGE') return this.outOfRange(part, error)
    if (error.name === 'UNKNOWN_TOPIC_ID' || error.name === 'UNKNOWN_TOPIC_OR_PARTITION') return this.lookAgain()
    // The tick, or the next connection, tries again.
    if (!error.retriable) this.fail(error)
  }

  private outOfRange(part: FeedPart, error: StreamBusError): void {
    const { subscription, partition } = part
    // Retention took the first record between the answer that named it and its delivery.
    const whenOutOfRange = subscription.isAtEarliest ? 'earliest' : this.options.whenOutOfRange
    if (whenOutOfRange === 'fail') {
      return this.fail(outOfRangeError(this.topic, partition, subscription.nextOffset, error.message))
    }
    subscription.nextOffset = whenOutOfRange === 'earliest' ? earliestOffset : latestOffset
    if (part.queue.length === 0 && !part.isTaken) part.position = -1
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
    this.info = info
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

  // Taking.

  /** The partition's turn comes if it has something to give. */
  private line(part: FeedPart): void {
    if (part.isInTurn || part.isPaused || part.isTaken || part.queue.length === 0) return
    part.isInTurn = true
    this.turn.push(part)
  }

  /** Undefined: nothing is there now. */
  tryTake(): Taken | undefined {
    for (let part = this.turn.shift(); part !== undefined; part = this.turn.shift()) {
      part.isInTurn = false
      if (part.isPaused || part.isTaken) continue
      const batch = part.queue.shift()
      if (batch === undefined) continue
      part.isTaken = true
      return { part, subscription: part.subscription, batch }
    }
    return undefined
  }

  /** Waits for a batch; undefined: no more will come. Rejects with what ended the consumer. */
  take(): Promise<Taken | undefined> {
    if (this.waiter !== undefined) {
      return Promise.reject(new StreamBusError('USAGE', 'a consumer is read by one loop at a time'))
    }
    const taken = this.tryTake()
    if (taken !== undefined) return Promise.resolve(taken)
    if (this.error !== undefined) return Promise.reject(this.error)
    if (this.isFinished()) {
      this.close()
      return Promise.resolve(undefined)
    }
    return new Promise((resolve, reject) => {
      this.waiter = { resolve, reject }
    })
  }

  private isFinished(): boolean {
    return this.isClosed || this.isAllRead()
  }

  private isAllRead(): boolean {
    return this.isStarted && this.parts.every((part) => part.isDone && part.queue.length === 0 && !part.isTaken)
  }

  /** Lets whoever waits go on if there is something. */
  private wake(): void {
    const { waiter } = this
    if (waiter === undefined) return
    if (this.turn.length === 0 && this.error === undefined && !this.isFinished()) return
    this.waiter = undefined
    this.take().then(waiter.resolve, waiter.reject)
  }

  /** Whether the rest of what was taken is still wanted: no seek, pause or end came since. */
  isWanted({ part, subscription }: Taken): boolean {
    return part.subscription === subscription && !part.isPaused && !this.isOver
  }

  /** Records below `offset` are done with. */
  advance({ part, subscription }: Taken, offset: number): void {
    if (part.subscription === subscription) part.position = offset
  }

  /** Nothing more is done with what was taken. */
  finish({ part, subscription, batch }: Taken): void {
    part.isTaken = false
    if (part.subscription === subscription && !this.isClosed) {
      this.grant(subscription, subscription.consumed(batch.sizeBytes))
    }
    this.line(part)
    this.wake()
  }

  /** The rest of what was taken, from the partition's position on, comes again later. */
  putBack(taken: Taken): void {
    const { part, subscription, batch } = taken
    const isLeft = part.subscription === subscription && part.position <= batch.lastOffset && !this.isOver
    if (!isLeft) return this.finish(taken)
    part.isTaken = false
    part.queue.unshift(part.position > batch.baseOffset ? batch.from(part.position) : batch)
    this.line(part)
    this.wake()
  }

  // Control.

  pause(part: FeedPart): void {
    part.isPaused = true
  }

  resume(part: FeedPart): void {
    part.isPaused = false
    this.line(part)
    this.wake()
  }

  /** Resolves when the place is known. Nothing from before it comes after this is called. */
  async seek(part: FeedPart, to: StartPoint): Promise<void> {
    this.end(part.subscription)
    part.queue = []
    part.isDone = false
    part.isAsked = false
    part.isSeeking = true
    const seekCount = ++part.seekCount
    part.subscription = this.newSubscription(part, latestOffset)
    try {
      const offset = (await startOffsets(to, [part.partition], this.lookUp)).get(part.partition)!
      if (seekCount !== part.seekCount) return
      part.subscription.nextOffset = offset
      part.position = Math.max(-1, offset)
    } catch (error) {
      if (seekCount !== part.seekCount) return
      // It goes on where it was.
      part.subscription.nextOffset = part.position < 0 ? earliestOffset : part.position
      throw error
    } finally {
      if (seekCount === part.seekCount) {
        part.isSeeking = false
        this.subscribeAll()
      }
    }
  }

  /** The partition's high watermark minus position, by a question to the broker. */
  async lag(part: FeedPart, signal: AbortSignal | undefined): Promise<number> {
    const ask = (timestampMs: number) =>
      this.connection.request(listOffsetsCall({ partitionId: part.partitionId, timestampMs }), { signal })
    const { offset: highWatermark } = await ask(latestOffset)
    if (part.position >= 0) return Math.max(0, highWatermark - part.position)
    if (part.subscription.nextOffset === latestOffset) return 0
    return Math.max(0, highWatermark - (await ask(earliestOffset)).offset)
  }

  // Ending.

  /** What came before is given out first; then `take` rejects. */
  fail(error: unknown): void {
    if (this.isClosed) return
    this.error = error
    this.release()
    this.wake()
  }

  /** `take` rejects at once. */
  abort(reason: unknown): void {
    if (this.isClosed) return
    this.error = reason
    this.close()
  }

  /** Nothing more is given out. */
  close(): void {
    this.isOver = true
    for (const part of this.parts) part.queue = []
    this.turn = []
    this.release()
    this.wake()
  }

  private release(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.connection.removeUser(this.user)
    for (const part of this.parts) if (!part.isDone) this.end(part.subscription)
    this.onEnd()
  }
}
