/**
 * Producing to one partition: the open batch, those that wait, those in flight, their sequence numbers and retries.
 * Runs on: clients, browsers. Touches: builders of its batches. Never: sockets, clocks.
 *
 *   append -> open batch -> seal -> queued -> sent -> in flight -> acknowledged -> done
 *                                     ^                  |
 *                                     +---- refused, or the connection was lost
 *
 * Order is kept on retry: at most five batches are in flight, the oldest ones; after a refusal nothing is sent until
 * all in flight are answered, then everything goes again from the oldest on, one by one. The broker knows a batch that
 * it has by its sequence number, which it remembers for five batches. A batch that is refused for its sequence although
 * none is before it is not in the log, and neither is any after it: all take a new producer id and are numbered anew.
 *
 * A batch that is larger than the topic accepts is divided in two, with the numbers it had; batches are no larger from
 * then on. What is left in the end are records that are too large themselves: each fails alone.
 */
import { assert } from '../errors/assert.js'
import { StreamBusError } from '../errors/streambus-error.js'
import type { BatchOptions, HeaderBytes } from '../log/record-batch-builder.js'
import { type BackoffOptions, backoffMs, retryBackoff } from './backoff.js'
import { type BuilderPool, ProduceBatch } from './produce-batch.js'

/** The broker remembers as many batches of a producer, so more in flight could not be told from duplicates. */
export const maxBatchesInFlight = 5

/** What lengths, deltas and attributes of one record take at most. */
const recordOverheadBytes = 32
const maxSequence = 0x7fff_ffff

export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

/** For producers that are not idempotent. */
export const noIdentity: ProducerIdentity = { producerId: -1, producerEpoch: -1 }

export interface PartitionProducerOptions {
  readonly batchBytes: number
  readonly deliveryTimeoutMs: number
  readonly maxInFlight: number
  readonly codec?: BatchOptions['codec']
  readonly compress?: BatchOptions['compress']
  readonly backoff?: BackoffOptions
}

export class PartitionProducer {
  readonly topic: string
  readonly partition: number
  /** Sealed and not done, oldest first; the first `inFlightCount` are in flight unless a refusal came. */
  private readonly batches: ProduceBatch[] = []
  private open: ProduceBatch | undefined
  private inFlightCount = 0
  private identity: ProducerIdentity | undefined
  private nextSequence = 0
  private retryAtMs = 0
  private refusalCount = 0
  /** A batch is not made larger than this. */
  private limitBytes: number
  private lastRefusal: StreamBusError | undefined
  private readonly options: PartitionProducerOptions
  private readonly pool: BuilderPool
  private readonly onDone: (batch: ProduceBatch, from: PartitionProducer) => void

  /**
   * `onDone` is called once for each batch, with its base offset or its error; its memory is reused after that. For one
   * that was divided it is called for each piece, and for the whole after the last.
   */
  constructor(
    topic: string,
    partition: number,
    options: PartitionProducerOptions,
    pool: BuilderPool,
    onDone: (batch: ProduceBatch, from: PartitionProducer) => void,
  ) {
    this.topic = topic
    this.partition = partition
    this.options = options
    this.limitBytes = options.batchBytes
    this.pool = pool
    this.onDone = onDone
  }

  /** Batches that are not done, the open one included. */
  get unfinished(): readonly ProduceBatch[] {
    return this.open === undefined ? this.batches : [...this.batches, this.open]
  }

  get isIdle(): boolean {
    return this.open === undefined && this.batches.length === 0
  }

  get openBatch(): ProduceBatch | undefined {
    return this.open
  }

  /** Nothing that is sealed now could be sent now: as many are in flight as may be, or older ones wait. */
  get isHeldUp(): boolean {
    return this.batches.length > this.inFlightCount || this.inFlightCount >= this.options.maxInFlight
  }

  /** A producer id must be set before anything is sent: at first, and after the broker lost track of the last one. */
  get needsIdentity(): boolean {
    return this.identity === undefined && this.inFlightCount === 0
  }

  /** Whether the record would make the open batch larger than a batch should be: seal it first. */
  isFullFor(key: Uint8Array | null, value: Uint8Array | null, headers: readonly HeaderBytes[]): boolean {
    const { open } = this
    if (open === undefined) return false
    if (headers.length > 0) return open.builder.sizeWith(key, value, headers) > this.limitBytes
    const recordBytes = recordOverheadBytes + (key === null ? 0 : key.length) + (value === null ? 0 : value.length)
    return open.memoryBytes + recordBytes > this.limitBytes
  }

