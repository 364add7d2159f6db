/**
 * The client's end of a connection without the connection: handshake, correlation ids, pending requests, pings, limits
 * and when to connect again. Bytes and time go in, bytes come out.
 * Runs on: clients, browsers. Touches: its own buffers. Never: sockets, clocks, randomness.
 *
 *             connecting()          opened()             Hello (and Authenticate) answered
 *   offline --------------> connecting ---> greeting ----------------> ready
 *      ^  at connectAtMs        |               |                        |
 *      +------------------------+---------------+---- disconnected() ----+        close() from anywhere: closed
 *
 * A broker that refuses the token, or wants one, is not asked again: disconnected() then leads to closed. A token that
 * was good before is replaced, if another can be had.
 */
import type { ByteReader } from '../bytes/byte-reader.js'
import type { ByteWriter } from '../bytes/byte-writer.js'
import type { Uuid } from '../bytes/uuid.js'
import { assert } from '../errors/assert.js'
import type { ErrorName } from '../errors/error-table.js'
import { StreamBusError } from '../errors/streambus-error.js'
import {
  Api,
  type DeliveryPush,
  type HelloResponse,
  readDeliveryPush,
  readErrorBody,
  readFailurePush,
  readHelloResponse,
  readSubscriptionEndPush,
  type SubscriptionEndPush,
  writeAuthenticateRequest,
  writeHelloRequest,
} from '../protocol/codecs.generated.js'
import { FrameWriter, MessageFlag, type MessageHeader, messageHeaderBytes, readFrame } from '../protocol/frame.js'
import { protocolVersion } from '../protocol/message-table.js'
import { RequestsByNumber } from '../protocol/requests-by-number.js'
import { type BackoffOptions, backoffMs, reconnectBackoff } from './backoff.js'

/** Exactly one of the two is called, once. */
export interface ResponseHandler {
  /** The reader stands at the body and is valid during the call only. */
  succeeded(body: ByteReader): void
  failed(error: StreamBusError): void
}

export interface SessionListener {
  /** Requests can be sent. `isOtherCluster`: partition ids known so far mean nothing any more. */
  ready(hello: HelloResponse, isOtherCluster: boolean): void
  /** Pending requests have failed already. */
  lost(error: StreamBusError): void
  /** The broker does not want this client: the session is closed and connects no more. Comes after `lost`. */
  refused(error: StreamBusError): void
  delivered(push: DeliveryPush): void
  subscriptionEnded(push: SubscriptionEndPush): void
}

export interface SessionOptions {
  readonly clientName: string
  /** Whether another token than the last can be had: one that is refused after it was good is then replaced. */
  readonly isTokenRenewable?: boolean
  /** A request unanswered for longer means that the connection is dead. */
  readonly requestTimeoutMs: number
  readonly backoff?: BackoffOptions
  /** How many brokers are tried in turn: only a whole round without success is followed by a longer wait. */
  readonly serverCount?: number
}

export type SessionState = 'offline' | 'connecting' | 'greeting' | 'ready' | 'closed'

interface PendingRequest {
  readonly api: number
  readonly handler: ResponseHandler
  readonly sentAtMs: number
  readonly produceBytes: number
}

/** To come again with the same token would change nothing, and keep the broker busy. */
const refusals: ReadonlySet<ErrorName> = new Set([
  'AUTHENTICATION_REQUIRED',
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
])
/** Frames are sent once they are this large: more messages in one frame save nothing. */
const fullFrameBytes = 512 * 1024
/** partition id, acks and the length of the batch. */
const produceFieldBytes = 10

export class ClientSession {
  state: SessionState = 'offline'
  /** When to connect, in state offline. */
  connectAtMs = 0
  hello: HelloResponse | undefined
  private readonly output = new FrameWriter(64 * 1024)
  private readonly pending = new RequestsByNumber<PendingRequest>()
  private readonly options: SessionOptions
  private readonly listener: SessionListener
  private nextCorrelationId = 1
  private attemptCount = 0
  private lastSentAtMs = 0
  private lastHeardAtMs = 0
  private hasHeard = false
  private isPinging = false
  private produceBytesInFlight = 0
  private clusterId: Uuid | undefined
  private farewell: StreamBusError | undefined
  private token: string | undefined

