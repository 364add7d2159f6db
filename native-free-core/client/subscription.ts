/**
 * One partition as its subscriber sees it: where to go on after a reconnect, and how much credit the broker has.
 * Runs on: clients, browsers. Touches: the bytes it is given. Never: sockets, clocks.
 *
 * Credit: the broker may have delivered at most `windowBytes` that were not consumed. What is consumed is granted again
 * in steps of half a window. Resume: a new subscription starts at the offset after the last record received; batches
 * that begin below it are trimmed, so nothing comes twice and nothing is left out.
 */
import type { DeliveryPush, SubscribeRequest, SubscribeResponse } from '../protocol/codecs.generated.js'
import { StreamBusError } from '../errors/streambus-error.js'
import { BatchAttribute, batchError, batchSizeBytes, RecordBatchView, validateBatch } from '../log/record-batch.js'

export const latestOffset = -1
export const earliestOffset = -2

/** A record batch that came, or the part of it from `firstOffset` on. */
export interface DeliveredBatch {
  readonly bytes: Uint8Array
  /** Of the batch in `bytes`. */
  readonly position: number
  readonly sizeBytes: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly maxTimestampMs: number
}

export class Subscription {
  readonly subscriptionId: number
  readonly windowBytes: number
  /** The next offset wanted: a real one, or latest or earliest as long as nothing is known. */
  nextOffset: number
  highWatermark = -1
  logStartOffset = -1
  isActive = false
  /** What the broker took for the earliest offset; -1: it was not asked, or had no record yet. */
  private earliestStart = -1
  /** Delivered, not yet consumed. */
  private heldBytes = 0
  /** Consumed, not yet granted again. */
  private ungrantedBytes = 0

  constructor(subscriptionId: number, startOffset: number, windowBytes: number) {
    this.subscriptionId = subscriptionId
    this.nextOffset = startOffset
    this.windowBytes = windowBytes
  }

  /** The request that starts it, or starts it again on a new connection. */
  request(partitionId: number, maxCreditBytes: number): SubscribeRequest {
    this.ungrantedBytes = 0
    const creditBytes = Math.max(1, Math.min(this.windowBytes, maxCreditBytes) - this.heldBytes)
    return { subscriptionId: this.subscriptionId, partitionId, offset: this.nextOffset, creditBytes }
  }

  started(response: SubscribeResponse): void {
    this.isActive = true
    // Of an empty log the subscriber is owed every record that comes: one that retention takes first was missed.
    const begins = this.nextOffset === earliestOffset && response.offset < response.highWatermark
    this.earliestStart = begins ? response.offset : -1
    if (this.nextOffset < 0) this.nextOffset = response.offset
    this.highWatermark = response.highWatermark
    this.logStartOffset = response.logStartOffset
  }

  ended(): void {
    this.isActive = false
  }

  /** It begins at whatever is the earliest, and nothing came yet: when that is gone meanwhile, nothing was missed. */
  get isAtEarliest(): boolean {
    return this.earliestStart >= 0 && this.nextOffset === this.earliestStart
  }

  /** Checks and splits what came; batches or parts of them that came before are left out. Throws CORRUPT_MESSAGE. */
  delivered(push: DeliveryPush): DeliveredBatch[] {
    this.highWatermark = push.highWatermark
    const { batches: bytes } = push
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const found: DeliveredBatch[] = []
    let position = 0
    while (position < bytes.length) {
      const problem = validateBatch(bytes, view, position, bytes.length - position)
      if (problem !== 'ok') throw batchError(problem, `the batch expected at offset ${this.nextOffset}`)
      const sizeBytes = batchSizeBytes(view, position)
      const batch = this.take(new RecordBatchView(bytes, position), sizeBytes)
      if (batch !== undefined) found.push(batch)
      else this.ungrantedBytes += sizeBytes
      position += sizeBytes
    }
    return found
  }

  private take(batch: RecordBatchView, sizeBytes: number): DeliveredBatch | undefined {
    const { baseOffset, lastOffset } = batch
    const firstOffset = Math.max(baseOffset, this.nextOffset)
    if (lastOffset < firstOffset) return undefined
    this.nextOffset = lastOffset + 1
    if ((batch.attributes & BatchAttribute.control) !== 0) return undefined
    this.heldBytes += sizeBytes
    const { bytes, position, maxTimestamp: maxTimestampMs } = batch
    return { bytes, position, sizeBytes, firstOffset, lastOffset, maxTimestampMs }
  }

  /** The subscriber took `sizeBytes`. Returns how much credit to grant now; 0: none yet. */
  consumed(sizeBytes: number): number {
    this.heldBytes -= sizeBytes
    this.ungrantedBytes += sizeBytes
    return this.creditDue()
  }

  /** Credit to grant now; 0: none yet. */
  creditDue(): number {
    if (!this.isActive || this.ungrantedBytes * 2 < this.windowBytes) return 0
    const creditBytes = this.ungrantedBytes
    this.ungrantedBytes = 0
    return creditBytes
  }
}

/** The offset is not in the log (any more): what to say when the subscriber did not choose where to go on. */
export function outOfRangeError(topic: string, partition: number, offset: number, text: string): StreamBusError {
  return new StreamBusError('OFFSET_OUT_OF_RANGE', `offset ${offset} of ${topic}-${partition} can't be read: ${text}`)
}
