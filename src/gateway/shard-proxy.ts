/**
 * The sending end of one shard's request ring, and the drain of its replies.
 * Runs on: main. Touches: the shard's two rings and its doorbell. Never blocks, never spins.
 *
 * Invariant: room for the answer is reserved in the reply ring before a request enters the request ring; else two
 * threads could wait for each other's full ring. What does not fit waits here, each sender's in order, bounded by
 * maxInFlightBytes.
 * Produce requests live in slots of plain arrays: no object and no promise for each.
 */
import { assert } from '../../native-free-core/errors/assert.js'
import { errorTable } from '../../native-free-core/errors/error-table.js'
import {
  errorCodeAt,
  fetchReplyReserveBytes,
  partitionIdAt,
  ProduceReply,
  ProduceRequest,
  requestIdAt,
  RequestType,
} from '../../native-free-core/mailbox/shard-frames.js'
import { Doorbell } from '../../native-free-core/ring/doorbell.js'
import { ringFrameBytes } from '../../native-free-core/ring/ring-layout.js'
import { largestBodyBytes, RingConsumer, RingProducer } from '../../native-free-core/ring/ring.js'
import type { ProduceStages } from './produce-stages.js'
import { WaitingLines } from './waiting-lines.js'

/** Gets the answers of its produce requests. */
export interface ProduceOwner {
  produced(
    token: number,
    code: number,
    baseOffset: number,
    logStartOffset: number,
    partitionId: number,
    batchBytes: number,
    startedMs: number,
  ): void
}

/** Gets one answer; reads it off the ring during the call. */
export interface ReplyHandler {
  onReply(replies: RingConsumer): void
}

/** What waits outside the rings, of all shards together. */
export interface WaitingBudget {
  usedBytes: number
  maxBytes: number
}

export interface ShardProxyOptions {
  readonly requests: SharedArrayBuffer
  readonly replies: SharedArrayBuffer
  readonly doorbell: SharedArrayBuffer
  readonly budget: WaitingBudget
  /** Absent: no request is timed. */
  readonly stages?: ProduceStages
}

interface WaitingRequest {
  readonly type: number
  readonly slot: number
  readonly body: Uint8Array
  readonly reserveBytes: number
}

const throttled = errorTable.THROTTLING_QUOTA_EXCEEDED.code
const tooLarge = errorTable.MESSAGE_TOO_LARGE.code
const produceReserve = ringFrameBytes(ProduceReply.sizeBytes)
/** Requests without an answer carry this id. */
const noSlot = 0xffff_ffff
/** What a waiting request takes beyond its body. */
const waitingOverheadBytes = 128
/** One sender's waiting requests may take so many times what is left: alone, eight ninths of all. */
const mostOfLeft = 8
/** Sender of all but produce requests: a cancel must not overtake its fetch. */
const everybody = 'everybody'
/** Time is looked at after so many small replies. */
const repliesPerLook = 32

export class ShardProxy {
  private readonly requests: RingProducer
  private readonly replies: RingConsumer
  private readonly doorbell: Doorbell
  private readonly budget: WaitingBudget
  /** Reserved bytes may grow to this: the rest of the ring is for the padding at the end of a lap. */
  private readonly reserveLimit: number
  private reservedBytes = 0
  private readonly largestBody: number
  private needsRing = false
  private readonly waiting = new WaitingLines<WaitingRequest>(({ body }) => body.length + waitingOverheadBytes)
  // Slots: the request id is the index.
  private readonly freeSlots: number[] = []
  private readonly owners: (ProduceOwner | undefined)[] = []
  private readonly handlers: (ReplyHandler | undefined)[] = []
  private readonly tokens: number[] = []
  private readonly partitionIds: number[] = []
  private readonly sizes: number[] = []
  private readonly startTimes: number[] = []
  private readonly reserves: number[] = []
  /** The slot's request is timed, stage by stage. */
  private readonly isTimed: boolean[] = []
  private readonly stages: ProduceStages | undefined

  constructor(options: ShardProxyOptions) {
    this.requests = new RingProducer(options.requests)
    this.replies = new RingConsumer(options.replies)
    this.doorbell = new Doorbell(options.doorbell)
    this.budget = options.budget
    this.stages = options.stages
    this.largestBody = largestBodyBytes(this.requests.capacityBytes)
    const replyCapacity = this.replies.bytes.length
    this.reserveLimit = replyCapacity - ringFrameBytes(fetchReplyReserveBytes)
  }

  /** The largest record batch that fits into the ring. */
  get largestBatchBytes(): number {
    return this.largestBody - ProduceRequest.batchAt
  }

  get usedBytes(): number {
    return this.requests.usedBytes()
  }

