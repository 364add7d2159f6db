/**
 * The workers of one broker: spawned together, started in order, told of new metadata, stopped in order.
 * Runs on: main. Touches: worker threads, the shared memory that they are given.
 *
 *   metadata worker says what the folder holds -> the first shard or, after a crash, the sync worker recovers it
 *   -> shards start -> the gateway listens
 *   stop: shards settle everything -> sync worker -> read worker -> metadata worker
 *
 * A worker that dies, or says 'fatal', ends the broker (fail-stop): what was acknowledged is in the journals.
 */
import type { Uuid } from '../../native-free-core/bytes/uuid.js'
import {
  type BrokerConfig,
  journalBytesOf,
  readReplyRingBytes,
  readRequestRingBytes,
} from '../../native-free-core/config/broker-config.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { pageAlignedMemory } from '../../native-free-core/bytes/page-aligned-memory.js'
import { journalPositionsBytes } from '../../native-free-core/journal/journal-reader.js'
import { createAppendCounter } from '../../native-free-core/mailbox/append-counter.js'
import type {
  FromRead,
  FromShard,
  FromSync,
  RecoveryReport,
  RingPair,
  ShardSettings,
  SyncSettings,
  ToRead,
  ToShard,
  ToSync,
  WorkerSettings,
} from '../../native-free-core/mailbox/control.js'
import { syncRingBytes } from '../../native-free-core/mailbox/sync-frames.js'
import { createMetricsMemory } from '../../native-free-core/metrics/shared-metrics.js'
import { createDoorbell, Doorbell } from '../../native-free-core/ring/doorbell.js'
import { createRing } from '../../native-free-core/ring/ring.js'
import type { StartWorker, WorkerThread } from './surroundings.js'
import { workerExecArgv } from './worker-exec-argv.js'

export interface FleetOptions {
  readonly config: BrokerConfig
  /** Absolute. */
  readonly dataFolder: string
  readonly shardCount: number
  /** Cores to pin shards to, by shard; undefined: no pinning. */
  readonly cores: readonly number[] | undefined
  readonly startWorker: StartWorker
  readonly diskModule: string | undefined
  /** How long something may be left of a deleted topic where little is written. */
  readonly clearAfterMs: number
  /** Main's own bell: rung by shards and the read thread after a reply. */
  readonly mainDoorbell: SharedArrayBuffer
  onFatal(error: StreamBusError): void
  /** A shard takes no writes any more. */
  onOffline(shard: number, error: StreamBusError): void
  /** On no shard anything names a topic any more that images up to `version` have deleted. */
  onCleared(version: number): void
  /** A read of a segment failed; of no interest if the partition was deleted. */
  onReadFailed(partitionId: number, message: string): void
  onLog(level: 'debug' | 'info' | 'warn' | 'error', message: string): void
}

/** What the gateway needs of one shard. */
export interface ShardChannel {
  readonly requests: SharedArrayBuffer
  readonly replies: SharedArrayBuffer
  readonly doorbell: SharedArrayBuffer
  readonly journalMemory: SharedArrayBuffer
  readonly journalPositions: SharedArrayBuffer
  readonly volatileMemory: SharedArrayBuffer
  readonly volatilePositions: SharedArrayBuffer
  readonly metrics: SharedArrayBuffer
}

export interface FleetStart {
  readonly recovery: RecoveryReport
  /** Median over the shards, in ms. */
  readonly commitLatencyMs: number
}

interface ShardHandle {
  readonly channel: ShardChannel
  readonly worker: WorkerThread
  appliedVersion: number
  clearedVersion: number
}

/** One worker's answer to a ping; never, from one that is stuck. */
export interface WorkerProbe {
  readonly worker: string
  readonly answered: Promise<void>
}

interface VersionWaiter {
  readonly version: number
  resolve(): void
}

/** Small young generations: what lives on a shard is in typed arrays and shared memory. */
const workerLimits = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 512 } as const

