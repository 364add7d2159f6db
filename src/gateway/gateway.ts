/**
 * The front end of a broker: sockets on one side, the rings of its shards on the other.
 * Runs on: main. Touches: sockets, rings, journals' memory (reads). Never: the disk.
 */
import { resolve } from 'node:path'
import type { BrokerConfig } from '../../native-free-core/config/broker-config.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { JournalReader } from '../../native-free-core/journal/journal-reader.js'
import { shardOf } from '../../native-free-core/mailbox/control.js'
import { renderPrometheus, type ScrapedSample, type ThreadMetrics } from '../../native-free-core/metrics/prometheus.js'
import { createMetricsMemory, MetricsReader } from '../../native-free-core/metrics/shared-metrics.js'
import { writeFailurePush } from '../../native-free-core/protocol/codecs.generated.js'
import { FrameWriter } from '../../native-free-core/protocol/frame.js'
import { AuthenticationFailures } from './authentication-failures.js'
import { Authenticator } from './authenticator.js'
import { type Authorize, authorizeByRole, rowOf } from './authorize.js'
import type { AuditSink } from './audit.js'
import { BinarySession } from './binary-session.js'
import { BlockPool } from './block-pool.js'
import { chooseTransport, preloadTransport } from './choose-transport.js'
import type { ClusterAccess } from './cluster-access.js'
import { FetchService, type FetchShard } from './fetch.js'
import { binarySubprotocol, closeCodes, FrontDoor, jsonSubprotocol, type Verdict } from './front-door.js'
import type { Flushable, GatewayContext } from './gateway-context.js'
import { GatewayMetrics } from './gateway-metrics.js'
import { answerHttp } from './http-endpoints.js'
import { failureText, JsonSession } from './json-session.js'
import { MainGauges } from './main-gauges.js'
import { Operations } from './operations.js'
import { ProduceStages } from './produce-stages.js'
import { ReadProxy, type ReadRings } from './read-proxy.js'
import { ReplyPump } from './reply-pump.js'
import { authenticationTimeoutMs, helloTimeoutMs, type Session, type SessionOrigin, tokenMissing } from './session.js'
import { ShardProxy, type WaitingBudget } from './shard-proxy.js'
import { statusDocument } from './status-document.js'
import { Subscriptions } from './subscriptions.js'
import type { TokenTable } from './token-table.js'
import type {
  Acceptance,
  Socket,
  SocketHandler,
  TlsMaterial,
  Transport,
  TransportOptions,
  UpgradeRequest,
} from './transport.js'

/** One shard as the gateway sees it. */
export interface GatewayShard {
  readonly requests: SharedArrayBuffer
  readonly replies: SharedArrayBuffer
  readonly doorbell: SharedArrayBuffer
  readonly journalMemory: SharedArrayBuffer
  readonly journalPositions: SharedArrayBuffer
  readonly volatileMemory: SharedArrayBuffer
  readonly volatilePositions: SharedArrayBuffer
  readonly metrics: SharedArrayBuffer
}

export interface GatewayOptions {
  readonly config: BrokerConfig
  readonly cluster: ClusterAccess
  readonly shards: readonly GatewayShard[]
  /** Main's own bell, which shards and the read thread ring. */
  readonly doorbell: SharedArrayBuffer
  /** Starts the read thread, at the first read that needs it. */
  readonly startReader: () => ReadRings
  readonly log: GatewayLog
  readonly authorize?: Authorize
  /** Who may connect; undefined: everybody, as an admin. */
  readonly tokens?: TokenTable | undefined
  /** The least time that the answer to a failed authentication waits. */
  readonly firstFailureDelayMs?: number | undefined
  /** Undefined: no TLS. */
  readonly tls?: TlsMaterial | undefined
  /** Stands in for the WebSocket server; tests only. */
  readonly makeTransport?: ((options: TransportOptions) => Transport) | undefined
  /** Metrics of threads other than main and the shards. */
  readonly otherMetrics?: () => readonly ThreadMetrics[]
}

export interface GatewayLog extends AuditSink {
  info(message: string): void
  warn(message: string): void
}

