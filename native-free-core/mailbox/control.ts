/**
 * Control messages between main and the workers: rare, structured, over MessagePorts.
 * Runs on: main and every worker. Touches: types only.
 * A shard never runs its event loop: it reads its port with receiveMessageOnPort after its doorbell rang.
 */
import type { BrokerConfig } from '../config/broker-config.js'
import type { Uuid } from '../bytes/uuid.js'

/** One front-end thread's rings to one shard or to the read thread. */
export interface RingPair {
  readonly requests: SharedArrayBuffer
  readonly replies: SharedArrayBuffer
  /** The front end's doorbell: rung after a reply. */
  readonly doorbell: SharedArrayBuffer
}

/** What every worker is started with. */
export interface WorkerSettings {
  readonly config: BrokerConfig
  /** Absolute. */
  readonly dataFolder: string
  /** Empty when the worker is spawned: the folder tells it, and the first message to the worker brings it. */
  readonly clusterId: Uuid
  /** A module that exports createDisk(), in place of the real disk; tests only. */
  readonly diskModule: string | undefined
}

export interface ShardSettings extends WorkerSettings {
  readonly kind: 'shard'
  readonly shard: number
  readonly shardCount: number
  /** By front-end thread id; main is 0. */
  readonly frontEnds: readonly RingPair[]
  readonly doorbell: SharedArrayBuffer
  /** The journal's memory and its shared positions (see journal-layout). */
  readonly journalMemory: SharedArrayBuffer
  readonly journalPositions: SharedArrayBuffer
  /** The same for the ring of topics that do not ask for synced writes. */
  readonly volatileMemory: SharedArrayBuffer
  readonly volatilePositions: SharedArrayBuffer
  readonly metrics: SharedArrayBuffer
  /** An AppendCounter's: the same for all shards. */
  readonly appendCounter: SharedArrayBuffer
  /** To the sync thread: this shard's mailbox and the sync thread's doorbell. */
  readonly syncRequests: SharedArrayBuffer
  readonly syncReplies: SharedArrayBuffer
  readonly syncDoorbell: SharedArrayBuffer
  /** The core to be pinned to; undefined: not pinned. */
  readonly core: number | undefined
  /** A deleted topic of which something is left for so long is settled away, however little there is to settle. */
  readonly clearAfterMs: number
}

export type ToShard =
  /** To the first shard, before it is started: make the folder ready if every journal was closed cleanly. */
  | { readonly kind: 'recover'; readonly clusterId: Uuid; readonly image: SharedArrayBuffer }
  /** Recovery is done, the image in force. Partitions are placed by partitionId % shardCount. */
  | { readonly kind: 'start'; readonly clusterId: Uuid; readonly image: SharedArrayBuffer }
  | { readonly kind: 'image'; readonly image: SharedArrayBuffer }
  /** Keys of the configuration that change while the broker runs. */
  | { readonly kind: 'settings'; readonly settings: ShardLiveSettings }
  /** Answered from the shard's loop: one that is stuck does not. */
  | { readonly kind: 'ping'; readonly token: number }
  | { readonly kind: 'stop' }

export interface ShardLiveSettings {
  readonly diskReserveBytes: number
  readonly retentionCheckIntervalMs: number
  readonly producerIdExpirationMs: number
}

export type FromShard =
  /** Undefined: there is something to replay, which the sync worker does. */
  | { readonly kind: 'recovered'; readonly report: RecoveryReport | undefined }
  | { readonly kind: 'ready'; readonly commitLatencyMs: number }
  /** The first errand for the sync thread waits: from now on it has to run. */
  | { readonly kind: 'needSync' }
  /** Partitions of this version are open here. */
  | { readonly kind: 'applied'; readonly version: number }
  /**
   * Nothing in this shard's journal or folders names a topic that images up to this version have deleted, nor will
   * after a power cut at any moment.
   */
  | { readonly kind: 'cleared'; readonly version: number }
  | { readonly kind: 'pong'; readonly token: number }
  /** Everything is settled and synced; the thread ends. */
  | { readonly kind: 'stopped' }
  /** Writes are refused from now on: the disk failed. */
  | { readonly kind: 'offline'; readonly code: number; readonly message: string; readonly remedy: string }
  | { readonly kind: 'log'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly message: string }
  | { readonly kind: 'fatal'; readonly code: number; readonly message: string }

export interface SyncSettings extends WorkerSettings {
  readonly kind: 'sync'
  readonly doorbell: SharedArrayBuffer
  readonly shards: readonly {
    readonly requests: SharedArrayBuffer
    readonly replies: SharedArrayBuffer
    readonly shardDoorbell: SharedArrayBuffer
  }[]
}

export type ToSync =
  /** Replays, settles and empties every journal in the folder before any shard starts. */
  { readonly kind: 'recover'; readonly clusterId: Uuid; readonly image: SharedArrayBuffer } | { readonly kind: 'stop' }

export type FromSync =
  | { readonly kind: 'recovered'; readonly report: RecoveryReport }
  | { readonly kind: 'fatal'; readonly code: number; readonly message: string }

/** What a start found in the journals and did with it. */
export interface RecoveryReport {
  readonly journals: number
  readonly commits: number
  readonly entries: number
  readonly appendedBytes: number
  readonly tornTails: number
  readonly durationMs: number
}

export interface ReadSettings extends WorkerSettings {
  readonly kind: 'read'
  readonly doorbell: SharedArrayBuffer
  readonly frontEnds: readonly RingPair[]
}
/** A read that failed, for the log; of no interest if the partition was deleted: its files went away. */
export interface FromRead {
  readonly kind: 'readFailed'
  readonly partitionId: number
  readonly message: string
}
export type ToRead = { readonly kind: 'stop' }

/** Which shard owns a partition. */
export function shardOf(partitionId: number, shardCount: number): number {
  return partitionId % shardCount
}
