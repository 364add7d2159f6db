/**
 * What a shard's thread does from its start to its end, a step at a time: only the sleep between steps is not in here,
 * so that a test can drive many of them in one thread.
 * Runs on: shard worker. Touches: its journal and partitions, its port.
 *
 *   waiting (the first one makes a folder ready that was closed cleanly) -> running -> stopping -> ended
 */
import { randomBytes } from 'node:crypto'
import { journalBytesOf } from '../../native-free-core/config/broker-config.js'
import { assert } from '../../native-free-core/errors/assert.js'
import { crc32cOf } from '../../native-free-core/log/crc32c.js'
import type { FromShard, ShardSettings, ToShard } from '../../native-free-core/mailbox/control.js'
import { MetadataImage } from '../../native-free-core/metadata/metadata-image.js'
import { Doorbell } from '../../native-free-core/ring/doorbell.js'
import type { Disk } from '../shared/disk.js'
import { isClosedCleanly, recoverDataFolder } from '../shared/recovery.js'
import { ended, type ThreadPort } from '../shared/thread-port.js'
import { Chores, type ThreadCare } from './chores.js'
import { openShard, type OpenedShard } from './open-shard.js'

const controlIntervalMs = 5
const longestSleepMs = 1000
const placementPollMs = 2
const stopPollMs = 100

type Start = Extract<ToShard, { kind: 'start' }>

interface Running {
  readonly opened: OpenedShard
  readonly chores: Chores
  saidOffline: boolean
  nextControlMs: number
  /** Not applied wholly yet: a folder is still in the way, which another shard is about to move. */
  unapplied: MetadataImage | undefined
}

export class ShardThread {
  readonly doorbell: Doorbell
  private readonly settings: ShardSettings
  private readonly disk: Disk
  private readonly port: ThreadPort<ToShard, FromShard>
  private readonly care: ThreadCare
  private running: Running | undefined
  private isStopping = false

  constructor(settings: ShardSettings, disk: Disk, port: ThreadPort<ToShard, FromShard>, care: ThreadCare) {
    this.settings = settings
    this.disk = disk
    this.port = port
    this.care = care
    this.doorbell = new Doorbell(settings.doorbell)
  }

  /**
   * Does what there is to do. Returns for how many ms the thread may sleep on its doorbell, which is parked then; 0: go
   * on at once; `ended`: everything is over. Throws what the thread can't go on after.
   */
  step(): number {
    if (this.running === undefined) return this.wait()
    return this.isStopping ? this.stop(this.running) : this.run(this.running)
  }

  /** How long it slept after a step. */
  slept(durationMs: number): void {
    this.running?.opened.shard.metrics.slept(durationMs)
  }

  /** It stood still for a collection. */
  collected(pauseMs: number): void {
    this.running?.opened.shard.metrics.collected(pauseMs)
  }

  /** Until the message that starts the shard. */
  private wait(): number {
    this.doorbell.park()
    const message = this.port.receive()
    if (message?.kind === 'start') this.start(message)
    else if (message?.kind === 'stop') return ended
    else if (message?.kind === 'recover') this.recover(message)
    else return Number.POSITIVE_INFINITY
    return 0
  }

  private recover({ clusterId, image }: Extract<ToShard, { kind: 'recover' }>): void {
    this.doorbell.unpark()
    const ofFolder = { ...this.settings, clusterId }
    const isShort = isClosedCleanly(this.disk, ofFolder, crc32cOf)
    const report = isShort ? recoverDataFolder(this.disk, ofFolder, image, crc32cOf) : undefined
    this.port.say({ kind: 'recovered', report })
  }

  private start({ clusterId, image: bytes }: Start): void {
    const { settings, disk, port } = this
    const image = MetadataImage.parse(new Uint8Array(bytes))
    const opened = openShard({
      onFirstSync: () => port.say({ kind: 'needSync' }),
      settings: { ...settings, clusterId },
      disk,
      crc: crc32cOf,
      runId: randomBytes(8).toString('hex'),
      image,
      journalBytes: journalBytesOf(settings.config.journalMemoryBytes, settings.shardCount),
    })
    port.say({ kind: 'ready', commitLatencyMs: opened.commitLatencyMs })
    port.say({ kind: 'applied', version: image.version })
    const warn = (message: string): void => port.say({ kind: 'log', level: 'warn', message })
    const chores = new Chores(opened, settings, this.care, warn)
    this.running = { opened, chores, saidOffline: false, nextControlMs: 0, unapplied: undefined }
  }

  private run(running: Running): number {
    const { shard } = running.opened
    const nowMs = performance.now()
    const worked = shard.turn(Date.now(), nowMs)
    this.tellCleared(running.opened, nowMs)
    running.chores.run(nowMs)
    if (running.unapplied !== undefined) this.apply(running, running.unapplied)
    this.tellOffline(running)
    // A busy shard looks at its port now and then, not every turn.
    if (worked && nowMs < running.nextControlMs) return 0
    running.nextControlMs = nowMs + controlIntervalMs
    this.doorbell.park()
    const message = this.port.receive()
    if (message !== undefined) this.obey(message, running)
    else if (!worked && !shard.hasWork()) {
      const wakeMs = Math.min(shard.nextDeadlineMs, running.chores.nextMs, nowMs + longestSleepMs)
      const mostMs = running.unapplied === undefined ? longestSleepMs : placementPollMs
      const sleepMs = Math.min(mostMs, wakeMs - performance.now())
      if (sleepMs > 0) return sleepMs
    }
    this.doorbell.unpark()
    return 0
  }

  private tellCleared({ clearing }: OpenedShard, nowMs: number): void {
    const version = clearing.step(nowMs)
    if (version !== undefined) this.port.say({ kind: 'cleared', version })
  }

  private tellOffline(running: Running): void {
    const { failure } = running.opened.shard
    if (failure === undefined || running.saidOffline) return
    running.saidOffline = true
    const { code, message, remedy } = failure
    this.port.say({ kind: 'offline', code, message, remedy })
  }

  private obey(message: ToShard, running: Running): void {
    const { opened, chores } = running
    const { shard } = opened
    switch (message.kind) {
      case 'stop':
        this.isStopping = true
        return shard.beginStop()
      case 'ping':
        return this.port.say({ kind: 'pong', token: message.token })
      case 'settings':
        shard.reserve.set(message.settings.diskReserveBytes)
        return chores.reconfigure(message.settings, performance.now())
      case 'image':
        return this.apply(running, MetadataImage.parse(new Uint8Array(message.image)))
      case 'start':
      case 'recover':
        assert(false, 'a shard is started twice')
    }
  }

  private apply(running: Running, image: MetadataImage): void {
    const { placement, shard, clearing } = running.opened
    running.unapplied = placement.apply(image, shard) ? undefined : image
    if (running.unapplied !== undefined) return
    clearing.applied(image)
    this.port.say({ kind: 'applied', version: image.version })
  }

  /** Settles everything and marks the journal clean; nothing is left to recover, unless the disk fails. */
  private stop(running: Running): number {
    const { shard } = running.opened
    if (!shard.isSettled) {
      if (shard.turn(Date.now(), performance.now())) return 0
      this.doorbell.park()
      if (!shard.hasWork()) return stopPollMs
      this.doorbell.unpark()
      return 0
    }
    try {
      for (const partition of shard.partitions.values()) partition.log.close()
      if (shard.failure === undefined) shard.journal.close()
    } catch (error) {
      shard.takeOffline(error)
    }
    this.tellOffline(running)
    return ended
  }
}
