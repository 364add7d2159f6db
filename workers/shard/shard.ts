/**
 * One shard: the single writer of its partitions. Drains requests, appends, commits once, answers, settles, sleeps.
 * Runs on: shard worker, in one loop without promises and events. Touches: its journal, its partitions, its rings.
 *
 * One turn:  control -> answers of the sync thread -> requests (until the commit is big enough) -> commit -> replies
 *            -> a slice of settling -> timers
 * Invariant: a produce is answered, and a record readable, only after the commit that holds it returned.
 */
import { assert } from '../../native-free-core/errors/assert.js'
import { errorTable } from '../../native-free-core/errors/error-table.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import {
  EntryType,
  entryBytes,
  entryHeaderBytes,
  writeEntryHeader,
} from '../../native-free-core/journal/entry-format.js'
import type { Crc32c } from '../../native-free-core/journal/commit-format.js'
import { AppendCounter } from '../../native-free-core/mailbox/append-counter.js'
import {
  DeleteRecordsRequest,
  FetchRequest,
  FetchRing,
  ListOffsetsRequest,
  maxFetchRanges,
  partitionIdAt,
  ProduceRequest,
  ReleaseLeaseRequest,
  RequestType,
  requestIdAt,
} from '../../native-free-core/mailbox/shard-frames.js'
import { encodeUtf8 } from '../../native-free-core/bytes/utf8.js'
import { writeUint64LE } from '../../native-free-core/bytes/int64.js'
import type { TopicConfig } from '../../native-free-core/config/topic-config.js'
import type { Disk } from '../shared/disk.js'
import type { Journal } from '../shared/journal.js'
import { admitBatch, type BatchFacts } from './batch-admission.js'
import { DiskReserve } from './disk-reserve.js'
import { JournalFiller } from './journal-filler.js'
import { Leases } from './leases.js'
import { offsetForTime } from './offset-for-time.js'
import { DeadlineHeap, type ParkedFetch } from './parked-fetches.js'
import type { Partition } from './partition.js'
import { PendingAcks } from './pending-acks.js'
import type { ReplyPort } from './reply-port.js'
import type { Settler } from './settler.js'
import type { ShardGauges, ShardMetrics } from './shard-metrics.js'
import type { SyncPort } from './sync-port.js'

/** A commit is written when it has grown to this, though requests wait: bounds the latency of those in it. */
const commitBudgetBytes = 1 << 20
const requestsPerTurn = 4096

const code = {
  none: 0,
  outOfRange: errorTable.OFFSET_OUT_OF_RANGE.code,
  unknownTopicId: errorTable.UNKNOWN_TOPIC_ID.code,
  tooLarge: errorTable.MESSAGE_TOO_LARGE.code,
  storage: errorTable.KAFKA_STORAGE_ERROR.code,
  reserve: errorTable.DISK_RESERVE_REACHED.code,
  stopping: errorTable.SHUTTING_DOWN.code,
} as const

export interface ShardOptions {
  readonly disk: Disk
  readonly dataFolder: string
  readonly journal: Journal
  /** Memory alone, for topics with flush os or interval. */
  readonly volatileRing: Journal
  readonly settler: Settler
  readonly syncPort: SyncPort
  readonly ports: readonly ReplyPort[]
  readonly metrics: ShardMetrics
  readonly partitions: Map<number, Partition>
  readonly crc: Crc32c
  readonly diskReserveBytes: number
  readonly shardCount: number
  /** Of what all shards append. */
  readonly appendCounter: SharedArrayBuffer
  readonly journalFilledBytes: number
}

export class Shard {
  readonly partitions: Map<number, Partition>
  readonly journal: Journal
  readonly volatileRing: Journal
  readonly settler: Settler
  readonly metrics: ShardMetrics
  private readonly syncPort: SyncPort
  private readonly ports: readonly ReplyPort[]
  private readonly pending = new PendingAcks()
  private readonly dirty: Partition[] = []
  private readonly deadlines = new DeadlineHeap()
  private readonly leases = new Leases()
  readonly reserve: DiskReserve
  readonly filler: JournalFiller
  private readonly facts: BatchFacts = {
    recordCount: 0,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    maxTimestamp: 0,
  }
  /** Of the wall clock: for times that are compared with those of records. */
  private nowMs = 0
  /** Of a clock that never jumps: for all that waits. */
  private steadyMs = 0
  /** Set when the journal is full: requests stay in their rings until settling made room. */
  private blocked = false
  private stopping = false
  private readonly metadataEntries: { partition: Partition; type: number; payload: Uint8Array }[] = []
  /** Why nothing is written any more. */
  failure: StreamBusError | undefined

