/**
 * What a producer is given and what it tells: records, options, reports; options are checked here.
 * Runs on: main thread of clients, browsers. Touches: nothing.
 */
import { maxBatchesInFlight } from '../../native-free-core/client/partition-producer.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { type CodecName, codecNames } from '../../native-free-core/log/record-batch.js'
import type { SenderOptions } from './batch-sender.js'
import { compressWith } from './compression.js'
import type { Platform } from './platform/platform.js'
import type { BytesLike, Headers } from './text-bytes.js'

/** A record to be sent. Text is sent as UTF-8. */
export interface ProducerRecord {
  readonly topic: string
  /** Records with the same key go to the same partition, in order. */
  readonly key?: BytesLike | null | undefined
  /** Null: none; in a compacted topic that deletes the key. */
  readonly value: BytesLike | null
  /** By name, or as a list where order matters. */
  readonly headers?: Headers | undefined
  /** Instead of the partition that the key or the partitioner would give. */
  readonly partition?: number | undefined
  /** Milliseconds since 1970; now, if absent. */
  readonly timestampMs?: number | undefined
}

/** What a partitioner decides by. */
export interface PartitionerRecord {
  readonly topic: string
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly partitionCount: number
}

/** Gives the partition of a record: a whole number from 0 to `partitionCount` - 1. */
export type Partitioner = (record: PartitionerRecord) => number

/** How a producer sends; all have defaults. */
export interface ProducerOptions {
  /**
   * What acknowledged means, default -1. -1: on disk on all in-sync copies; 1: on the leader's disk; 0: no answer is
   * waited for, and records may be lost.
   */
  readonly acks?: -1 | 0 | 1 | undefined
  /** A batch is sent when it is this large, in bytes, default 256 KiB. */
  readonly batchBytes?: number | undefined
  /** Or when it is this old, in milliseconds, default 1; 0: at the end of the turn. */
  readonly lingerMs?: number | undefined
  /** Unacknowledged bytes from which on `write` returns false, default 32 MiB. */
  readonly bufferBytes?: number | undefined
  /** A record that is not acknowledged by then has failed, in milliseconds, default 120,000. */
  readonly deliveryTimeoutMs?: number | undefined
  /**
   * The broker recognises what is sent again, so that nothing is stored twice or out of order; default true unless acks
   * is 0. At most five batches of a partition are unacknowledged.
   */
  readonly idempotent?: boolean | undefined
  /**
   * Packs batches, default none. gzip works everywhere; snappy, lz4 and zstd in Node.js, when the package that the
   * error names is installed.
   */
  readonly compression?: CodecName | undefined
  /**
   * Chooses the partition of records that name none. Default: by murmur2 of the key, as Kafka's clients do; records
   * without a key fill a batch of one partition, then one of the next.
   */
  readonly partitioner?: Partitioner | undefined
  /** Called once for each batch that was sent, acknowledged or failed. */
  readonly onDelivery?: ((report: DeliveryReport) => void) | undefined
}

/** What became of a batch. */
export interface DeliveryReport {
  readonly topic: string
  /** -1: the topic could not be looked up. */
  readonly partition: number
  /** Of its first record; the others follow. -1: failed, acks 0, or the broker forgot it. */
  readonly baseOffset: number
  readonly recordCount: number
  /** How many times it was sent again. */
  readonly retryCount: number
  /** Undefined: acknowledged. */
  readonly error: StreamBusError | undefined
}

/** Where a record is. */
export interface RecordMetadata {
  readonly topic: string
  readonly partition: number
  /** -1: not known (acks 0, or the broker recognised the record, but not where it is). */
  readonly offset: number
}

const KiB = 1024
export const MiB = 1024 * KiB

/** Throws USAGE, INVALID_REQUIRED_ACKS, or UNSUPPORTED_COMPRESSION_TYPE naming the package that is missing. */
export function senderOptionsOf(options: ProducerOptions, platform: Platform): SenderOptions {
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
  const codec = codecOf(options.compression ?? 'none')
  const partition = {
    batchBytes: inRange('batchBytes', options.batchBytes ?? 256 * KiB, 1, 64 * MiB),
    deliveryTimeoutMs: inRange('deliveryTimeoutMs', options.deliveryTimeoutMs ?? 120_000, 1, 2 ** 31),
    // Without sequence numbers a batch must not overtake one that is sent again.
    maxInFlight: isIdempotent || acks === 0 ? maxBatchesInFlight : 1,
    ...(codec === 0 ? {} : { codec, compress: compressWith(platform, codec) }),
  }
  return { acks, isIdempotent, lingerMs: inRange('lingerMs', options.lingerMs ?? 1, 0, 60_000), partition }
}

function codecOf(name: CodecName): number {
  const codec = codecNames.indexOf(name)
  if (codec >= 0) return codec
  const known = codecNames.join(', ')
  throw new StreamBusError('UNSUPPORTED_COMPRESSION_TYPE', `compression is "${String(name)}"; expected one of ${known}`)
}

/** Throws USAGE. */
export function inRange(name: string, value: number, min: number, max: number): number {
  if (Number.isFinite(value) && value >= min && value <= max) return value
  throw new StreamBusError('USAGE', `${name} is ${value}; expected ${min} to ${max}`)
}
