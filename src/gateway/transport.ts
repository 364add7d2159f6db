/**
 * What the gateway needs of a WebSocket and HTTP server; uws-transport and ws-transport are the two that there are.
 * Runs on: main. Touches: nothing.
 */

import { isIPv6 } from 'node:net'

export interface Socket {
  /** The bytes are the caller's again when `send` returns. False: the connection is gone. */
  send(bytes: Uint8Array): boolean
  sendText(text: string): boolean
  /** Bytes that were sent and that the peer's system has not taken yet. */
  bufferedBytes(): number
  /** From now on the peer may send as much as it likes: it has said who it is. See maxUnprovenBytes. */
  trust(): void
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
  readonly remoteAddress: string
  /** The common name of a client certificate that was verified. */
  readonly certificateName: string | undefined
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
  /** The header; empty: there is none. */
  readonly authorization: string
  readonly remoteAddress: string
  /** As of UpgradeRequest. */
  readonly certificateName: string | undefined
}

export interface HttpAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
  /** Answer so much later. */
  readonly delayMs?: number
}

/** A certificate with its key, checked before. */
export interface TlsMaterial {
  /** Absolute paths: uWebSockets.js reads the files itself. */
  readonly certificateFile: string
  readonly keyFile: string
  /** What they held when they were checked. */
  readonly certificate: string
  readonly key: string
  /** Who signs the certificates of clients; undefined: clients need none. */
  readonly clientCa: string | undefined
  readonly expiresAtMs: number
  /** Host names and addresses that it is for, in lower case. */
  readonly names: readonly string[]
}

export interface TransportOptions {
  readonly host: string
  readonly port: number
  /** A larger frame ends the connection without an answer; the gateway refuses smaller ones with one. */
  readonly maxPayloadBytes: number
  /** Sending more than this without the peer taking any is an error of ours: the gateway stops before. */
  readonly maxBackpressureBytes: number
  /**
   * How much a connection may send before `trust` is called; more ends it without an answer. Only `ws` can hold to it:
   * uWebSockets.js shows a frame when it is whole, so there a frame of maxPayloadBytes may lie in memory.
   */
  readonly maxUnprovenBytes: number
  /** Sockets of every kind, those that speak HTTP or shake hands included. Only `ws` can hold to it. */
  readonly maxSockets: number
  /** Undefined: no TLS. */
  readonly tls: TlsMaterial | undefined
  /** A TLS handshake failed; not known of uWebSockets.js. */
  tlsFailed(remoteAddress: string, reason: string): void
  upgrade(request: UpgradeRequest): Acceptance
  http(request: HttpRequest): HttpAnswer
}

export interface Transport {
  readonly kind: 'uws' | 'ws'
  /** Resolves with the port. Throws ADDRESS_IN_USE and others. */
  listen(): Promise<number>
  /** New connections get this certificate; those that are open live on. Throws INVALID_CERTIFICATE. */
  replaceTls(material: TlsMaterial): Promise<void>
  /** Accepts nothing new. */
  stopListening(): void
  /** Cuts off what is still connected. */
  close(): Promise<void>
}

/** For TLS 1.2, which is the oldest that is spoken: forward secrecy and authenticated encryption only. */
export const tlsCiphers = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

const statusTexts: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  503: 'Service Unavailable',
}

export function statusLineOf(status: number): string {
  return `${status} ${statusTexts[status] ?? 'Status'}`
}

/** An address as people write it: IPv6 short, and IPv4 in IPv6's clothes without them. */
export function plainAddress(address: string): string {
  if (!isIPv6(address)) return address
  // URLs know the short form; scopes of link-local addresses are no part of it.
  const short = new URL(`http://[${address.split('%')[0]}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short)
  if (mapped === null) return short
  const [high, low] = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)]
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

/** The subprotocols of a Sec-WebSocket-Protocol header. */
export function protocolsOf(header: string | undefined): string[] {
  return (header ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}