  constructor(options: ShardOptions) {
    this.partitions = options.partitions
    this.journal = options.journal
    this.volatileRing = options.volatileRing
    this.settler = options.settler
    this.syncPort = options.syncPort
    this.ports = options.ports
    this.metrics = options.metrics
    options.syncPort.onTimed = (type, durationMs) => options.metrics.errandDone(type, durationMs)
    this.reserve = new DiskReserve(
      options.disk,
      options.dataFolder,
      options.diskReserveBytes,
      options.journal.capacityBytes * options.shardCount,
      new AppendCounter(options.appendCounter),
    )
    this.filler = new JournalFiller(options.journal, options.syncPort, options.journalFilledBytes)
  }

  /**
   * One turn at `nowMs` of the wall clock and `steadyMs` of one that never jumps; a caller that owns the time has one
   * for both. Returns whether there was anything to do.
   */
  turn(nowMs: number, steadyMs: number = nowMs): boolean {
    this.nowMs = nowMs
    this.steadyMs = steadyMs
    this.checkReserve(steadyMs)
    const synced = this.syncPort.drain((token, result, errno) => this.onSynced(token, result, errno))
    const taken = this.drainRequests()
    this.commit()
    // Those who wait for answers are woken before time goes into settling.
    for (const port of this.ports) port.flush()
    const settling = this.settle(steadyMs)
    this.noteFailure(this.settler.failed)
    const expired = this.expireFetches(steadyMs)
    for (const port of this.ports) port.flush()
    this.metrics.lookAtHeap(steadyMs)
    if (this.metrics.gaugesDue(steadyMs)) this.metrics.gauges(steadyMs, this.gauges())
    return synced + taken + expired > 0 || settling
  }

  private settle(nowMs: number): boolean {
    if (!this.settler.isWriting) return this.settler.step(nowMs)
    const startedMs = performance.now()
    const hasMore = this.settler.step(nowMs)
    this.metrics.settledSlice(performance.now() - startedMs)
    return hasMore
  }

  private gauges(): ShardGauges {
    return {
      settledBytes: this.settler.settledBytes,
      settleLagBytes: this.journal.committedPosition - this.journal.headPosition,
      journalUsedBytes: this.journal.usedBytes,
      freeDiskBytes: this.reserve.freeBytes,
      diskReserveBytes: this.reserve.bytes,
      partitionCount: this.partitions.size,
    }
  }

  hasWork(): boolean {
    if (this.syncPort.hasReplies()) return true
    return !this.blocked && this.ports.some((port) => !port.requests.isEmpty())
  }

  /** When to turn though nobody asks, by the steady clock: a parked fetch expires, or unsynced records are due. */
  get nextDeadlineMs(): number {
    return Math.min(this.deadlines.nextMs, this.settler.nextDeadlineMs)
  }

  private checkReserve(steadyMs: number): void {
    try {
      this.reserve.check(steadyMs)
    } catch (error) {
      this.takeOffline(error)
    }
  }

  private onSynced(token: number, result: number, errno: number): void {
    if (this.filler.onSynced(token, result, errno)) this.blocked = false
    else if (this.settler.onSynced(token, result, errno)) this.blocked = false
    else assert(false, 'the sync thread answered what nobody asked')
  }

  private drainRequests(): number {
    let taken = 0
    this.blocked = !this.drainMetadataEntries()
    if (this.blocked) return 0
    for (const [index, port] of this.ports.entries()) {
      const requests = port.requests
      while (taken < requestsPerTurn && this.openBytes < commitBudgetBytes && requests.next()) {
        if (!this.handle(port, index)) {
          requests.retry()
          // Whoever met the failure is refused in the next turn, at once.
          this.blocked = this.failure === undefined
          break
        }
        requests.release()
        taken++
      }
    }
    return taken
  }

