/**
 * What a shard does now and then, between turns: retention, silent producers, folders of deleted partitions.
 * Runs on: shard worker. Touches: its partitions and their folders.
 */
import type { ShardLiveSettings, ShardSettings } from '../../native-free-core/mailbox/control.js'
import type { OpenedShard } from './open-shard.js'

const removalIntervalMs = 1000
/** The front end is still being made ready: what pinning has to load would take its time. */
const pinDelayMs = 100
/** By then what the start needed is free. */
const trimDelayMs = 1500

/** What the thread does with the system around it. */
export interface ThreadCare {
  pin(core: number): void
  /** Gives back to the system what the start has freed. */
  trimMemory(): void
}

export class Chores {
  private readonly opened: OpenedShard
  private readonly settings: ShardSettings
  private readonly care: ThreadCare
  private retentionIntervalMs: number
  private producerIdExpirationMs: number
  private nextRetentionMs: number
  private nextRemovalMs = 0
  private pinAtMs: number
  private trimAtMs: number

  constructor(opened: OpenedShard, settings: ShardSettings, care: ThreadCare) {
    this.opened = opened
    this.settings = settings
    this.care = care
    this.retentionIntervalMs = settings.config.retentionCheckIntervalMs
    this.producerIdExpirationMs = settings.config.producerIdExpirationMs
    const nowMs = Date.now()
    this.pinAtMs = nowMs + pinDelayMs
    this.trimAtMs = nowMs + trimDelayMs
    this.nextRetentionMs = nowMs + this.retentionIntervalMs
  }

  run(nowMs: number): void {
    if (nowMs >= this.nextRetentionMs) {
      this.nextRetentionMs = nowMs + this.retentionIntervalMs
      this.opened.shard.applyRetention(nowMs)
      // Not the wall clock: it may be set a day ahead, and then all would seem silent.
      this.opened.shard.forgetSilentProducers(performance.now(), this.producerIdExpirationMs)
    }
    const { core, shard } = this.settings
    if (nowMs >= this.pinAtMs) {
      this.pinAtMs = Number.POSITIVE_INFINITY
      if (core !== undefined) this.care.pin(core)
    }
    if (nowMs < this.nextRemovalMs) return
    this.nextRemovalMs = nowMs + removalIntervalMs
    this.opened.placement.removeDeleted()
    if (shard !== 0 || nowMs < this.trimAtMs) return
    this.trimAtMs = Number.POSITIVE_INFINITY
    this.care.trimMemory()
  }

  reconfigure({ retentionCheckIntervalMs, producerIdExpirationMs }: ShardLiveSettings, nowMs: number): void {
    this.producerIdExpirationMs = producerIdExpirationMs
    this.retentionIntervalMs = retentionCheckIntervalMs
    this.nextRetentionMs = nowMs + retentionCheckIntervalMs
  }

  get nextMs(): number {
    return Math.min(this.nextRetentionMs, this.pinAtMs)
  }
}
