/**
 * One WebSocket to a broker, opened again when it ends; everything a client does goes over it.
 * Runs on: main thread of clients, browsers. Touches: its socket and timer, the session of the core.
 *
 * Frames: what is written in one turn goes out as one frame. The session's buffer is free again when `send` returns:
 * every platform's socket promises that.
 */
import type { ByteReader } from '../../native-free-core/bytes/byte-reader.js'
import type { ByteWriter } from '../../native-free-core/bytes/byte-writer.js'
import { backoffMs, retryBackoff } from '../../native-free-core/client/backoff.js'
import { ClientSession, type ResponseHandler } from '../../native-free-core/client/client-session.js'
import type { ErrorName } from '../../native-free-core/errors/error-table.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { Decompress } from '../../native-free-core/log/record-batch.js'
import {
  Api,
  type DeliveryPush,
  type HelloResponse,
  type SubscriptionEndPush,
  writeProduceRequest,
} from '../../native-free-core/protocol/codecs.generated.js'
import { decompressWith } from './compression.js'
import { Link, type Token } from './link.js'
import type { Platform, TlsOptions } from './platform/platform.js'
import { type ServerAddress, ServerList } from './server-address.js'
import { abortable, delay, type Waiter } from './waiter.js'

export interface ConnectionOptions {
  readonly platform: Platform
  /** HOST:PORT, tried in turn. */
  readonly servers: readonly string[]
  readonly tls: TlsOptions | undefined
  /** Program and version, for the broker's log. */
  readonly clientName: string
  readonly token: Token | undefined
  readonly connectTimeoutMs: number
  /** A request unanswered for longer means that the connection is dead. */
  readonly requestTimeoutMs: number
  readonly onStateChange?: ((state: ConnectionState, error?: StreamBusError) => void) | undefined
}

/** What `onStateChange` is told. */
export type ConnectionState = 'connected' | 'lost' | 'refused'

/** A producer or consumer on the connection. */
export interface ConnectionUser {
  ready(isOtherCluster: boolean): void
  lost(error: StreamBusError): void
  /** There will be no connection any more. */
  refused(error: StreamBusError): void
  tick(nowMs: number): void
}

export interface DeliveryHandler {
  delivered(push: DeliveryPush): void
  subscriptionEnded(push: SubscriptionEndPush): void
}

/** A request with its codecs. */
export interface Call<Response> {
  readonly api: number
  readonly write: (writer: ByteWriter) => void
  readonly read: (reader: ByteReader) => Response
  /** Doing it twice does no harm, so it is sent again after a lost connection. */
  readonly isRepeatable: boolean
}

/** For whatever waits: `signal` ends the waiting, not what the broker is doing. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

const tickIntervalMs = 100

/** The broker did nothing, so any request may be sent again. */
const notDoneErrors: ReadonlySet<ErrorName> = new Set(['NOT_CONTROLLER', 'STARTING', 'TOO_MANY_CONNECTIONS'])
const unknownOutcomeErrors: ReadonlySet<ErrorName> = new Set([
  'NETWORK_EXCEPTION',
  'REQUEST_TIMED_OUT',
  'SHUTTING_DOWN',
])

export class Connection {
  readonly platform: Platform
  readonly decompress: Decompress
  private readonly options: ConnectionOptions
  private readonly session: ClientSession
  private readonly users = new Set<ConnectionUser>()
  private readonly subscriptions = new Map<number, DeliveryHandler>()
  private readonly waiters = new Set<Waiter>()
  private readonly servers: ServerList
  private refusal: StreamBusError | undefined
  private link: Link | undefined
  private timer: ReturnType<typeof setInterval> | undefined
  private isFlushScheduled = false
  private nextSubscriptionId = 1
  private unansweredSends: ResponseHandler[] = []

  private constructor(options: ConnectionOptions) {
    this.options = options
    this.platform = options.platform
    this.decompress = decompressWith(options.platform)
    this.servers = new ServerList(options.servers, options.tls !== undefined)
    this.session = new ClientSession(
      { ...options, serverCount: this.servers.count, isTokenRenewable: typeof options.token === 'function' },
      {
        ready: (hello, isOtherCluster) => this.ready(hello, isOtherCluster),
        lost: (error) => this.lost(error),
        refused: (error) => this.refused(error),
        delivered: (push) => this.subscriptions.get(push.subscriptionId)?.delivered(push),
        subscriptionEnded: (push) => this.subscriptions.get(push.subscriptionId)?.subscriptionEnded(push),
      },
    )
  }