  /** What a failed commit left open grows no more, and keeps nobody from an answer. */
  private get openBytes(): number {
    if (this.failure !== undefined) return 0
    return this.journal.openBytes + this.volatileRing.openBytes
  }

  /** False when the request has to wait for room in the journal. */
  private handle(port: ReplyPort, frontEnd: number): boolean {
    const { view, bodyPosition } = port.requests
    const requestId = view.getUint32(bodyPosition + requestIdAt, true)
    const partitionId = view.getUint32(bodyPosition + partitionIdAt, true)
    switch (port.requests.type) {
      case RequestType.produce:
        return this.produce(port, frontEnd, requestId, partitionId)
      case RequestType.fetch:
        this.fetch(port, frontEnd, requestId, partitionId)
        return true
      case RequestType.cancelFetch:
        this.cancelFetch(frontEnd, requestId, partitionId)
        return true
      case RequestType.releaseLease:
        this.leases.release(view.getUint32(bodyPosition + ReleaseLeaseRequest.leaseIdAt, true))
        return true
      case RequestType.listOffsets:
        this.listOffsets(port, requestId, partitionId)
        return true
      case RequestType.deleteRecords:
        return this.deleteRecords(port, frontEnd, requestId, partitionId)
      case RequestType.describe:
        this.describe(port, requestId, partitionId)
        return true
      default:
        assert(false, 'a request of unknown type in the ring')
    }
  }

  // ---- produce

  private produce(port: ReplyPort, frontEnd: number, requestId: number, partitionId: number): boolean {
    const { view, bytes, bodyPosition } = port.requests
    const acks = view.getInt32(bodyPosition + ProduceRequest.acksAt, true)
    const length = view.getUint32(bodyPosition + ProduceRequest.lengthAt, true)
    const batchAt = bodyPosition + ProduceRequest.batchAt
    const partition = this.partitions.get(partitionId)
    const refusal = this.refusalOfWrite(partition, length)
    if (refusal !== code.none) {
      this.answerProduce(port, acks, requestId, refusal, -1, -1)
      return true
    }
    const target = partition!
    const verdict = admitBatch(bytes, view, batchAt, length, target.config, this.nowMs, this.facts)
    if (verdict !== code.none) {
      this.answerProduce(port, acks, requestId, verdict, -1, target.logStartOffset)
      return true
    }
    const known = target.producers.check(
      this.facts.producerId,
      this.facts.producerEpoch,
      this.facts.baseSequence,
      this.facts.recordCount,
    )
    if (known.kind === 'error') {
      this.answerProduce(port, acks, requestId, errorTable[known.error].code, -1, target.logStartOffset)
      return true
    }
    if (known.kind === 'duplicate') {
      target.producers.hear(this.facts.producerId)
      this.answerDuplicate(port, frontEnd, acks, requestId, target, known.baseOffset, known.lastOffset)
      return true
    }
    const enteredMs = view.getFloat64(bodyPosition + ProduceRequest.enteredMsAt, true)
    return this.append(frontEnd, acks, requestId, target, enteredMs, bytes, batchAt, length)
  }

  private refusalOfWrite(partition: Partition | undefined, length: number): number {
    if (partition === undefined) return this.unknownCode
    if (this.failure !== undefined) return code.storage
    if (this.stopping) return code.stopping
    if (this.reserve.isReached) return code.reserve
    if (entryBytes(length) > partition.ring.largestEntryBytes) return code.tooLarge
    return code.none
  }

  /** For a partition that is not here: offline, the shard may have failed at making its files. */
  private get unknownCode(): number {
    return this.failure === undefined ? code.unknownTopicId : code.storage
  }

