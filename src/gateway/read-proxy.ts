/**
 * The sending end of the read thread's ring: reads of segment files, one at a time, in order.
 * Runs on: main. Touches: the read thread's two rings and its doorbell.
 * One at a time because an answer may be as large as the largest batch, and room for it is reserved beforehand; the
 * thread reads one file at a time anyway.
 */
import { encodeUtf8 } from '../../native-free-core/bytes/utf8.js'
import {
  ColdReadReply,
  ColdReadRequest,
  errorCodeAt,
  partitionIdAt,
  requestIdAt,
  RequestType,
} from '../../native-free-core/mailbox/shard-frames.js'
import { Doorbell } from '../../native-free-core/ring/doorbell.js'
import { largestBodyBytes, RingConsumer, RingProducer } from '../../native-free-core/ring/ring.js'
import type { ReplySource } from './reply-pump.js'

export interface ColdRead {
  readonly partitionId: number
  readonly path: string
  /** The file is settled up to here. */
  readonly limit: number
  readonly offset: number
  /** Nothing from here on is read, though the file may hold it. */
  readonly highWatermark: number
  readonly maxBytes: number
  /** Nobody waits for it any more. */
  readonly isCancelled: boolean
  /** The batches in bytes[start, end), to be copied during the call; or an error code and nothing. */
  onRead(code: number, bytes: Uint8Array, start: number, end: number): void
}

export interface ReadRings {
  readonly requests: SharedArrayBuffer
  readonly replies: SharedArrayBuffer
  readonly doorbell: SharedArrayBuffer
}

/** One read brings about this much, or one batch. */
export const coldReadBytes = 1 << 20
const nothing = new Uint8Array(0)

export class ReadProxy implements ReplySource {
  private readonly start: () => ReadRings
  private rings: { requests: RingProducer; replies: RingConsumer; doorbell: Doorbell } | undefined
  private queue: ColdRead[] = []
  private current: ColdRead | undefined
  private needsRing = false

  /** `start` is called at the first cold read: most brokers read at the tail for a long time. */
  constructor(start: () => ReadRings) {
    this.start = start
  }

  get hasWaiting(): boolean {
    return false
  }

  read(read: ColdRead): void {
    this.queue.push(read)
    this.next()
  }

  hasReplies(): boolean {
    return this.rings !== undefined && !this.rings.replies.isEmpty()
  }

  drain(): boolean {
    const replies = this.rings?.replies
    if (replies === undefined || !replies.next()) return false
    const at = replies.bodyPosition
    const code = replies.view.getInt32(at + errorCodeAt, true)
    const start = at + ColdReadReply.bytesAt
    const read = this.current
    this.current = undefined
    read?.onRead(code, replies.bytes, start, start + replies.view.getUint32(at + ColdReadReply.lengthAt, true))
    replies.release()
    this.next()
    return !replies.isEmpty()
  }

  pumpWaiting(): void {
    this.next()
  }

  flush(): void {
    if (!this.needsRing) return
    this.needsRing = false
    this.rings?.doorbell.ring()
  }

  private next(): void {
    while (this.current === undefined && this.queue.length > 0) {
      const read = this.queue.shift()!
      if (read.isCancelled) read.onRead(0, nothing, 0, 0)
      else this.send(read)
    }
  }

  private send(read: ColdRead): void {
    this.rings ??= this.open()
    const { requests, replies } = this.rings
    const path = encodeUtf8(read.path)
    const at = requests.claim(RequestType.coldRead, ColdReadRequest.pathAt + path.length)
    // One request is in the ring at a time, and a path is at most 4 KiB.
    if (at < 0) throw new Error('invariant broken: the read ring is full with one request in it')
    const { view } = requests
    view.setUint32(at + requestIdAt, 0, true)
    view.setUint32(at + partitionIdAt, read.partitionId, true)
    const largest = largestBodyBytes(replies.bytes.length) - ColdReadReply.bytesAt
    view.setUint32(at + ColdReadRequest.maxBytesAt, Math.min(read.maxBytes, coldReadBytes, largest), true)
    view.setUint32(at + ColdReadRequest.pathLengthAt, path.length, true)
    view.setFloat64(at + ColdReadRequest.limitAt, read.limit, true)
    view.setFloat64(at + ColdReadRequest.offsetAt, read.offset, true)
    view.setFloat64(at + ColdReadRequest.highWatermarkAt, read.highWatermark, true)
    requests.bytes.set(path, at + ColdReadRequest.pathAt)
    requests.publish()
    this.current = read
    this.needsRing = true
    this.flush()
  }

  private open(): { requests: RingProducer; replies: RingConsumer; doorbell: Doorbell } {
    const { requests, replies, doorbell } = this.start()
    return {
      requests: new RingProducer(requests),
      replies: new RingConsumer(replies),
      doorbell: new Doorbell(doorbell),
    }
  }
}
