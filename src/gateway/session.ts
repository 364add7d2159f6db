/**
 * What both subprotocols' connections have in common: limits, life, and room in the socket.
 * Runs on: main. Touches: its socket.
 */
import type { ErrorName } from '../../native-free-core/errors/error-table.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { FailureReason } from './authentication-failures.js'
import { type Block, recordCountOf } from './block-pool.js'
import type { Fetch, FetchSink } from './fetch.js'
import { closeCodes } from './front-door.js'
import type { Flushable, GatewayContext } from './gateway-context.js'
import type { Caller, Operations } from './operations.js'
import { nobody, type Principal } from './principal.js'
import type { Subscription } from './subscriptions.js'
import type { Socket, SocketHandler } from './transport.js'

/** How long a binary client may take to say Hello. */
export const helloTimeoutMs = 10_000
/** How long any client may take to authenticate, where it has to. */
export const authenticationTimeoutMs = 10_000
/** The largest frame before: Hello and Authenticate are some hundred bytes. */
const unprovenFrameBytes = 16 * 1024

/** Where a connection comes from, and who hears of what becomes of it. */
export interface SessionOrigin {
  readonly remoteAddress: string
  readonly principal: Principal
  onAuthenticated(session: Session): void
  onEnd(session: Session): void
}

export abstract class Session implements SocketHandler, Caller, Flushable {
  principal: Principal
  readonly remoteAddress: string
  readonly subscriptions = new Map<number, Subscription>()
  inFlightBytes = 0
  inFlightRequests = 0
  isClosed = false
  /** It failed to authenticate, and hears so in a moment: what it sends until then is not looked at. */
  isRejected = false
  lastHeardMs: number
  readonly openedMs: number
  readonly idleTimeoutMs: number
  protected readonly context: GatewayContext
  protected readonly operations: Operations
  protected readonly socket: Socket
  private readonly fetches = new Set<Fetch>()
  private keptBack: Fetch[] = []
  /** Somebody was told that there is no room: look again when the socket drains. */
  private isHeld = false
  private readonly origin: SessionOrigin
  private rejection: NodeJS.Timeout | undefined

  constructor(context: GatewayContext, operations: Operations, socket: Socket, origin: SessionOrigin) {
    this.context = context
    this.operations = operations
    this.socket = socket
    this.origin = origin
    this.remoteAddress = origin.remoteAddress
    this.principal = origin.principal
    if (this.isAuthenticated) socket.trust()
    this.idleTimeoutMs = context.config.idleTimeoutMs
    this.openedMs = performance.now()
    this.lastHeardMs = this.openedMs
  }

  abstract readonly isJson: boolean
  /** Hello was said, where it has to be. */
  abstract readonly isGreeted: boolean
  abstract flush(): void
  /** Says why the connection ends. */
  protected abstract sendFailure(error: StreamBusError): void
  /** One whole frame. Throws what ends the connection. */
  protected abstract take(bytes: Uint8Array, isBinary: boolean): void
  abstract produced(
    token: number,
    code: number,
    baseOffset: number,
    logStartOffset: number,
    partitionId: number,
    batchBytes: number,
    startedMs: number,
  ): void
  abstract deliver(
    subscription: Subscription,
    block: Block,
    from: number,
    to: number,
    highWatermark: number,
    isWhole: boolean,
  ): void
  abstract endSubscription(subscription: Subscription, code: number, logStartOffset: number): void

  get isAuthenticated(): boolean {
    return this.principal !== nobody
  }

  onMessage(bytes: Uint8Array, isBinary: boolean): void {
    if (this.isClosed || this.isRejected) return
    this.lastHeardMs = performance.now()
    this.context.metrics.received(bytes.length)
    try {
      this.refuseTooLarge(bytes.length)
      this.take(bytes, isBinary)
    } catch (error) {
      this.context.metrics.malformed()
      this.fail(StreamBusError.from(error))
    }
    this.context.flushShards()
    this.flush()
  }

  private refuseTooLarge(sizeBytes: number): void {
    const maxBytes = this.isAuthenticated ? this.context.config.maxFrameBytes : unprovenFrameBytes
    if (sizeBytes <= maxBytes) return
    const when = this.isAuthenticated ? '' : ' before a connection has authenticated'
    throw new StreamBusError(
      'FRAME_TOO_LARGE',
      `a frame of ${sizeBytes} bytes; at most ${maxBytes} are accepted${when}`,
    )
  }

  // ---- who it is

  /** The connection is `principal`'s from now on; what it may not read any more ends. */
  become(principal: Principal): void {
    const wasAuthenticated = this.isAuthenticated
    this.principal = principal
    if (wasAuthenticated) return this.operations.endForbidden(this)
    this.socket.trust()
    this.origin.onAuthenticated(this)
  }

  /** Refuses, slowly: `answer` answers the request that failed, then the connection ends. */
  protected reject(error: StreamBusError, answer: () => void): void {
    this.isRejected = true
    const delayMs = this.context.failures.add(this.remoteAddress, reasonOf(error))
    this.rejection = setTimeout(() => {
      answer()
      this.fail(error)
    }, delayMs).unref()
  }