export class WorkerFleet {
  readonly channels: readonly ShardChannel[]
  private readonly options: FleetOptions
  private readonly shards: ShardHandle[] = []
  private readonly syncDoorbell = createDoorbell()
  private readonly appendCounter = createAppendCounter()
  private readonly syncSettings: SyncSettings
  private sync: WorkerThread | undefined
  private recoveryEnded = Promise.resolve()
  private read: { readonly worker: WorkerThread; readonly doorbell: SharedArrayBuffer } | undefined
  private waiters: VersionWaiter[] = []
  private readonly pings = new Map<number, () => void>()
  private nextPing = 1
  /** Workers that ended because they were told to. */
  private readonly dismissed = new WeakSet<WorkerThread>()
  private stopping = false
  private isTerminated = false

  /** Spawns the shards; they load in parallel and wait for `start`. */
  constructor(options: FleetOptions) {
    this.options = options
    const mailboxes = Array.from({ length: options.shardCount }, () => ({
      requests: createRing(syncRingBytes),
      replies: createRing(syncRingBytes),
      shardDoorbell: createDoorbell(),
    }))
    this.syncSettings = { ...this.commonSettings(), kind: 'sync', doorbell: this.syncDoorbell, shards: mailboxes }
    for (const [shard, mailbox] of mailboxes.entries()) this.shards.push(this.spawnShard(shard, mailbox))
    this.channels = this.shards.map((handle) => handle.channel)
  }

  private commonSettings(): WorkerSettings {
    const { config, dataFolder, shardCount, diskModule } = this.options
    return { config: { ...config, shards: shardCount }, dataFolder, clusterId: '', diskModule }
  }

  private spawn(name: string, settings: WorkerSettings): WorkerThread {
    const worker = this.options.startWorker(name, {
      name,
      workerData: settings,
      resourceLimits: workerLimits,
      ...workerExecArgv(),
    })
    worker.on('error', (error) => this.fatal(`the ${name} worker died: ${error.stack ?? error.message}`))
    worker.on('exit', (code) => {
      if (!this.stopping && !this.dismissed.has(worker)) this.fatal(`the ${name} worker ended with code ${code}`)
    })
    worker.on('message', (message: FromShard | FromSync) => {
      if (message.kind === 'fatal') this.options.onFatal(StreamBusError.fromCode(message.code, message.message))
      else if (message.kind === 'log') this.options.onLog(message.level, message.message)
    })
    return worker
  }

  private fatal(message: string): void {
    if (!this.stopping) this.options.onFatal(new StreamBusError('UNKNOWN_SERVER_ERROR', message))
  }

  private spawnShard(
    shard: number,
    mailbox: { requests: SharedArrayBuffer; replies: SharedArrayBuffer; shardDoorbell: SharedArrayBuffer },
  ): ShardHandle {
    const { config, shardCount, cores, mainDoorbell, clearAfterMs } = this.options
    const channel: ShardChannel = {
      requests: createRing(config.requestRingBytes),
      replies: createRing(config.replyRingBytes),
      doorbell: mailbox.shardDoorbell,
      journalMemory: pageAlignedMemory(journalBytesOf(config.journalMemoryBytes, shardCount)),
      journalPositions: new SharedArrayBuffer(journalPositionsBytes),
      volatileMemory: new SharedArrayBuffer(journalBytesOf(config.volatileMemoryBytes, shardCount)),
      volatilePositions: new SharedArrayBuffer(journalPositionsBytes),
      metrics: createMetricsMemory('shard'),
    }
    const settings: ShardSettings = {
      ...this.commonSettings(),
      kind: 'shard',
      shard,
      shardCount,
      frontEnds: [{ requests: channel.requests, replies: channel.replies, doorbell: mainDoorbell }],
      doorbell: channel.doorbell,
      journalMemory: channel.journalMemory,
      journalPositions: channel.journalPositions,
      volatileMemory: channel.volatileMemory,
      volatilePositions: channel.volatilePositions,
      metrics: channel.metrics,
      appendCounter: this.appendCounter,
      syncRequests: mailbox.requests,
      syncReplies: mailbox.replies,
      syncDoorbell: this.syncDoorbell,
      core: cores?.[shard],
      clearAfterMs,
    }
    const versions = { appliedVersion: -1, clearedVersion: -1 }
    const handle: ShardHandle = { channel, worker: this.spawn('shard', settings), ...versions }
    handle.worker.on('message', (message: FromShard) => this.onShardMessage(shard, handle, message))
    return handle
  }

