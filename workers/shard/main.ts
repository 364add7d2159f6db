/**
 * Entry of a shard worker: waits to be started, opens its journal and partitions, then turns until it is stopped. The
 * first one makes a folder ready that was closed cleanly.
 * Runs on: shard worker. Touches: its journal and partitions, its port (read without an event loop).
 */
import { randomBytes } from 'node:crypto'
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { journalBytesOf } from '../../native-free-core/config/broker-config.js'
import { assert } from '../../native-free-core/errors/assert.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { crc32cOf } from '../../native-free-core/log/crc32c.js'
import type { FromShard, ShardLiveSettings, ShardSettings, ToShard } from '../../native-free-core/mailbox/control.js'
import { MetadataImage } from '../../native-free-core/metadata/metadata-image.js'
import { Doorbell } from '../../native-free-core/ring/doorbell.js'
import { type Disk, loadDisk } from '../shared/disk.js'
import { installNativeCrc32c } from '../shared/native-crc32c.js'
import { pinThread } from '../shared/pin-thread.js'
import { isClosedCleanly, recoverDataFolder } from '../shared/recovery.js'
import { trimMemory } from '../shared/trim-memory.js'
import { openShard, type OpenedShard } from './open-shard.js'

const controlIntervalMs = 5
/** The front end is still being made ready: what pinning has to load would take its time. */
const pinDelayMs = 100
/** By then what the start needed is free. */
const trimDelayMs = 1500

const settings = workerData as ShardSettings
if (parentPort === null) throw new StreamBusError('USAGE', 'a shard runs as a worker thread only')
const port: MessagePort = parentPort
const doorbell = new Doorbell(settings.doorbell)

function say(message: FromShard): void {
  port.postMessage(message)
}

function receive(): ToShard | undefined {
  return (receiveMessageOnPort(port) as { message: ToShard } | undefined)?.message
}

/** Sleeps until the message that starts the shard; undefined when it is to stop before that. */
function waitForStart(disk: Disk): Extract<ToShard, { kind: 'start' }> | undefined {
  for (;;) {
    doorbell.park()
    const message = receive()
    if (message?.kind === 'start') return message
    if (message?.kind === 'stop') return undefined
    if (message?.kind === 'recover') recover(disk, message)
    else doorbell.sleep(Number.POSITIVE_INFINITY)
  }
}

function recover(disk: Disk, { clusterId, image }: Extract<ToShard, { kind: 'recover' }>): void {
  doorbell.unpark()
  const ofFolder = { ...settings, clusterId }
  const isShort = isClosedCleanly(disk, ofFolder, crc32cOf)
  say({ kind: 'recovered', report: isShort ? recoverDataFolder(disk, ofFolder, image, crc32cOf) : undefined })
}

/** Retention, silent producers and the removal of deleted folders: now and then, between turns. */
class Chores {
  private readonly opened: OpenedShard
  private retentionIntervalMs = settings.config.retentionCheckIntervalMs
  private producerIdExpirationMs = settings.config.producerIdExpirationMs
  private nextRetentionMs: number
  private nextRemovalMs = 0
  private pinAtMs = Date.now() + pinDelayMs
  private trimAtMs = Date.now() + trimDelayMs

  constructor(opened: OpenedShard) {
    this.opened = opened
    this.nextRetentionMs = Date.now() + this.retentionIntervalMs
  }

  run(nowMs: number): void {
    if (nowMs >= this.nextRetentionMs) {
      this.nextRetentionMs = nowMs + this.retentionIntervalMs
      this.opened.shard.applyRetention(nowMs)
      // Not the wall clock: it may be set a day ahead, and then all would seem silent.
      this.opened.shard.forgetSilentProducers(performance.now(), this.producerIdExpirationMs)
    }
    if (nowMs >= this.pinAtMs) {
      this.pinAtMs = Number.POSITIVE_INFINITY
      if (settings.core !== undefined) pinThread(settings.core)
    }
    if (nowMs < this.nextRemovalMs) return
    this.nextRemovalMs = nowMs + 1000
    this.opened.placement.removeDeleted()
    if (settings.shard !== 0 || nowMs < this.trimAtMs) return
    this.trimAtMs = Number.POSITIVE_INFINITY
    trimMemory()
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

function run(opened: OpenedShard): void {
  const { shard } = opened
  const chores = new Chores(opened)
  let saidOffline = false
  let nextControlMs = 0
  for (;;) {
    const nowMs = Date.now()
    const worked = shard.turn(nowMs)
    chores.run(nowMs)
    if (shard.failure !== undefined && !saidOffline) {
      saidOffline = true
      say({ kind: 'offline', code: shard.failure.code, message: shard.failure.message })
    }
    // A busy shard looks at its port now and then, not every turn.
    if (worked && nowMs < nextControlMs) continue
    nextControlMs = nowMs + controlIntervalMs
    doorbell.park()
    const message = receive()
    if (message !== undefined) {
      doorbell.unpark()
      if (message.kind === 'stop') return
      assert(message.kind !== 'start' && message.kind !== 'recover', 'a shard is started twice')
      obey(message, opened, chores)
    } else if (worked || shard.hasWork()) doorbell.unpark()
    else shard.metrics.slept(sleepUntil(Math.min(shard.nextDeadlineMs, chores.nextMs, nowMs + 1000)))
  }
}

function obey(
  message: Extract<ToShard, { kind: 'ping' | 'settings' | 'image' }>,
  { shard, placement }: OpenedShard,
  chores: Chores,
): void {
  if (message.kind === 'ping') return say({ kind: 'pong', token: message.token })
  if (message.kind === 'settings') {
    shard.reserve.set(message.settings.diskReserveBytes)
    return chores.reconfigure(message.settings, Date.now())
  }
  const image = MetadataImage.parse(new Uint8Array(message.image))
  placement.apply(image, shard)
  say({ kind: 'applied', version: image.version })
}

/** Returns how long it slept, in ms. */
function sleepUntil(timeMs: number): number {
  const started = performance.now()
  doorbell.sleep(Math.max(0, timeMs - Date.now()))
  return performance.now() - started
}

/** Settles everything and marks the journal clean; nothing is left to recover. */
function stop({ shard }: OpenedShard): void {
  shard.beginStop()
  while (!shard.isSettled) {
    if (shard.turn(Date.now())) continue
    doorbell.park()
    if (shard.hasWork()) doorbell.unpark()
    else doorbell.sleep(100)
  }
  for (const partition of shard.partitions.values()) partition.log.close()
  if (shard.failure === undefined) shard.journal.close()
}

async function main(): Promise<void> {
  installNativeCrc32c()
  const disk = await loadDisk(settings)
  const start = waitForStart(disk)
  if (start === undefined) return
  const image = MetadataImage.parse(new Uint8Array(start.image))
  const opened = openShard({
    onFirstSync: () => say({ kind: 'needSync' }),
    settings: { ...settings, clusterId: start.clusterId },
    disk,
    crc: crc32cOf,
    runId: randomBytes(8).toString('hex'),
    image,
    journalBytes: journalBytesOf(settings.config.journalMemoryBytes, settings.shardCount),
  })
  say({ kind: 'ready', commitLatencyMs: opened.commitLatencyMs })
  say({ kind: 'applied', version: image.version })
  run(opened)
  stop(opened)
}

try {
  await main()
  say({ kind: 'stopped' })
} catch (error) {
  const { code, message } = StreamBusError.from(error)
  say({ kind: 'fatal', code, message: `${message}${error instanceof Error ? `\n${error.stack}` : ''}` })
}