  /** A duplicate is acknowledged only when the original is on disk. */
  private answerDuplicate(
    port: ReplyPort,
    frontEnd: number,
    acks: number,
    requestId: number,
    partition: Partition,
    baseOffset: number,
    lastOffset: number,
  ): void {
    this.metrics.duplicate()
    if (lastOffset < partition.highWatermark) {
      this.answerProduce(port, acks, requestId, code.none, baseOffset, partition.logStartOffset)
    } else if (acks !== 0) this.pending.push(frontEnd, requestId, partition, baseOffset, false)
  }

  private append(
    frontEnd: number,
    acks: number,
    requestId: number,
    partition: Partition,
    enteredMs: number,
    bytes: Uint8Array,
    batchAt: number,
    length: number,
  ): boolean {
    if (partition.isSwitching) return false
    const { facts } = this
    const journal = partition.ring
    const position = journal.isDurable ? this.reserveEntry(length) : journal.reserve(entryBytes(length))
    if (position < 0) return false
    const at = journal.indexOf(position)
    const { partition: number, leaderEpoch } = partition.identity
    writeEntryHeader(
      journal.bytes,
      journal.view,
      at,
      EntryType.append,
      partition.topicIdBytes,
      number,
      leaderEpoch,
      length,
    )
    const payloadAt = at + entryHeaderBytes
    journal.bytes.set(bytes.subarray(batchAt, batchAt + length), payloadAt)
    const baseOffset = partition.logEndOffset
    // Base offset and leader epoch lie outside the batch's CRC: they alone are ours to set.
    journal.view.setInt32(payloadAt, Math.floor(baseOffset / 0x1_0000_0000))
    journal.view.setUint32(payloadAt + 4, baseOffset % 0x1_0000_0000)
    journal.view.setInt32(payloadAt + 12, leaderEpoch)
    const { recordCount, maxTimestamp } = facts
    const { floorPosition } = journal
    partition.extents.push(baseOffset, recordCount, position + entryHeaderBytes, length, maxTimestamp, floorPosition)
    partition.logEndOffset = baseOffset + facts.recordCount
    if (facts.producerId >= 0) {
      partition.producers.append(
        facts.producerId,
        facts.producerEpoch,
        facts.baseSequence,
        facts.recordCount,
        baseOffset,
        facts.maxTimestamp,
      )
    }
    this.markDirty(partition)
    this.metrics.appended(facts.recordCount, length)
    this.reserve.appended(length)
    if (enteredMs > 0) this.metrics.taken(enteredMs)
    if (acks !== 0) this.pending.push(frontEnd, requestId, partition, baseOffset, enteredMs > 0)
    return true
  }

  /** Room in the journal for an entry with this payload, or -1: full, or its file is being filled just there. */
  private reserveEntry(payloadBytes: number): number {
    const size = entryBytes(payloadBytes)
    if (!this.filler.mayReserve(size)) return -1
    try {
      return this.journal.reserve(size)
    } catch (error) {
      this.noteFailure(StreamBusError.from(error))
      return -1
    }
  }

  private answerProduce(
    port: ReplyPort,
    acks: number,
    requestId: number,
    result: number,
    baseOffset: number,
    logStartOffset: number,
  ): void {
    if (result !== code.none) this.metrics.produceError()
    if (acks !== 0) port.produce(requestId, result, baseOffset, logStartOffset, 0)
  }

  private markDirty(partition: Partition): void {
    if (partition.dirty) return
    partition.dirty = true
    this.dirty.push(partition)
  }

  // ---- commit

  private commit(): void {
    if (this.failure !== undefined) return this.failPending()
    this.metrics.beginCommit()
    try {
      this.metrics.timeCommit(this.journal)
      this.commitVolatile()
    } catch (error) {
      this.noteFailure(StreamBusError.from(error))
      return this.failPending()
    }
    for (const partition of this.dirty) {
      partition.dirty = false
      partition.highWatermark = partition.logEndOffset
    }
    this.metrics.endCommit()
    this.pending.answerAll(this.ports, this.metrics.committedMs)
    for (const partition of this.dirty) this.serveParked(partition)
    this.dirty.length = 0
    this.filler.step()
  }

