/**
 * Sends records in batches: by size and time, idempotent, in order per partition, again after lost connections.
 * Runs on: main thread of clients, browsers. Touches: the batch sender, what is known of topics.
 *
 * `write` is the fast path: nothing is allocated for a record beyond what the caller made. `send` gives a promise for
 * each record.
 */
import { maxBatchesInFlight, type ProduceBatch } from '../../native-free-core/client/partition-producer.js'
import { StickyPartitioner } from '../../native-free-core/client/partitioner.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { HeaderBytes } from '../../native-free-core/log/record-batch-builder.js'
import type { TopicInfo } from '../../native-free-core/protocol/codecs.generated.js'
import { BatchSender, type SenderOptions, type Slot } from './batch-sender.js'
import { compressWith } from './compression.js'
import type { Connection, ConnectionUser } from './connection.js'
import type { Platform } from './platform/platform.js'
import { type BytesLike, bytesOrNull, type Headers, headersToBytes } from './text-bytes.js'
import { type Topics, unknownPartition } from './topics.js'
import { abortable, type Waiter } from './waiter.js'

/** A record to be sent. */
export interface ProducerRecord {
  readonly topic: string
  /** Records with the same key go to the same partition, in order. */
  readonly key?: BytesLike | null | undefined
  readonly value: BytesLike | null
  readonly headers?: Headers | undefined
  /** Instead of the partition that the key or the partitioner would give. */
  readonly partition?: number | undefined
  /** Milliseconds since 1970; now, if absent. */
  readonly timestampMs?: number | undefined
}

/** How a producer sends. */
export interface ProducerOptions {
  /** -1: on disk on all in-sync copies; 1: on the leader's; 0: no answer is waited for, and records may be lost. */
  readonly acks?: -1 | 0 | 1 | undefined
  /** A batch is sent when it is this large, default 256 KiB. */
  readonly batchBytes?: number | undefined
  /** Or when it is this old, default 1 ms; 0: at the end of the turn. */
  readonly lingerMs?: number | undefined
  /** Unacknowledged bytes from which on `write` returns false, default 32 MiB. */
  readonly bufferBytes?: number | undefined
  /** A record that is not acknowledged by then has failed, default 120 s. */
  readonly deliveryTimeoutMs?: number | undefined
  /** The broker recognises what is sent again, default true unless acks is 0. */
  readonly idempotent?: boolean | undefined
  readonly compression?: 'none' | 'gzip' | undefined
  /** Called once for each batch, acknowledged or failed. */
  readonly onDelivery?: ((report: DeliveryReport) => void) | undefined
}

/** What became of a batch. */
export interface DeliveryReport {
  readonly topic: string
  /** -1: the topic could not be looked up. */
  readonly partition: number
  /** -1: failed, acks 0, or the broker forgot it. */
  readonly baseOffset: number
  readonly recordCount: number
  readonly error: StreamBusError | undefined
}

/** Where a record went. */
export interface RecordMetadata {
  readonly topic: string
  readonly partition: number
  /** -1 with acks 0. */
  readonly offset: number
}

interface ProducerTopic {
  readonly name: string
  info: TopicInfo | undefined
  partitioner: StickyPartitioner
  readonly slots: (Slot | undefined)[]
  /** Records that came before the broker told the partitions. */
  held: HeldRecord[]
  resolving: Promise<void> | undefined
}

type Settle = (batch: ProduceBatch, index: number, partition: number) => void

interface HeldRecord {
  readonly record: ProducerRecord
  /** Of `send`; both absent for `write`. */
  readonly settle: Settle | undefined
  readonly fail: ((error: StreamBusError) => void) | undefined
}

const KiB = 1024
const MiB = 1024 * KiB
const gzipCodec = 1
/** Producers start at different partitions. */
const firstPartitionRange = 1 << 20
/** What a held record counts for beyond its bytes. */
const heldRecordBytes = 200

/** Sends records in batches; made by `client.producer()`. */
export class Producer {
  private readonly connection: Connection
  private readonly known: Topics
  private readonly sender: BatchSender
  private readonly user: ConnectionUser
  private readonly batchBytes: number
  private readonly bufferBytes: number
  private readonly onDelivery: ((report: DeliveryReport) => void) | undefined
  private readonly topics = new Map<string, ProducerTopic>()
  private lastTopic: ProducerTopic | undefined
  private lastBatch: ProduceBatch | undefined
  private bufferedBytes = 0
  private readonly readyWaiters = new Set<Waiter>()
  private unreported: StreamBusError | undefined
  private refusal: StreamBusError | undefined
  private isClosed = false

