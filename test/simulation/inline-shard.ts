/**
 * Recovery, shards, sync thread and read thread of one broker, all inline in one thread on a given disk, with owned
 * time and an order of turns that a seed decides. Speaks to the shards as a front end does: through rings.
 * Runs on: the test process. Touches: the disk that it is given.
 */
import { brokerConfigOf } from '../../native-free-core/config/broker-config.js'
import { JournalReader, journalPositionsBytes } from '../../native-free-core/journal/journal-reader.js'
import { crc32cOf } from '../../native-free-core/log/crc32c.js'
import { createAppendCounter } from '../../native-free-core/mailbox/append-counter.js'
import { type RingPair, type ShardSettings, shardOf } from '../../native-free-core/mailbox/control.js'
import {
  ColdReadReply,
  ColdReadRequest,
  DeleteRecordsRequest,
  errorCodeAt,
  FetchColdReply,
  FetchReply,
  FetchRequest,
  ListOffsetsRequest,
  OffsetsReply,
  ProduceReply,
  ProduceRequest,
  partitionIdAt,
  ReleaseLeaseRequest,
  ReplyType,
  RequestType,
  requestIdAt,
} from '../../native-free-core/mailbox/shard-frames.js'
import { syncRingBytes } from '../../native-free-core/mailbox/sync-frames.js'
import type { MetadataImage } from '../../native-free-core/metadata/metadata-image.js'
import { createMetricsMemory } from '../../native-free-core/metrics/shared-metrics.js'
import { createDoorbell } from '../../native-free-core/ring/doorbell.js'
import { createRing, RingConsumer, RingProducer } from '../../native-free-core/ring/ring.js'
import { ReadLoop } from '../../workers/read/read-loop.js'
import { type OpenedShard, openShard } from '../../workers/shard/open-shard.js'
import { recoverDataFolder } from '../../workers/shared/recovery.js'
import { SyncLoop } from '../../workers/sync/sync-loop.js'
import type { MemoryDisk } from '../support/memory-disk.js'
import type { Random } from '../support/random.js'

const defaultRingBytes = 256 * 1024
const readRequest = 0x4000_0000

export interface InlineOptions {
  readonly disk: MemoryDisk
  readonly random: Random
  readonly image: MetadataImage
  readonly shardCount: number
  readonly journalBytes: number
  /** Of a shard's requests, and of its replies. */
  readonly ringBytes?: number
  /** As of `openShard`. */
  readonly mostReplayBytes?: number
  /** As of ShardSettings; a minute if left out. */
  readonly clearAfterMs?: number
}

export interface Answer {
  readonly code: number
  /** Produce: the base offset. Offsets: the offset. */
  readonly offset: number
}

export interface FetchAnswer {
  readonly code: number
  readonly highWatermark: number
  readonly logStartOffset: number
  readonly bytes: Uint8Array
}

type Pending =
  | { readonly kind: 'answer'; readonly done: (answer: Answer) => void }
  | { readonly kind: 'fetch'; readonly partitionId: number; readonly offset: number; readonly done: Fetched }
type Fetched = (answer: FetchAnswer) => void

interface Lane {
  readonly requests: RingProducer
  readonly replies: RingConsumer
  /** By FetchRing. */
  readonly readers: readonly [JournalReader, JournalReader]
}

export class InlineBroker {
  readonly shards: OpenedShard[] = []
  /** What each shard said last: deleted topics up to that image are gone from it. */
  private readonly cleared: number[] = []
  nowMs: number
  private readonly options: InlineOptions
  private readonly sync: SyncLoop
  private readonly read: ReadLoop
  private readonly lanes: Lane[] = []
  private readonly readRequests: RingProducer
  private readonly readReplies: RingConsumer
  private readonly pending = new Map<number, Pending>()
  private nextRequestId = 1