  constructor(options: SessionOptions, listener: SessionListener) {
    this.options = options
    this.listener = listener
  }

  /** The caller begins to open a connection. */
  connecting(): void {
    assert(this.state === 'offline', 'a connection is opened while there is one')
    this.state = 'connecting'
  }

  /** The connection is open; Hello, and Authenticate where there is a token, are the first frame to be sent. */
  opened(nowMs: number, token?: string): void {
    this.state = 'greeting'
    this.lastHeardAtMs = nowMs
    this.isPinging = false
    this.token = token
    this.farewell = undefined
    this.output.reset()
    const writer = this.begin(Api.Hello, { succeeded: (body) => this.greeted(body), failed: () => {} }, nowMs)
    writeHelloRequest(writer, { protocolVersion, clientName: this.options.clientName })
    this.end()
    if (token !== undefined) this.authenticate(token, nowMs)
  }

  private authenticate(token: string, nowMs: number): void {
    const handler = { succeeded: () => this.becomeReady(), failed: () => {} }
    writeAuthenticateRequest(this.begin(Api.Authenticate, handler, nowMs), { mechanism: 'TOKEN', token })
    this.end()
  }

  private greeted(body: ByteReader): void {
    this.hello = readHelloResponse(body)
    if (this.token === undefined) this.becomeReady()
  }

  private becomeReady(): void {
    const hello = this.hello!
    const isOtherCluster = this.clusterId !== undefined && this.clusterId !== hello.clusterId
    this.clusterId = hello.clusterId
    this.state = 'ready'
    this.attemptCount = 0
    this.listener.ready(hello, isOtherCluster)
  }

  /** Starts a request: write its body to what is returned, then call `end`. */
  begin(api: number, handler: ResponseHandler, nowMs: number, produceBytes = 0): ByteWriter {
    const correlationId = this.takeCorrelationId()
    this.pending.add(correlationId, { api, handler, sentAtMs: nowMs, produceBytes })
    this.produceBytesInFlight += produceBytes
    this.lastSentAtMs = nowMs
    return this.output.begin(api, 0, correlationId)
  }

  /** Starts a message that is not answered. */
  beginOneway(api: number, nowMs: number): ByteWriter {
    this.lastSentAtMs = nowMs
    return this.output.begin(api, 0, 0)
  }

  end(): void {
    this.output.end()
  }

  private takeCorrelationId(): number {
    do {
      this.nextCorrelationId = (this.nextCorrelationId + 1) >>> 0
    } while (this.nextCorrelationId === 0 || this.pending.get(this.nextCorrelationId) !== undefined)
    return this.nextCorrelationId
  }

  /** Whether a batch of this size may be in flight besides those that are. */
  hasRoomFor(batchBytes: number): boolean {
    if (this.state !== 'ready') return false
    return this.produceBytesInFlight === 0 || this.produceBytesInFlight + batchBytes <= this.hello!.maxInFlightBytes
  }

  /** Whether the frame must be taken before a batch of this size is added. */
  mustSendBefore(batchBytes: number): boolean {
    if (this.output.messageCount === 0) return false
    const sizeBytes = this.output.sizeBytes + messageHeaderBytes + produceFieldBytes + batchBytes
    return sizeBytes > Math.min(fullFrameBytes, this.hello!.maxFrameBytes)
  }

  /** The messages since the last call as one frame, valid until the next message; undefined: none. */
  takeFrame(): Uint8Array | undefined {
    if (this.output.messageCount === 0) return undefined
    const frame = this.output.view()
    this.output.reset()
    return frame
  }

  /** A frame came. Throws MALFORMED_FRAME or why the handshake failed: the caller then closes the connection. */
  received(frame: Uint8Array): void {
    this.hasHeard = true
    readFrame(frame, (header, body) => this.message(header, body))
  }