  /** Tells the peer why, and ends this connection; others know nothing of it. */
  fail(error: StreamBusError): void {
    if (this.isClosed) return
    this.flush()
    // What was to be sent may have been too much for the peer.
    if (this.isClosed) return
    this.sendFailure(error)
    this.socket.close(closeCodeOf(error), error.name)
    this.onClose()
  }

  onClose(): void {
    if (this.isClosed) return
    this.isClosed = true
    clearTimeout(this.rejection)
    for (const subscription of this.subscriptions.values()) this.context.subscriptions.remove(subscription)
    this.subscriptions.clear()
    for (const fetch of this.fetches) this.context.fetches.cancel(fetch)
    this.fetches.clear()
    this.keptBack = []
    this.origin.onEnd(this)
  }

  // ---- room in the socket

  hasRoom(): boolean {
    const hasRoom = !this.isClosed && this.socket.bufferedBytes() < this.context.config.maxSendBufferBytes
    if (!hasRoom) this.isHeld = true
    return hasRoom
  }

  /** Sends a frame. A peer that asks and does not read is let go: what it has not taken is bounded. */
  protected put(bytes: Uint8Array): void {
    if (!this.mayPut(bytes.length)) return
    this.context.metrics.sent(bytes.length)
    this.socket.send(bytes)
  }

  protected putText(text: string): void {
    if (!this.mayPut(text.length)) return
    this.context.metrics.sent(text.length)
    this.socket.sendText(text)
  }

  private mayPut(sizeBytes: number): boolean {
    if (this.isClosed) return false
    const buffered = this.socket.bufferedBytes()
    const { maxSendBufferBytes, maxFrameBytes } = this.context.config
    if (buffered === 0 || buffered + sizeBytes <= maxSendBufferBytes + maxFrameBytes) return true
    // No failure message: there is no room for one either.
    this.socket.close(closeCodes.slow, 'SLOW_CONSUMER')
    this.onClose()
    return false
  }

  onDrain(): void {
    if (!this.isHeld || !this.hasRoom()) return
    this.isHeld = false
    const { keptBack } = this
    this.keptBack = []
    for (const fetch of keptBack) this.context.fetches.again(fetch)
    for (const subscription of this.subscriptions.values()) this.context.subscriptions.resume(subscription)
  }

  // ---- fetches of this connection

  /** Keeps the fetch until it is answered, so that it ends with the connection. */
  protected track(startedBy: (sink: FetchSink) => Fetch, sink: SessionFetchSink): void {
    this.inFlightRequests++
    let isDone = false
    let fetch: Fetch | undefined
    const done = (): void => {
      isDone = true
      this.inFlightRequests--
      if (fetch !== undefined) this.fetches.delete(fetch)
    }
    try {
      fetch = startedBy({
        canTake: () => this.hasRoom(),
        keepBack: (kept) => this.keepBack(kept),
        onBatches: (block, highWatermark, logStartOffset) => {
          done()
          if (block !== undefined) this.context.metrics.fetched(recordCountOf(block), block.end - block.start)
          sink.onBatches(block, highWatermark, logStartOffset)
          if (block !== undefined) this.context.blocks.release(block)
          this.context.flushLater(this)
        },
        onFetchError: (code, highWatermark, logStartOffset) => {
          done()
          sink.onFetchError(code, highWatermark, logStartOffset)
          this.context.flushLater(this)
        },
      })
    } catch (error) {
      done()
      throw error
    }
    if (!isDone) this.fetches.add(fetch)
  }

  private keepBack(fetch: Fetch): void {
    this.keptBack.push(fetch)
    this.isHeld = true
    // It may have drained since.
    if (this.hasRoom()) setImmediate(() => this.onDrain())
  }
}

export type SessionFetchSink = Pick<FetchSink, 'onBatches' | 'onFetchError'>

const closeCodeByError: Partial<Record<ErrorName, number>> = {
  AUTHENTICATION_REQUIRED: closeCodes.unauthenticated,
  FRAME_TOO_LARGE: closeCodes.tooLarge,
  IDLE_TIMEOUT: closeCodes.timeout,
  SASL_AUTHENTICATION_FAILED: closeCodes.unauthenticated,
  SHUTTING_DOWN: closeCodes.down,
  TOO_MANY_CONNECTIONS: closeCodes.down,
  UNSUPPORTED_SASL_MECHANISM: closeCodes.unauthenticated,
}

function closeCodeOf(error: StreamBusError): number {
  return closeCodeByError[error.name] ?? closeCodes.malformed
}

const reasonByError: Partial<Record<ErrorName, FailureReason>> = {
  AUTHENTICATION_REQUIRED: 'missing',
  UNSUPPORTED_SASL_MECHANISM: 'mechanism',
}

function reasonOf(error: StreamBusError): FailureReason {
  return reasonByError[error.name] ?? 'token'
}

export function tokenMissing(what: string): StreamBusError {
  return new StreamBusError('AUTHENTICATION_REQUIRED', `${what}, and this broker answers only those who authenticate`)
}
