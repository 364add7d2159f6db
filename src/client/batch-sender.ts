/**
 * Sends the batches of a producer: when they are full or old enough, as many as the connection takes, several in one
 * frame; hands answers back to the core's partition producers.
 * Runs on: main thread of clients, browsers. Touches: the connection, a timer, partition producers.
 */
import type { ByteReader } from '../../native-free-core/bytes/byte-reader.js'
import type { ResponseHandler } from '../../native-free-core/client/client-session.js'
import {
  noIdentity,
  PartitionProducer,
  type PartitionProducerOptions,
  type ProducerIdentity,
} from '../../native-free-core/client/partition-producer.js'
import { BuilderPool, type ProduceBatch } from '../../native-free-core/client/produce-batch.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import {
  Api,
  type InitProducerIdResponse,
  readInitProducerIdResponse,
  readProduceResponse,
} from '../../native-free-core/protocol/codecs.generated.js'
import type { Call, Connection } from './connection.js'

export interface SenderOptions {
  readonly acks: number
  readonly lingerMs: number
  readonly isIdempotent: boolean
  readonly partition: PartitionProducerOptions
}

export interface SenderListener {
  /** A batch of the slot is acknowledged or has failed. */
  finished(batch: ProduceBatch, slot: Slot): void
  /** The slot's open batch is full, or old enough to be sent. */
  due(slot: Slot): void
  /** The broker does not know the slot's partition. */
  partitionUnknown(slot: Slot): void
}

/** One partition, as the producer sends to it. */
export interface Slot {
  readonly topic: string
  readonly partition: number
  readonly producer: PartitionProducer
  /** As the broker named it; -1: not known now. */
  partitionId: number
  isActive: boolean
  isLingering: boolean
  /** The open batch is old enough, and takes records until it can be sent. */
  isDue: boolean
  isIdentifying: boolean
  hadIdentity: boolean
}

/** What a frame holds beside the batch. */
const produceOverheadBytes = 64
/** Records stamped with one reading of the clock at most. */
const recordsPerClockReading = 256

export class BatchSender {
  readonly slots: Slot[] = []
  private readonly connection: Connection
  private readonly options: SenderOptions
  private readonly listener: SenderListener
  private readonly pool = new BuilderPool()
  /** Slots that may have something to send. */
  private active: Slot[] = []
  /** Slots with an open batch that was looked at by no timer yet. */
  private lingering: Slot[] = []
  private sharedIdentity: Promise<ProducerIdentity> | undefined
  private lingerTimer: ReturnType<typeof setTimeout> | undefined
  private isTurnScheduled = false
  private isPumpScheduled = false
  private clockMs = 0
  private clockUses = 0

  constructor(connection: Connection, options: SenderOptions, listener: SenderListener) {
    this.connection = connection
    this.options = options
    this.listener = listener
  }

  addSlot(topic: string, partition: number, partitionId: number): Slot {
    const producer = new PartitionProducer(topic, partition, this.options.partition, this.pool, (batch) =>
      this.listener.finished(batch, slot),
    )
    const flags = { isActive: false, isLingering: false, isDue: false, isIdentifying: false, hadIdentity: false }
    const slot: Slot = { topic, partition, producer, partitionId, ...flags }
    this.slots.push(slot)
    return slot
  }

  /** One reading of the clock serves the records of a turn: reading it takes longer than the rest of the work. */
  nowMs(): number {
    if (this.clockMs !== 0 && ++this.clockUses < recordsPerClockReading) return this.clockMs
    this.clockMs = Date.now()
    this.clockUses = 0
    this.scheduleEndOfTurn()
    return this.clockMs
  }

  private scheduleEndOfTurn(): void {
    if (this.isTurnScheduled) return
    this.isTurnScheduled = true
    this.connection.platform.atEndOfTurn(() => {
      this.isTurnScheduled = false
      this.clockMs = 0
      if (this.options.lingerMs === 0) this.sealAll()
    })
  }

  // When batches are closed.