  private message(header: MessageHeader, body: ByteReader): void {
    if ((header.flags & MessageFlag.response) !== 0) return this.response(header, body)
    if (header.api === Api.Delivery) return this.listener.delivered(readDeliveryPush(body))
    if (header.api === Api.SubscriptionEnd) return this.listener.subscriptionEnded(readSubscriptionEndPush(body))
    if (header.api === Api.Failure) {
      const { code, message } = readFailurePush(body)
      this.farewell = StreamBusError.fromCode(code, message)
    }
    // Pushes that a later broker may send are not for this version.
  }

  private response(header: MessageHeader, body: ByteReader): void {
    // 0: an answer to a message that asked for none.
    if (header.correlationId === 0) return
    const request = this.pending.get(header.correlationId)
    if (request === undefined || request.api !== header.api) {
      const answer = `an answer of api ${header.api} to request ${header.correlationId}`
      throw new StreamBusError('MALFORMED_FRAME', `${answer} came, which was not asked for`)
    }
    this.pending.take(header.correlationId)
    this.produceBytesInFlight -= request.produceBytes
    if ((header.flags & MessageFlag.error) === 0) return request.handler.succeeded(body)
    const { code, message } = readErrorBody(body)
    const error = StreamBusError.fromCode(code, message)
    request.handler.failed(error)
    if (request.api === Api.Hello || request.api === Api.Authenticate) throw error
  }

  /** The connection ended or could not be made. `random` is from [0, 1). Returns the reason that is known best. */
  disconnected(error: StreamBusError, nowMs: number, random: number): StreamBusError {
    if (this.state === 'closed' || this.state === 'offline') return error
    const wasReady = this.state === 'ready'
    const reason = this.farewell ?? error
    const isOutdated = wasReady && this.options.isTokenRenewable === true
    const isRefused = refusals.has(reason.name) && !isOutdated
    this.state = isRefused ? 'closed' : 'offline'
    this.farewell = undefined
    this.connectAtMs = nowMs + this.waitMs(random)
    this.output.reset()
    this.failPending(reason)
    if (wasReady) this.listener.lost(reason)
    if (isRefused) this.listener.refused(reason)
    return reason
  }

  private waitMs(random: number): number {
    const { backoff = reconnectBackoff, serverCount = 1 } = this.options
    const attempt = this.attemptCount++
    const isRoundOver = (attempt + 1) % serverCount === 0
    // The next broker is tried soon, but not by all clients of the lost one at once.
    if (!isRoundOver) return Math.round(random * backoff.firstMs)
    return backoffMs(Math.floor(attempt / serverCount), backoff, random)
  }

  private failPending(error: StreamBusError): void {
    const requests = this.pending.all()
    this.pending.clear()
    this.produceBytesInFlight = 0
    for (const request of requests) request.handler.failed(error)
  }

  /**
   * Call several times a second. Sends Ping when nothing was sent, or nothing came, for a while: a connection that is
   * dead without a word is found by that. An error returned means: close the connection.
   */
  tick(nowMs: number): StreamBusError | undefined {
    if (this.state !== 'greeting' && this.state !== 'ready') return undefined
    if (this.hasHeard) this.lastHeardAtMs = nowMs
    this.hasHeard = false
    const [oldest] = this.pending.all()
    if (oldest !== undefined && nowMs - oldest.sentAtMs > this.options.requestTimeoutMs) {
      return new StreamBusError('REQUEST_TIMED_OUT', `no answer came within ${this.options.requestTimeoutMs} ms`)
    }
    if (this.state === 'ready' && this.isPingDue(nowMs)) this.ping(nowMs)
    return undefined
  }

  /** A third of what the broker allows, so that two may be late; half the time that a request may take. */
  private isPingDue(nowMs: number): boolean {
    if (this.isPinging) return false
    const intervalMs = Math.min(this.hello!.idleTimeoutMs / 3, this.options.requestTimeoutMs / 2)
    return nowMs - Math.min(this.lastSentAtMs, this.lastHeardAtMs) >= intervalMs
  }

  private ping(nowMs: number): void {
    const done = () => {
      this.isPinging = false
    }
    this.isPinging = true
    this.begin(Api.Ping, { succeeded: done, failed: done }, nowMs)
    this.end()
  }

  close(error: StreamBusError): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.failPending(error)
  }
}