  /** Recovers the folder and opens every shard. Throws what they throw. */
  constructor(options: InlineOptions, nowMs: number) {
    this.options = options
    this.nowMs = nowMs
    const appendCounter = createAppendCounter()
    const settings = Array.from({ length: options.shardCount }, (_, shard) => ({
      ...settingsOf(options, shard),
      appendCounter,
    }))
    const bytes = options.image.encode()
    const shared = new SharedArrayBuffer(bytes.length)
    new Uint8Array(shared).set(bytes)
    this.sync = new SyncLoop(
      options.disk,
      settings.map((one) => ({ requests: one.syncRequests, replies: one.syncReplies, shardDoorbell: one.doorbell })),
      { folder: '/data', isAllowed: true, fromCount: [1, 3, 12][nowMs % 3]!, clock: () => this.nowMs },
    )
    recoverDataFolder(options.disk, settings[0]!, shared, crc32cOf, (paths) => this.sync.syncMany(paths))
    const readPair = pairOf()
    this.read = new ReadLoop(options.disk, [readPair])
    this.readRequests = new RingProducer(readPair.requests)
    this.readReplies = new RingConsumer(readPair.replies)
    for (const one of settings) this.openShard(one)
  }

  private openShard(settings: ShardSettings): void {
    const { disk, random, image, journalBytes, mostReplayBytes } = this.options
    const bounds = { journalBytes, ...(mostReplayBytes === undefined ? {} : { mostReplayBytes }) }
    this.cleared.push(-1)
    this.shards.push(openShard({ settings, disk, crc: crc32cOf, runId: random.hex(16), image, ...bounds }))
    const pair = settings.frontEnds[0]!
    this.lanes.push({
      requests: new RingProducer(pair.requests),
      replies: new RingConsumer(pair.replies),
      readers: [
        new JournalReader(settings.journalMemory, settings.journalPositions),
        new JournalReader(settings.volatileMemory, settings.volatilePositions),
      ],
    })
  }

  apply(image: MetadataImage): void {
    // What was not free at the first look is, when every shard has heard of it.
    for (let round = 0; round < 2; round++) {
      for (const { placement, shard, clearing } of this.shards) {
        if (placement.apply(image, shard)) clearing.applied(image)
      }
    }
  }

  /** What main hears: topics that images up to this version deleted may be forgotten. */
  get clearedVersion(): number {
    return Math.min(...this.cleared)
  }

  /** Why a shard writes no more. */
  get failure(): Error | undefined {
    return this.shards.find(({ shard }) => shard.failure !== undefined)?.shard.failure
  }

  // ---- turns

  /** A few turns in random order. */
  turn(): void {
    const { random } = this.options
    for (let count = random.between(1, 4); count > 0; count--) this.turnOne(random.below(this.shards.length + 2))
    this.drain()
  }

  private turnOne(which: number): void {
    this.nowMs += 1
    const opened = this.shards[which]
    if (opened !== undefined) {
      opened.shard.turn(this.nowMs)
      this.cleared[which] = opened.clearing.step(this.nowMs) ?? this.cleared[which]!
    } else if (which === this.shards.length) this.sync.step()
    else this.read.step()
  }

  /** Turns until `isDone`. */
  until(isDone: () => boolean, what: string): void {
    for (let count = 0; count < 20_000; count++) {
      if (isDone()) return
      this.turn()
    }
    throw new Error(`not done after 20000 turns: ${what}`)
  }

  /** Settles everything and closes as SIGTERM does. */
  stop(): void {
    for (const { shard } of this.shards) shard.beginStop()
    this.until(() => this.shards.every(({ shard }) => shard.isSettled), 'settle at the stop')
    for (const { shard } of this.shards) {
      for (const partition of shard.partitions.values()) partition.log.close()
      shard.journal.close()
    }
  }

  // ---- requests

  private laneOf(partitionId: number): Lane {
    return this.lanes[shardOf(partitionId, this.shards.length)]!
  }

  private send(partitionId: number, type: number, bodyBytes: number, pending: Pending): { at: number; lane: Lane } {
    const lane = this.laneOf(partitionId)
    const at = lane.requests.claim(type, bodyBytes)
    if (at < 0) throw new Error('the request ring is full')
    const requestId = this.nextRequestId++
    lane.requests.view.setUint32(at + requestIdAt, requestId, true)
    lane.requests.view.setUint32(at + partitionIdAt, partitionId, true)
    this.pending.set(requestId, pending)
    return { at, lane }
  }

  produce(partitionId: number, batch: Uint8Array, done: (answer: Answer) => void): void {
    const size = ProduceRequest.batchAt + batch.length
    const { at, lane } = this.send(partitionId, RequestType.produce, size, { kind: 'answer', done })
    lane.requests.view.setInt32(at + ProduceRequest.acksAt, -1, true)
    lane.requests.view.setUint32(at + ProduceRequest.lengthAt, batch.length, true)
    lane.requests.bytes.set(batch, at + ProduceRequest.batchAt)
    lane.requests.publish()
  }