  /** The slot has an open batch that is to be sent when it is old enough. */
  linger(slot: Slot): void {
    if (slot.isLingering) return
    slot.isLingering = true
    this.lingering.push(slot)
    const { lingerMs } = this.options
    if (lingerMs === 0) this.scheduleEndOfTurn()
    else if (this.lingerTimer === undefined) this.lingerTimer = setTimeout(() => this.sealDue(), lingerMs)
  }

  private sealDue(): void {
    this.lingerTimer = undefined
    const nowMs = Date.now()
    const waiting = this.lingering
    this.lingering = []
    let nextDueMs = Number.POSITIVE_INFINITY
    for (const slot of waiting) {
      const dueMs = (slot.producer.openBatch?.createdAtMs ?? 0) + this.options.lingerMs
      if (dueMs <= nowMs) this.due(slot)
      else {
        this.lingering.push(slot)
        nextDueMs = Math.min(nextDueMs, dueMs)
      }
    }
    if (this.lingering.length > 0) this.lingerTimer = setTimeout(() => this.sealDue(), Math.max(1, nextDueMs - nowMs))
    this.pump()
  }

  /** All open batches are due, whatever their age; sends what can be sent. */
  sealAll(): void {
    const waiting = this.lingering
    this.lingering = []
    for (const slot of waiting) this.due(slot)
    this.pump()
  }

  /**
   * The slot's open batch is old enough. It is closed when it can be sent: behind others it goes on taking records, or
   * a broker that is slow for a moment would get many batches of one record each.
   */
  private due(slot: Slot): void {
    slot.isLingering = false
    if (!slot.producer.isHeldUp) return this.seal(slot)
    slot.isDue = true
    this.listener.due(slot)
  }

  /** The slot's open batch is large enough. */
  sealFull(slot: Slot): void {
    this.seal(slot)
    this.pump()
  }

  private seal(slot: Slot): void {
    slot.isDue = false
    if (slot.producer.openBatch === undefined) return
    slot.producer.seal()
    this.listener.due(slot)
    this.activate(slot)
  }

  // Sending.

  activate(slot: Slot): void {
    if (slot.isActive) return
    slot.isActive = true
    this.active.push(slot)
  }

  /** Answers come many in a frame: what they made room for is sent once, after the last. */
  private schedulePump(): void {
    if (this.isPumpScheduled) return
    this.isPumpScheduled = true
    queueMicrotask(() => {
      this.isPumpScheduled = false
      this.pump()
    })
  }

  /** Sends what can be sent. */
  pump(): void {
    if (this.active.length === 0 || !this.connection.isReady) return
    const slots = this.active
    this.active = []
    const nowMs = Date.now()
    let isRoom = true
    for (const slot of slots) {
      if (isRoom) isRoom = this.sendFrom(slot, nowMs)
      if (!isRoom) this.active.push(slot)
      else slot.isActive = false
    }
    this.connection.flush()
  }

  /** Sends what the slot may send; false: the connection can't take more now. */
  private sendFrom(slot: Slot, nowMs: number): boolean {
    const { producer, partitionId } = slot
    if (partitionId < 0) return true
    if (producer.needsIdentity && !producer.isIdle) this.identify(slot)
    const { acks } = this.options
    for (let batch = this.nextOf(slot, nowMs); batch !== undefined; batch = this.nextOf(slot, nowMs)) {
      if (this.isBeyondFrame(slot, batch, nowMs)) continue
      const answer = new ProduceAnswer(this, slot, batch, acks)
      if (!this.connection.produce(partitionId, acks, batch.bytes!, answer)) return false
      producer.sent(batch)
    }
    return true
  }

  private nextOf(slot: Slot, nowMs: number): ProduceBatch | undefined {
    const { producer } = slot
    if (slot.isDue && !producer.isHeldUp) this.seal(slot)
    return producer.nextToSend(nowMs)
  }

  /** The broker would end the connection: nothing that is sent again could pass. */
  private isBeyondFrame({ producer, topic, partition }: Slot, batch: ProduceBatch, nowMs: number): boolean {
    const { maxFrameBytes } = this.connection.hello!
    const { length } = batch.bytes!
    if (length + produceOverheadBytes <= maxFrameBytes) return false
    const what = `a batch of ${length} bytes for ${topic}-${partition}`
    const message = `${what}; the broker's maxFrameBytes is ${maxFrameBytes}`
    producer.sent(batch)
    producer.refused(batch, new StreamBusError('MESSAGE_TOO_LARGE', message), nowMs, 0)
    return true
  }

