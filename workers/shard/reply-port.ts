/**
 * The shard's end of one front-end thread's rings: takes requests, puts replies, rings that thread's bell once a round.
 * Runs on: shard worker. Touches: its two rings, the front end's doorbell.
 */
import { assert } from '../../native-free-core/errors/assert.js'
import type { RingPair } from '../../native-free-core/mailbox/control.js'
import {
  DescribeReply,
  errorCodeAt,
  FetchColdReply,
  FetchReply,
  OffsetsReply,
  ProduceReply,
  ReplyType,
  requestIdAt,
} from '../../native-free-core/mailbox/shard-frames.js'
import { Doorbell } from '../../native-free-core/ring/doorbell.js'
import { RingConsumer, RingProducer } from '../../native-free-core/ring/ring.js'
import type { ExtentIndex } from './extent-index.js'

export class ReplyPort {
  readonly requests: RingConsumer
  private readonly replies: RingProducer
  private readonly view: DataView
  private readonly doorbell: Doorbell
  private pending = false

  constructor(pair: RingPair) {
    this.requests = new RingConsumer(pair.requests)
    this.replies = new RingProducer(pair.replies)
    this.view = this.replies.view
    this.doorbell = new Doorbell(pair.doorbell)
  }

  /** Wakes the front end if anything was said since the last call. */
  flush(): void {
    if (!this.pending) return
    this.pending = false
    this.doorbell.ring()
  }

  private claim(type: number, sizeBytes: number, requestId: number, code: number): number {
    const at = this.replies.claim(type, sizeBytes)
    // The front end reserves room for the reply before it sends a request.
    assert(at >= 0, 'the reply ring is full although the front end reserved room')
    this.view.setUint32(at + requestIdAt, requestId, true)
    this.view.setInt32(at + errorCodeAt, code, true)
    return at
  }

  private publish(): void {
    this.replies.publish()
    this.pending = true
  }

  /** `committedMs`: when its commit ended, of one whose stages are timed; 0 of others. */
  produce(requestId: number, code: number, baseOffset: number, logStartOffset: number, committedMs: number): void {
    const at = this.claim(ReplyType.produce, ProduceReply.sizeBytes, requestId, code)
    this.view.setFloat64(at + ProduceReply.baseOffsetAt, baseOffset, true)
    this.view.setFloat64(at + ProduceReply.logStartOffsetAt, logStartOffset, true)
    this.view.setFloat64(at + ProduceReply.committedMsAt, committedMs, true)
    this.publish()
  }

  /** A fetch without ranges: nothing came, or an error. */
  fetchNothing(requestId: number, code: number, highWatermark: number, logStartOffset: number): void {
    const at = this.claim(ReplyType.fetch, FetchReply.rangesAt, requestId, code)
    this.view.setFloat64(at + FetchReply.highWatermarkAt, highWatermark, true)
    this.view.setFloat64(at + FetchReply.logStartOffsetAt, logStartOffset, true)
    this.view.setUint32(at + FetchReply.rangeCountAt, 0, true)
    this.view.setUint32(at + FetchReply.totalBytesAt, 0, true)
    this.publish()
  }

  /** `rangeCount` extents of the ring from `first` on, of `totalBytes` together. */
  fetchRanges(
    requestId: number,
    highWatermark: number,
    logStartOffset: number,
    ring: number,
    extents: ExtentIndex,
    first: number,
    rangeCount: number,
    totalBytes: number,
  ): void {
    const size = FetchReply.rangesAt + rangeCount * FetchReply.rangeBytes
    const at = this.claim(ReplyType.fetch, size, requestId, 0)
    this.view.setFloat64(at + FetchReply.highWatermarkAt, highWatermark, true)
    this.view.setFloat64(at + FetchReply.logStartOffsetAt, logStartOffset, true)
    this.view.setUint32(at + FetchReply.rangeCountAt, rangeCount, true)
    this.view.setUint32(at + FetchReply.totalBytesAt, totalBytes, true)
    for (let index = 0; index < rangeCount; index++) {
      const range = at + FetchReply.rangesAt + index * FetchReply.rangeBytes
      this.view.setFloat64(range, extents.positionAt(first + index), true)
      this.view.setUint32(range + FetchReply.rangeLengthAt, extents.lengthAt(first + index), true)
      this.view.setUint32(range + FetchReply.rangeRingAt, ring, true)
    }
    this.publish()
  }

  fetchCold(
    requestId: number,
    highWatermark: number,
    logStartOffset: number,
    leaseId: number,
    limit: number,
    path: Uint8Array,
  ): void {
    const at = this.claim(ReplyType.fetchCold, FetchColdReply.pathAt + path.length, requestId, 0)
    this.view.setFloat64(at + FetchColdReply.highWatermarkAt, highWatermark, true)
    this.view.setFloat64(at + FetchColdReply.logStartOffsetAt, logStartOffset, true)
    this.view.setUint32(at + FetchColdReply.leaseIdAt, leaseId, true)
    this.view.setFloat64(at + FetchColdReply.limitAt, limit, true)
    this.view.setUint32(at + FetchColdReply.pathLengthAt, path.length, true)
    this.replies.bytes.set(path, at + FetchColdReply.pathAt)
    this.publish()
  }

  offsets(requestId: number, code: number, offset: number, timestamp: number): void {
    const at = this.claim(ReplyType.offsets, OffsetsReply.sizeBytes, requestId, code)
    this.view.setFloat64(at + OffsetsReply.offsetAt, offset, true)
    this.view.setFloat64(at + OffsetsReply.timestampAt, timestamp, true)
    this.publish()
  }

  describe(
    requestId: number,
    code: number,
    logStart: number,
    highWatermark: number,
    bytes: number,
    count: number,
  ): void {
    const at = this.claim(ReplyType.describe, DescribeReply.sizeBytes, requestId, code)
    this.view.setFloat64(at + DescribeReply.logStartOffsetAt, logStart, true)
    this.view.setFloat64(at + DescribeReply.highWatermarkAt, highWatermark, true)
    this.view.setFloat64(at + DescribeReply.sizeBytesAt, bytes, true)
    this.view.setUint32(at + DescribeReply.segmentCountAt, count, true)
    this.publish()
  }
}
