/**
 * One broker in this process: its workers, its metadata, its gateway. Also the API for embedding and for tests.
 * Runs on: main. Touches: worker threads, the listener, a temporary folder as a whole. Never: other folders.
 *
 *   the workers are spawned -> metadata is ready -> recovery -> shards are ready -> the gateway listens
 */
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { type Uuid, uuidFromRandom } from '../../native-free-core/bytes/uuid.js'
import type { BrokerConfig } from '../../native-free-core/config/broker-config.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { RecoveryReport } from '../../native-free-core/mailbox/control.js'
import type { MetadataCommand } from '../../native-free-core/metadata/metadata-command.js'
import type { MetadataImage } from '../../native-free-core/metadata/metadata-image.js'
import type { CommandValue } from '../../native-free-core/metadata/metadata-state.js'
import type {
  AlterBrokerConfigRequest,
  AlterBrokerConfigResponse,
  BrokerConfigEntry,
} from '../../native-free-core/protocol/codecs.generated.js'
import { createDoorbell } from '../../native-free-core/ring/doorbell.js'
import { releaseVersion } from '../../native-free-core/version.js'
import type { ClusterAccess } from '../gateway/cluster-access.js'
import type { Gateway } from '../gateway/gateway.js'
import { checkListener } from './listener-rule.js'
import { forgetAfterMs, Forgetting } from './forgetting.js'
import { LiveConfig } from './live-config.js'
import { type LoadedConfig, readOptions } from './config-layers.js'
import { auditSinkOf, type Log, silentLog } from './log-sink.js'
import { MetadataProxy } from './metadata-proxy.js'
import { MetadataThread } from './metadata-thread.js'
import { ReloadList } from './reload-list.js'
import { ProducerIds, type ProducerIdBlock } from './producer-ids.js'
import { Scrubber } from './scrubber.js'
import { Security } from './security.js'
import { coresForShards, defaultShardCount } from './shard-count.js'
import { TemporaryFolder } from './temporary-folder.js'
import { type Seams, type StartWorker, workersIn } from './surroundings.js'
import { findWorkers } from './worker-files.js'
import { WorkerFleet, type WorkerProbe } from './worker-fleet.js'

/** The configuration of a broker, as far as it differs from the defaults, and what its surroundings listen to. */
export interface BrokerOptions extends Partial<BrokerConfig> {
  /**
   * For tests: a fresh data folder below the system's temporary folder, which goes when the broker is closed. Either
   * this or `dataFolder` has to be given: a broker in a program makes no folder that nobody named.
   */
  readonly temporary?: boolean
  readonly log?: Log
  /**
   * Where the built worker files are; found beside this file if left out.
   * @internal
   */
  readonly workerFolder?: string
  /**
   * A module that exports createDisk(), in place of the real disk; tests only.
   * @internal
   */
  readonly diskModule?: string
  /**
   * Stand in for threads and sockets; tests only.
   * @internal
   */
  readonly seams?: Seams
  /** The broker can't go on: what was acknowledged is safe, the process should end. */
  readonly onFatal?: (error: StreamBusError) => void
}

/** What is known of a broker once it runs. */
export interface BrokerFacts {
  readonly host: string
  readonly port: number
  readonly url: string
  readonly clusterId: Uuid
  readonly brokerId: number
  /** Absolute. */
  readonly dataFolder: string
  readonly frontEnd: 'uws' | 'ws'
  readonly frontEndReason: string
  /** Nobody may do anything without one. */
  readonly needsToken: boolean
  readonly shardCount: number
  readonly pinned: boolean
  /** Median of some synced 4 KiB writes at the start, in ms; NaN when it was not measured. */
  readonly commitLatencyMs: number
  readonly recovery: RecoveryReport
  readonly startDurationMs: number
}

const producerIdsPerBlock = 1000

/** Of brokers of this process all of whose threads have ended: the next may take over what they left locked. */
const endedIncarnations = new Set<string>()

