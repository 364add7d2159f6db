/**
 * WebSocket and HTTP by node:http and the package ws: for every Node.js that uWebSockets.js has no binary for.
 * Runs on: main. Touches: sockets.
 */
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { Socket as NetSocket } from 'node:net'
import { createRequire } from 'node:module'
import { type SecureContextOptions, TLSSocket } from 'node:tls'
import type { RawData, WebSocket, WebSocketServer } from 'ws'
import { listenError } from './listen-error.js'
import {
  type Acceptance,
  plainAddress,
  protocolsOf,
  type Socket,
  type SocketHandler,
  tlsCiphers,
  type TlsMaterial,
  type Transport,
  type TransportOptions,
} from './transport.js'

export function createWsTransport(options: TransportOptions): Transport {
  return new WsTransport(options)
}

interface WsModule {
  readonly WebSocketServer: typeof WebSocketServer
}

class WsSocket implements Socket {
  private readonly ws: WebSocket
  handler: SocketHandler | undefined
  private pendingBytes = 0
  private isOpen = true
  private readonly onSent: () => void
  private readonly raw: NetSocket
  private readonly onRaw: (data: Buffer) => void

  constructor(ws: WebSocket, raw: NetSocket, maxUnprovenBytes: number) {
    this.ws = ws
    this.raw = raw
    this.onSent = () => this.handler?.onDrain()
    let receivedBytes = 0
    this.onRaw = (data) => {
      receivedBytes += data.length
      if (receivedBytes > maxUnprovenBytes) this.ws.terminate()
    }
    raw.on('data', this.onRaw)
  }

  trust(): void {
    this.raw.off('data', this.onRaw)
  }

  forget(): void {
    this.isOpen = false
  }

  send(bytes: Uint8Array): boolean {
    // ws keeps what it is given until the system takes it: the copy is what makes the bytes the caller's again.
    return this.put(Buffer.from(bytes), true)
  }

  sendText(text: string): boolean {
    return this.put(Buffer.from(text), false)
  }

  private put(data: Buffer, isBinary: boolean): boolean {
    if (!this.isOpen || this.ws.readyState !== this.ws.OPEN) return false
    this.pendingBytes += data.length
    this.ws.send(data, { binary: isBinary }, () => {
      this.pendingBytes -= data.length
      this.onSent()
    })
    return true
  }

  bufferedBytes(): number {
    return this.pendingBytes
  }

  close(code: number, reason: string): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.ws.close(code, reason.slice(0, 100))
    const { handler } = this
    this.handler = undefined
    handler?.onClose()
  }
}

/** A peer that takes longer to finish a TLS handshake or a request is let go. */
const serverOptions: ServerOptions = {
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 5000,
}
const handshakeTimeoutMs = 10_000

class WsTransport implements Transport {
  readonly kind = 'ws'
  private readonly options: TransportOptions
  private readonly server: Server | TlsServer
  private readonly webSockets: WebSocketServer
  private readonly chosen = new WeakMap<IncomingMessage, string | false>()

