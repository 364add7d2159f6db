/**
 * Subscriptions with credit. A partition that is followed has one tail feed: always at most one fetch that waits at
 * its offset; what it brings is copied once and goes to everybody who stands there. Who is behind fetches for himself
 * until he meets the feed.
 * Runs on: main. Touches: nothing but its maps; fetches and sessions do the rest.
 *
 * A subscription without credit, or whose socket is too full, gets nothing and stands still: nothing is ever dropped.
 * Fan-out is a cursor that stops when its time is over and goes on in the next turn.
 */
import { errorTable } from '../../native-free-core/errors/error-table.js'
import { batchBaseOffset, batchLastOffset, batchSizeBytes } from '../../native-free-core/log/record-batch.js'
import type { Block, BlockPool } from './block-pool.js'
import type { Fetch, FetchService, FetchSink } from './fetch.js'
import type { GatewayMetrics } from './gateway-metrics.js'

export interface Subscriber {
  /** Whether the socket may be given more now. */
  hasRoom(): boolean
  /** `isWhole`: block[from, to) begins where the block does, so that there is room for a head before it. */
  deliver(
    subscription: Subscription,
    block: Block,
    from: number,
    to: number,
    highWatermark: number,
    isWhole: boolean,
  ): void
  endSubscription(subscription: Subscription, code: number, logStartOffset: number): void
}

type State = 'idle' | 'tail' | 'behind' | 'blocked' | 'ended'

export interface SubscriptionOptions {
  readonly subscriber: Subscriber
  readonly id: number
  readonly partitionId: number
  readonly offset: number
  readonly creditBytes: number
  /** Credit is given back by itself as the socket takes the bytes. */
  readonly isAutomatic: boolean
}

const outOfRange = errorTable.OFFSET_OUT_OF_RANGE.code
/** About what a fetch for deliveries brings. */
const deliveryBytes = 1 << 20
/** Offsets of batches are looked at in chunks of so many sends before the clock. */
const sendsPerLook = 8

export class Subscription implements FetchSink {
  readonly subscriber: Subscriber
  readonly id: number
  readonly partitionId: number
  readonly isAutomatic: boolean
  nextOffset: number
  creditBytes: number
  state: State = 'idle'
  /** Its own fetch, while it is behind. */
  fetch: Fetch | undefined
  private readonly owner: Subscriptions

  constructor(owner: Subscriptions, options: SubscriptionOptions) {
    this.owner = owner
    this.subscriber = options.subscriber
    this.id = options.id
    this.partitionId = options.partitionId
    this.nextOffset = options.offset
    this.creditBytes = options.creditBytes
    this.isAutomatic = options.isAutomatic
  }

  get mayReceive(): boolean {
    return this.creditBytes > 0 && this.subscriber.hasRoom()
  }

  canTake(): boolean {
    return this.mayReceive
  }

  keepBack(): void {
    this.fetch = undefined
    this.state = 'blocked'
  }

  onBatches(block: Block | undefined, highWatermark: number): void {
    this.fetch = undefined
    this.state = 'idle'
    if (block !== undefined) this.owner.deliverOwn(this, block, highWatermark)
    this.owner.advance(this)
  }

  onFetchError(code: number, _highWatermark: number, logStartOffset: number): void {
    this.fetch = undefined
    this.owner.end(this, code, logStartOffset)
  }
}

class TailFeed implements FetchSink {
  readonly partitionId: number
  offset: number
  members: Subscription[] = []
  fetch: Fetch | undefined
  /** What is being handed out, to whom, and how far that has come. */
  block: Block | undefined
  ends: number[] = []
  lastOffsets: number[] = []
  highWatermark = 0
  recipients: Subscription[] = []
  cursor = 0
  private readonly owner: Subscriptions

  constructor(owner: Subscriptions, partitionId: number, offset: number) {
    this.owner = owner
    this.partitionId = partitionId
    this.offset = offset
  }

  canTake(): boolean {
    return true
  }

  keepBack(): void {}

  onBatches(block: Block | undefined, highWatermark: number): void {
    this.fetch = undefined
    this.owner.onFeed(this, block, highWatermark)
  }

  onFetchError(code: number, _highWatermark: number, logStartOffset: number): void {
    this.fetch = undefined
    this.owner.onFeedError(this, code, logStartOffset)
  }
}

