/**
 * A shard without a thread and without a disk: serves one pair of rings on the test's own event loop, keeps batches in
 * a journal's memory of the real form, and can be paused, slowed down and made to overwrite.
 * Runs on: the test process.
 */
import {
  DeleteRecordsRequest,
  DescribeReply,
  errorCodeAt,
  FetchReply,
  FetchRequest,
  ListOffsetsRequest,
  maxFetchRanges,
  OffsetsReply,
  partitionIdAt,
  ProduceReply,
  ProduceRequest,
  ReplyType,
  requestIdAt,
  RequestType,
} from '../../native-free-core/mailbox/shard-frames.js'
import { floorIndex, floorUnitBytes, journalPositionsBytes } from '../../native-free-core/journal/journal-reader.js'
import { assignBatch, batchRecordCount } from '../../native-free-core/log/record-batch.js'
import { createMetricsMemory } from '../../native-free-core/metrics/shared-metrics.js'
import { createDoorbell, Doorbell } from '../../native-free-core/ring/doorbell.js'
import { createRing, RingConsumer, RingProducer } from '../../native-free-core/ring/ring.js'

interface Extent {
  readonly baseOffset: number
  readonly endOffset: number
  readonly position: number
  readonly length: number
}

interface Parked {
  readonly requestId: number
  readonly offset: number
  readonly maxBytes: number
  readonly deadlineMs: number
}

interface FakePartition {
  readonly extents: Extent[]
  logStart: number
  end: number
  parked: Parked[]
}

export interface FakeShardOptions {
  readonly requestRingBytes?: number
  readonly replyRingBytes?: number
  readonly journalBytes?: number
  /** Main's bell. */
  readonly mainDoorbell: SharedArrayBuffer
}

const outOfRange = 1
const unknownTopicId = 100

export class FakeShard {
  readonly channel
  readonly partitions = new Map<number, FakePartition>()
  /** Requests stay in the ring. */
  isPaused = false
  /** The next fetch with data is answered with places that are given up at once. */
  overwriteOnce = false
  producedCount = 0
  /** The most that was parked at a time. */
  mostParked = 0
  private readonly requests: RingConsumer
  private readonly replies: RingProducer
  private readonly mainDoorbell: Doorbell
  private readonly journal: Uint8Array
  private readonly journalView: DataView
  private readonly positions: Int32Array
  private end = 0
  private timer: NodeJS.Immediate | undefined
  private isStopped = false

  constructor(options: FakeShardOptions) {
    const journalMemory = new SharedArrayBuffer(options.journalBytes ?? 16 << 20)
    const journalPositions = new SharedArrayBuffer(journalPositionsBytes)
    this.channel = {
      requests: createRing(options.requestRingBytes ?? 1 << 20),
      replies: createRing(options.replyRingBytes ?? 1 << 20),
      doorbell: createDoorbell(),
      journalMemory,
      journalPositions,
      volatileMemory: new SharedArrayBuffer(4096),
      volatilePositions: new SharedArrayBuffer(journalPositionsBytes),
      metrics: createMetricsMemory('shard'),
    }
    this.requests = new RingConsumer(this.channel.requests)
    this.replies = new RingProducer(this.channel.replies)
    this.mainDoorbell = new Doorbell(options.mainDoorbell)
    this.journal = new Uint8Array(journalMemory)
    this.journalView = new DataView(journalMemory)
    this.positions = new Int32Array(journalPositions)
  }

  addPartition(partitionId: number): void {
    this.partitions.set(partitionId, { extents: [], logStart: 0, end: 0, parked: [] })
  }

  /** As a deletion of its topic does. */
  removePartition(partitionId: number): void {
    const partition = this.partitions.get(partitionId)
    this.partitions.delete(partitionId)
    for (const fetch of partition?.parked ?? []) this.replyFetch(fetch.requestId, unknownTopicId, -1, -1, [])
    this.mainDoorbell.ring()
  }

  start(): void {
    const turn = (): void => {
      if (this.isStopped) return
      if (!this.isPaused) this.turn()
      this.timer = setImmediate(turn)
    }
    this.timer = setImmediate(turn)
  }

  stop(): void {
    this.isStopped = true
    if (this.timer !== undefined) clearImmediate(this.timer)
  }

  private turn(): void {
    while (this.requests.next()) {
      this.handle()
      this.requests.release()
    }
    const now = performance.now()
    for (const partition of this.partitions.values()) this.serveParked(partition, now)
    this.mainDoorbell.ring()
  }