  constructor(connection: Connection, known: Topics, options: ProducerOptions = {}) {
    this.connection = connection
    this.known = known
    const senderOptions = senderOptionsOf(options, connection.platform)
    this.batchBytes = senderOptions.partition.batchBytes
    this.bufferBytes = inRange('bufferBytes', options.bufferBytes ?? 32 * MiB, 1, 2 ** 36)
    this.onDelivery = options.onDelivery
    this.sender = new BatchSender(connection, senderOptions, {
      finished: (batch, slot) => this.finished(batch, slot),
      sealed: (slot) => this.topics.get(slot.topic)?.partitioner.batchSealed(slot.partition),
      partitionUnknown: (slot) => this.lookAgain(slot.topic),
    })
    this.user = {
      ready: (isOtherCluster) => (isOtherCluster ? this.clusterChanged() : this.sender.reconnected()),
      lost: (error) => this.sender.lost(error),
      refused: (error) => this.refused(error),
      tick: (nowMs) => this.sender.tick(nowMs),
    }
    connection.addUser(this.user)
  }

  /**
   * Takes a record. False: it was taken, but wait for `ready()` before writing more. Errors of delivery go to
   * `onDelivery`, or else make `flush` and `close` reject. Throws for a partition that does not exist.
   */
  write(record: ProducerRecord): boolean {
    const topic = this.topicOf(record.topic)
    if (topic.info === undefined) {
      this.hold(topic, { record, settle: undefined, fail: undefined })
      return false
    }
    this.append(topic, record)
    return this.bufferedBytes < this.bufferBytes
  }

  /** Takes a record; resolves when it is acknowledged. */
  send(record: ProducerRecord): Promise<RecordMetadata> {
    return new Promise((resolve, reject) => {
      const settle: Settle = (batch, index, partition) => {
        if (batch.error !== undefined) return reject(batch.error)
        const offset = batch.baseOffset < 0 ? -1 : batch.baseOffset + index
        resolve({ topic: record.topic, partition, offset })
      }
      const topic = this.topicOf(record.topic)
      if (topic.info === undefined) this.hold(topic, { record, settle, fail: reject })
      else this.appendWithSettle(topic, record, settle)
    })
  }

  /** Resolves when `write` may go on. */
  ready({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.isRoomy()) return Promise.resolve()
    return abortable((waiter) => {
      this.readyWaiters.add(waiter)
      return () => this.readyWaiters.delete(waiter)
    }, signal)
  }

  private isRoomy(): boolean {
    if (this.isClosed) return true
    if (this.bufferedBytes >= this.bufferBytes) return false
    for (const topic of this.topics.values()) if (topic.held.length > 0) return false
    return true
  }

  /** Sends what is there and waits until it is acknowledged. Rejects with the first error that nobody was told of. */
  async flush({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    while (!this.isAllDone()) {
      this.sender.sealAll()
      await abortable((waiter) => {
        this.whenUnfinishedDone(waiter)
        return undefined
      }, signal)
    }
    const error = this.unreported
    this.unreported = undefined
    if (error !== undefined) throw error
  }

  private isAllDone(): boolean {
    for (const topic of this.topics.values()) if (topic.held.length > 0) return false
    return this.sender.slots.every((slot) => slot.producer.isIdle)
  }

  private whenUnfinishedDone(waiter: Waiter): void {
    let left = 1
    const done = () => {
      if (--left === 0) waiter.resolve()
    }
    for (const topic of this.topics.values()) {
      if (topic.resolving === undefined) continue
      left++
      void topic.resolving.then(done)
    }
    for (const slot of this.sender.slots) {
      for (const batch of slot.producer.unfinished) {
        left++
        whenDone(batch, done)
      }
    }
    done()
  }

  /** Flushes and ends; rejects as `flush` does. What is not acknowledged when `signal` fires has failed. */
  async close(options: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.refusal !== undefined) return this.flush()
    if (this.isClosed) return
    try {
      await this.flush(options)
    } finally {
      this.end(new StreamBusError('NETWORK_EXCEPTION', 'the producer was closed before the record was acknowledged'))
    }
  }

  private refused(error: StreamBusError): void {
    this.refusal = error
    this.end(error)
  }

  private end(error: StreamBusError): void {
    this.isClosed = true
    this.connection.removeUser(this.user)
    this.sender.end(error)
    for (const topic of this.topics.values()) this.failHeld(topic, error)
    this.wakeReady()
  }

  // Taking records.