  /** Adds a record to the open batch, which it returns. */
  append(
    key: Uint8Array | null,
    value: Uint8Array | null,
    timestampMs: number,
    headers: readonly HeaderBytes[],
    nowMs: number,
  ): ProduceBatch {
    let { open } = this
    if (open === undefined) {
      open = new ProduceBatch(this.pool.take(), nowMs, nowMs + this.options.deliveryTimeoutMs)
      this.open = open
    }
    open.memoryBytes = open.builder.append(key, value, timestampMs, headers)
    open.recordCount++
    return open
  }

  /** The open batch takes no more records and waits to be sent. */
  seal(): void {
    const { open } = this
    if (open === undefined) return
    open.state = 'queued'
    this.batches.push(open)
    this.open = undefined
  }

  /** The topic or the cluster is another one now: what is not done starts there from the beginning. */
  restart(): void {
    this.identity = undefined
    this.limitBytes = this.options.batchBytes
  }

  setIdentity(identity: ProducerIdentity): void {
    assert(this.inFlightCount === 0, 'a producer id is changed while batches are in flight')
    this.identity = identity
    this.nextSequence = 0
    for (const batch of this.batches) forgetNumber(batch)
  }

  /** The batch that may be sent now, with its bytes set; call `sent` when it was, and again for the next. */
  nextToSend(nowMs: number): ProduceBatch | undefined {
    if (this.inFlightCount >= this.options.maxInFlight || this.identity === undefined) return undefined
    if (nowMs < this.retryAtMs) return undefined
    const batch = this.batches[this.inFlightCount]
    if (batch === undefined || !this.mayFollow(batch)) return undefined
    assert(batch.state === 'queued', 'the batches in flight are not the oldest')
    if (batch.bytes === undefined) this.number(batch, this.identity)
    return batch
  }

  /**
   * What is sent again goes alone. Its first sending may have been accepted: were later batches accepted while it is
   * refused, the broker would forget its number, and could not tell it from a new batch any more. After a refusal the
   * batch in question is one that is in flight itself, so nothing is sent until all in flight are answered.
   */
  private mayFollow(batch: ProduceBatch): boolean {
    if (this.inFlightCount === 0) return true
    return batch.attemptCount === 0 && this.batches[this.inFlightCount - 1]!.attemptCount === 1
  }

  private number(batch: ProduceBatch, identity: ProducerIdentity): void {
    // A piece of a divided batch has its number already.
    if (identity.producerId >= 0 && batch.baseSequence < 0) {
      batch.baseSequence = this.nextSequence
      this.nextSequence = sequenceAfter(this.nextSequence, batch.recordCount)
    }
    const { producerId, producerEpoch } = identity
    const { codec = 0, compress } = this.options
    // No spread: V8 keeps what it makes until a full collection, and with it what a collection of the young would take.
    batch.bytes = batch.builder.finish({ producerId, producerEpoch, baseSequence: batch.baseSequence, codec, compress })
  }

  sent(batch: ProduceBatch): void {
    assert(batch.state === 'queued', 'a batch is sent that is not queued')
    batch.state = 'in flight'
    batch.attemptCount++
    this.inFlightCount++
  }

  /** `baseOffset` -1: it is in the log, at an offset that the broker does not know any more. */
  acknowledged(batch: ProduceBatch, baseOffset: number): void {
    if (batch.state !== 'in flight') return
    this.inFlightCount--
    this.refusalCount = 0
    this.retryAtMs = 0
    batch.baseOffset = baseOffset
    this.finish(batch, undefined)
  }

  /** The broker answered with an error. `random` is from [0, 1). */
  refused(batch: ProduceBatch, error: StreamBusError, nowMs: number, random: number): void {
    if (batch.state !== 'in flight') return
    if (error.name === 'DUPLICATE_SEQUENCE_NUMBER') return this.acknowledged(batch, -1)
    this.inFlightCount--
    batch.state = 'queued'
    this.lastRefusal = error
    if (isSequenceError(error)) return this.refusedForSequence(batch, nowMs, random)
    if (error.name === 'MESSAGE_TOO_LARGE') return this.refusedForSize(batch, error)
    if (!error.retriable) return this.finish(batch, error)
    this.retryLater(nowMs, random)
  }

