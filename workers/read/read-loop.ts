/**
 * Reads that are not at the tail: whole batches out of segment files, straight into the front end's ring.
 * Runs on: read worker. Touches: segment files (read only), the front ends' rings.
 * A lease on the shard keeps the file from being removed meanwhile; bytes up to the limit never change.
 */
import { decodeUtf8 } from '../../native-free-core/bytes/utf8.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { RingPair } from '../../native-free-core/mailbox/control.js'
import {
  ColdReadReply,
  ColdReadRequest,
  errorCodeAt,
  partitionIdAt,
  ReplyType,
  requestIdAt,
} from '../../native-free-core/mailbox/shard-frames.js'
import { Doorbell } from '../../native-free-core/ring/doorbell.js'
import { RingConsumer, RingProducer } from '../../native-free-core/ring/ring.js'
import type { Disk } from '../shared/disk.js'
import { type BatchRange, SegmentReader } from './segment-reader.js'

interface FrontEnd {
  readonly requests: RingConsumer
  readonly replies: RingProducer
  readonly doorbell: Doorbell
}

type Tell = (partitionId: number, message: string) => void

/** So that a file that every consumer meets makes no flood of lines. */
const tellIntervalMs = 1000

export class ReadLoop {
  private readonly reader: SegmentReader
  private readonly tell: Tell
  private nextTellMs = 0
  private readonly frontEnds: readonly FrontEnd[]

  /** `tell`: of a read that failed, at most once a second. */
  constructor(disk: Disk, frontEnds: readonly RingPair[], tell: Tell = () => undefined) {
    this.tell = tell
    this.reader = new SegmentReader(disk)
    this.frontEnds = frontEnds.map((pair) => ({
      requests: new RingConsumer(pair.requests),
      replies: new RingProducer(pair.replies),
      doorbell: new Doorbell(pair.doorbell),
    }))
  }

  hasWork(): boolean {
    return this.frontEnds.some((frontEnd) => !frontEnd.requests.isEmpty())
  }

  /** Call it after each step, and when the time is over that it returns in ms; infinity: not before the next read. */
  tidy(nowMs: number): number {
    return this.reader.tidy(nowMs)
  }

  /** One read of each front end in turn. Returns how many were done. */
  step(): number {
    let count = 0
    for (const frontEnd of this.frontEnds) {
      if (!frontEnd.requests.next()) continue
      this.serve(frontEnd)
      frontEnd.requests.release()
      frontEnd.doorbell.ring()
      count++
    }
    return count
  }

  private serve({ requests, replies }: FrontEnd): void {
    const at = requests.bodyPosition
    const view = requests.view
    const requestId = view.getUint32(at + requestIdAt, true)
    const pathAt = at + ColdReadRequest.pathAt
    const path = decodeUtf8(requests.bytes, pathAt, pathAt + view.getUint32(at + ColdReadRequest.pathLengthAt, true))
    const partitionId = view.getUint32(at + partitionIdAt, true)
    try {
      const range = this.reader.find(path, partitionId, {
        offset: view.getFloat64(at + ColdReadRequest.offsetAt, true),
        highWatermark: view.getFloat64(at + ColdReadRequest.highWatermarkAt, true),
        limit: view.getFloat64(at + ColdReadRequest.limitAt, true),
        maxBytes: view.getUint32(at + ColdReadRequest.maxBytesAt, true),
      })
      this.reply(replies, requestId, 0, range)
    } catch (error) {
      this.reply(replies, requestId, this.codeOf(error, partitionId), undefined)
    }
  }

  private codeOf(error: unknown, partitionId: number): number {
    const { code, message } = StreamBusError.from(error)
    const nowMs = performance.now()
    if (nowMs >= this.nextTellMs) {
      this.nextTellMs = nowMs + tellIntervalMs
      this.tell(partitionId, message)
    }
    return code
  }

  private reply(replies: RingProducer, requestId: number, code: number, range: BatchRange | undefined): void {
    const length = range?.lengthBytes ?? 0
    const at = replies.claim(ReplyType.coldRead, ColdReadReply.bytesAt + length)
    // The front end reserves room for maxBytes and one batch before it asks.
    if (at < 0) throw new StreamBusError('UNKNOWN_SERVER_ERROR', `no room for a cold read of ${length} bytes`)
    replies.view.setUint32(at + requestIdAt, requestId, true)
    replies.view.setInt32(at + errorCodeAt, code, true)
    replies.view.setUint32(at + ColdReadReply.lengthAt, length, true)
    if (range !== undefined) {
      const into = replies.bytes.subarray(at + ColdReadReply.bytesAt, at + ColdReadReply.bytesAt + length)
      const failed = this.readInto(range, into)
      if (failed !== 0) replies.view.setInt32(at + errorCodeAt, failed, true)
    }
    replies.publish()
  }

  /** 0, or an error code: a disk that does not answer fails this read and no other. */
  private readInto(range: BatchRange, into: Uint8Array): number {
    try {
      if (this.reader.read(range, into)) return 0
      const what = `${range.path}: the file ends before byte ${range.position + range.lengthBytes}`
      return this.codeOf(new StreamBusError('SEGMENT_DAMAGED', what), range.partitionId)
    } catch (error) {
      return this.codeOf(error, range.partitionId)
    }
  }
}