/** Of what follows the data folder in the path of a segment: topics/NAME-PARTITION/OFFSET.log. */
const longestNameBytes = 300
const sweepIntervalMs = 1000
/** Above maxFrameBytes: a frame that is a little too large still gets a typed error. */
const payloadSlackBytes = 64 * 1024
/** For probes, scrapers, and connections that are turned away with a reason. */
const socketSlack = 256
/** What may come over a connection before it authenticates, the frames' own heads included. */
const maxUnprovenBytes = 64 * 1024
const revoked = 'the token or certificate that this connection authenticated with was revoked'
/** For answers and failure messages to leave before sockets are cut off. */
const gonePollMs = 10

const ignore: SocketHandler = { onMessage: () => undefined, onDrain: () => undefined, onClose: () => undefined }

export class Gateway {
  readonly metrics: GatewayMetrics
  readonly frontEnd: 'uws' | 'ws'
  /** Why that front end was chosen. */
  readonly frontEndReason: string
  private readonly options: GatewayOptions
  private readonly config: BrokerConfig
  private readonly door: FrontDoor
  private readonly transport: Transport
  private readonly proxies: readonly ShardProxy[]
  private readonly budget: WaitingBudget
  private readonly pump: ReplyPump
  private readonly stages: ProduceStages
  private readonly context: GatewayContext
  private readonly operations: Operations
  private readonly subscriptions: Subscriptions
  private readonly authenticator: Authenticator
  private readonly failures: AuthenticationFailures
  private readonly sessions = new Set<Session>()
  /** In the order in which they came. */
  private readonly unauthenticated = new Set<Session>()
  private tlsExpiresAtMs: number | undefined
  private tlsFailureToldMs = Number.NEGATIVE_INFINITY
  private readonly unflushed = new Set<Flushable>()
  private readonly gauges: MainGauges
  private readonly threads: readonly ThreadMetrics[]
  private sweep: NodeJS.Timeout | undefined
  private isStopping = false
  private isReady = false
  private failure: StreamBusError | undefined
  private readonly offlineShards = new Set<number>()
  /** That the last scrub found. */
  damagedSegments = 0
  private listeningPort = 0

  /** Loads what the listener needs, ahead of time. */
  static preload({ frontEnd }: Pick<BrokerConfig, 'frontEnd'>): void {
    preloadTransport(frontEnd)
  }

  /** Opens the listener. Throws ADDRESS_IN_USE, UNSUITABLE_RUNTIME. */
  static async open(options: GatewayOptions): Promise<Gateway> {
    const gateway = new Gateway(options)
    await gateway.listen()
    options.log.info(`front end ${gateway.frontEnd}: ${gateway.frontEndReason}`)
    return gateway
  }