  deleteRecords(partitionId: number, beforeOffset: number, done: (answer: Answer) => void): void {
    const size = DeleteRecordsRequest.sizeBytes
    const { at, lane } = this.send(partitionId, RequestType.deleteRecords, size, { kind: 'answer', done })
    lane.requests.view.setFloat64(at + DeleteRecordsRequest.beforeOffsetAt, beforeOffset, true)
    lane.requests.publish()
  }

  listOffsets(partitionId: number, timestamp: number, done: (answer: Answer) => void): void {
    const size = ListOffsetsRequest.sizeBytes
    const { at, lane } = this.send(partitionId, RequestType.listOffsets, size, { kind: 'answer', done })
    lane.requests.view.setFloat64(at + ListOffsetsRequest.timestampAt, timestamp, true)
    lane.requests.publish()
  }

  fetch(partitionId: number, offset: number, done: Fetched): void {
    const pending: Pending = { kind: 'fetch', partitionId, offset, done }
    const { at, lane } = this.send(partitionId, RequestType.fetch, FetchRequest.sizeBytes, pending)
    lane.requests.view.setUint32(at + FetchRequest.maxBytesAt, maxFetchBytes, true)
    lane.requests.view.setUint32(at + FetchRequest.minBytesAt, 0, true)
    lane.requests.view.setFloat64(at + FetchRequest.offsetAt, offset, true)
    lane.requests.view.setUint32(at + FetchRequest.maxWaitMsAt, 0, true)
    lane.requests.view.setUint32(at + FetchRequest.flagsAt, 0, true)
    lane.requests.publish()
  }

  // ---- replies

  private drain(): void {
    for (const lane of this.lanes) while (lane.replies.next()) this.answer(lane)
    while (this.readReplies.next()) this.answerRead()
  }

  private take(requestId: number): Pending {
    const pending = this.pending.get(requestId)
    if (pending === undefined) throw new Error(`request ${requestId} was answered twice`)
    this.pending.delete(requestId)
    return pending
  }

  private answer(lane: Lane): void {
    const { view, bodyPosition: at, type } = lane.replies
    const requestId = view.getUint32(at + requestIdAt, true)
    const code = view.getInt32(at + errorCodeAt, true)
    if (type === ReplyType.fetchCold) {
      this.readCold(lane, requestId)
      lane.replies.release()
      return
    }
    const pending = this.take(requestId)
    if (pending.kind === 'fetch') {
      const fetched = this.copyRanges(lane, code)
      lane.replies.release()
      if (fetched === undefined) this.fetch(pending.partitionId, pending.offset, pending.done)
      else pending.done(fetched)
      return
    }
    const offsetAt = type === ReplyType.produce ? ProduceReply.baseOffsetAt : OffsetsReply.offsetAt
    const offset = view.getFloat64(at + offsetAt, true)
    lane.replies.release()
    pending.done({ code, offset })
  }

  /** Undefined when the journal overwrote a range meanwhile. */
  private copyRanges(lane: Lane, code: number): FetchAnswer | undefined {
    const { view, bodyPosition: at } = lane.replies
    const bytes = new Uint8Array(view.getUint32(at + FetchReply.totalBytesAt, true))
    let filled = 0
    for (let index = 0; index < view.getUint32(at + FetchReply.rangeCountAt, true); index++) {
      const range = at + FetchReply.rangesAt + index * FetchReply.rangeBytes
      const length = view.getUint32(range + FetchReply.rangeLengthAt, true)
      const reader = lane.readers[view.getUint32(range + FetchReply.rangeRingAt, true)]!
      if (!reader.copy(view.getFloat64(range, true), length, bytes, filled)) return undefined
      filled += length
    }
    const highWatermark = view.getFloat64(at + FetchReply.highWatermarkAt, true)
    return { code, highWatermark, logStartOffset: view.getFloat64(at + FetchReply.logStartOffsetAt, true), bytes }
  }

  private readonly cold = new Map<number, { lane: Lane; leaseId: number; highWatermark: number; logStart: number }>()