/** Starts a broker; resolves when it accepts connections. Throws StreamBusError with what to do about it. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const { log, workerFolder, diskModule, seams, onFatal, temporary = false, ...given } = options
  refuseUnnamedFolder(temporary, given.dataFolder)
  const loaded = readOptions(given)
  if (!temporary) return startLoaded(loaded, { log, workerFolder, diskModule, seams, onFatal })
  const temporaryFolder = TemporaryFolder.make()
  const config = { ...loaded.config, dataFolder: temporaryFolder.path }
  return startLoaded({ ...loaded, config }, { log, workerFolder, diskModule, seams, onFatal, temporaryFolder })
}

/** The same with a configuration that is read already: it knows where each value came from. */
export async function startLoaded(
  loaded: LoadedConfig,
  { log, workerFolder, diskModule, seams, onFatal, metadataThread, meanwhile, temporaryFolder }: Around,
): Promise<Broker> {
  const broker = new Broker(loaded, {
    log: log ?? silentLog,
    workerFolder: workerFolder ?? findWorkers(),
    diskModule,
    seams,
    onFatal: onFatal ?? (() => undefined),
    metadataThread,
    meanwhile: meanwhile ?? (() => undefined),
    temporaryFolder,
  })
  try {
    await broker.start()
    return broker
  } catch (error) {
    await broker.abandon()
    throw StreamBusError.from(error)
  }
}

interface Around {
  readonly log?: Log | undefined
  readonly workerFolder?: string | undefined
  readonly diskModule?: string | undefined
  readonly seams?: Seams | undefined
  readonly onFatal?: ((error: StreamBusError) => void) | undefined
  /** One that was started ahead. */
  readonly metadataThread?: MetadataThread | undefined
  /** Called once, while the workers start and main has nothing to do. */
  readonly meanwhile?: (() => void) | undefined
  /** Removed at the end. */
  readonly temporaryFolder?: TemporaryFolder | undefined
}

function refuseUnnamedFolder(temporary: boolean, dataFolder: string | undefined): void {
  if (temporary !== (dataFolder === undefined)) {
    const what = temporary ? 'temporary and dataFolder exclude each other' : 'startBroker() was given no data folder'
    throw new StreamBusError('INVALID_CONFIG', what, {
      remedy: 'Give dataFolder, where the records are kept, or temporary: true, for a folder that goes at the end.',
    })
  }
}

interface Surroundings {
  readonly temporaryFolder: TemporaryFolder | undefined
  readonly log: Log
  readonly workerFolder: string
  readonly diskModule: string | undefined
  readonly seams: Seams | undefined
  readonly onFatal: (error: StreamBusError) => void
  readonly metadataThread: MetadataThread | undefined
  readonly meanwhile: () => void
}

/** A broker that runs in this process; made by `startBroker()`. */
export class Broker implements ClusterAccess {
  readonly config: BrokerConfig
  readonly dataFolder: string
  /**
   * What is done again at SIGHUP, by the process around the broker.
   * @internal
   */
  readonly onReload = new ReloadList()
  private readonly live: LiveConfig
  private readonly around: Surroundings
  private readonly mainDoorbell = createDoorbell()
  private readonly producerIds = new ProducerIds(() => this.allocateProducerIds())
  private readonly incarnation = randomBytes(8).toString('hex')
  private readonly startedMs = Date.now()
  private fleet: WorkerFleet | undefined
  private metadata: MetadataProxy | undefined
  private gateway: Gateway | undefined
  private scrubber: Scrubber | undefined
  private readonly forgetting: Forgetting
  private security: Security | undefined
  private known: BrokerFacts | undefined
  private closing: Promise<void> | undefined
  private readonly offline = new Map<number, StreamBusError>()
  private failed = false

  constructor(loaded: LoadedConfig, around: Surroundings) {
    this.live = new LiveConfig(loaded, around.log)
    this.config = this.live.config
    this.dataFolder = resolve(this.config.dataFolder)
    this.around = around
    this.forgetting = new Forgetting({
      intervalMs: this.clearAfterMs,
      image: () => this.image(),
      propose: (imageVersion) => this.forgetDeletedTopics(imageVersion),
    })
    this.live.onChange((config) => this.reconfigure(config))
  }

  private reconfigure(config: BrokerConfig): void {
    this.gateway?.reconfigure()
    this.fleet?.reconfigure(config)
    this.scrubber?.schedule(config.scrubIntervalMs)
  }

  /**
   * The configuration was read again: applies what may change, and logs what waits for a restart.
   * @internal
   */
  reloadConfig(loaded: LoadedConfig): void {
    this.live.reload(loaded)
  }

  /**
   * Asks every shard and the metadata worker for a sign of life.
   * @internal
   */
  probe(): WorkerProbe[] {
    const { fleet, metadata } = this
    if (fleet === undefined || metadata === undefined) return []
    return [...fleet.probe(), { worker: 'metadata', answered: metadata.ping() }]
  }