  private constructor(options: GatewayOptions) {
    const { config } = options
    this.options = options
    this.config = config
    this.door = new FrontDoor(config)
    const memory = createMetricsMemory('main')
    this.metrics = new GatewayMetrics(memory)
    this.gauges = new MainGauges(this.metrics.writer)
    this.stages = new ProduceStages(this.metrics.writer)
    this.authenticator = new Authenticator(options.tokens)
    this.failures = new AuthenticationFailures(this.metrics, options.log, options.firstFailureDelayMs)
    this.tlsExpiresAtMs = options.tls?.expiresAtMs
    this.door.answerTo(options.tls?.names ?? [])
    this.budget = { usedBytes: 0, maxBytes: config.maxInFlightBytes }
    const shards = options.shards.map(
      (shard): FetchShard => ({
        proxy: new ShardProxy({ ...shard, budget: this.budget, stages: this.stages }),
        // In the order of FetchRing.
        rings: [
          new JournalReader(shard.journalMemory, shard.journalPositions),
          new JournalReader(shard.volatileMemory, shard.volatilePositions),
        ],
      }),
    )
    this.proxies = shards.map(({ proxy }) => proxy)
    const reads = new ReadProxy(options.startReader)
    this.pump = new ReplyPump(options.doorbell, [...this.proxies, reads], {
      onTurn: (nowMs) => this.gauges.lookAtHeap(nowMs),
      afterDrain: () => this.flushSessions(),
      fanOut: (deadlineMs) => this.subscriptions.fanOut(deadlineMs),
    })
    const shardFor = (partitionId: number): FetchShard => shards[shardOf(partitionId, shards.length)]!
    const blocks = new BlockPool()
    const maxPathBytes = Buffer.byteLength(resolve(config.dataFolder)) + longestNameBytes
    const fetches = new FetchService({
      shardFor,
      reads,
      blocks,
      maxPathBytes,
      metrics: this.metrics,
      isKnown: (partitionId) => options.cluster.image().partitionById(partitionId) !== undefined,
    })
    this.subscriptions = new Subscriptions({
      fetches,
      blocks,
      metrics: this.metrics,
      maxWaitMs: () => config.maxFetchWaitMs,
      kick: () => this.kick(),
    })
    this.context = {
      config,
      cluster: options.cluster,
      authenticator: this.authenticator,
      failures: this.failures,
      authorize: options.authorize ?? authorizeByRole,
      audit: options.log,
      shardFor,
      fetches,
      blocks,
      shardNumberOf: (partitionId) => shardOf(partitionId, shards.length),
      subscriptions: this.subscriptions,
      metrics: this.metrics,
      status: () => this.status(),
      flushShards: () => this.flushShards(),
      flushLater: (session) => this.flushLater(session),
      isStopping: () => this.isStopping,
    }
    this.operations = new Operations(this.context)
    this.threads = [
      { owner: 'main', reader: new MetricsReader(memory) },
      ...options.shards.map((shard, index) => ({
        owner: 'shard' as const,
        reader: new MetricsReader(shard.metrics),
        shard: index,
      })),
    ]
    const transportOptions: TransportOptions = {
      host: config.host,
      port: config.port,
      maxPayloadBytes: config.maxFrameBytes + payloadSlackBytes,
      // Sessions stop well before: what uWS drops here would be a mistake of theirs.
      maxBackpressureBytes: 2 * (config.maxSendBufferBytes + config.maxFrameBytes),
      maxUnprovenBytes,
      maxSockets: config.maxConnections + config.maxUnauthenticatedConnections + socketSlack,
      tls: options.tls,
      tlsFailed: (address, reason) => this.tellTlsFailure(address, reason),
      upgrade: (request) => this.accept(request),
      http: (request) =>
        answerHttp(request, {
          door: this.door,
          authenticator: this.authenticator,
          failures: this.failures,
          authorize: this.context.authorize,
          notReady: () => this.notReady(),
          damagedSegments: () => this.damagedSegments,
          metrics: () => this.metricsText(),
        }),
    }
    const chosen =
      options.makeTransport === undefined
        ? chooseTransport(config.frontEnd as 'auto' | 'uws' | 'ws', transportOptions)
        : { transport: options.makeTransport(transportOptions), reason: 'it was given' }
    this.transport = chosen.transport
    this.frontEnd = chosen.transport.kind
    this.frontEndReason = chosen.reason
  }

  get connectionCount(): number {
    return this.sessions.size
  }

  get subscriptionCount(): number {
    return this.subscriptions.count
  }

  get port(): number {
    return this.listeningPort
  }

  /** From now on /health/ready says so. */
  becomeReady(): void {
    this.isReady = true
  }

  /** From now on /health/ready says why not: a shard takes no writes any more. */
  becomeUnready(error: StreamBusError, shard: number): void {
    this.failure = error
    this.offlineShards.add(shard)
  }

  /** The values of the configuration, which everybody here shares, have changed. */
  reconfigure(): void {
    this.door.reconfigure()
    this.budget.maxBytes = this.config.maxInFlightBytes
  }

  private async listen(): Promise<void> {
    this.listeningPort = await this.transport.listen()
    this.gauges.start()
    this.pump.start()
    this.sweep = setInterval(() => this.sweepSessions(), sweepIntervalMs)
  }

  /** Accepts nothing new and answers SHUTTING_DOWN to what would change anything; what is under way goes on. */
  beginStop(): void {
    this.isStopping = true
    this.transport.stopListening()
  }

