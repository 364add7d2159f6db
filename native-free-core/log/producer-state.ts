/**
 * What a partition knows of its idempotent producers: epoch and the last five batches of each, as Kafka does.
 * Runs on: shards, recovery, `log dump`. Touches: nothing.
 * Source: Kafka's ProducerStateManager and ProducerAppendInfo, version 4.
 *
 * A producer that the partition does not know may start with any sequence: its state may have gone with the records
 * that retention removed, and refusing it would stop a healthy producer. Kafka does the same.
 *
 * Snapshot file, big-endian, Kafka's version 1:
 *  0             2             6         10
 *  +-------------+-------------+---------+- - - - - -+
 *  | version: i16| crc32c: u32 | count   | entries   |   crc: of everything from byte 6 on
 *  +-------------+-------------+---------+- - - - - -+
 *  entry:
 *  0             8        10              14            22             26          34            38             46
 *  +-------------+--------+---------------+-------------+--------------+-----------+-------------+--------------+
 *  | producer id | epoch  | last sequence | last offset | offset delta | timestamp | coordinator | transaction's|
 *  | i64         | i16    | i32           | i64         | i32          | i64       | epoch: i32  | first offset |
 *  +-------------+--------+---------------+-------------+--------------+-----------+-------------+--------------+
 * Kafka stores the last batch of a producer. We store up to five, oldest first, as entries of the same producer id:
 * Kafka's reader lets the last one win, ours keeps them all, so that a restart forgets no duplicate.
 */
import { readInt64, writeInt64 } from '../bytes/int64.js'
import type { ErrorName } from '../errors/error-table.js'
import { StreamBusError } from '../errors/streambus-error.js'
import { crc32cOf } from './crc32c.js'

export const rememberedBatchCount = 5
const maxSequence = 0x7fffffff

export interface RememberedBatch {
  baseSequence: number
  lastSequence: number
  baseOffset: number
  lastOffset: number
  /** The batch's largest. */
  timestamp: number
}

interface ProducerEntry {
  epoch: number
  /** Oldest first, 1 to 5. */
  batches: RememberedBatch[]
  coordinatorEpoch: number
  transactionFirstOffset: number
  /** The time of the first look that found nothing new of it, or `heardLately`. In memory only. */
  silentSinceMs: number
}

/**
 * Something came of the producer since the last look at who is silent. No integer: V8 would lay the entries out for
 * small integers, and convert all of them at the first look (measured: 90 ms for 100,000, else 10).
 */
const heardLately = Number.NEGATIVE_INFINITY

export type ProducerVerdict =
  | { readonly kind: 'append' }
  | { readonly kind: 'duplicate'; readonly baseOffset: number; readonly lastOffset: number; readonly timestamp: number }
  | { readonly kind: 'error'; readonly error: ErrorName; readonly message: string }

const appendVerdict: ProducerVerdict = { kind: 'append' }

/** The sequence that is `count` after `sequence`; after 2^31 - 1 comes 0. */
export function sequenceAfter(sequence: number, count: number): number {
  const sum = sequence + count
  return sum > maxSequence ? sum - maxSequence - 1 : sum
}

export class ProducerState {
  private readonly producers = new Map<number, ProducerEntry>()

  get producerCount(): number {
    return this.producers.size
  }

  /** The remembered batches of a producer, oldest first. */
  batchesOf(producerId: number): readonly RememberedBatch[] {
    return this.producers.get(producerId)?.batches ?? []
  }

  epochOf(producerId: number): number {
    return this.producers.get(producerId)?.epoch ?? -1
  }

  /** What to do with a batch; changes nothing. A batch without producer id (-1) is always appended. */
  check(producerId: number, epoch: number, baseSequence: number, recordCount: number): ProducerVerdict {
    if (producerId < 0) return appendVerdict
    const producer = this.producers.get(producerId)
    if (producer === undefined) {
      // Of several batches under way the first may have been refused, for want of room: were a later one taken, the
      // first would come behind it.
      if (baseSequence === 0) return appendVerdict
      const what = `it is not known here, and begins with sequence ${baseSequence}; expected 0`
      return refusal('OUT_OF_ORDER_SEQUENCE_NUMBER', producerId, what)
    }
    if (epoch < producer.epoch) {
      return refusal('INVALID_PRODUCER_EPOCH', producerId, `epoch ${epoch} is older than epoch ${producer.epoch}`)
    }
    if (epoch > producer.epoch) {
      if (baseSequence === 0) return appendVerdict
      const what = `new epoch ${epoch} starts with sequence ${baseSequence}; expected 0`
      return refusal('OUT_OF_ORDER_SEQUENCE_NUMBER', producerId, what)
    }
    return checkSequence(producer, producerId, baseSequence, recordCount)
  }