  private topicOf(name: string): ProducerTopic {
    if (this.refusal !== undefined) throw this.refusal
    if (this.isClosed) throw new StreamBusError('USAGE', 'the producer is closed', { remedy: 'Make another producer.' })
    if (this.lastTopic?.name === name) return this.lastTopic
    const topic = this.topics.get(name) ?? newTopic(name)
    this.topics.set(name, topic)
    this.lastTopic = topic
    return topic
  }

  private append(topic: ProducerTopic, record: ProducerRecord): Slot {
    const key = bytesOrNull(record.key)
    const value = bytesOrNull(record.value)
    const headers = headersToBytes(record.headers)
    const slot = this.slotFor(topic, record, key, value, headers)
    const { producer } = slot
    const nowMs = this.sender.nowMs()
    const before = producer.openBatch?.memoryBytes ?? 0
    const batch = producer.append(key, value, record.timestampMs ?? nowMs, headers, nowMs)
    this.lastBatch = batch
    this.bufferedBytes += batch.memoryBytes - before
    if (batch.memoryBytes >= this.batchBytes) this.sender.sealFull(slot)
    else if (!slot.isLingering) this.sender.linger(slot)
    return slot
  }

  private appendWithSettle(topic: ProducerTopic, record: ProducerRecord, settle: Settle): void {
    const { partition } = this.append(topic, record)
    const batch = this.lastBatch!
    const index = batch.recordCount - 1
    whenDone(batch, (done) => settle(done, index, partition))
  }

  private slotFor(
    topic: ProducerTopic,
    record: ProducerRecord,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers: readonly HeaderBytes[],
  ): Slot {
    for (;;) {
      const partition = record.partition ?? topic.partitioner.partitionOf(key)
      const slot = topic.slots[partition] ?? this.addSlot(topic, topic.info!, partition)
      if (!slot.producer.isFullFor(key, value, headers)) return slot
      this.sender.sealFull(slot)
    }
  }

  private addSlot(topic: ProducerTopic, info: TopicInfo, partition: number): Slot {
    const found = info.partitions[partition]
    if (found === undefined) throw unknownPartition(info, partition)
    const slot = this.sender.addSlot(topic.name, partition, found.partitionId)
    topic.slots[partition] = slot
    return slot
  }

  private finished(batch: ProduceBatch, slot: Slot): void {
    this.bufferedBytes -= batch.memoryBytes
    const { waiting, error, recordCount, baseOffset } = batch
    const { topic, partition } = slot
    if (this.onDelivery !== undefined) this.onDelivery({ topic, partition, baseOffset, recordCount, error })
    else if (waiting === undefined) this.unreported ??= error
    if (waiting !== undefined) for (const listener of waiting) listener(batch)
    this.wakeReady()
  }

  private wakeReady(): void {
    if (this.readyWaiters.size === 0 || !this.isRoomy()) return
    for (const waiter of this.readyWaiters) waiter.resolve()
  }

  // Topics that are not known yet, or not any more.

  private hold(topic: ProducerTopic, held: HeldRecord): void {
    topic.held.push(held)
    this.bufferedBytes += heldBytes(held.record)
    topic.resolving ??= this.resolve(topic)
  }

  /** Never rejects: held records hear of errors themselves. */
  private async resolve(topic: ProducerTopic): Promise<void> {
    try {
      this.adopt(topic, await this.known.get(topic.name))
      this.releaseHeld(topic)
    } catch (error) {
      this.failHeld(topic, StreamBusError.from(error))
    } finally {
      topic.resolving = undefined
      this.wakeReady()
    }
  }

  private adopt(topic: ProducerTopic, info: TopicInfo): void {
    const isOther = topic.info !== undefined && topic.info.topicId !== info.topicId
    if (topic.info === undefined || isOther) {
      topic.partitioner = new StickyPartitioner(info.partitions.length, Math.floor(Math.random() * firstPartitionRange))
    }
    topic.info = info
    for (const slot of topic.slots) if (slot !== undefined) this.adoptSlot(slot, info, isOther)
    this.sender.pump()
  }

  private adoptSlot(slot: Slot, info: TopicInfo, isOther: boolean): void {
    const found = info.partitions[slot.partition]
    if (found === undefined) return slot.producer.failAll(unknownPartition(info, slot.partition))
    if (isOther) slot.producer.restart()
    slot.partitionId = found.partitionId
    this.sender.activate(slot)
  }

  private takeHeld(topic: ProducerTopic): HeldRecord[] {
    const { held } = topic
    topic.held = []
    for (const { record } of held) this.bufferedBytes -= heldBytes(record)
    return held
  }