  private onShardMessage(shard: number, handle: ShardHandle, message: FromShard): void {
    if (message.kind === 'applied') {
      handle.appliedVersion = message.version
      this.resolveWaiters()
    } else if (message.kind === 'cleared') {
      handle.clearedVersion = message.version
      this.options.onCleared(Math.min(...this.shards.map(({ clearedVersion }) => clearedVersion)))
    } else if (message.kind === 'pong') {
      this.pings.get(message.token)?.()
      this.pings.delete(message.token)
    } else if (message.kind === 'needSync') {
      void this.startSync()
    } else if (message.kind === 'offline') {
      this.options.onOffline(shard, StreamBusError.fromCode(message.code, message.message, message.remedy))
    }
  }

  private tellShard(handle: ShardHandle, message: ToShard): void {
    handle.worker.postMessage(message)
    new Doorbell(handle.channel.doorbell).ring()
  }

  /** Two of them would share rings that are made for one: the one that recovered ends first. */
  private async startSync(): Promise<void> {
    await this.recoveryEnded
    // A worker spawned for shards that are gone would keep the process from ending.
    if (this.isTerminated) return
    this.sync ??= this.spawn('sync', this.syncSettings)
  }

  private tellSync(worker: WorkerThread, message: ToSync): void {
    worker.postMessage(message)
    new Doorbell(this.syncDoorbell).ring()
  }

  /** A folder that was closed cleanly is made ready by the first shard: no other thread has to be started for it. */
  private async recover(clusterId: Uuid, image: SharedArrayBuffer): Promise<RecoveryReport> {
    const first = this.shards[0]!
    const recovered = expectMessage<FromShard, 'recovered'>(first.worker, 'recovered')
    this.tellShard(first, { kind: 'recover', clusterId, image })
    const { report } = await recovered
    return report ?? this.replay(clusterId, image)
  }

  /** Journals are replayed by the sync worker, which then ends: a broker that writes nothing needs none. */
  private async replay(clusterId: Uuid, image: SharedArrayBuffer): Promise<RecoveryReport> {
    const worker = this.spawn('sync', this.syncSettings)
    this.sync = worker
    const recovered = expectMessage<FromSync, 'recovered'>(worker, 'recovered')
    this.tellSync(worker, { kind: 'recover', clusterId, image })
    const { report } = await recovered
    this.dismissed.add(worker)
    this.recoveryEnded = ended(worker)
    this.sync = undefined
    this.tellSync(worker, { kind: 'stop' })
    return report
  }

  /** Recovers the folder, then starts all shards with `image`. Throws what recovery or a shard found. */
  async start(clusterId: Uuid, image: SharedArrayBuffer): Promise<FleetStart> {
    const report = await this.recover(clusterId, image)
    const ready = this.shards.map((handle) => expectMessage<FromShard, 'ready'>(handle.worker, 'ready'))
    for (const handle of this.shards) this.tellShard(handle, { kind: 'start', clusterId, image })
    const latencies = (await Promise.all(ready)).map((message) => message.commitLatencyMs).sort((a, b) => a - b)
    return { recovery: report, commitLatencyMs: latencies[latencies.length >> 1]! }
  }

  /** Sends a new image to all shards; resolves when each has opened what it says. */
  applyImage(image: SharedArrayBuffer, version: number): Promise<void> {
    for (const handle of this.shards) this.tellShard(handle, { kind: 'image', image })
    return this.whenApplied(version)
  }

  /** Resolves when every shard has applied that version or a later one. */
  whenApplied(version: number): Promise<void> {
    if (this.shards.every((handle) => handle.appliedVersion >= version)) return Promise.resolve()
    return new Promise((resolve) => this.waiters.push({ version, resolve }))
  }