  /**
   * Call once; see startBroker.
   * @internal
   */
  async start(): Promise<void> {
    const started = performance.now()
    const insecurity = checkListener(this.config)
    if (insecurity !== undefined) this.around.log.warn(insecurity)
    const security = await Security.load(this.config, this.around.log)
    this.security = security
    const shardCount = this.config.shards > 0 ? this.config.shards : defaultShardCount()
    const cores = this.config.pinShards ? coresForShards(shardCount) : undefined
    const { workerFolder, diskModule, log } = this.around
    const metadataStart = this.startMetadata()
    // It is awaited below; one that fails before that is no unhandled rejection.
    metadataStart.catch(() => undefined)
    // The largest part of main's code is loaded while that worker starts. It is on the critical path: the shards, which
    // have time until it is ready, are spawned after.
    const { Gateway } = await import('../gateway/gateway.js')
    const fleet = new WorkerFleet({
      config: this.config,
      dataFolder: this.dataFolder,
      shardCount,
      cores,
      startWorker: this.startWorker(),
      diskModule,
      clearAfterMs: this.clearAfterMs,
      mainDoorbell: this.mainDoorbell,
      onFatal: (error) => this.fatal(error),
      onOffline: (shard, error) => {
        log.error(`shard ${shard} takes no writes any more: ${error.message}. ${error.remedy}`)
        this.offline.set(shard, error)
        this.gateway?.becomeUnready(error, shard)
      },
      onCleared: (version) => this.forgetting.cleared(version),
      // Main knows of a deletion before any shard moves the files.
      onReadFailed: (partitionId, message) => {
        if (this.image().partitionById(partitionId) !== undefined) log.error(`a read failed: ${message}`)
      },
      onLog: (level, message) => log[level](message),
    })
    this.fleet = fleet
    Gateway.preload(this.config)
    this.around.meanwhile()
    const metadata = await metadataStart
    this.metadata = metadata
    const fleetStart = await fleet.start(metadata.image.clusterId, metadata.imageBytes)
    this.gateway = await Gateway.open({
      config: this.config,
      cluster: this,
      shards: fleet.channels,
      doorbell: this.mainDoorbell,
      log: { info: (message) => log.info(message), warn: (message) => log.warn(message), ...auditSinkOf(log) },
      tokens: security.tokens,
      tls: security.tls,
      startReader: () => fleet.startReader(),
      makeTransport: this.around.seams?.makeTransport,
    })
    for (const [shard, error] of this.offline) this.gateway.becomeUnready(error, shard)
    security.start(this.gateway)
    await this.register(metadata)
    const { gateway } = this
    this.scrubber = new Scrubber(this.config, this.dataFolder, workerFolder, log, (count) => {
      gateway.damagedSegments = count
    })
    const { port, frontEnd, frontEndReason } = this.gateway
    this.known = {
      host: this.config.host,
      port,
      url: `${security.tls === undefined ? 'ws' : 'wss'}://${urlHost(this.config.host)}:${port}`,
      clusterId: metadata.image.clusterId,
      brokerId: this.config.brokerId,
      dataFolder: this.dataFolder,
      frontEnd,
      frontEndReason,
      needsToken: security.tokens !== undefined,
      shardCount,
      pinned: cores !== undefined,
      commitLatencyMs: fleetStart.commitLatencyMs,
      recovery: fleetStart.recovery,
      startDurationMs: performance.now() - started,
    }
    this.gateway.becomeReady()
    this.forgetting.start()
  }

  private get clearAfterMs(): number {
    return this.around.seams?.forgetAfterMs ?? forgetAfterMs
  }

  private startWorker(): StartWorker {
    return this.around.seams?.startWorker ?? workersIn(this.around.workerFolder)
  }

  private startMetadata(): Promise<MetadataProxy> {
    const { diskModule, log } = this.around
    return MetadataProxy.start(
      this.around.metadataThread ?? new MetadataThread(this.startWorker()),
      {
        dataFolder: this.dataFolder,
        brokerId: this.config.brokerId,
        clusterId: uuidFromRandom(randomBytes(16)),
        diskModule,
        lockToken: this.incarnation,
        endedLockTokens: [...endedIncarnations],
      },
      {
        onImage: (image, bytes) => {
          void this.fleet?.applyImage(bytes, image.version)
        },
        onFatal: (error) => this.fatal(error),
        onLog: (level, message) => log[level](message),
      },
    )
  }

  private async register(metadata: MetadataProxy): Promise<void> {
    const { host, port } = this.address()
    const { brokerId } = this.config
    await metadata.propose({ type: 'registerBroker', version: 1, brokerId, host, port, incarnation: this.incarnation })
  }

  private fatal(error: StreamBusError): void {
    if (this.failed || this.closing !== undefined) return
    this.failed = true
    this.around.onFatal(error)
  }

  /** What is known once the broker runs. */
  get facts(): BrokerFacts {
    if (this.known === undefined) throw new StreamBusError('STARTING', 'the broker has not started yet')
    return this.known
  }

