/**
 * What the gateway needs of a WebSocket and HTTP server; uws-transport and ws-transport are the two that there are.
 * Runs on: main. Touches: types only.
 */

export interface Socket {
  /** The bytes are the caller's again when `send` returns. False: the connection is gone. */
  send(bytes: Uint8Array): boolean
  sendText(text: string): boolean
  /** Bytes that were sent and that the peer's system has not taken yet. */
  bufferedBytes(): number
  /** Ends the connection after what was sent; `onClose` comes before this returns, or soon after. */
  close(code: number, reason: string): void
}

/** What becomes of a connection; one for each. */
export interface SocketHandler {
  /** `bytes` are valid during the call only. */
  onMessage(bytes: Uint8Array, isBinary: boolean): void
  /** Some of what was buffered has left. */
  onDrain(): void
  /** The last call; the socket must not be used any more. */
  onClose(): void
}

export interface UpgradeRequest {
  readonly host: string
  /** Undefined: not a web page. */
  readonly origin: string | undefined
  readonly protocols: readonly string[]
}

export interface Acceptance {
  /** The subprotocol to answer with; undefined: none was offered. */
  readonly protocol: string | undefined
  open(socket: Socket): SocketHandler
}

export interface HttpRequest {
  readonly method: string
  /** Without query. */
  readonly path: string
  readonly host: string
}

export interface HttpAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

export interface TransportOptions {
  readonly host: string
  readonly port: number
  /** A larger frame ends the connection without an answer; the gateway refuses smaller ones with one. */
  readonly maxPayloadBytes: number
  /** Sending more than this without the peer taking any is an error of ours: the gateway stops before. */
  readonly maxBackpressureBytes: number
  upgrade(request: UpgradeRequest): Acceptance
  http(request: HttpRequest): HttpAnswer
}

export interface Transport {
  readonly kind: 'uws' | 'ws'
  /** Resolves with the port. Throws ADDRESS_IN_USE and others. */
  listen(): Promise<number>
  /** Accepts nothing new. */
  stopListening(): void
  /** Cuts off what is still connected. */
  close(): Promise<void>
}

const statusTexts: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  503: 'Service Unavailable',
}

export function statusLineOf(status: number): string {
  return `${status} ${statusTexts[status] ?? 'Status'}`
}

/** The subprotocols of a Sec-WebSocket-Protocol header. */
export function protocolsOf(header: string | undefined): string[] {
  return (header ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}