  get capacityBytes(): number {
    return this.requests.capacityBytes
  }

  /** Half of the reply ring may be reserved by what waits for data, which can be long. */
  get longPollLimitBytes(): number {
    return this.reserveLimit / 2
  }

  get hasWaiting(): boolean {
    return !this.waiting.isEmpty
  }

  /**
   * Hands over the batch in bytes[start, start + length), which is copied. Returns 0, or the code of why not.
   * With acks 0 the owner hears nothing.
   */
  produce(
    owner: ProduceOwner,
    token: number,
    partitionId: number,
    acks: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    startedMs: number,
  ): number {
    const bodyBytes = ProduceRequest.batchAt + length
    if (bodyBytes > this.largestBody) return tooLarge
    const reserve = acks === 0 ? 0 : produceReserve
    const mayEnter = !this.hasWaiting && this.reservedBytes + reserve <= this.reserveLimit
    const at = mayEnter ? this.requests.claim(RequestType.produce, bodyBytes) : -1
    if (at < 0 && !this.takeBudget(owner, bodyBytes)) return throttled
    const slot = acks === 0 ? noSlot : this.takeSlot(owner, undefined, token, partitionId, length, startedMs)
    const enteredMs = acks === 0 || this.stages === undefined ? 0 : this.stages.enter(startedMs)
    if (acks !== 0) this.isTimed[slot] = enteredMs > 0
    if (at < 0) {
      const body = new Uint8Array(bodyBytes)
      writeProduce(body, new DataView(body.buffer), 0, slot, partitionId, acks, enteredMs, bytes, start, length)
      this.waiting.push(owner, { type: RequestType.produce, slot, body, reserveBytes: reserve })
      return 0
    }
    const { requests } = this
    writeProduce(requests.bytes, requests.view, at, slot, partitionId, acks, enteredMs, bytes, start, length)
    this.enter(slot, reserve)
    return 0
  }

  /**
   * Any other request. `fill` writes what follows request and partition id; `handler` gets the one answer, for which
   * `replyBytes` are reserved. Returns the request's id; -1 when throttled, which `isOurs` excludes.
   */
  request(
    type: number,
    partitionId: number,
    bodyBytes: number,
    replyBytes: number,
    handler: ReplyHandler,
    isOurs: boolean,
    fill: (view: DataView, at: number) => void,
  ): number {
    const reserve = ringFrameBytes(replyBytes)
    const mayEnter = !this.hasWaiting && this.reservedBytes + reserve <= this.reserveLimit
    const at = mayEnter ? this.requests.claim(type, bodyBytes) : -1
    if (at < 0 && !this.takeBudget(everybody, bodyBytes, isOurs)) return -1
    const slot = this.takeSlot(undefined, handler, 0, partitionId, 0, 0)
    if (at < 0) this.wait(type, slot, partitionId, bodyBytes, reserve, fill)
    else {
      writeHead(this.requests.view, at, slot, partitionId)
      fill(this.requests.view, at)
      this.enter(slot, reserve)
    }
    return slot
  }

  /** A request without an answer: cancelFetch (with the fetch's id), releaseLease. Always accepted. */
  tell(
    type: number,
    requestId: number,
    partitionId: number,
    bodyBytes: number,
    fill: (view: DataView, at: number) => void,
  ): void {
    const at = this.hasWaiting ? -1 : this.requests.claim(type, bodyBytes)
    if (at < 0) {
      this.takeBudget(everybody, bodyBytes, true)
      const body = new Uint8Array(bodyBytes)
      const view = new DataView(body.buffer)
      writeHead(view, 0, requestId, partitionId)
      fill(view, 0)
      this.waiting.push(everybody, { type, slot: noSlot, body, reserveBytes: 0 })
      return
    }
    writeHead(this.requests.view, at, requestId, partitionId)
    fill(this.requests.view, at)
    this.requests.publish()
    this.needsRing = true
  }

  /** Wakes the shard if anything was put into its ring since the last call: once for each frame of a socket. */
  flush(): void {
    if (!this.needsRing) return
    this.needsRing = false
    this.doorbell.ring()
  }

  hasReplies(): boolean {
    return !this.replies.isEmpty()
  }

  /** Takes replies until there are none (false) or `deadlineMs` has passed (true). */
  drain(deadlineMs: number): boolean {
    const { replies } = this
    let untilLook = repliesPerLook
    while (replies.next()) {
      if (this.takeReply()) untilLook--
      else untilLook = 0
      if (untilLook > 0) continue
      if (performance.now() >= deadlineMs) return true
      untilLook = repliesPerLook
    }
    return false
  }