  private identify(slot: Slot): void {
    if (!this.options.isIdempotent) return slot.producer.setIdentity(noIdentity)
    if (slot.isIdentifying) return
    slot.isIdentifying = true
    this.identityFor(slot).then(
      (identity) => this.identified(slot, identity),
      (error: unknown) => {
        slot.isIdentifying = false
        // The tick asks again, until the records' time is over.
        if (!StreamBusError.is(error) || !error.retriable) slot.producer.failAll(StreamBusError.from(error))
      },
    )
  }

  private identified(slot: Slot, identity: ProducerIdentity): void {
    slot.isIdentifying = false
    slot.hadIdentity = true
    slot.producer.setIdentity(identity)
    this.activate(slot)
    this.schedulePump()
  }

  /** All partitions share the first producer id; one that has to start again gets its own. */
  private identityFor(slot: Slot): Promise<ProducerIdentity> {
    if (slot.hadIdentity) return this.connection.request(initProducerIdCall)
    this.sharedIdentity ??= this.connection.request(initProducerIdCall).catch((error: unknown) => {
      this.sharedIdentity = undefined
      throw error
    })
    return this.sharedIdentity
  }

  // Answers.

  acknowledged(slot: Slot, batch: ProduceBatch, baseOffset: number): void {
    slot.producer.acknowledged(batch, baseOffset)
    this.activate(slot)
    this.schedulePump()
  }

  refused(slot: Slot, batch: ProduceBatch, error: StreamBusError): void {
    slot.producer.refused(batch, error, Date.now(), Math.random())
    if (error.name === 'UNKNOWN_TOPIC_ID') this.listener.partitionUnknown(slot)
    this.activate(slot)
    this.schedulePump()
  }

  // The connection.

  reconnected(): void {
    for (const slot of this.slots) if (!slot.producer.isIdle) this.activate(slot)
    this.schedulePump()
  }

  lost(error: StreamBusError): void {
    for (const slot of this.slots) slot.producer.disconnected(error)
  }

  /** Producer ids and partition ids of the cluster so far mean nothing any more. */
  clusterChanged(): void {
    this.sharedIdentity = undefined
    for (const slot of this.slots) {
      slot.partitionId = -1
      slot.producer.restart()
    }
  }

  tick(nowMs: number): void {
    for (const slot of this.slots) {
      if (slot.producer.isIdle) continue
      slot.producer.expire(nowMs)
      this.activate(slot)
    }
    this.pump()
  }

  removeSlot(slot: Slot): void {
    this.slots.splice(this.slots.indexOf(slot), 1)
  }

  end(error: StreamBusError): void {
    clearTimeout(this.lingerTimer)
    for (const slot of this.slots) slot.producer.failAll(error)
  }
}

/** The answer to one sending of a batch. */
class ProduceAnswer implements ResponseHandler {
  private readonly sender: BatchSender
  private readonly slot: Slot
  private readonly batch: ProduceBatch
  private readonly acks: number
  /** A batch that was sent again is no business of the earlier sending. */
  private readonly attempt: number

  constructor(sender: BatchSender, slot: Slot, batch: ProduceBatch, acks: number) {
    this.sender = sender
    this.slot = slot
    this.batch = batch
    this.acks = acks
    this.attempt = batch.attemptCount + 1
  }

  succeeded(body: ByteReader): void {
    const baseOffset = this.acks === 0 ? -1 : readProduceResponse(body).baseOffset
    if (this.attempt === this.batch.attemptCount) this.sender.acknowledged(this.slot, this.batch, baseOffset)
  }

  failed(error: StreamBusError): void {
    if (this.attempt === this.batch.attemptCount) this.sender.refused(this.slot, this.batch, error)
  }
}

const initProducerIdCall: Call<InitProducerIdResponse> = {
  api: Api.InitProducerId,
  write: () => {},
  read: readInitProducerIdResponse,
  isRepeatable: true,
}