  private handle(): void {
    const { view, bodyPosition: at, type } = this.requests
    const requestId = view.getUint32(at + requestIdAt, true)
    const partition = this.partitions.get(view.getUint32(at + partitionIdAt, true))
    switch (type) {
      case RequestType.produce:
        return this.produce(requestId, partition)
      case RequestType.fetch:
        return this.fetch(requestId, partition)
      case RequestType.cancelFetch:
        return this.cancel(requestId, partition)
      case RequestType.listOffsets:
        return this.listOffsets(requestId, partition, view.getFloat64(at + ListOffsetsRequest.timestampAt, true))
      case RequestType.deleteRecords: {
        const before = view.getFloat64(at + DeleteRecordsRequest.beforeOffsetAt, true)
        if (partition !== undefined) partition.logStart = Math.max(partition.logStart, before)
        return this.replyOffsets(requestId, partition === undefined ? unknownTopicId : 0, partition?.logStart ?? -1, -1)
      }
      case RequestType.describe:
        return this.describe(requestId, partition)
    }
  }

  private claim(type: number, sizeBytes: number, requestId: number, code: number): number {
    const at = this.replies.claim(type, sizeBytes)
    if (at < 0) throw new Error('the reply ring is full although the front end reserved room')
    this.replies.view.setUint32(at + requestIdAt, requestId, true)
    this.replies.view.setInt32(at + errorCodeAt, code, true)
    return at
  }

  private produce(requestId: number, partition: FakePartition | undefined): void {
    const { view, bytes, bodyPosition: at } = this.requests
    const acks = view.getInt32(at + ProduceRequest.acksAt, true)
    const length = view.getUint32(at + ProduceRequest.lengthAt, true)
    this.producedCount++
    if (partition === undefined) return this.replyProduce(acks, requestId, unknownTopicId, -1, -1)
    const position = this.place(length)
    const start = position % this.journal.length
    this.journal.set(bytes.subarray(at + ProduceRequest.batchAt, at + ProduceRequest.batchAt + length), start)
    assignBatch(this.journalView, start, partition.end, 0)
    const baseOffset = partition.end
    partition.end += batchRecordCount(this.journalView, start)
    partition.extents.push({ baseOffset, endOffset: partition.end, position, length })
    this.replyProduce(acks, requestId, 0, baseOffset, partition.logStart)
  }

  /** Where `length` bytes go; raises the floor above what they overwrite, as the real one does. */
  private place(length: number): number {
    const capacity = this.journal.length
    let position = Math.ceil(this.end / floorUnitBytes) * floorUnitBytes
    if ((position % capacity) + length > capacity) position = Math.ceil(position / capacity) * capacity
    this.end = position + length
    this.raiseFloor(Math.max(0, Math.ceil((this.end - capacity) / floorUnitBytes) * floorUnitBytes))
    return position
  }

  private raiseFloor(floor: number): void {
    const units = Math.floor(floor / floorUnitBytes) | 0
    const now = Atomics.load(this.positions, floorIndex)
    if (((units - now) | 0) > 0) Atomics.add(this.positions, floorIndex, (units - now) | 0)
  }

  private replyProduce(acks: number, requestId: number, code: number, baseOffset: number, logStart: number): void {
    if (acks === 0) return
    const at = this.claim(ReplyType.produce, ProduceReply.sizeBytes, requestId, code)
    this.replies.view.setFloat64(at + ProduceReply.baseOffsetAt, baseOffset, true)
    this.replies.view.setFloat64(at + ProduceReply.logStartOffsetAt, logStart, true)
    this.replies.publish()
  }

  private fetch(requestId: number, partition: FakePartition | undefined): void {
    const { view, bodyPosition: at } = this.requests
    const offset = view.getFloat64(at + FetchRequest.offsetAt, true)
    const maxBytes = view.getUint32(at + FetchRequest.maxBytesAt, true)
    const minBytes = view.getUint32(at + FetchRequest.minBytesAt, true)
    const maxWaitMs = view.getUint32(at + FetchRequest.maxWaitMsAt, true)
    if (partition === undefined) return this.replyFetch(requestId, unknownTopicId, -1, -1, [])
    if (offset < partition.logStart || offset > partition.end) {
      return this.replyFetch(requestId, outOfRange, partition.end, partition.logStart, [])
    }
    if (offset === partition.end && minBytes > 0 && maxWaitMs > 0) {
      partition.parked.push({ requestId, offset, maxBytes, deadlineMs: performance.now() + maxWaitMs })
      this.mostParked = Math.max(this.mostParked, this.parkedCount())
      return
    }
    this.answer(requestId, partition, offset, maxBytes)
  }

  private parkedCount(): number {
    let count = 0
    for (const partition of this.partitions.values()) count += partition.parked.length
    return count
  }