  /** Moves what waits into the ring, as far as there is room. */
  pumpWaiting(): void {
    for (let request = this.waiting.peek(); request !== undefined; request = this.waiting.peek()) {
      if (this.reservedBytes + request.reserveBytes > this.reserveLimit) break
      const at = this.requests.claim(request.type, request.body.length)
      if (at < 0) break
      this.requests.bytes.set(request.body, at)
      this.enter(request.slot, request.reserveBytes)
      this.budget.usedBytes -= request.body.length + waitingOverheadBytes
      this.waiting.shift()
    }
  }

  private enter(slot: number, reserve: number): void {
    this.requests.publish()
    this.needsRing = true
    if (slot === noSlot) return
    this.reserves[slot] = reserve
    this.reservedBytes += reserve
  }

  private wait(
    type: number,
    slot: number,
    partitionId: number,
    bodyBytes: number,
    reserveBytes: number,
    fill: (view: DataView, at: number) => void,
  ): void {
    const body = new Uint8Array(bodyBytes)
    const view = new DataView(body.buffer)
    writeHead(view, 0, slot, partitionId)
    fill(view, 0)
    this.waiting.push(everybody, { type, slot, body, reserveBytes })
  }

  /** However many flood it, some room is left for one that has nothing here. */
  private takeBudget(sender: unknown, bodyBytes: number, isOurs = false): boolean {
    const cost = bodyBytes + waitingOverheadBytes
    const { budget } = this
    const leftBytes = budget.maxBytes - budget.usedBytes
    const isWithin = cost <= leftBytes && this.waiting.sizeBytesOf(sender) + cost <= mostOfLeft * leftBytes
    if (!isOurs && !isWithin) return false
    budget.usedBytes += cost
    return true
  }

  private takeSlot(
    owner: ProduceOwner | undefined,
    handler: ReplyHandler | undefined,
    token: number,
    partitionId: number,
    sizeBytes: number,
    startedMs: number,
  ): number {
    const slot = this.freeSlots.pop() ?? this.owners.length
    this.owners[slot] = owner
    this.handlers[slot] = handler
    this.tokens[slot] = token
    this.partitionIds[slot] = partitionId
    this.sizes[slot] = sizeBytes
    this.startTimes[slot] = startedMs
    this.reserves[slot] = 0
    return slot
  }

  private freeSlot(slot: number): void {
    this.owners[slot] = undefined
    this.handlers[slot] = undefined
    this.reservedBytes -= this.reserves[slot]!
    this.freeSlots.push(slot)
  }

  /** True for the small kind. */
  private takeReply(): boolean {
    const { replies } = this
    const at = replies.bodyPosition
    const slot = replies.view.getUint32(at + requestIdAt, true)
    const owner = this.owners[slot]
    const handler = this.handlers[slot]
    assert(owner !== undefined || handler !== undefined, 'an answer to a request that nobody sent')
    if (owner !== undefined) this.takeProduceReply(owner, slot, at)
    else handler!.onReply(replies)
    this.freeSlot(slot)
    replies.release()
    return owner !== undefined
  }

  private takeProduceReply(owner: ProduceOwner, slot: number, at: number): void {
    const { view } = this.replies
    const startedMs = this.startTimes[slot]!
    if (this.isTimed[slot] === true) {
      const committedMs = view.getFloat64(at + ProduceReply.committedMsAt, true)
      // 0: it was refused, or was a duplicate.
      if (committedMs > 0) this.stages?.taken(startedMs, committedMs)
    }
    owner.produced(
      this.tokens[slot]!,
      view.getInt32(at + errorCodeAt, true),
      view.getFloat64(at + ProduceReply.baseOffsetAt, true),
      view.getFloat64(at + ProduceReply.logStartOffsetAt, true),
      this.partitionIds[slot]!,
      this.sizes[slot]!,
      startedMs,
    )
  }
}

function writeHead(view: DataView, at: number, requestId: number, partitionId: number): void {
  view.setUint32(at + requestIdAt, requestId, true)
  view.setUint32(at + partitionIdAt, partitionId, true)
}

function writeProduce(
  into: Uint8Array,
  view: DataView,
  at: number,
  slot: number,
  partitionId: number,
  acks: number,
  enteredMs: number,
  bytes: Uint8Array,
  start: number,
  length: number,
): void {
  writeHead(view, at, slot, partitionId)
  view.setInt32(at + ProduceRequest.acksAt, acks, true)
  view.setUint32(at + ProduceRequest.lengthAt, length, true)
  view.setFloat64(at + ProduceRequest.enteredMsAt, enteredMs, true)
  into.set(bytes.subarray(start, start + length), at + ProduceRequest.batchAt)
}