  private resolveWaiters(): void {
    const least = Math.min(...this.shards.map((handle) => handle.appliedVersion))
    const done = this.waiters.filter((waiter) => waiter.version <= least)
    this.waiters = this.waiters.filter((waiter) => waiter.version > least)
    for (const waiter of done) waiter.resolve()
  }

  /** Keys that changed while the broker runs, to those who keep a copy. */
  reconfigure({ diskReserveBytes, retentionCheckIntervalMs, producerIdExpirationMs }: BrokerConfig): void {
    const settings = { diskReserveBytes, retentionCheckIntervalMs, producerIdExpirationMs }
    for (const handle of this.shards) this.tellShard(handle, { kind: 'settings', settings })
  }

  /** Asks every shard's loop for a sign of life. */
  probe(): WorkerProbe[] {
    return this.shards.map((handle, shard) => {
      const token = this.nextPing++
      const answered = new Promise<void>((resolve) => this.pings.set(token, resolve))
      this.tellShard(handle, { kind: 'ping', token })
      return { worker: `shard ${shard}`, answered }
    })
  }

  /** The read worker starts with the first need: its rings. */
  startReader(): RingPair {
    const { config, mainDoorbell } = this.options
    const replies = createRing(readReplyRingBytes(config.requestRingBytes))
    const pair: RingPair = { requests: createRing(readRequestRingBytes), replies, doorbell: mainDoorbell }
    const doorbell = createDoorbell()
    const settings = { ...this.commonSettings(), kind: 'read' as const, doorbell, frontEnds: [pair] }
    const worker = this.spawn('read', settings)
    worker.on('message', ({ partitionId, message }: FromRead) => this.options.onReadFailed(partitionId, message))
    this.read = { worker, doorbell }
    return { requests: pair.requests, replies, doorbell }
  }

  /** Everything is settled, synced and marked clean when this resolves. */
  async stop(): Promise<void> {
    this.stopping = true
    const stopped = this.shards.map((handle) => ended(handle.worker))
    for (const handle of this.shards) this.tellShard(handle, { kind: 'stop' })
    await Promise.all(stopped)
    if (this.sync !== undefined) {
      const syncEnded = ended(this.sync)
      this.tellSync(this.sync, { kind: 'stop' })
      await syncEnded
    }
    if (this.read === undefined) return
    const readEnded = ended(this.read.worker)
    this.read.worker.postMessage({ kind: 'stop' } satisfies ToRead)
    new Doorbell(this.read.doorbell).ring()
    await readEnded
  }

  /** Without settling: after a failure. */
  async terminate(): Promise<void> {
    this.stopping = true
    this.isTerminated = true
    const workers = this.shards.map((handle) => handle.worker)
    if (this.sync !== undefined) workers.push(this.sync)
    if (this.read !== undefined) workers.push(this.read.worker)
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}

function ended(worker: WorkerThread): Promise<void> {
  // A worker that has ended has no thread any more, and says nothing more.
  if (worker.threadId === -1) return Promise.resolve()
  return new Promise((resolve) => worker.once('exit', () => resolve()))
}

type Message = FromShard | FromSync

/** The next message of that kind; throws when the worker reports that it can't go on. */
function expectMessage<Of extends Message, Kind extends Of['kind']>(
  worker: WorkerThread,
  kind: Kind,
): Promise<Extract<Of, { kind: Kind }>> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: Of): void => {
      if (message.kind === kind) finish(() => resolve(message as Extract<Of, { kind: Kind }>))
      else if (message.kind === 'fatal') finish(() => reject(StreamBusError.fromCode(message.code, message.message)))
    }
    const onExit = (code: number): void => {
      finish(() => reject(new StreamBusError('UNKNOWN_SERVER_ERROR', `a worker ended at its start with code ${code}`)))
    }
    const finish = (settle: () => void): void => {
      worker.off('message', onMessage)
      worker.off('exit', onExit)
      settle()
    }
    worker.on('message', onMessage)
    worker.on('exit', onExit)
  })
}