  /** Sends what the shards have answered, tells every connection why it ends, and closes it. */
  async close(): Promise<void> {
    this.beginStop()
    this.pump.kick()
    await pause(gonePollMs)
    const error = new StreamBusError('SHUTTING_DOWN', 'the broker is being stopped')
    for (const session of this.sessions) session.fail(error)
    await pause(gonePollMs)
    clearInterval(this.sweep)
    await this.transport.close()
    this.pump.stop()
    this.gauges.stop()
  }

  // ---- connections

  private accept(request: UpgradeRequest): Acceptance {
    const verdict = this.door.admit(request)
    if (!verdict.allowed) return this.refuse(verdict)
    const { protocol } = verdict
    if (this.isStopping)
      return this.turnAway(protocol, new StreamBusError('SHUTTING_DOWN', 'the broker is being stopped'))
    if (this.sessions.size >= this.config.maxConnections) {
      this.metrics.refused('connections')
      return this.turnAway(
        protocol,
        new StreamBusError(
          'TOO_MANY_CONNECTIONS',
          `${this.sessions.size} connections are open; maxConnections allows no more`,
        ),
      )
    }
    const { remoteAddress, certificateName } = request
    const origin = {
      remoteAddress,
      principal: this.authenticator.atOpening(certificateName),
      onAuthenticated: (session: Session) => this.onAuthenticated(session),
      onEnd: (session: Session) => this.onEnd(session),
    }
    return { protocol, open: (socket) => this.open(socket, protocol === jsonSubprotocol, origin) }
  }

  private open(socket: Socket, isJson: boolean, origin: SessionOrigin): SocketHandler {
    const session = isJson
      ? new JsonSession(this.context, this.operations, socket, origin)
      : new BinarySession(this.context, this.operations, socket, origin)
    this.sessions.add(session)
    this.metrics.opened(isJson)
    if (!session.isAuthenticated) this.admitUnauthenticated(session)
    return session
  }

  /** Whoever means well authenticates in its first frame: of too many, the one that is unknown for longest goes. */
  private admitUnauthenticated(session: Session): void {
    const { maxUnauthenticatedConnections } = this.config
    this.unauthenticated.add(session)
    if (this.unauthenticated.size > maxUnauthenticatedConnections) {
      const [oldest] = this.unauthenticated
      const what = `${maxUnauthenticatedConnections} connections have not authenticated yet; this was the oldest`
      oldest?.fail(new StreamBusError('TOO_MANY_CONNECTIONS', what))
    }
    this.metrics.setUnauthenticated(this.unauthenticated.size)
  }

  private onAuthenticated(session: Session): void {
    this.unauthenticated.delete(session)
    this.metrics.setUnauthenticated(this.unauthenticated.size)
  }

  private onEnd(session: Session): void {
    this.sessions.delete(session)
    this.unflushed.delete(session)
    this.onAuthenticated(session)
    this.metrics.closed(session.isJson)
  }

  // ---- security that changes while connections are open

  /** Connections whose token or certificate is not in the table any more end; the others have its rights. */
  replaceTokens(table: TokenTable): void {
    this.authenticator.replace(table)
    for (const session of this.sessions) {
      const principal = this.authenticator.again(session.principal)
      if (principal === undefined) session.fail(new StreamBusError('SASL_AUTHENTICATION_FAILED', revoked))
      else if (session.isAuthenticated) session.become(principal)
    }
  }

  /** For new connections; those that are open live on. Throws INVALID_CERTIFICATE. */
  async replaceTls(material: TlsMaterial): Promise<void> {
    await this.transport.replaceTls(material)
    this.tlsExpiresAtMs = material.expiresAtMs
    this.door.answerTo(material.names)
  }

  /** At most one line a second: whoever can reach the port can make handshakes fail. */
  private tellTlsFailure(address: string, reason: string): void {
    const nowMs = performance.now()
    if (nowMs - this.tlsFailureToldMs < 1000) return
    this.tlsFailureToldMs = nowMs
    this.options.log.info(`a TLS handshake with ${address} failed: ${reason}`)
  }

  private refuse(verdict: Verdict & { readonly allowed: false }): Acceptance {
    this.metrics.refused(verdict.reason)
    return this.turnAway(verdict.protocol, verdict.error, verdict.closeCode)
  }