  /** Notes a batch that is in the log now. Batches without producer id are none of its business. */
  append(
    producerId: number,
    epoch: number,
    baseSequence: number,
    recordCount: number,
    baseOffset: number,
    timestamp: number,
  ): void {
    if (producerId < 0) return
    const producer = this.producerFor(producerId, epoch)
    producer.silentSinceMs = heardLately
    const { batches } = producer
    const batch = batches.length < rememberedBatchCount ? emptyBatch() : batches.shift()!
    batch.baseSequence = baseSequence
    batch.lastSequence = sequenceAfter(baseSequence, recordCount - 1)
    batch.baseOffset = baseOffset
    batch.lastOffset = baseOffset + recordCount - 1
    batch.timestamp = timestamp
    batches.push(batch)
  }

  private producerFor(producerId: number, epoch: number): ProducerEntry {
    let producer = this.producers.get(producerId)
    if (producer === undefined) {
      producer = { epoch, batches: [], coordinatorEpoch: -1, transactionFirstOffset: -1, silentSinceMs: heardLately }
      this.producers.set(producerId, producer)
    } else if (producer.epoch !== epoch) {
      producer.epoch = epoch
      producer.batches.length = 0
    }
    return producer
  }

  /**
   * Forgets batches that end at or above `endOffset`. Returns false if a producer lost all that was remembered of it:
   * its state before is then known only from a snapshot and the log, and must be rebuilt from them.
   */
  truncateTo(endOffset: number): boolean {
    let isExact = true
    for (const [producerId, producer] of this.producers) {
      const kept = producer.batches.filter((batch) => batch.lastOffset < endOffset)
      if (kept.length === producer.batches.length) continue
      if (kept.length === 0) {
        isExact = false
        this.producers.delete(producerId)
      } else producer.batches = kept
    }
    return isExact
  }

  /** A batch that is in the log already came again: its producer lives. */
  hear(producerId: number): void {
    const producer = this.producers.get(producerId)
    if (producer !== undefined) producer.silentSinceMs = heardLately
  }

  /**
   * Forgets producers that were silent for `expirationMs` and have no open transaction; returns how many. For a look
   * now and then: silence counts from the first look that finds nothing new, so appends need no clock and the records'
   * times, which are the clients', decide nothing. `nowMs` is of a clock that never jumps.
   */
  expire(nowMs: number, expirationMs: number): number {
    const before = this.producers.size
    for (const [producerId, producer] of this.producers) {
      if (producer.silentSinceMs === heardLately) producer.silentSinceMs = nowMs
      else if (nowMs - producer.silentSinceMs >= expirationMs) this.forget(producerId, producer)
    }
    return before - this.producers.size
  }

  /** Forgets those that `other` does not know, so that two copies agree on who is forgotten; returns how many. */
  forgetUnknownTo(other: ProducerState): number {
    const before = this.producers.size
    for (const [producerId, producer] of this.producers) {
      if (!other.producers.has(producerId)) this.forget(producerId, producer)
    }
    return before - this.producers.size
  }

  private forget(producerId: number, { transactionFirstOffset }: ProducerEntry): void {
    if (transactionFirstOffset < 0) this.producers.delete(producerId)
  }

  clear(): void {
    this.producers.clear()
  }

  /** Becomes equal to another state; nothing is shared. */
  copyFrom(other: ProducerState): this {
    this.producers.clear()
    for (const [producerId, producer] of other.producers) {
      const batches = producer.batches.map((batch) => ({ ...batch }))
      this.producers.set(producerId, { ...producer, batches })
    }
    return this
  }

  /** The content of a snapshot file. */
  encodeSnapshot(): Uint8Array {
    let count = 0
    for (const producer of this.producers.values()) count += producer.batches.length
    const bytes = new Uint8Array(SnapshotLayout.entriesAt + count * snapshotEntryBytes)
    const view = new DataView(bytes.buffer)
    view.setInt16(SnapshotLayout.versionAt, snapshotVersion)
    view.setInt32(SnapshotLayout.countAt, count)
    let at: number = SnapshotLayout.entriesAt
    for (const [producerId, producer] of this.producers) {
      for (const batch of producer.batches) {
        writeEntry(view, at, producerId, producer, batch)
        at += snapshotEntryBytes
      }
    }
    view.setUint32(SnapshotLayout.crcAt, crc32cOf(bytes, SnapshotLayout.countAt))
    return bytes
  }

  /** From the content of a snapshot file. Throws CORRUPT_MESSAGE with what is wrong. */
  static parseSnapshot(bytes: Uint8Array): ProducerState {
    const view = checkedSnapshot(bytes)
    const state = new ProducerState()
    for (let at: number = SnapshotLayout.entriesAt; at < bytes.length; at += snapshotEntryBytes) {
      const entry = readSnapshotEntry(view, at)
      const producer = state.producerFor(entry.producerId, entry.epoch)
      producer.coordinatorEpoch = entry.coordinatorEpoch
      producer.transactionFirstOffset = entry.transactionFirstOffset
      if (producer.batches.length === rememberedBatchCount) producer.batches.shift()
      producer.batches.push(entry.batch)
    }
    return state
  }
}

