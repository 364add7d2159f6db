/**
 * Fetches record batches of a partition for whoever asks: from the journal's memory, or by the read thread from a
 * segment file; at once, or when there is something (long poll, parked in the shard).
 * Runs on: main. Touches: journals' memory (reads), rings through the proxies.
 *
 * A parked fetch holds reserved room of the reply ring for as long as it waits. A quarter of the ring is for fetches
 * with room for a full answer; after that a fetch waits with maxBytes 1, whose answer is small, and asks again when
 * there is something; beyond half of the ring they wait here and take turns.
 */
import { decodeUtf8 } from '../../native-free-core/bytes/utf8.js'
import type { JournalReader } from '../../native-free-core/journal/journal-reader.js'
import {
  errorCodeAt,
  FetchColdReply,
  FetchReply,
  fetchReplyReserveBytes,
  FetchRequest,
  ReleaseLeaseRequest,
  ReplyType,
  RequestType,
} from '../../native-free-core/mailbox/shard-frames.js'
import { errorTable } from '../../native-free-core/errors/error-table.js'
import { ringFrameBytes } from '../../native-free-core/ring/ring-layout.js'
import type { RingConsumer } from '../../native-free-core/ring/ring.js'
import type { Block, BlockPool } from './block-pool.js'
import type { GatewayMetrics } from './gateway-metrics.js'
import { type ColdRead, coldReadBytes, type ReadProxy } from './read-proxy.js'
import type { ReplyHandler, ShardProxy } from './shard-proxy.js'

export interface FetchSink {
  /** Whether so many bytes can be taken now. If not, `keepBack` follows, and `FetchService.again` later. */
  canTake(lengthBytes: number): boolean
  keepBack(fetch: Fetch): void
  /** The block is the sink's: release it to the pool. Undefined: the wait ended without data. */
  onBatches(block: Block | undefined, highWatermark: number, logStartOffset: number): void
  onFetchError(code: number, highWatermark: number, logStartOffset: number): void
}

export interface FetchShard {
  readonly proxy: ShardProxy
  /** By the ring that a range names: the journal, and the ring of memory alone (FetchRing). */
  readonly rings: readonly JournalReader[]
}

export interface FetchOptions {
  readonly partitionId: number
  readonly offset: number
  readonly maxBytes: number
  readonly minBytes: number
  readonly maxWaitMs: number
  /** A feed of ours, never refused; a client's may be. */
  readonly isOurs: boolean
}

/** While fetches wait here for their turn, none is parked for longer. */
const turnMs = 250
const unknownTopicId = errorTable.UNKNOWN_TOPIC_ID.code
const throttled = errorTable.THROTTLING_QUOTA_EXCEEDED.code
const fullReserve = ringFrameBytes(fetchReplyReserveBytes)

type Mode = 'full' | 'probe' | 'now'

export class Fetch implements ReplyHandler, ColdRead {
  readonly partitionId: number
  readonly offset: number
  readonly maxBytes: number
  readonly options: FetchOptions
  readonly sink: FetchSink
  readonly service: FetchService
  readonly shard: FetchShard
  readonly deadlineMs: number
  mode: Mode = 'now'
  requestId = -1
  isCancelled = false
  highWatermark = -1
  logStartOffset = -1
  leaseId = -1
  path = ''
  limit = 0

  constructor(service: FetchService, shard: FetchShard, options: FetchOptions, sink: FetchSink, nowMs: number) {
    this.service = service
    this.shard = shard
    this.options = options
    this.partitionId = options.partitionId
    this.offset = options.offset
    this.maxBytes = options.maxBytes
    this.sink = sink
    this.deadlineMs = nowMs + options.maxWaitMs
  }

  onReply(replies: RingConsumer): void {
    this.service.onReply(this, replies)
  }

  onRead(code: number, bytes: Uint8Array, start: number, end: number): void {
    this.service.onRead(this, code, bytes, start, end)
  }
}

export class FetchService {
  private readonly shardFor: (partitionId: number) => FetchShard
  private readonly reads: ReadProxy
  private readonly blocks: BlockPool
  private readonly metrics: GatewayMetrics
  private readonly isKnown: (partitionId: number) => boolean
  private readonly probeReplyBytes: number
  /** Reserved by parked fetches, for each proxy. */
  private readonly parkedBytes = new Map<ShardProxy, number>()
  private readonly waiting = new Map<ShardProxy, Fetch[]>()