  /** Lets a connection in only to say why it may not stay: a page can't read the status of a refused upgrade. */
  private turnAway(
    protocol: string | undefined,
    error: StreamBusError,
    closeCode: number = closeCodes.down,
  ): Acceptance {
    return {
      protocol,
      open: (socket) => {
        if (protocol === binarySubprotocol) socket.send(failureFrame(error))
        else socket.sendText(failureText(error))
        socket.close(closeCode, error.name)
        return ignore
      },
    }
  }

  private sweepSessions(): void {
    const nowMs = performance.now()
    for (const session of this.sessions) {
      const { idleTimeoutMs } = session
      if (!session.isGreeted && nowMs - session.openedMs > helloTimeoutMs) {
        session.fail(new StreamBusError('HANDSHAKE_REQUIRED', `no Hello came within ${helloTimeoutMs} ms`))
      } else if (
        !session.isAuthenticated &&
        !session.isRejected &&
        nowMs - session.openedMs > authenticationTimeoutMs
      ) {
        session.fail(tokenMissing(`nothing came within ${authenticationTimeoutMs} ms`))
      } else if (nowMs - session.lastHeardMs > idleTimeoutMs) {
        session.fail(new StreamBusError('IDLE_TIMEOUT', `nothing came for ${idleTimeoutMs} ms`))
      }
    }
  }

  // ---- turns

  private kick(): void {
    if (!this.pump.isRunning) this.pump.kick()
  }

  private flushShards(): void {
    for (const proxy of this.proxies) proxy.flush()
    // Nothing else would look at what had to wait.
    for (const proxy of this.proxies) if (proxy.hasWaiting) return this.kick()
  }

  private flushLater(session: Flushable): void {
    this.unflushed.add(session)
    this.kick()
  }

  private flushSessions(): void {
    if (this.unflushed.size === 0) return
    for (const session of this.unflushed) session.flush()
    this.unflushed.clear()
    this.stages.sent()
  }

  // ---- what is told

  private notReady(): StreamBusError | undefined {
    if (this.isStopping) return new StreamBusError('SHUTTING_DOWN', 'the broker is being stopped')
    if (this.failure !== undefined) return this.failure
    return this.isReady ? undefined : new StreamBusError('STARTING', 'the broker is starting')
  }

  private status(): Record<string, unknown> {
    this.metrics.writer.publish(Number.POSITIVE_INFINITY)
    return statusDocument({
      threads: this.threads,
      proxies: this.proxies,
      sessions: this.sessions,
      subscriptionCount: this.subscriptions.count,
      waitingRequestBytes: this.budget.usedBytes,
      damagedSegments: this.damagedSegments,
      gauges: this.gauges,
    })
  }

  private metricsText(): string {
    this.metrics.setLevels(this.subscriptions.count, this.subscriptions.feedCount, this.budget.usedBytes)
    const samples: ScrapedSample[] = this.gauges.scrape()
    samples.push({ name: 'streambus_damaged_segments', value: this.damagedSegments })
    for (const [index, proxy] of this.proxies.entries()) {
      const labels = { shard: String(index) }
      samples.push({ name: 'streambus_ring_used_bytes', labels, value: proxy.usedBytes })
      samples.push({ name: 'streambus_ring_capacity_bytes', labels, value: proxy.capacityBytes })
      samples.push({ name: 'streambus_shard_offline', labels, value: this.offlineShards.has(index) ? 1 : 0 })
    }
    if (this.tlsExpiresAtMs !== undefined) {
      const value = (this.tlsExpiresAtMs - Date.now()) / 1000
      samples.push({ name: 'streambus_tls_certificate_expiry_seconds', value })
    }
    this.metrics.writer.publish(Number.POSITIVE_INFINITY)
    return renderPrometheus([...this.threads, ...(this.options.otherMetrics?.() ?? [])], samples)
  }
}

function failureFrame(error: StreamBusError): Uint8Array {
  const writer = new FrameWriter(256)
  const message = `${error.message}. ${error.remedy}`
  writeFailurePush(writer.begin(rowOf('Failure').api, 0, 0), { code: error.code, message })
  writer.end()
  return writer.view()
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs))
}
