/**
 * What a shard does now and then, between turns, by a clock that never jumps: retention, silent producers, folders of
 * deleted partitions.
 * Runs on: shard worker. Touches: its partitions and their folders.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { ShardLiveSettings, ShardSettings } from '../../native-free-core/mailbox/control.js'
import { ClockWatch, jumpText } from './clock-watch.js'
import type { OpenedShard } from './open-shard.js'

const removalIntervalMs = 1000
/** After a disk refused: the space of what is deleted can wait. */
const removalPauseMs = 60_000
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
  private readonly warn: (message: string) => void
  private readonly clock: ClockWatch
  private isReserveReached = false
  private isFillingTold = false
  private retentionIntervalMs: number
  private producerIdExpirationMs: number
  private nextRetentionMs: number
  private nextRemovalMs = 0
  private pinAtMs: number
  private trimAtMs: number

  constructor(opened: OpenedShard, settings: ShardSettings, care: ThreadCare, warn: (message: string) => void) {
    this.opened = opened
    this.settings = settings
    this.care = care
    this.warn = warn
    this.retentionIntervalMs = settings.config.retentionCheckIntervalMs
    this.producerIdExpirationMs = settings.config.producerIdExpirationMs
    const nowMs = performance.now()
    this.clock = new ClockWatch(Date.now(), nowMs)
    this.pinAtMs = nowMs + pinDelayMs
    this.trimAtMs = nowMs + trimDelayMs
    this.nextRetentionMs = nowMs + this.retentionIntervalMs
  }

  run(nowMs: number): void {
    if (nowMs >= this.nextRetentionMs) {
      this.nextRetentionMs = nowMs + this.retentionIntervalMs
      this.applyRetention(Date.now(), nowMs)
      this.opened.shard.forgetSilentProducers(nowMs, this.producerIdExpirationMs)
    }
    const { core, shard } = this.settings
    if (nowMs >= this.pinAtMs) {
      this.pinAtMs = Number.POSITIVE_INFINITY
      if (core !== undefined) this.care.pin(core)
    }
    if (nowMs < this.nextRemovalMs) return
    this.nextRemovalMs = nowMs + removalIntervalMs
    this.removeDeleted(nowMs)
    this.tellOfReserve()
    this.tellOfFilling()
    if (shard !== 0 || nowMs < this.trimAtMs) return
    this.trimAtMs = Number.POSITIVE_INFINITY
    this.care.trimMemory()
  }

  private removeDeleted(nowMs: number): void {
    try {
      this.opened.placement.removeDeleted()
    } catch (error) {
      if (!StreamBusError.is(error)) throw error
      this.nextRemovalMs = nowMs + removalPauseMs
      this.warn(`the space of a deleted topic is not freed yet: ${error.message}`)
    }
  }

  private tellOfFilling(): void {
    const { failure } = this.opened.shard.filler
    if (failure === undefined || this.isFillingTold) return
    this.isFillingTold = true
    this.warn(`${failure.message}; commits go on, more slowly, until the journal's first lap is over`)
  }

  private tellOfReserve(): void {
    const { isReached, freeBytes, bytes } = this.opened.shard.reserve
    if (isReached === this.isReserveReached) return
    this.isReserveReached = isReached
    // The others see the same disk.
    if (this.settings.shard !== 0) return
    const free = `${freeBytes} bytes are free on the disk of ${this.settings.dataFolder}`
    const now = `${free}, the reserve is ${Math.ceil(bytes)}`
    this.warn(isReached ? `${now}: writes are refused (DISK_RESERVE_REACHED)` : `${now}: writes are accepted again`)
  }

  private applyRetention(wallMs: number, nowMs: number): void {
    const jumpMs = this.clock.look(wallMs, nowMs)
    // The others see the same.
    if (jumpMs !== 0 && this.settings.shard === 0) this.warn(jumpText(jumpMs))
    this.opened.shard.applyRetention(this.clock.trustedMs(wallMs, nowMs))
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