function checkSequence(
  producer: ProducerEntry,
  producerId: number,
  baseSequence: number,
  recordCount: number,
): ProducerVerdict {
  const { batches } = producer
  const lastSequence = sequenceAfter(baseSequence, recordCount - 1)
  for (const batch of batches) {
    if (batch.baseSequence === baseSequence && batch.lastSequence === lastSequence) {
      return {
        kind: 'duplicate',
        baseOffset: batch.baseOffset,
        lastOffset: batch.lastOffset,
        timestamp: batch.timestamp,
      }
    }
  }
  const expected = sequenceAfter(batches[batches.length - 1]!.lastSequence, 1)
  if (baseSequence === expected) return appendVerdict
  const what = `sequence ${baseSequence} does not follow; expected ${expected}`
  return refusal('OUT_OF_ORDER_SEQUENCE_NUMBER', producerId, what)
}

function refusal(error: ErrorName, producerId: number, what: string): ProducerVerdict {
  return { kind: 'error', error, message: `producer ${producerId}: ${what}` }
}

function emptyBatch(): RememberedBatch {
  return { baseSequence: 0, lastSequence: 0, baseOffset: 0, lastOffset: 0, timestamp: 0 }
}

export const snapshotVersion = 1
export const snapshotEntryBytes = 46
export const SnapshotLayout = { versionAt: 0, crcAt: 2, countAt: 6, entriesAt: 10 } as const

const EntryLayout = {
  producerIdAt: 0,
  epochAt: 8,
  lastSequenceAt: 10,
  lastOffsetAt: 14,
  offsetDeltaAt: 22,
  timestampAt: 26,
  coordinatorEpochAt: 34,
  transactionFirstOffsetAt: 38,
} as const

function writeEntry(
  view: DataView,
  at: number,
  producerId: number,
  producer: ProducerEntry,
  batch: RememberedBatch,
): void {
  writeInt64(view, at + EntryLayout.producerIdAt, producerId)
  view.setInt16(at + EntryLayout.epochAt, producer.epoch)
  view.setInt32(at + EntryLayout.lastSequenceAt, batch.lastSequence)
  writeInt64(view, at + EntryLayout.lastOffsetAt, batch.lastOffset)
  view.setInt32(at + EntryLayout.offsetDeltaAt, batch.lastOffset - batch.baseOffset)
  writeInt64(view, at + EntryLayout.timestampAt, batch.timestamp)
  view.setInt32(at + EntryLayout.coordinatorEpochAt, producer.coordinatorEpoch)
  writeInt64(view, at + EntryLayout.transactionFirstOffsetAt, producer.transactionFirstOffset)
}

export interface SnapshotEntry {
  readonly producerId: number
  readonly epoch: number
  readonly batch: RememberedBatch
  readonly coordinatorEpoch: number
  readonly transactionFirstOffset: number
}

/** The entry at byte `at` of a snapshot file. */
export function readSnapshotEntry(view: DataView, at: number): SnapshotEntry {
  const lastSequence = view.getInt32(at + EntryLayout.lastSequenceAt)
  const lastOffset = readInt64(view, at + EntryLayout.lastOffsetAt)
  const delta = view.getInt32(at + EntryLayout.offsetDeltaAt)
  // Sequences wrap after 2^31 - 1, so the first may be the larger number.
  const baseSequence = lastSequence >= delta ? lastSequence - delta : lastSequence - delta + maxSequence + 1
  const timestamp = readInt64(view, at + EntryLayout.timestampAt)
  return {
    producerId: readInt64(view, at + EntryLayout.producerIdAt),
    epoch: view.getInt16(at + EntryLayout.epochAt),
    batch: { baseSequence, lastSequence, baseOffset: lastOffset - delta, lastOffset, timestamp },
    coordinatorEpoch: view.getInt32(at + EntryLayout.coordinatorEpochAt),
    transactionFirstOffset: readInt64(view, at + EntryLayout.transactionFirstOffsetAt),
  }
}

function checkedSnapshot(bytes: Uint8Array): DataView {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < SnapshotLayout.entriesAt) throw badSnapshot(`it has ${bytes.length} bytes; expected 10 or more`)
  const version = view.getInt16(SnapshotLayout.versionAt)
  if (version !== snapshotVersion) throw badSnapshot(`it has version ${version}; expected ${snapshotVersion}`)
  const size = SnapshotLayout.entriesAt + view.getInt32(SnapshotLayout.countAt) * snapshotEntryBytes
  if (size !== bytes.length) throw badSnapshot(`it has ${bytes.length} bytes; its count says ${size}`)
  if (crc32cOf(bytes, SnapshotLayout.countAt) !== view.getUint32(SnapshotLayout.crcAt)) {
    throw badSnapshot('it fails its CRC-32C')
  }
  return view
}

function badSnapshot(what: string): StreamBusError {
  return new StreamBusError('CORRUPT_MESSAGE', `a producer snapshot can't be read: ${what}`)
}