  /** Resolves when a broker has answered; rejects when none does. Later it connects again by itself. */
  static async open(options: ConnectionOptions, signal?: AbortSignal): Promise<Connection> {
    const connection = new Connection(options)
    signal?.throwIfAborted()
    // Every attempt has its time limit, so that this ends.
    const isReady = connection.whenReady(signal)
    connection.connect()
    try {
      await isReady
    } catch (error) {
      connection.close()
      throw error
    }
    connection.timer = setInterval(() => connection.tick(), tickIntervalMs)
    return connection
  }

  /** Of the broker that is connected, or was last, or is tried now. */
  get address(): ServerAddress {
    return this.link?.address ?? this.servers.current
  }

  get isReady(): boolean {
    return this.session.state === 'ready'
  }

  get hello(): HelloResponse | undefined {
    return this.session.hello
  }

  addUser(user: ConnectionUser): void {
    this.users.add(user)
  }

  removeUser(user: ConnectionUser): void {
    this.users.delete(user)
  }

  /** Registers who gets a subscription's deliveries; returns its id. */
  addSubscription(handler: DeliveryHandler): number {
    const subscriptionId = this.nextSubscriptionId++
    this.subscriptions.set(subscriptionId, handler)
    return subscriptionId
  }

  removeSubscription(subscriptionId: number): void {
    this.subscriptions.delete(subscriptionId)
  }

  private connect(): void {
    this.session.connecting()
    const link: Link = new Link(this.servers.current, this.options, {
      opened: (token) => {
        this.session.opened(Date.now(), token)
        this.flush()
      },
      received: (frame) => this.received(frame),
      ended: (error) => this.ended(error),
    })
    this.link = link
    link.start()
  }

  private received(frame: Uint8Array): void {
    try {
      this.session.received(frame)
    } catch (error) {
      this.drop(StreamBusError.from(error))
    }
  }

  /** Ends the connection from this side; it is opened again later. */
  private drop(error: StreamBusError): void {
    if (this.link === undefined) return
    this.link.drop()
    this.ended(error)
  }

  private ended(error: StreamBusError): void {
    this.link = undefined
    this.unansweredSends = []
    const reason = this.session.disconnected(error, Date.now(), Math.random())
    this.servers.notReached(reason)
    this.servers.advance()
    // Before the first handshake there is no timer that would try again.
    if (this.timer !== undefined) return
    if (this.session.state === 'closed') return
    if (this.servers.isExhausted) this.failWaiters(this.servers.error!)
    else this.connect()
  }

  private ready(_hello: HelloResponse, isOtherCluster: boolean): void {
    this.servers.reached()
    this.link?.established()
    const waiters = [...this.waiters]
    this.waiters.clear()
    for (const waiter of waiters) waiter.resolve()
    this.tellState('connected')
    for (const user of this.users) user.ready(isOtherCluster)
    this.scheduleFlush()
  }

  private lost(error: StreamBusError): void {
    for (const user of this.users) user.lost(error)
    this.tellState('lost', error)
  }

  /** What the program's own code throws there is no fault of the connection: it comes up as an uncaught error. */
  private tellState(state: ConnectionState, error?: StreamBusError): void {
    try {
      this.options.onStateChange?.(state, error)
    } catch (thrown) {
      queueMicrotask(() => {
        throw thrown
      })
    }
  }

  /** The broker does not want this client: whoever waits is told, and nothing is tried again. */
  private refused(error: StreamBusError): void {
    this.refusal = error
    clearInterval(this.timer)
    this.failWaiters(error)
    for (const user of this.users) user.refused(error)
    this.tellState('refused', error)
  }

  private tick(): void {
    const nowMs = Date.now()
    if (this.session.state === 'offline' && nowMs >= this.session.connectAtMs) this.connect()
    const error = this.session.tick(nowMs)
    if (error !== undefined) this.drop(error)
    for (const user of this.users) user.tick(nowMs)
    this.flush()
  }

  /** Sends what was written; called by itself at the end of the turn. */
  flush(): void {
    const { link } = this
    if (link === undefined || !link.isOpen) return
    const frame = this.session.takeFrame()
    if (frame === undefined) return
    if (this.unansweredSends.length === 0) return link.send(frame)
    const handlers = this.unansweredSends
    this.unansweredSends = []
    link.send(frame, (error) => {
      for (const handler of handlers) settleUnanswered(handler, error)
    })
  }

  private scheduleFlush(): void {
    if (this.isFlushScheduled) return
    this.isFlushScheduled = true
    queueMicrotask(() => {
      this.isFlushScheduled = false
      this.flush()
    })
  }