  private releaseHeld(topic: ProducerTopic): void {
    for (const { record, settle, fail } of this.takeHeld(topic)) {
      try {
        if (settle === undefined) this.append(topic, record)
        else this.appendWithSettle(topic, record, settle)
      } catch (error) {
        this.failRecords(topic, 1, fail, StreamBusError.from(error))
      }
    }
  }

  private failHeld(topic: ProducerTopic, error: StreamBusError): void {
    const held = this.takeHeld(topic)
    const writtenCount = held.filter(({ fail }) => fail === undefined).length
    if (writtenCount > 0) this.failRecords(topic, writtenCount, undefined, error)
    for (const { fail } of held) fail?.(error)
  }

  private failRecords(
    topic: ProducerTopic,
    recordCount: number,
    fail: HeldRecord['fail'],
    error: StreamBusError,
  ): void {
    if (fail !== undefined) return fail(error)
    if (this.onDelivery === undefined) this.unreported ??= error
    else this.onDelivery({ topic: topic.name, partition: -1, baseOffset: -1, recordCount, error })
  }

  /** The broker does not know a partition: the topic was deleted, perhaps made anew. */
  private lookAgain(name: string): void {
    const topic = this.topics.get(name)
    if (topic === undefined || topic.resolving !== undefined) return
    this.known.forget(name)
    topic.resolving = this.resolveAgain(topic)
  }

  private async resolveAgain(topic: ProducerTopic): Promise<void> {
    try {
      this.adopt(topic, await this.known.get(topic.name))
    } catch (error) {
      // Other errors pass; the tick sends again, and the broker's answer leads back to here.
      if (StreamBusError.is(error) && error.name === 'UNKNOWN_TOPIC_OR_PARTITION') this.dropTopic(topic, error)
    } finally {
      topic.resolving = undefined
    }
  }

  private dropTopic(topic: ProducerTopic, error: StreamBusError): void {
    for (const slot of topic.slots) {
      if (slot === undefined) continue
      slot.producer.failAll(error)
      this.sender.removeSlot(slot)
    }
    this.topics.delete(topic.name)
    if (this.lastTopic === topic) this.lastTopic = undefined
  }

  /** Another cluster answers at the address: its topics have other ids. */
  private clusterChanged(): void {
    this.sender.clusterChanged()
    for (const topic of this.topics.values()) this.lookAgain(topic.name)
  }
}

function newTopic(name: string): ProducerTopic {
  const partitioner = new StickyPartitioner(1)
  return { name, info: undefined, partitioner, slots: [], held: [], resolving: undefined }
}

function whenDone(batch: ProduceBatch, listener: (batch: ProduceBatch) => void): void {
  if (batch.state === 'done') return listener(batch)
  batch.waiting ??= []
  batch.waiting.push(listener)
}

function heldBytes(record: ProducerRecord): number {
  return heldRecordBytes + (record.key?.length ?? 0) + (record.value?.length ?? 0)
}

function senderOptionsOf(options: ProducerOptions, platform: Platform): SenderOptions {
  const acks = options.acks ?? -1
  if (acks !== -1 && acks !== 0 && acks !== 1) {
    throw new StreamBusError('INVALID_REQUIRED_ACKS', `acks is ${String(acks)}; expected -1 (all), 0 or 1`)
  }
  const isIdempotent = options.idempotent ?? acks !== 0
  if (isIdempotent && acks === 0) {
    throw new StreamBusError('USAGE', 'an idempotent producer needs answers, but acks is 0', {
      remedy: 'Leave idempotent out, or set acks to -1 or 1.',
    })
  }
  const partition = {
    batchBytes: inRange('batchBytes', options.batchBytes ?? 256 * KiB, 1, 64 * MiB),
    deliveryTimeoutMs: inRange('deliveryTimeoutMs', options.deliveryTimeoutMs ?? 120_000, 1, 2 ** 31),
    // Without sequence numbers a batch must not overtake one that is sent again.
    maxInFlight: isIdempotent || acks === 0 ? maxBatchesInFlight : 1,
    ...(options.compression === 'gzip' ? { codec: gzipCodec, compress: compressWith(platform) } : {}),
  }
  return { acks, isIdempotent, lingerMs: inRange('lingerMs', options.lingerMs ?? 1, 0, 60_000), partition }
}

function inRange(name: string, value: number, min: number, max: number): number {
  if (Number.isFinite(value) && value >= min && value <= max) return value
  throw new StreamBusError('USAGE', `${name} is ${value}; expected ${min} to ${max}`)
}
