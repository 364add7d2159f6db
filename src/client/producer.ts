/**
 * Sends records in batches: by size and time, idempotent, in order per partition, again after lost connections.
 * Runs on: main thread of clients, browsers. Touches: the batch sender, what is known of topics.
 *
 * `write` is the fast path: nothing is allocated for a record beyond what the caller made. `send` gives a promise for
 * each record.
 */
import { backoffMs, retryBackoff } from '../../native-free-core/client/backoff.js'
import { StickyPartitioner } from '../../native-free-core/client/partitioner.js'
import type { ProduceBatch } from '../../native-free-core/client/produce-batch.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { HeaderBytes } from '../../native-free-core/log/record-batch-builder.js'
import type { TopicInfo } from '../../native-free-core/protocol/codecs.generated.js'
import { addAsyncDispose } from './async-dispose.js'
import { BatchSender, type Slot } from './batch-sender.js'
import type { CallOptions, Connection, ConnectionUser } from './connection.js'
import {
  type DeliveryReport,
  inRange,
  MiB,
  type Partitioner,
  type ProducerOptions,
  type ProducerRecord,
  type RecordMetadata,
  senderOptionsOf,
} from './producer-options.js'
import { SendGroup } from './send-group.js'
import { bytesOrNull, headersToBytes } from './text-bytes.js'
import { type Topics, unknownPartition } from './topics.js'
import { findTracing, type Tracing, withTraceHeaders } from './trace-context.js'
import { abortable, delay, orAborted, type Waiter } from './waiter.js'

interface ProducerTopic {
  readonly name: string
  info: TopicInfo | undefined
  partitioner: StickyPartitioner
  readonly slots: (Slot | undefined)[]
  /** Records that came before the broker told the partitions, oldest first. */
  held: HeldRecord[]
  resolving: Promise<void> | undefined
  /** Why the broker has not told them yet. */
  lookUpError: StreamBusError | undefined
}

type Settle = (batch: ProduceBatch, index: number, partition: number) => void

interface HeldRecord {
  readonly record: ProducerRecord
  /** Of `send`; both absent for `write`. */
  readonly settle: Settle | undefined
  readonly fail: ((error: StreamBusError) => void) | undefined
  readonly deadlineMs: number
}

/** Producers start at different partitions. */
const firstPartitionRange = 1 << 20
/** What a held record counts for beyond its bytes. */
const heldRecordBytes = 200

/**
 * Sends records to any topics. Close it when all is sent: what is not acknowledged until then is waited for.
 */
export class Producer {
  private readonly connection: Connection
  private readonly known: Topics
  private readonly sender: BatchSender
  private readonly user: ConnectionUser
  private readonly batchBytes: number
  private readonly bufferBytes: number
  private readonly deliveryTimeoutMs: number
  private readonly partitioner: Partitioner | undefined
  private readonly onDelivery: ((report: DeliveryReport) => void) | undefined
  private readonly onEnd: () => void
  private readonly topics = new Map<string, ProducerTopic>()
  private lastTopic: ProducerTopic | undefined
  private lastBatch: ProduceBatch | undefined
  private tracing: Tracing | undefined = findTracing()
  private bufferedBytes = 0
  private readonly readyWaiters = new Set<Waiter>()
  private refusal: StreamBusError | undefined
  private unreported: StreamBusError | undefined
  private isClosed = false

