/**
 * Entry of a shard worker: waits to be started, opens its journal and partitions, then turns until it is stopped.
 * Runs on: shard worker. Touches: its journal and partitions, its port (read without an event loop).
 */
import { randomBytes } from 'node:crypto'
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { journalBytesOf } from '../../native-free-core/config/broker-config.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { crc32cOf } from '../../native-free-core/log/crc32c.js'
import type { FromShard, ShardLiveSettings, ShardSettings, ToShard } from '../../native-free-core/mailbox/control.js'
import { MetadataImage } from '../../native-free-core/metadata/metadata-image.js'
import { Doorbell } from '../../native-free-core/ring/doorbell.js'
import { loadDisk } from '../shared/disk.js'
import { installNativeCrc32c } from '../shared/native-crc32c.js'
import { pinThread } from '../shared/pin-thread.js'
import { trimMemory } from '../shared/trim-memory.js'
import { openShard, type OpenedShard } from './open-shard.js'

const controlIntervalMs = 5
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

/** Sleeps until the first message, which starts the shard; undefined when it is to stop before that. */
function waitForStart(): Extract<ToShard, { kind: 'start' }> | undefined {
  for (;;) {
    doorbell.park()
    const message = receive()
    if (message?.kind === 'start') return message
    if (message?.kind === 'stop') return undefined
    doorbell.sleep(Number.POSITIVE_INFINITY)
  }
}

/** Retention, silent producers and the removal of deleted folders: now and then, between turns. */
class Chores {
  private readonly opened: OpenedShard
  private retentionIntervalMs = settings.config.retentionCheckIntervalMs
  private producerIdExpirationMs = settings.config.producerIdExpirationMs
  private nextRetentionMs: number
  private nextRemovalMs = 0
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
    return this.nextRetentionMs
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
      obey(message, opened, chores)
    } else if (worked || shard.hasWork()) doorbell.unpark()
    else shard.metrics.slept(sleepUntil(Math.min(shard.nextDeadlineMs, chores.nextMs, nowMs + 1000)))
  }
}

function obey(message: Exclude<ToShard, { kind: 'stop' }>, { shard, placement }: OpenedShard, chores: Chores): void {
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
  const start = waitForStart()
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
  if (settings.core !== undefined) pinThread(settings.core)
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