  private refusedForSequence(batch: ProduceBatch, nowMs: number, random: number): void {
    if (batch !== this.batches[0]) return
    // The first new id is asked for at once; one after the other only slowly.
    if (this.refusalCount++ > 0) this.waitBeforeRetry(nowMs, random)
    this.identity = undefined
  }

  private refusedForSize(batch: ProduceBatch, error: StreamBusError): void {
    if (batch.recordCount === 1) return this.finish(batch, this.tooLarge(batch, error))
    this.limitBytes = Math.min(this.limitBytes, batch.memoryBytes >> 1)
    const { baseSequence } = batch
    const [first, second] = batch.divide(this.pool)
    first.baseSequence = baseSequence
    second.baseSequence = baseSequence < 0 ? -1 : sequenceAfter(baseSequence, first.recordCount)
    this.batches.splice(this.batches.indexOf(batch), 1, first, second)
  }

  private tooLarge(batch: ProduceBatch, cause: StreamBusError): StreamBusError {
    const what = `a record of ${batch.memoryBytes} bytes for ${this.topic}-${this.partition} is too large`
    return new StreamBusError('MESSAGE_TOO_LARGE', `${what}: ${cause.message}`, {
      cause,
      remedy: "Send a smaller record, compress, or raise the topic's max.message.bytes.",
    })
  }

  private retryLater(nowMs: number, random: number): void {
    this.refusalCount++
    this.waitBeforeRetry(nowMs, random)
  }

  private waitBeforeRetry(nowMs: number, random: number): void {
    this.retryAtMs = nowMs + backoffMs(this.refusalCount - 1, this.options.backoff ?? retryBackoff, random)
  }

  /** The answers to what is in flight will not come; it will be sent again, on the next connection. */
  disconnected(error: StreamBusError): void {
    for (const batch of this.batches) if (batch.state === 'in flight') batch.state = 'queued'
    this.inFlightCount = 0
    this.retryAtMs = 0
    this.lastRefusal = error
  }

  /** Ends batches whose time is over. Whether the broker has those that were sent is not known. */
  expire(nowMs: number): void {
    const { open } = this
    if (open !== undefined && open.deadlineMs <= nowMs) this.seal()
    while (this.batches.length > 0 && this.batches[0]!.deadlineMs <= nowMs) {
      const batch = this.batches[0]!
      if (batch.state === 'in flight') this.inFlightCount--
      this.finish(batch, this.timedOut(batch))
    }
  }

  private timedOut(batch: ProduceBatch): StreamBusError {
    const because = this.lastRefusal === undefined ? '' : `; last: ${this.lastRefusal.message}`
    const what = `${batch.recordCount} records for ${this.topic}-${this.partition}`
    const within = `${this.options.deliveryTimeoutMs} ms and ${batch.attemptCount} attempts`
    return new StreamBusError('REQUEST_TIMED_OUT', `${what} were not acknowledged within ${within}${because}`, {
      remedy: 'See that the broker runs and keeps up; raise deliveryTimeoutMs to wait longer.',
    })
  }

  /** Ends every batch: the topic is gone, or the producer is closed. */
  failAll(error: StreamBusError): void {
    this.seal()
    this.inFlightCount = 0
    while (this.batches.length > 0) this.finish(this.batches[0]!, error)
  }

  private finish(batch: ProduceBatch, error: StreamBusError | undefined): void {
    this.batches.splice(this.batches.indexOf(batch), 1)
    batch.state = 'done'
    batch.error = error
    batch.bytes = undefined
    this.onDone(batch, this)
    this.pool.give(batch.builder)
    const { whole } = batch
    if (whole === undefined || whole.pieces!.some(({ state }) => state !== 'done')) return
    whole.state = 'done'
    this.onDone(whole, this)
  }
}

function forgetNumber(batch: ProduceBatch): void {
  batch.baseSequence = -1
  batch.bytes = undefined
}

function isSequenceError(error: StreamBusError): boolean {
  return error.name === 'OUT_OF_ORDER_SEQUENCE_NUMBER'
}

/** Sequence numbers go on at 0 after 2^31 - 1. */
export function sequenceAfter(sequence: number, recordCount: number): number {
  const next = sequence + recordCount
  return next > maxSequence ? next - maxSequence - 1 : next
}