  /** @internal Made by `client.producer`. Throws USAGE and UNSUPPORTED_COMPRESSION_TYPE. */
  constructor(connection: Connection, known: Topics, options: ProducerOptions = {}, onEnd: () => void = () => {}) {
    this.connection = connection
    this.known = known
    this.onEnd = onEnd
    const senderOptions = senderOptionsOf(options, connection.platform)
    this.batchBytes = senderOptions.partition.batchBytes
    this.deliveryTimeoutMs = senderOptions.partition.deliveryTimeoutMs
    this.bufferBytes = inRange('bufferBytes', options.bufferBytes ?? 32 * MiB, 1, 2 ** 36)
    this.partitioner = options.partitioner
    this.onDelivery = options.onDelivery
    this.sender = new BatchSender(connection, senderOptions, {
      finished: (batch, slot) => this.finished(batch, slot),
      due: (slot) => this.topics.get(slot.topic)?.partitioner.batchSealed(slot.partition),
      partitionUnknown: (slot) => this.lookAgain(slot.topic),
    })
    this.user = {
      ready: (isOtherCluster) => (isOtherCluster ? this.clusterChanged() : this.sender.reconnected()),
      refused: (error) => this.refused(error),
      lost: (error) => this.sender.lost(error),
      tick: (nowMs) => {
        this.tracing = findTracing()
        this.sender.tick(nowMs)
        for (const topic of this.topics.values()) this.expireHeld(topic, nowMs)
      },
    }
    connection.addUser(this.user)
  }

  /**
   * Takes a record. False: it was taken, but wait for `ready()` before writing more. Errors of delivery go to
   * `onDelivery`, or else make `flush` and `close` reject. Throws USAGE for what is no record, and
   * UNKNOWN_TOPIC_OR_PARTITION for a partition that does not exist.
   */
  write(record: ProducerRecord): boolean {
    const traced = this.tracing === undefined ? record : withTraceHeaders(record, this.tracing)
    const topic = this.topicOf(record.topic)
    if (topic.info === undefined) {
      this.hold(topic, traced)
      return false
    }
    this.append(topic, traced)
    return this.bufferedBytes < this.bufferBytes
  }

  /**
   * Takes a record; resolves when it is acknowledged, rejects when it has failed. When `signal` fires it rejects with
   * the signal's reason; the record may be stored all the same.
   */
  send(record: ProducerRecord, { signal }: CallOptions = {}): Promise<RecordMetadata> {
    const sending = this.sendOne(record)
    return signal === undefined ? sending : orAborted(sending, signal)
  }

  private sendOne(record: ProducerRecord): Promise<RecordMetadata> {
    return new Promise((resolve, reject) => {
      const settle: Settle = (batch, index, partition) => {
        const { error } = batch.pieceOf(index)
        if (error !== undefined) return reject(error)
        resolve({ topic: record.topic, partition, offset: batch.offsetOf(index) })
      }
      const traced = this.tracing === undefined ? record : withTraceHeaders(record, this.tracing)
      const topic = this.topicOf(record.topic)
      if (topic.info === undefined) this.hold(topic, traced, settle, reject)
      else this.appendWithSettle(topic, traced, settle)
    })
  }

  /**
   * Takes many records, waiting for room where there is none; resolves with where they are, in their order, when all
   * are acknowledged. When some have failed it rejects with the first error and says how many; the others are stored.
   */
  async sendBatch(records: Iterable<ProducerRecord>, { signal }: CallOptions = {}): Promise<RecordMetadata[]> {
    const group = new SendGroup()
    for (const record of records) {
      if (!this.isRoomy()) await this.ready({ signal })
      const traced = this.tracing === undefined ? record : withTraceHeaders(record, this.tracing)
      try {
        if (this.topicOf(record.topic).info === undefined) await this.lookUp(record.topic, signal)
        const { partition } = this.append(this.topicOf(record.topic), traced)
        const batch = this.lastBatch!
        if (group.add(record.topic, partition, batch)) whenDone(batch, () => group.finished(batch))
      } catch (error) {
        signal?.throwIfAborted()
        group.addFailed(StreamBusError.from(error))
      }
    }
    return signal === undefined ? group.whenDone() : orAborted(group.whenDone(), signal)
  }