  private readCold(lane: Lane, requestId: number): void {
    const { view, bytes, bodyPosition: at } = lane.replies
    const pathLength = view.getUint32(at + FetchColdReply.pathLengthAt, true)
    const path = bytes.slice(at + FetchColdReply.pathAt, at + FetchColdReply.pathAt + pathLength)
    this.cold.set(requestId, {
      lane,
      leaseId: view.getUint32(at + FetchColdReply.leaseIdAt, true),
      highWatermark: view.getFloat64(at + FetchColdReply.highWatermarkAt, true),
      logStart: view.getFloat64(at + FetchColdReply.logStartOffsetAt, true),
    })
    const pending = this.pending.get(requestId)
    if (pending?.kind !== 'fetch') throw new Error('a cold fetch that nobody asked for')
    const to = this.readRequests
    const into = to.claim(RequestType.coldRead, ColdReadRequest.pathAt + path.length)
    if (into < 0) throw new Error('the read ring is full')
    to.view.setUint32(into + requestIdAt, requestId, true)
    to.view.setUint32(into + partitionIdAt, pending.partitionId, true)
    to.view.setUint32(into + ColdReadRequest.maxBytesAt, maxFetchBytes, true)
    to.view.setUint32(into + ColdReadRequest.pathLengthAt, path.length, true)
    to.view.setFloat64(into + ColdReadRequest.limitAt, view.getFloat64(at + FetchColdReply.limitAt, true), true)
    to.view.setFloat64(into + ColdReadRequest.offsetAt, pending.offset, true)
    const highWatermark = view.getFloat64(at + FetchColdReply.highWatermarkAt, true)
    to.view.setFloat64(into + ColdReadRequest.highWatermarkAt, highWatermark, true)
    to.bytes.set(path, into + ColdReadRequest.pathAt)
    to.publish()
  }

  private answerRead(): void {
    const { view, bytes, bodyPosition: at } = this.readReplies
    const requestId = view.getUint32(at + requestIdAt, true)
    const code = view.getInt32(at + errorCodeAt, true)
    const length = view.getUint32(at + ColdReadReply.lengthAt, true)
    const copy = bytes.slice(at + ColdReadReply.bytesAt, at + ColdReadReply.bytesAt + length)
    this.readReplies.release()
    const { lane, leaseId, highWatermark, logStart } = this.cold.get(requestId)!
    this.cold.delete(requestId)
    this.release(lane, leaseId)
    const pending = this.take(requestId)
    if (pending.kind === 'fetch') pending.done({ code, highWatermark, logStartOffset: logStart, bytes: copy })
  }

  private release(lane: Lane, leaseId: number): void {
    const at = lane.requests.claim(RequestType.releaseLease, ReleaseLeaseRequest.sizeBytes)
    if (at < 0) throw new Error('the request ring is full')
    lane.requests.view.setUint32(at + requestIdAt, readRequest, true)
    lane.requests.view.setUint32(at + partitionIdAt, 0, true)
    lane.requests.view.setUint32(at + ReleaseLeaseRequest.leaseIdAt, leaseId, true)
    lane.requests.publish()
  }
}

const maxFetchBytes = 32 * 1024

function pairOf(ringBytes = defaultRingBytes): RingPair {
  return { requests: createRing(ringBytes), replies: createRing(ringBytes), doorbell: createDoorbell() }
}

function settingsOf(
  { random, image, shardCount, journalBytes, ringBytes, clearAfterMs = 60_000 }: InlineOptions,
  shard: number,
): Omit<ShardSettings, 'appendCounter'> {
  return {
    kind: 'shard',
    config: brokerConfigOf({
      shards: shardCount,
      settleStartPercent: random.pick([5, 25, 50]),
      settleBytesInFlight: random.pick([8192, 65_536, 1 << 20]),
    }),
    dataFolder: '/data',
    clusterId: image.clusterId,
    diskModule: undefined,
    shard,
    shardCount,
    frontEnds: [pairOf(ringBytes)],
    doorbell: createDoorbell(),
    journalMemory: new SharedArrayBuffer(journalBytes),
    journalPositions: new SharedArrayBuffer(journalPositionsBytes),
    volatileMemory: new SharedArrayBuffer(journalBytes),
    volatilePositions: new SharedArrayBuffer(journalPositionsBytes),
    metrics: createMetricsMemory('shard'),
    syncRequests: createRing(syncRingBytes),
    syncReplies: createRing(syncRingBytes),
    syncDoorbell: createDoorbell(),
    core: undefined,
    clearAfterMs,
  }
}