  constructor(options: {
    shardFor: (partitionId: number) => FetchShard
    reads: ReadProxy
    blocks: BlockPool
    /** The longest path of a segment, in bytes. */
    maxPathBytes: number
    metrics: GatewayMetrics
    /** Whether the metadata still has the partition. */
    isKnown: (partitionId: number) => boolean
  }) {
    this.shardFor = options.shardFor
    this.reads = options.reads
    this.blocks = options.blocks
    this.metrics = options.metrics
    this.isKnown = options.isKnown
    this.probeReplyBytes = Math.min(
      fetchReplyReserveBytes,
      Math.max(FetchColdReply.pathAt + options.maxPathBytes, FetchReply.rangesAt + FetchReply.rangeBytes),
    )
  }

  /** The sink hears exactly once, unless the fetch is cancelled. */
  start(options: FetchOptions, sink: FetchSink): Fetch {
    const fetch = new Fetch(this, this.shardFor(options.partitionId), options, sink, performance.now())
    if (options.minBytes > 0 && options.maxWaitMs > 0) this.park(fetch)
    else this.send(fetch, 'now')
    return fetch
  }

  /** The sink hears nothing more of it. */
  cancel(fetch: Fetch): void {
    if (fetch.isCancelled) return
    fetch.isCancelled = true
    const waiting = this.waitingOf(fetch.shard)
    const index = waiting.indexOf(fetch)
    if (index >= 0) waiting.splice(index, 1)
    else if (fetch.mode !== 'now' && fetch.requestId >= 0) {
      fetch.shard.proxy.tell(RequestType.cancelFetch, fetch.requestId, fetch.partitionId, 8, () => undefined)
      fetch.shard.proxy.flush()
    }
  }

  /** For a fetch that was kept back: there is room now. */
  again(fetch: Fetch): void {
    if (!fetch.isCancelled) this.send(fetch, 'now')
  }

  private park(fetch: Fetch): void {
    const waiting = this.waitingOf(fetch.shard)
    const mode = waiting.length > 0 ? undefined : this.modeFor(fetch.shard)
    if (mode === undefined) waiting.push(fetch)
    else this.send(fetch, mode)
  }

  private waitingOf({ proxy }: FetchShard): Fetch[] {
    let waiting = this.waiting.get(proxy)
    if (waiting === undefined) this.waiting.set(proxy, (waiting = []))
    return waiting
  }

  /** How the next fetch may wait in the shard; undefined: it has to wait here. */
  private modeFor({ proxy }: FetchShard): Mode | undefined {
    const parked = this.parkedBytes.get(proxy) ?? 0
    if (parked + fullReserve <= proxy.longPollLimitBytes / 2) return 'full'
    return parked + ringFrameBytes(this.probeReplyBytes) <= proxy.longPollLimitBytes ? 'probe' : undefined
  }

  private send(fetch: Fetch, mode: Mode): void {
    const { offset, minBytes } = fetch.options
    const { proxy } = fetch.shard
    const maxBytes = mode === 'probe' ? 1 : fetch.maxBytes
    const waitMs = mode === 'now' ? 0 : this.waitMsOf(fetch)
    const replyBytes = mode === 'probe' ? this.probeReplyBytes : fetchReplyReserveBytes
    fetch.mode = mode
    const id = proxy.request(
      RequestType.fetch,
      fetch.partitionId,
      FetchRequest.sizeBytes,
      replyBytes,
      fetch,
      fetch.options.isOurs,
      (view, at) => {
        view.setUint32(at + FetchRequest.maxBytesAt, maxBytes, true)
        view.setUint32(at + FetchRequest.minBytesAt, mode === 'now' ? 0 : minBytes, true)
        view.setFloat64(at + FetchRequest.offsetAt, offset, true)
        view.setUint32(at + FetchRequest.maxWaitMsAt, waitMs, true)
        view.setUint32(at + FetchRequest.flagsAt, 0, true)
      },
    )
    fetch.requestId = id
    if (id < 0) return fetch.sink.onFetchError(throttled, -1, -1)
    if (mode !== 'now') this.countParked(fetch, 1)
    proxy.flush()
  }

  private waitMsOf(fetch: Fetch): number {
    const left = Math.max(1, Math.round(fetch.deadlineMs - performance.now()))
    return this.waitingOf(fetch.shard).length > 0 ? Math.min(turnMs, left) : left
  }

  private countParked(fetch: Fetch, sign: 1 | -1): void {
    const { proxy } = fetch.shard
    const bytes = fetch.mode === 'probe' ? ringFrameBytes(this.probeReplyBytes) : fullReserve
    this.parkedBytes.set(proxy, (this.parkedBytes.get(proxy) ?? 0) + sign * bytes)
  }