  private answer(requestId: number, partition: FakePartition, offset: number, maxBytes: number): void {
    const ranges: Extent[] = []
    let total = 0
    for (const extent of partition.extents) {
      if (extent.endOffset <= offset) continue
      if (ranges.length === maxFetchRanges || (ranges.length > 0 && total + extent.length > maxBytes)) break
      ranges.push(extent)
      total += extent.length
    }
    this.replyFetch(requestId, 0, partition.end, partition.logStart, ranges)
    if (!this.overwriteOnce || ranges.length === 0) return
    // The reader comes too late: what it was told is moved, and its old place given up.
    this.overwriteOnce = false
    this.relocate(partition)
  }

  private relocate(partition: FakePartition): void {
    const moved = partition.extents.map((extent) => {
      const copy = this.journal.slice(
        extent.position % this.journal.length,
        (extent.position % this.journal.length) + extent.length,
      )
      return { extent, copy }
    })
    const floor = Math.ceil(this.end / floorUnitBytes) * floorUnitBytes
    for (const [index, { extent, copy }] of moved.entries()) {
      const position = this.place(copy.length)
      this.journal.set(copy, position % this.journal.length)
      partition.extents[index] = { ...extent, position }
    }
    this.raiseFloor(floor)
    for (const { extent, copy } of moved) {
      const start = extent.position % this.journal.length
      this.journal.fill(0xff, start, start + copy.length)
    }
  }

  private replyFetch(requestId: number, code: number, end: number, logStart: number, ranges: readonly Extent[]): void {
    const at = this.claim(ReplyType.fetch, FetchReply.rangesAt + ranges.length * FetchReply.rangeBytes, requestId, code)
    const { view } = this.replies
    view.setFloat64(at + FetchReply.highWatermarkAt, end, true)
    view.setFloat64(at + FetchReply.logStartOffsetAt, logStart, true)
    view.setUint32(at + FetchReply.rangeCountAt, ranges.length, true)
    view.setUint32(
      at + FetchReply.totalBytesAt,
      ranges.reduce((sum, range) => sum + range.length, 0),
      true,
    )
    for (const [index, range] of ranges.entries()) {
      const rangeAt = at + FetchReply.rangesAt + index * FetchReply.rangeBytes
      view.setFloat64(rangeAt, range.position, true)
      view.setUint32(rangeAt + 8, range.length, true)
      view.setUint32(rangeAt + FetchReply.rangeRingAt, 0, true)
    }
    this.replies.publish()
  }

  private serveParked(partition: FakePartition, nowMs: number): void {
    if (partition.parked.length === 0) return
    const waiting = partition.parked
    partition.parked = []
    for (const fetch of waiting) {
      if (fetch.offset < partition.end || nowMs >= fetch.deadlineMs) {
        this.answer(fetch.requestId, partition, fetch.offset, fetch.maxBytes)
      } else partition.parked.push(fetch)
    }
  }

  private cancel(requestId: number, partition: FakePartition | undefined): void {
    const fetch = partition?.parked.find((parked) => parked.requestId === requestId)
    if (partition === undefined || fetch === undefined) return
    partition.parked.splice(partition.parked.indexOf(fetch), 1)
    this.replyFetch(requestId, 0, partition.end, partition.logStart, [])
  }

  private listOffsets(requestId: number, partition: FakePartition | undefined, timestamp: number): void {
    const offset = timestamp === -1 ? partition?.end : partition?.logStart
    this.replyOffsets(requestId, partition === undefined ? unknownTopicId : 0, offset ?? -1, -1)
  }

  private replyOffsets(requestId: number, code: number, offset: number, timestamp: number): void {
    const at = this.claim(ReplyType.offsets, OffsetsReply.sizeBytes, requestId, code)
    this.replies.view.setFloat64(at + OffsetsReply.offsetAt, offset, true)
    this.replies.view.setFloat64(at + OffsetsReply.timestampAt, timestamp, true)
    this.replies.publish()
  }

  private describe(requestId: number, partition: FakePartition | undefined): void {
    const at = this.claim(
      ReplyType.describe,
      DescribeReply.sizeBytes,
      requestId,
      partition === undefined ? unknownTopicId : 0,
    )
    const { view } = this.replies
    view.setFloat64(at + DescribeReply.logStartOffsetAt, partition?.logStart ?? -1, true)
    view.setFloat64(at + DescribeReply.highWatermarkAt, partition?.end ?? -1, true)
    view.setFloat64(at + DescribeReply.sizeBytesAt, 0, true)
    view.setUint32(at + DescribeReply.segmentCountAt, 1, true)
    this.replies.publish()
  }
}