export class Subscriptions {
  private readonly fetches: FetchService
  private readonly blocks: BlockPool
  private readonly metrics: GatewayMetrics
  private readonly maxWaitMs: () => number
  private readonly feeds = new Map<number, TailFeed>()
  private readonly busyFeeds: TailFeed[] = []
  private readonly kick: () => void
  private subscriptionCount = 0
  // Of the block at hand, reused.
  private readonly ends: number[] = []
  private readonly lastOffsets: number[] = []

  constructor(options: {
    fetches: FetchService
    blocks: BlockPool
    metrics: GatewayMetrics
    maxWaitMs: () => number
    /** Asks for a turn in which `fanOut` is called. */
    kick: () => void
  }) {
    this.fetches = options.fetches
    this.blocks = options.blocks
    this.metrics = options.metrics
    this.maxWaitMs = options.maxWaitMs
    this.kick = options.kick
  }

  get count(): number {
    return this.subscriptionCount
  }

  get feedCount(): number {
    return this.feeds.size
  }

  /** Call `advance` when its answer is on its way: deliveries come after it. */
  add(options: SubscriptionOptions): Subscription {
    this.subscriptionCount++
    return new Subscription(this, options)
  }

  remove(subscription: Subscription): void {
    if (subscription.state === 'ended') return
    this.subscriptionCount--
    subscription.state = 'ended'
    if (subscription.fetch !== undefined) this.fetches.cancel(subscription.fetch)
    subscription.fetch = undefined
    const feed = this.feeds.get(subscription.partitionId)
    if (feed !== undefined) this.leave(feed, subscription)
  }

  /** Ends it and tells the subscriber why. */
  end(subscription: Subscription, code: number, logStartOffset: number): void {
    if (subscription.state === 'ended') return
    this.remove(subscription)
    subscription.subscriber.endSubscription(subscription, code, logStartOffset)
  }

  /** After a grant of credit, or when the socket has drained. */
  resume(subscription: Subscription): void {
    if (subscription.state === 'blocked') this.advance(subscription)
  }

  /** Puts it where it belongs: to the feed, behind it with a fetch of its own, or aside. */
  advance(subscription: Subscription): void {
    const { state } = subscription
    if (state === 'ended' || state === 'tail' || state === 'behind') return
    if (!subscription.mayReceive) {
      subscription.state = 'blocked'
      return
    }
    const feed = this.feeds.get(subscription.partitionId)
    if (feed === undefined) this.startFeed(subscription)
    else if (subscription.nextOffset >= feed.offset) this.join(feed, subscription)
    else this.catchUp(subscription)
  }

  private startFeed(subscription: Subscription): void {
    const feed = new TailFeed(this, subscription.partitionId, subscription.nextOffset)
    this.feeds.set(subscription.partitionId, feed)
    this.join(feed, subscription)
  }

  private join(feed: TailFeed, subscription: Subscription): void {
    subscription.state = 'tail'
    feed.members.push(subscription)
    this.follow(feed)
  }

  private leave(feed: TailFeed, subscription: Subscription): void {
    const index = feed.members.indexOf(subscription)
    if (index >= 0) feed.members.splice(index, 1)
    this.follow(feed)
  }

  private catchUp(subscription: Subscription): void {
    subscription.state = 'behind'
    subscription.fetch = this.fetches.start(
      {
        partitionId: subscription.partitionId,
        offset: subscription.nextOffset,
        maxBytes: Math.min(deliveryBytes, subscription.creditBytes),
        minBytes: 0,
        maxWaitMs: 0,
        isOurs: true,
      },
      subscription,
    )
  }

  /** Keeps one fetch going while anybody follows; ends the feed when nobody does. */
  private follow(feed: TailFeed): void {
    if (feed.block !== undefined) return
    if (feed.members.length === 0) return this.endFeed(feed)
    if (feed.fetch !== undefined) return
    feed.fetch = this.fetches.start(
      {
        partitionId: feed.partitionId,
        offset: feed.offset,
        maxBytes: deliveryBytes,
        minBytes: 1,
        maxWaitMs: Math.max(1000, this.maxWaitMs()),
        isOurs: true,
      },
      feed,
    )
  }