  onReply(fetch: Fetch, replies: RingConsumer): void {
    const { mode } = fetch
    if (mode !== 'now') this.countParked(fetch, -1)
    fetch.requestId = -1
    const at = replies.bodyPosition
    const { view } = replies
    fetch.highWatermark = view.getFloat64(at + FetchReply.highWatermarkAt, true)
    fetch.logStartOffset = view.getFloat64(at + FetchReply.logStartOffsetAt, true)
    const code = view.getInt32(at + errorCodeAt, true)
    if (replies.type === ReplyType.fetchCold) this.readCold(fetch, replies, at)
    else if (fetch.isCancelled) fetch.requestId = -1
    else if (code !== 0) fetch.sink.onFetchError(code, fetch.highWatermark, fetch.logStartOffset)
    else if (view.getUint32(at + FetchReply.rangeCountAt, true) > 0) this.onRanges(fetch, mode, replies, at)
    else this.onNothing(fetch, mode)
    if (this.waitingOf(fetch.shard).length > 0) this.parkNext(fetch.shard)
  }

  private parkNext(shard: FetchShard): void {
    const waiting = this.waitingOf(shard)
    while (waiting.length > 0 && this.modeFor(shard) !== undefined) this.send(waiting.shift()!, this.modeFor(shard)!)
  }

  private onNothing(fetch: Fetch, mode: Mode): void {
    // Cut short because others wait for their turn too.
    if (mode !== 'now' && performance.now() < fetch.deadlineMs - 1) {
      this.waitingOf(fetch.shard).push(fetch)
      return
    }
    fetch.sink.onBatches(undefined, fetch.highWatermark, fetch.logStartOffset)
  }

  private onRanges(fetch: Fetch, mode: Mode, replies: RingConsumer, at: number): void {
    if (mode === 'probe') return this.send(fetch, 'now')
    const total = replies.view.getUint32(at + FetchReply.totalBytesAt, true)
    if (!fetch.sink.canTake(total)) return fetch.sink.keepBack(fetch)
    const block = this.blocks.take(total)
    if (copyRanges(fetch.shard.rings, replies, at, block)) {
      return fetch.sink.onBatches(block, fetch.highWatermark, fetch.logStartOffset)
    }
    this.blocks.release(block)
    this.metrics.overwritten()
    this.send(fetch, 'now')
  }

  private readCold(fetch: Fetch, replies: RingConsumer, at: number): void {
    const { view, bytes } = replies
    const pathAt = at + FetchColdReply.pathAt
    fetch.leaseId = view.getUint32(at + FetchColdReply.leaseIdAt, true)
    fetch.limit = view.getFloat64(at + FetchColdReply.limitAt, true)
    fetch.path = decodeUtf8(bytes, pathAt, pathAt + view.getUint32(at + FetchColdReply.pathLengthAt, true))
    if (fetch.isCancelled) return this.releaseLease(fetch)
    if (!fetch.sink.canTake(Math.min(fetch.maxBytes, coldReadBytes))) {
      this.releaseLease(fetch)
      return fetch.sink.keepBack(fetch)
    }
    this.reads.read(fetch)
  }

  onRead(fetch: Fetch, code: number, bytes: Uint8Array, start: number, end: number): void {
    this.releaseLease(fetch)
    this.metrics.readCold(end - start)
    if (fetch.isCancelled) return
    // Main knew of the deletion before any shard moved the folder: its file was missing, or another's, of a topic made
    // anew under the name.
    if (!this.isKnown(fetch.partitionId)) {
      return fetch.sink.onFetchError(unknownTopicId, fetch.highWatermark, fetch.logStartOffset)
    }
    if (code !== 0) return fetch.sink.onFetchError(code, fetch.highWatermark, fetch.logStartOffset)
    const block = this.blocks.take(end - start)
    block.bytes.set(bytes.subarray(start, end), block.start)
    fetch.sink.onBatches(block, fetch.highWatermark, fetch.logStartOffset)
  }

  private releaseLease(fetch: Fetch): void {
    const { leaseId } = fetch
    const { proxy } = fetch.shard
    proxy.tell(RequestType.releaseLease, 0, fetch.partitionId, ReleaseLeaseRequest.sizeBytes, (view, at) =>
      view.setUint32(at + ReleaseLeaseRequest.leaseIdAt, leaseId, true),
    )
    proxy.flush()
  }
}

/** False when the shard has overwritten some of it meanwhile. */
function copyRanges(rings: readonly JournalReader[], replies: RingConsumer, at: number, block: Block): boolean {
  const { view } = replies
  const count = view.getUint32(at + FetchReply.rangeCountAt, true)
  let into = block.start
  for (let index = 0; index < count; index++) {
    const range = at + FetchReply.rangesAt + index * FetchReply.rangeBytes
    const length = view.getUint32(range + FetchReply.rangeLengthAt, true)
    const journal = rings[view.getUint32(range + FetchReply.rangeRingAt, true)]!
    if (!journal.copy(view.getFloat64(range, true), length, block.bytes, into)) return false
    into += length
  }
  return true
}