  /** Batches of the volatile ring go into their segments at once, unsynced; then the ring is empty again. */
  private commitVolatile(): void {
    if (!this.volatileRing.hasOpenCommit) return
    for (const partition of this.dirty) {
      if (!partition.ring.isDurable) this.settler.writeThrough(partition, this.nowMs, this.steadyMs)
    }
    this.volatileRing.commit()
    this.volatileRing.advanceHead(this.volatileRing.committedPosition)
  }

  /** The ring that a topic's batches go to. */
  ringFor(config: TopicConfig): Journal {
    return config.flush === 'commit' ? this.journal : this.volatileRing
  }

  /**
   * After a failed write nothing more is acknowledged: what of it is on the disk is unknown until recovery. Nor is
   * anything settled: the partitions list batches that are in no commit, and some that never were in the journal.
   */
  private noteFailure(error: StreamBusError | undefined): void {
    if (error === undefined) return
    this.failure ??= error
    this.settler.fail(error)
  }

  /** For what a disk threw. Anything else is a mistake of ours, which ends the broker. */
  takeOffline(error: unknown): void {
    if (!StreamBusError.is(error)) throw error
    this.noteFailure(error)
  }

  private failPending(): void {
    this.pending.failAll(this.ports, code.storage)
    for (const partition of this.dirty) partition.dirty = false
    this.dirty.length = 0
  }

  // ---- fetch

  private fetch(port: ReplyPort, frontEnd: number, requestId: number, partitionId: number): void {
    const { view, bodyPosition } = port.requests
    const offset = view.getFloat64(bodyPosition + FetchRequest.offsetAt, true)
    const maxBytes = view.getUint32(bodyPosition + FetchRequest.maxBytesAt, true)
    const minBytes = view.getUint32(bodyPosition + FetchRequest.minBytesAt, true)
    const maxWaitMs = view.getUint32(bodyPosition + FetchRequest.maxWaitMsAt, true)
    const partition = this.partitions.get(partitionId)
    if (partition === undefined) return port.fetchNothing(requestId, this.unknownCode, -1, -1)
    const { highWatermark, logStartOffset } = partition
    if (offset < logStartOffset || offset > highWatermark) {
      return port.fetchNothing(requestId, code.outOfRange, highWatermark, logStartOffset)
    }
    const mayWait = minBytes > 0 && maxWaitMs > 0
    if (mayWait && this.availableBytes(partition, offset, minBytes) < minBytes) {
      const deadlineMs = this.steadyMs + maxWaitMs
      return this.park(
        { frontEnd, requestId, partitionId, offset, maxBytes, minBytes, deadlineMs, done: false },
        partition,
      )
    }
    this.answerFetch(port, requestId, partition, offset, maxBytes)
  }

  private park(fetch: ParkedFetch, partition: Partition): void {
    partition.parked.push(fetch)
    this.deadlines.push(fetch)
    this.metrics.parked()
  }

  /** Bytes from `offset` to the high watermark, counted no further than `enough`. */
  private availableBytes(partition: Partition, offset: number, enough: number): number {
    if (offset >= partition.highWatermark) return 0
    const { extents } = partition
    let index = extents.find(offset)
    // In segments there is always more than anybody waits for: what is there was settled in bulk.
    if (index < 0) return enough
    let bytes = 0
    while (index < extents.count && bytes < enough && extents.endOffsetAt(index) <= partition.highWatermark) {
      bytes += extents.lengthAt(index)
      index++
    }
    return bytes
  }

  private answerFetch(
    port: ReplyPort,
    requestId: number,
    partition: Partition,
    offset: number,
    maxBytes: number,
  ): void {
    const { extents, highWatermark, logStartOffset } = partition
    if (offset >= highWatermark) return port.fetchNothing(requestId, code.none, highWatermark, logStartOffset)
    extents.dropBelow(partition.ring.floorPosition)
    const first = extents.find(offset)
    if (first < 0) return this.answerCold(port, requestId, partition, offset)
    let count = 0
    let bytes = 0
    while (first + count < extents.count && count < maxFetchRanges) {
      if (extents.endOffsetAt(first + count) > highWatermark) break
      const length = extents.lengthAt(first + count)
      if (count > 0 && bytes + length > maxBytes) break
      bytes += length
      count++
    }
    this.metrics.fetchedHot(bytes)
    const ring = partition.ring.isDurable ? FetchRing.journal : FetchRing.volatile
    port.fetchRanges(requestId, highWatermark, logStartOffset, ring, extents, first, count, bytes)
  }