  /** On which it listens: the free one that it took, if 0 was asked for. */
  get port(): number {
    return this.facts.port
  }

  /** For WebSocket clients, such as ws://127.0.0.1:9400. */
  get url(): string {
    return this.facts.url
  }

  /** Made with the data folder, and kept in it. */
  get clusterId(): Uuid {
    return this.facts.clusterId
  }

  /**
   * Why a shard takes no writes any more; undefined: all do.
   * @internal
   */
  get offlineReason(): StreamBusError | undefined {
    return [...this.offline.values()].pop()
  }

  /** Stops cleanly: everything is settled and synced, the next start has nothing to recover. */
  close(): Promise<void> {
    this.closing ??= this.shutDown()
    return this.closing
  }

  /** Reads certificates and tokens again; `why` is for the log. What is wrong is logged, and the old stays in force. */
  async reload(why: string): Promise<void> {
    await this.security?.reload(why)
  }

  private async shutDown(): Promise<void> {
    this.scrubber?.stop()
    this.forgetting.stop()
    this.security?.stop()
    this.gateway?.beginStop()
    await this.fleet?.stop()
    await this.gateway?.close()
    await this.metadata?.stop()
    await this.around.temporaryFolder?.remove()
  }

  /**
   * Ends everything without settling: after a failure. The journals keep what was acknowledged.
   * @internal
   */
  async abandon(): Promise<void> {
    this.closing ??= Promise.resolve()
    this.scrubber?.stop()
    this.forgetting.stop()
    this.security?.stop()
    await this.gateway?.close()
    await this.fleet?.terminate()
    await this.metadata?.stop()
    endedIncarnations.add(this.incarnation)
    await this.around.temporaryFolder?.remove()
  }

  // ---- ClusterAccess

  /** The number of this broker in its cluster. */
  get brokerId(): number {
    return this.config.brokerId
  }

  /** @internal */
  image(): MetadataImage {
    return this.running().image
  }

  private running(): MetadataProxy {
    if (this.metadata === undefined) throw new StreamBusError('STARTING', 'the metadata is not ready yet')
    return this.metadata
  }

  /**
   * Resolves when every shard has applied the change.
   * @internal
   */
  async change(command: MetadataCommand): Promise<CommandValue> {
    const { value, version } = await this.running().propose(command)
    await this.fleet?.whenApplied(version)
    return value
  }

  /** @internal */
  newTopicId(): Uuid {
    return uuidFromRandom(randomBytes(16))
  }

  /** @internal */
  nextProducerId(): Promise<number> {
    return this.producerIds.take()
  }

  private async forgetDeletedTopics(imageVersion: number): Promise<void> {
    const { brokerId } = this.config
    await this.running().propose({ type: 'forgetDeletedTopics', version: 1, brokerId, imageVersion })
  }

  private async allocateProducerIds(): Promise<ProducerIdBlock> {
    const { value } = await this.running().propose({
      type: 'allocateProducerIds',
      version: 1,
      brokerId: this.config.brokerId,
      count: producerIdsPerBlock,
    })
    if (!('start' in value)) throw new StreamBusError('UNKNOWN_SERVER_ERROR', 'no block of producer ids was given')
    return value
  }

  /** @internal */
  address(): { readonly host: string; readonly port: number } {
    return { host: this.config.host, port: this.gateway?.port ?? this.config.port }
  }

  /** @internal */
  describeConfig(keys: readonly string[]): readonly BrokerConfigEntry[] {
    return this.live.describe(keys)
  }

  /** @internal */
  alterConfig(request: AlterBrokerConfigRequest, who: string): AlterBrokerConfigResponse {
    return this.live.alter(request, who)
  }

  /**
   * What ClusterStatus answers, besides what the gateway knows of itself.
   * @internal
   */
  status(): Readonly<Record<string, unknown>> {
    const { facts } = this
    return {
      clusterId: facts.clusterId,
      brokerId: facts.brokerId,
      version: releaseVersion,
      node: process.version,
      pid: process.pid,
      uptimeMs: Date.now() - this.startedMs,
      dataFolder: facts.dataFolder,
      durability: 'an acknowledged record is on disk (flush: commit)',
      commitLatencyMs: facts.commitLatencyMs,
      frontEnd: facts.frontEnd,
      shards: facts.shardCount,
      metadataVersion: this.image().version,
      topics: this.image().topics.length,
      partitions: this.image().topics.reduce((sum, topic) => sum + topic.partitions.length, 0),
      residentBytes: process.memoryUsage.rss(),
    }
  }
}

function urlHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