  constructor(options: TransportOptions) {
    this.options = options
    this.server = this.createServer((request, response) => this.http(request, response))
    this.server.maxConnections = options.maxSockets
    // Loaded here, not above: with the other front end it would only take memory and time.
    const ws = createRequire(import.meta.url)('ws') as WsModule
    this.webSockets = new ws.WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: options.maxPayloadBytes,
      handleProtocols: (_offered, request) => this.chosen.get(request) ?? false,
    })
    this.server.on('upgrade', (request, socket, head) => this.upgrade(request, socket as NetSocket, head))
  }

  private createServer(onRequest: (request: IncomingMessage, response: ServerResponse) => void): Server | TlsServer {
    const { tls } = this.options
    if (tls === undefined) return createServer(serverOptions, onRequest)
    const server = createTlsServer(
      { ...serverOptions, ...secureContextOf(tls), ...clientRule(tls), handshakeTimeout: handshakeTimeoutMs },
      onRequest,
    )
    server.on('tlsClientError', (error, socket) => {
      this.options.tlsFailed(
        plainAddress(socket.remoteAddress ?? ''),
        (error as { code?: string }).code ?? error.message,
      )
    })
    return server
  }

  replaceTls(material: TlsMaterial): Promise<void> {
    if ('setSecureContext' in this.server) this.server.setSecureContext(secureContextOf(material))
    return Promise.resolve()
  }

  private upgrade(request: IncomingMessage, socket: NetSocket, head: Buffer): void {
    const acceptance = this.options.upgrade({
      host: request.headers.host ?? '',
      origin: request.headers.origin,
      protocols: protocolsOf(request.headers['sec-websocket-protocol']),
      ...peerOf(request.socket),
    })
    this.chosen.set(request, acceptance.protocol ?? false)
    this.webSockets.handleUpgrade(request, socket, head, (ws) => this.open(ws, socket, acceptance))
  }

  private open(ws: WebSocket, raw: NetSocket, acceptance: Acceptance): void {
    const socket = new WsSocket(ws, raw, this.options.maxUnprovenBytes)
    let isClosed = false
    ws.on('message', (data: RawData, isBinary: boolean) => socket.handler?.onMessage(data as Buffer, isBinary))
    // A protocol violation: ws closes the connection with the code that the RFC names.
    ws.on('error', () => undefined)
    ws.on('close', () => {
      isClosed = true
      socket.forget()
      const { handler } = socket
      socket.handler = undefined
      handler?.onClose()
    })
    const handler = acceptance.open(socket)
    if (!isClosed && ws.readyState === ws.OPEN) socket.handler = handler
    else handler.onClose()
  }

  private http(request: IncomingMessage, response: ServerResponse): void {
    const { status, contentType, body, headers, delayMs } = this.options.http({
      method: request.method ?? 'GET',
      path: (request.url ?? '/').split('?')[0]!,
      host: request.headers.host ?? '',
      authorization: request.headers.authorization ?? '',
      ...peerOf(request.socket),
    })
    const answer = (): void => {
      response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store', ...headers })
      response.end(body)
    }
    if (delayMs === undefined) answer()
    else setTimeout(answer, delayMs).unref()
  }

  listen(): Promise<number> {
    const { host, port } = this.options
    return new Promise((resolve, reject) => {
      this.server.once('error', (error) => reject(listenError(error, host, port)))
      this.server.listen({ host, port }, () => {
        const address = this.server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : port)
      })
    })
  }

  stopListening(): void {
    this.server.close()
    this.server.closeIdleConnections()
  }

  close(): Promise<void> {
    this.stopListening()
    for (const ws of this.webSockets.clients) ws.terminate()
    this.server.closeAllConnections()
    return Promise.resolve()
  }
}

function secureContextOf({ certificate, key, clientCa }: TlsMaterial): SecureContextOptions {
  const ca = clientCa === undefined ? {} : { ca: clientCa }
  return { cert: certificate, key, minVersion: 'TLSv1.2', ciphers: nodeCiphers, honorCipherOrder: true, ...ca }
}

/** Node's list names the suites of TLS 1.3 too. */
const nodeCiphers = `TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:${tlsCiphers}`

function clientRule({ clientCa }: TlsMaterial): { requestCert: boolean; rejectUnauthorized: boolean } {
  const isAsked = clientCa !== undefined
  return { requestCert: isAsked, rejectUnauthorized: isAsked }
}

function peerOf(socket: NetSocket): { remoteAddress: string; certificateName: string | undefined } {
  const name: unknown = socket instanceof TLSSocket && socket.authorized ? socket.getPeerCertificate().subject?.CN : ''
  return {
    remoteAddress: plainAddress(socket.remoteAddress ?? ''),
    // A certificate with several names is nobody's in particular.
    certificateName: typeof name === 'string' && name !== '' ? name : undefined,
  }
}