  private answerCold(port: ReplyPort, requestId: number, partition: Partition, offset: number): void {
    const segment = partition.log.segmentFor(offset)
    if (segment === undefined) {
      return port.fetchNothing(requestId, code.outOfRange, partition.highWatermark, partition.logStartOffset)
    }
    const leaseId = this.leases.take(partition, segment.baseOffset)
    this.metrics.fetchedCold()
    port.fetchCold(
      requestId,
      partition.highWatermark,
      partition.logStartOffset,
      leaseId,
      segment.sizeBytes,
      encodeUtf8(segment.path),
    )
  }

  private serveParked(partition: Partition): void {
    if (partition.parked.length === 0) return
    const waiting = partition.parked
    partition.parked = []
    for (const fetch of waiting) {
      if (fetch.done) continue
      if (this.availableBytes(partition, fetch.offset, fetch.minBytes) < fetch.minBytes) partition.parked.push(fetch)
      else this.finishParked(fetch, partition)
    }
  }

  private finishParked(fetch: ParkedFetch, partition: Partition): void {
    fetch.done = true
    const port = this.ports[fetch.frontEnd]!
    if (fetch.offset < partition.logStartOffset) {
      port.fetchNothing(fetch.requestId, code.outOfRange, partition.highWatermark, partition.logStartOffset)
    } else this.answerFetch(port, fetch.requestId, partition, fetch.offset, fetch.maxBytes)
  }

  private expireFetches(steadyMs: number): number {
    let count = 0
    for (;;) {
      const fetch = this.deadlines.takeExpired(steadyMs)
      if (fetch === undefined) return count
      count++
      const partition = this.partitions.get(fetch.partitionId)
      if (partition === undefined) continue
      partition.parked = partition.parked.filter((parked) => parked !== fetch)
      this.finishParked(fetch, partition)
    }
  }

  private cancelFetch(frontEnd: number, requestId: number, partitionId: number): void {
    const partition = this.partitions.get(partitionId)
    const fetch = partition?.parked.find((parked) => parked.frontEnd === frontEnd && parked.requestId === requestId)
    // Not parked any more: its answer is on the way.
    if (partition === undefined || fetch === undefined) return
    partition.parked = partition.parked.filter((parked) => parked !== fetch)
    fetch.done = true
    this.ports[frontEnd]!.fetchNothing(requestId, code.none, partition.highWatermark, partition.logStartOffset)
  }

  // ---- offsets

  private listOffsets(port: ReplyPort, requestId: number, partitionId: number): void {
    const { view, bodyPosition } = port.requests
    const timestamp = view.getFloat64(bodyPosition + ListOffsetsRequest.timestampAt, true)
    const partition = this.partitions.get(partitionId)
    if (partition === undefined) return port.offsets(requestId, this.unknownCode, -1, -1)
    try {
      const found = offsetForTime(partition, timestamp)
      port.offsets(requestId, code.none, found.offset, found.timestamp)
    } catch (error) {
      port.offsets(requestId, StreamBusError.from(error).code, -1, -1)
    }
  }

  private deleteRecords(port: ReplyPort, frontEnd: number, requestId: number, partitionId: number): boolean {
    const { view, bodyPosition } = port.requests
    const asked = view.getFloat64(bodyPosition + DeleteRecordsRequest.beforeOffsetAt, true)
    const partition = this.partitions.get(partitionId)
    const refusal = this.refusalOfWrite(partition, 8)
    if (partition === undefined || refusal !== code.none) {
      port.offsets(requestId, refusal, -1, -1)
      return true
    }
    const offset = asked === -1 ? partition.highWatermark : asked
    if (offset < 0 || offset > partition.highWatermark) {
      port.offsets(requestId, code.outOfRange, partition.logStartOffset, partition.highWatermark)
      return true
    }
    if (offset > partition.logStartOffset && !this.writeLogStart(partition, offset)) return false
    this.pending.pushOffsets(frontEnd, requestId, partition, Math.max(offset, partition.logStartOffset))
    return true
  }