  /** Sends a request whose answer is handled at once, in the order of the frames. The connection must be ready. */
  start(api: number, write: (writer: ByteWriter) => void, handler: ResponseHandler): void {
    const writer = this.session.begin(api, handler, Date.now())
    write(writer)
    this.session.end()
    this.scheduleFlush()
  }

  /** Sends a message that has no answer, if there is a connection. */
  tell(api: number, write: (writer: ByteWriter) => void): void {
    if (!this.isReady) return
    write(this.session.beginOneway(api, Date.now()))
    this.session.end()
    this.scheduleFlush()
  }

  /**
   * Sends a record batch; call `flush` after the last. Returns false when the connection can't take it now. With acks 0
   * the handler hears when the system has taken the bytes.
   */
  produce(partitionId: number, acks: number, batch: Uint8Array, handler: ResponseHandler): boolean {
    const { session } = this
    if (!session.hasRoomFor(batch.length)) return false
    if (session.mustSendBefore(batch.length)) this.flush()
    const nowMs = Date.now()
    const writer =
      acks === 0 ? session.beginOneway(Api.Produce, nowMs) : session.begin(Api.Produce, handler, nowMs, batch.length)
    writeProduceRequest(writer, { partitionId, acks, batch })
    session.end()
    if (acks === 0) this.unansweredSends.push(handler)
    return true
  }

  /** One request and its answer; waits for a connection and tries again where that is safe. */
  async request<Response>(call: Call<Response>, { signal }: CallOptions = {}): Promise<Response> {
    const deadlineMs = Date.now() + this.options.requestTimeoutMs
    for (let attempt = 0; ; attempt++) {
      // It may be lost again before this goes on.
      while (!this.isReady) await this.whenReady(signal, this.options.requestTimeoutMs)
      try {
        return await this.attempt(call, signal)
      } catch (error) {
        if (!mayRepeat(error, call.isRepeatable) || Date.now() >= deadlineMs) throw error
        await delay(backoffMs(attempt, retryBackoff, Math.random()), signal)
      }
    }
  }

  private async attempt<Response>(call: Call<Response>, signal: AbortSignal | undefined): Promise<Response> {
    let response: Response
    await abortable((waiter) => {
      this.start(call.api, call.write, {
        succeeded: (body) => {
          try {
            response = call.read(body)
            waiter.resolve()
          } catch (error) {
            waiter.reject(error)
            throw error
          }
        },
        failed: (error) => waiter.reject(error),
      })
      return undefined
    }, signal)
    return response!
  }

  /** Waits for a connection, for ever if no time is given. */
  private whenReady(signal: AbortSignal | undefined, timeoutMs?: number): Promise<void> {
    if (this.isReady) return Promise.resolve()
    if (this.session.state === 'closed') return Promise.reject(this.refusal ?? closedError())
    return abortable((waiter) => {
      this.waiters.add(waiter)
      const fail = () => waiter.reject(this.notConnected())
      const timer = timeoutMs === undefined ? undefined : setTimeout(fail, timeoutMs)
      return () => {
        clearTimeout(timer)
        this.waiters.delete(waiter)
      }
    }, signal)
  }

  private notConnected(): StreamBusError {
    const { servers, address, options } = this
    return (
      servers.error ??
      new StreamBusError('NETWORK_EXCEPTION', `no handshake with ${address.text} in ${options.requestTimeoutMs} ms`)
    )
  }

  private failWaiters(error: StreamBusError): void {
    for (const waiter of this.waiters) waiter.reject(error)
  }

  close(): void {
    if (this.session.state === 'closed') return
    clearInterval(this.timer)
    this.flush()
    this.session.close(closedError())
    this.failWaiters(closedError())
    this.link?.close()
    this.link = undefined
  }
}

function closedError(): StreamBusError {
  return new StreamBusError('NETWORK_EXCEPTION', 'the client is closed', { remedy: 'Connect again with connect().' })
}

function mayRepeat(error: unknown, isRepeatable: boolean): boolean {
  if (!StreamBusError.is(error)) return false
  return notDoneErrors.has(error.name) || (isRepeatable && unknownOutcomeErrors.has(error.name))
}

function settleUnanswered(handler: ResponseHandler, error: Error | undefined): void {
  if (error === undefined) handler.succeeded(noBody)
  else handler.failed(new StreamBusError('NETWORK_EXCEPTION', error.message, { cause: error }))
}

/** Handlers of acks 0 read nothing. */
const noBody = undefined as unknown as ByteReader
