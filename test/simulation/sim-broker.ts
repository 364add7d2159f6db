/**
 * One life of a broker in a simulation: the real Broker, gateway, shards, sync and read thread; threads and sockets are
 * the world's, and metadata is kept beside the disk by a state machine that loses nothing.
 * Runs on: the process that simulates. Touches: its world, its disk.
 *
 * How a raft log survives its disk is for `test/unit/metadata-worker` and `test/support/raft-simulator.ts`; an instance
 * of raft takes 3 ms, which is what a whole history here takes.
 */
import { EventEmitter } from 'node:events'
import type { WorkerOptions } from 'node:worker_threads'
import { type BrokerConfig, brokerConfigOf } from '../../native-free-core/config/broker-config.js'
import type {
  FromRead,
  FromShard,
  FromSync,
  ReadSettings,
  ShardSettings,
  SyncSettings,
  ToRead,
  ToShard,
  ToSync,
} from '../../native-free-core/mailbox/control.js'
import { encodeCommand } from '../../native-free-core/metadata/metadata-command.js'
import type { FromMetadata, ToMetadata } from '../../native-free-core/metadata/metadata-control.js'
import type { MetadataImage } from '../../native-free-core/metadata/metadata-image.js'
import { MetadataState } from '../../native-free-core/metadata/metadata-state.js'
import { createDoorbell } from '../../native-free-core/ring/doorbell.js'
// A broker loads it when it needs it; in a simulation nothing can be loaded, only be there already.
import '../../src/gateway/gateway.js'
import type { Broker } from '../../src/broker/start-broker.js'
import { startLoaded } from '../../src/broker/start-broker.js'
import type { LoadedConfig } from '../../src/broker/config-layers.js'
import { type Log } from '../../src/broker/log-sink.js'
import type { Seams, WorkerThread } from '../../src/broker/surroundings.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { ReadThread } from '../../workers/read/read-thread.js'
import { ShardThread } from '../../workers/shard/shard-thread.js'
import type { Disk } from '../../workers/shared/disk.js'
import type { ThreadPort } from '../../workers/shared/thread-port.js'
import { SyncThread } from '../../workers/sync/sync-thread.js'
import type { Network } from './network.js'
import type { SimProcess, SimThread, World } from './world.js'

const ended = -1

/** Survives every crash: what a raft log promises, without the log. */
export class DurableMetadata {
  image: MetadataImage
  index: number

  constructor(image: MetadataImage) {
    this.image = image
    this.index = image.version
  }
}

export interface LifeOptions {
  readonly world: World
  readonly network: Network
  readonly disk: Disk
  readonly metadata: DurableMetadata
  readonly config: Partial<BrokerConfig>
  readonly name: string
  /** A step threw what no disk error explains, or the broker gave up. */
  onFatal(error: Error): void
}

export class BrokerLife {
  readonly process: SimProcess
  broker: Broker | undefined
  /** Why it did not start. */
  startError: Error | undefined
  hasStopped = false
  readonly offline: string[] = []
  private readonly options: LifeOptions
  private workerCount = 0

  constructor(options: LifeOptions) {
    this.options = options
    const { world, name } = options
    this.process = world.addProcess(name)
    this.process.hasPromises = true
    world.post(this.process, () => this.start())
  }

  private start(): void {
    const config = brokerConfigOf({ dataFolder: '/data', frontEnd: 'ws', scrubIntervalMs: 0, ...this.options.config })
    const loaded: LoadedConfig = { config, origins: {} as LoadedConfig['origins'], file: undefined }
    const { onFatal } = this.options
    const around = { log: this.log(), workerFolder: '', seams: this.seams(), onFatal }
    startLoaded(loaded, around).then(
      (broker) => {
        if (this.process.isDead) return
        this.broker = broker
        this.say('is ready')
      },
      (error: Error) => {
        if (this.process.isDead) return
        this.startError = error
        this.say(`did not start: ${error.message}`)
      },
    )
  }

  private log(): Log {
    const nothing = (): void => undefined
    const error = (message: string): void => {
      this.offline.push(message)
      this.say(message)
    }
    return { debug: nothing, info: nothing, warn: (message) => this.say(message), error, audit: nothing }
  }

  private say(what: string): void {
    this.options.world.say(this.options.name, what)
  }

  /** SIGTERM. */
  stop(): void {
    this.say('is told to stop')
    this.options.world.post(this.process, () => {
      void this.broker?.close().then(
        () => {
          this.hasStopped = true
        },
        (error: Error) => this.options.onFatal(error),
      )
    })
  }

  private seams(): Seams {
    const { network } = this.options
    return {
      makeTransport: (options) => network.makeTransport(options),
      startWorker: (name, options) => this.startWorker(name, options),
      // A whole history is shorter than a second.
      forgetAfterMs: 20,
    }
  }