  private endFeed(feed: TailFeed): void {
    if (feed.fetch !== undefined) this.fetches.cancel(feed.fetch)
    feed.fetch = undefined
    if (this.feeds.get(feed.partitionId) === feed) this.feeds.delete(feed.partitionId)
  }

  onFeed(feed: TailFeed, block: Block | undefined, highWatermark: number): void {
    if (block === undefined) return this.follow(feed)
    findBatches(block, feed.ends, feed.lastOffsets)
    feed.block = block
    feed.highWatermark = highWatermark
    feed.offset = feed.lastOffsets[feed.lastOffsets.length - 1]! + 1
    feed.recipients = feed.members
    feed.members = []
    feed.cursor = 0
    this.busyFeeds.push(feed)
    this.kick()
  }

  onFeedError(feed: TailFeed, code: number, logStartOffset: number): void {
    const { members } = feed
    feed.members = []
    this.endFeed(feed)
    for (const member of members) {
      // Who joined from further up may stand at an offset that is there: a feed of its own will tell.
      const isConcerned = code !== outOfRange || member.nextOffset <= feed.offset
      if (isConcerned) this.end(member, code, logStartOffset)
      else member.state = 'idle'
    }
    for (const member of members) if (member.state === 'idle') this.advance(member)
  }

  /** Hands blocks out until `deadlineMs`; true when some are left. */
  fanOut(deadlineMs: number): boolean {
    let untilLook = sendsPerLook
    while (this.busyFeeds.length > 0) {
      const feed = this.busyFeeds[0]!
      while (feed.cursor < feed.recipients.length) {
        this.deliverFrom(feed, feed.recipients[feed.cursor++]!)
        if (--untilLook > 0) continue
        untilLook = sendsPerLook
        if (performance.now() < deadlineMs) continue
        // The next turn begins with another feed.
        this.busyFeeds.push(this.busyFeeds.shift()!)
        return true
      }
      this.busyFeeds.shift()
      this.finishBlock(feed)
    }
    return false
  }

  private finishBlock(feed: TailFeed): void {
    this.blocks.release(feed.block!)
    feed.block = undefined
    feed.recipients = []
    this.follow(feed)
  }

  private deliverFrom(feed: TailFeed, subscription: Subscription): void {
    if (subscription.state === 'ended') return
    subscription.state = 'idle'
    if (subscription.mayReceive) {
      this.deliver(subscription, feed.block!, feed.ends, feed.lastOffsets, feed.highWatermark)
    }
    this.advance(subscription)
  }

  deliverOwn(subscription: Subscription, block: Block, highWatermark: number): void {
    findBatches(block, this.ends, this.lastOffsets)
    if (subscription.state !== 'ended') this.deliver(subscription, block, this.ends, this.lastOffsets, highWatermark)
    this.blocks.release(block)
  }

  /** Whole batches from the one with the next offset on, as many as the credit covers but at least one. */
  private deliver(
    subscription: Subscription,
    block: Block,
    ends: readonly number[],
    lastOffsets: readonly number[],
    highWatermark: number,
  ): void {
    let first = 0
    while (first < ends.length && lastOffsets[first]! < subscription.nextOffset) first++
    if (first === ends.length) return
    const from = first === 0 ? block.start : ends[first - 1]!
    let last = ends.length - 1
    while (last > first && ends[last]! - from > subscription.creditBytes) last--
    const to = ends[last]!
    const firstOffset = Math.max(subscription.nextOffset, batchBaseOffset(block.view, from))
    subscription.subscriber.deliver(subscription, block, from, to, highWatermark, first === 0)
    subscription.nextOffset = lastOffsets[last]! + 1
    if (!subscription.isAutomatic) subscription.creditBytes -= to - from
    this.metrics.delivered(lastOffsets[last]! + 1 - firstOffset, to - from)
  }
}

/** Where each batch of the block ends, and its last offset. */
function findBatches(block: Block, ends: number[], lastOffsets: number[]): void {
  ends.length = 0
  lastOffsets.length = 0
  for (let at = block.start; at < block.end; ) {
    lastOffsets.push(batchLastOffset(block.view, at))
    at += batchSizeBytes(block.view, at)
    ends.push(at)
  }
}