  /** Resolves when `write` may go on. */
  ready({ signal }: CallOptions = {}): Promise<void> {
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
  async flush({ signal }: CallOptions = {}): Promise<void> {
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
        whenDone(batch.whole ?? batch, done)
      }
    }
    done()
  }

  /** Flushes and ends; rejects as `flush` does. What is not acknowledged when `signal` fires has failed. */
  async close(options: CallOptions = {}): Promise<void> {
    if (this.refusal !== undefined) return this.flush()
    if (this.isClosed) return
    try {
      await this.flush(options)
    } finally {
      this.end(new StreamBusError('NETWORK_EXCEPTION', 'the producer was closed before the record was acknowledged'))
    }
  }

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private refused(error: StreamBusError): void {
    this.refusal = error
    this.end(error)
  }

  private end(error: StreamBusError): void {
    this.isClosed = true
    this.onEnd()
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
    const key = record.key === undefined ? null : bytesOrNull(record.key, 'key')
    const value = bytesOrNull(record.value)
    const headers = headersToBytes(record.headers)
    const { timestampMs } = record
    if (timestampMs !== undefined) checkTimestamp(timestampMs)
    const slot = this.slotFor(topic, record.partition, key, value, headers)
    const { producer } = slot
    const nowMs = this.sender.nowMs()
    const before = producer.openBatch?.memoryBytes ?? 0
    const batch = producer.append(key, value, timestampMs ?? nowMs, headers, nowMs)
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
    batch.awaitedCount++
    whenDone(batch, (done) => settle(done, index, partition))
  }

  private slotFor(
    topic: ProducerTopic,
    given: number | undefined,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers: readonly HeaderBytes[],
  ): Slot {
    const chosen =
      given === undefined && this.partitioner !== undefined
        ? this.partitionBy(this.partitioner, topic, key, value)
        : given
    for (;;) {
      const partition = chosen ?? topic.partitioner.partitionOf(key)
      const slot = topic.slots[partition] ?? this.addSlot(topic, topic.info!, partition)
      if (!slot.producer.isFullFor(key, value, headers)) return slot
      this.sender.sealFull(slot)
    }
  }

  private partitionBy(
    partitioner: Partitioner,
    { name: topic, info }: ProducerTopic,
    key: Uint8Array | null,
    value: Uint8Array | null,
  ): number {
    const partitionCount = info!.partitions.length
    const partition = partitioner({ topic, key, value, partitionCount })
    if (Number.isInteger(partition) && partition >= 0 && partition < partitionCount) return partition
    const what = `the partitioner gave ${String(partition)} for topic "${topic}"`
    throw new StreamBusError('USAGE', `${what}; expected 0 to ${partitionCount - 1}`, {
      remedy: 'Return a whole number below partitionCount.',
    })
  }

  private addSlot(topic: ProducerTopic, info: TopicInfo, partition: number): Slot {
    const found = info.partitions[partition]
    if (found === undefined) throw unknownPartition(info, partition)
    const slot = this.sender.addSlot(topic.name, partition, found.partitionId)
    topic.slots[partition] = slot
    return slot
  }

  private finished(batch: ProduceBatch, slot: Slot): void {
    if (batch.pieces === undefined) this.report(batch, slot)
    // The whole comes after its last piece.
    if (batch.whole !== undefined) return
    this.bufferedBytes -= batch.memoryBytes
    if (batch.waiting !== undefined) for (const listener of batch.waiting) listener(batch)
    this.wakeReady()
  }

  private report(batch: ProduceBatch, { topic, partition }: Slot): void {
    const { error, recordCount, baseOffset, attemptCount } = batch
    const { onDelivery } = this
    if (onDelivery !== undefined) {
      const retryCount = Math.max(0, attemptCount - 1)
      const report: DeliveryReport = { topic, partition, baseOffset, recordCount, retryCount, error }
      return callSafely(() => onDelivery(report))
    }
    const whole = batch.whole ?? batch
    if (whole.awaitedCount < whole.recordCount) this.unreported ??= error
  }

  private wakeReady(): void {
    if (this.readyWaiters.size === 0 || !this.isRoomy()) return
    for (const waiter of this.readyWaiters) waiter.resolve()
  }

  // Topics that are not known yet, or not any more.

  private hold(topic: ProducerTopic, record: ProducerRecord, settle?: Settle, fail?: HeldRecord['fail']): void {
    topic.held.push({ record, settle, fail, deadlineMs: Date.now() + this.deliveryTimeoutMs })
    this.bufferedBytes += heldBytes(record)
    topic.resolving ??= this.resolve(topic)
  }

  /** Rejects when the topic is not known. */
  private async lookUp(name: string, signal: AbortSignal | undefined): Promise<void> {
    await this.known.get(name, { signal })
    const topic = this.topicOf(name)
    topic.resolving ??= this.resolve(topic)
    await topic.resolving
  }

  /** Never rejects: held records hear of errors themselves. Asks for as long as the time of one of them lasts. */
  private async resolve(topic: ProducerTopic): Promise<void> {
    for (let attempt = 0; attempt === 0 || topic.held.length > 0; attempt++) {
      if (attempt > 0) await delay(backoffMs(attempt - 1, retryBackoff, Math.random()))
      try {
        this.adopt(topic, await this.known.get(topic.name))
        this.releaseHeld(topic)
        break
      } catch (error) {
        topic.lookUpError = StreamBusError.from(error)
        const { name, retriable } = topic.lookUpError
        if (!retriable || name === 'UNKNOWN_TOPIC_OR_PARTITION') this.failHeld(topic, topic.lookUpError)
      }
    }
    topic.resolving = undefined
    this.wakeReady()
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

  private takeHeld(topic: ProducerTopic, count = topic.held.length): HeldRecord[] {
    const taken = topic.held.splice(0, count)
    for (const { record } of taken) this.bufferedBytes -= heldBytes(record)
    return taken
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

  private expireHeld(topic: ProducerTopic, nowMs: number): void {
    const firstInTime = topic.held.findIndex(({ deadlineMs }) => deadlineMs > nowMs)
    const count = firstInTime < 0 ? topic.held.length : firstInTime
    if (count === 0) return
    const because = topic.lookUpError === undefined ? '' : `; last: ${topic.lookUpError.message}`
    const what = `${count} records for ${topic.name} were not sent within ${this.deliveryTimeoutMs} ms`
    const why = `the broker did not tell the topic's partitions${because}`
    this.failHeld(topic, new StreamBusError('REQUEST_TIMED_OUT', `${what}: ${why}`), count)
    this.wakeReady()
  }

  private failHeld(topic: ProducerTopic, error: StreamBusError, count?: number): void {
    const held = this.takeHeld(topic, count)
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
    const { onDelivery } = this
    if (onDelivery === undefined) this.unreported ??= error
    else {
      const report = { topic: topic.name, partition: -1, baseOffset: -1, recordCount, retryCount: 0, error }
      callSafely(() => onDelivery(report))
    }
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
addAsyncDispose(Producer)

function newTopic(name: string): ProducerTopic {
  const partitioner = new StickyPartitioner(1)
  return { name, info: undefined, partitioner, slots: [], held: [], resolving: undefined, lookUpError: undefined }
}

function whenDone(batch: ProduceBatch, listener: (batch: ProduceBatch) => void): void {
  if (batch.state === 'done') return listener(batch)
  batch.waiting ??= []
  batch.waiting.push(listener)
}

/** An error of a program's callback is the program's, not the connection's. */
function callSafely(callback: () => void): void {
  try {
    callback()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

function checkTimestamp(timestampMs: number): void {
  if (Number.isSafeInteger(timestampMs) && timestampMs >= 0) return
  throw new StreamBusError('USAGE', `timestampMs is ${String(timestampMs)}; expected whole milliseconds since 1970`)
}

function heldBytes(record: ProducerRecord): number {
  return heldRecordBytes + (record.key?.length ?? 0) + (record.value?.length ?? 0)
}