  private startWorker(kind: string, { workerData }: WorkerOptions): WorkerThread {
    const worker = new SimWorker(this.options.world, this.process, ++this.workerCount)
    const { disk, metadata } = this.options
    if (kind === 'shard') {
      const settings = workerData as ShardSettings
      const port = worker.port<ToShard, FromShard>()
      const care = { pin: () => undefined, trimMemory: () => undefined }
      const thread = new ShardThread(settings, disk, port, care)
      worker.run(`shard ${settings.shard}`, settings.doorbell, thread)
    } else if (kind === 'sync') {
      const settings = workerData as SyncSettings
      worker.run('sync', settings.doorbell, new SyncThread(settings, disk, worker.port<ToSync, FromSync>()))
    } else if (kind === 'read') {
      const settings = workerData as ReadSettings
      worker.run('read', settings.doorbell, new ReadThread(settings, disk, worker.port<ToRead, FromRead>()))
    } else {
      const doorbell = createDoorbell()
      worker.bell = new Int32Array(doorbell)
      const thread = new MetadataThread(metadata, worker.port<ToMetadata, FromMetadata>(), worker.bell)
      worker.run('metadata', doorbell, thread)
    }
    return worker as unknown as WorkerThread
  }
}

interface Steps {
  step(): number
  slept?(durationMs: number): void
}

/** A worker thread as main sees it: messages in both directions, and an end. */
class SimWorker extends EventEmitter {
  threadId: number
  /** Of a worker with an event loop of its own: messages wake it. */
  bell: Int32Array | undefined
  private readonly world: World
  private readonly process: SimProcess
  private readonly inbox: unknown[] = []
  private thread: SimThread | undefined

  constructor(world: World, process: SimProcess, threadId: number) {
    super()
    this.world = world
    this.process = process
    this.threadId = threadId
  }

  postMessage(message: unknown): void {
    this.inbox.push(message)
    if (this.bell !== undefined) this.bell[0] = 0
  }

  port<In, Out>(): ThreadPort<In, Out> {
    return { receive: () => this.inbox.shift() as In | undefined, say: (message) => this.tell('message', message) }
  }

  private tell(event: string, value: unknown): void {
    this.world.post(this.process, () => this.emit(event, value))
  }

  run(name: string, doorbell: SharedArrayBuffer, steps: Steps): void {
    this.thread = this.world.addThread({
      name,
      process: this.process,
      doorbell,
      step: () => this.stepOf(name, steps),
      slept: (durationMs) => steps.slept?.(durationMs),
    })
  }

  /** As the entries of the workers do it: what is thrown is said, and the thread ends. */
  private stepOf(name: string, steps: Steps): number {
    let sleepMs = ended
    try {
      sleepMs = steps.step()
    } catch (error) {
      const { code, message } = StreamBusError.from(error)
      // Not its stack: how much of it there is differs from run to run.
      this.world.say(name, `died: ${message}`)
      this.tell('message', { kind: 'fatal', code, message })
    }
    if (sleepMs < 0) this.exit()
    return sleepMs
  }

  private exit(): void {
    this.world.post(this.process, () => {
      this.threadId = -1
      this.emit('exit', 0)
    })
  }

  terminate(): Promise<number> {
    if (this.thread !== undefined) this.thread.hasEnded = true
    this.threadId = -1
    return Promise.resolve(1)
  }
}

/** Applies commands as the real worker does, one at a time, and keeps them. */
class MetadataThread implements Steps {
  private readonly durable: DurableMetadata
  private readonly port: ThreadPort<ToMetadata, FromMetadata>
  private readonly bell: Int32Array
  private readonly state: MetadataState
  private isReady = false

  constructor(durable: DurableMetadata, port: ThreadPort<ToMetadata, FromMetadata>, bell: Int32Array) {
    this.durable = durable
    this.port = port
    this.bell = bell
    this.state = new MetadataState(durable.image)
  }

  step(): number {
    if (!this.isReady) {
      this.isReady = true
      const { image } = this.durable
      this.port.say({ kind: 'ready', image: shared(image), version: image.version, clusterId: image.clusterId })
    }
    this.bell[0] = 1
    const before = this.state.image
    const answers: FromMetadata[] = []
    let message = this.port.receive()
    if (message === undefined) return Number.POSITIVE_INFINITY
    // Those that came meanwhile share a round, and one image.
    for (; message !== undefined && message.kind !== 'stop'; message = this.port.receive()) {
      if (message.kind === 'open') continue
      if (message.kind === 'ping') this.port.say({ kind: 'pong', token: message.token })
      else answers.push(this.propose(message))
    }
    const { image } = this.state
    if (image !== before) this.port.say({ kind: 'image', image: shared(image), version: image.version })
    for (const answer of answers) this.port.say(answer)
    if (message === undefined) return 0
    this.port.say({ kind: 'stopped' })
    return ended
  }

  private propose({ token, command }: Extract<ToMetadata, { kind: 'propose' }>): FromMetadata {
    try {
      const result = this.state.apply(encodeCommand(command), ++this.durable.index)
      const { image } = this.state
      this.durable.image = image
      if (result.ok) return { kind: 'result', token, ok: true, value: result.value, version: image.version }
      return { kind: 'result', token, ok: false, code: result.code, message: result.message }
    } catch (error) {
      const { code, message } = StreamBusError.from(error)
      return { kind: 'result', token, ok: false, code, message }
    }
  }
}

function shared(image: MetadataImage): SharedArrayBuffer {
  const bytes = image.encode()
  const memory = new SharedArrayBuffer(bytes.length)
  new Uint8Array(memory).set(bytes)
  return memory
}