  private writeLogStart(partition: Partition, offset: number): boolean {
    const payload = new Uint8Array(8)
    writeUint64LE(new DataView(payload.buffer), 0, offset)
    if (!this.writeEntry(partition, EntryType.logStart, payload)) return false
    partition.logStartOffset = offset
    this.settler.trim(partition)
    return true
  }

  /** Queues a create or delete entry; it precedes every later request. */
  writeMetadataEntry(partition: Partition, type: number, payload: Uint8Array): void {
    this.metadataEntries.push({ partition, type, payload })
  }

  /** Create or delete entries are not in the journal yet. */
  get hasMetadataEntries(): boolean {
    return this.metadataEntries.length > 0
  }

  /** False while some wait for room in the journal. */
  private drainMetadataEntries(): boolean {
    while (this.metadataEntries.length > 0) {
      const { partition, type, payload } = this.metadataEntries[0]!
      if (!this.writeEntry(partition, type, payload)) return this.failure !== undefined
      this.metadataEntries.shift()
    }
    return true
  }

  /** Appends an entry other than a batch to the open commit; false when the journal is full. */
  private writeEntry(partition: Partition, type: number, payload: Uint8Array): boolean {
    const position = this.reserveEntry(payload.length)
    if (position < 0) return false
    const at = this.journal.indexOf(position)
    const { partition: number, leaderEpoch } = partition.identity
    writeEntryHeader(
      this.journal.bytes,
      this.journal.view,
      at,
      type,
      partition.topicIdBytes,
      number,
      leaderEpoch,
      payload.length,
    )
    this.journal.bytes.set(payload, at + entryHeaderBytes)
    return true
  }

  private describe(port: ReplyPort, requestId: number, partitionId: number): void {
    const partition = this.partitions.get(partitionId)
    if (partition === undefined) return port.describe(requestId, this.unknownCode, -1, -1, 0, 0)
    const { log, logStartOffset, highWatermark } = partition
    port.describe(requestId, code.none, logStartOffset, highWatermark, log.sizeBytes, log.segmentCount)
  }

  // ---- life

  /** Answers everybody who waits on a partition that goes away. */
  dropParked(partition: Partition, result: number): void {
    for (const fetch of partition.parked) {
      if (fetch.done) continue
      fetch.done = true
      this.ports[fetch.frontEnd]!.fetchNothing(
        fetch.requestId,
        result,
        partition.highWatermark,
        partition.logStartOffset,
      )
    }
    partition.parked = []
  }

  /**
   * Moves log starts up, as a request to delete records does: with an entry, and files go when nothing needs them.
   * Nothing is too old while `nowMs` is not to be trusted: then it is minus infinity.
   */
  applyRetention(nowMs: number): void {
    if (this.failure !== undefined || this.stopping) return
    for (const partition of this.partitions.values()) {
      try {
        const start = partition.log.retentionStart(nowMs, partition.highWatermark)
        // Where the journal is full, at the next check.
        if (start > partition.logStartOffset) this.writeLogStart(partition, start)
        else this.settler.trim(partition)
      } catch (error) {
        this.takeOffline(error)
      }
    }
  }

  /**
   * Forgets producers silent for `expirationMs`; `nowMs` is of a clock that never jumps. The log's copy follows the
   * partition's and has no opinion of its own: its batches come later, out of the journal, some after the decision,
   * and then it forgets again at the next look.
   */
  forgetSilentProducers(nowMs: number, expirationMs: number): void {
    for (const { producers, log } of this.partitions.values()) {
      producers.expire(nowMs, expirationMs)
      log.producers.forgetUnknownTo(producers)
    }
  }

  /** From now on writes are refused with SHUTTING_DOWN; call `turn` until `isSettled`. */
  beginStop(): void {
    this.stopping = true
    this.settler.beginStop()
  }

  get isSettled(): boolean {
    if (this.failure !== undefined) return true
    return this.settler.isDone && this.journal.usedBytes === 0 && this.syncPort.inFlight === 0
  }
}
