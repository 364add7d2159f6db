/**
 * WebSocket and HTTP by uWebSockets.js. Only its own binary is loaded, never the package's fallback.
 * Runs on: main (a worker that ends with it open aborts the process). Touches: sockets.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket, WebSocket } from 'uWebSockets.js'
import { assert } from '../../native-free-core/errors/assert.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { listenError, probePort } from './listen-error.js'
import {
  type Acceptance,
  type HttpAnswer,
  plainAddress,
  protocolsOf,
  type Socket,
  type SocketHandler,
  statusLineOf,
  tlsCiphers,
  type TlsMaterial,
  type Transport,
  type TransportOptions,
} from './transport.js'

export interface UwsModule {
  App(): TemplatedApp
  SSLApp(options: { cert_file_name: string; key_file_name: string; ssl_ciphers: string }): TemplatedApp
  us_listen_socket_close(socket: us_listen_socket): void
}

interface UserData {
  readonly acceptance: Acceptance
  socket?: UwsSocket
  handler?: SocketHandler
}

/** Path of the binary for exactly this Node.js and system; undefined: there is none. */
export function uwsBinaryPath(): string | undefined {
  const { platform, arch, versions } = process
  try {
    const folder = dirname(createRequire(import.meta.url).resolve('uWebSockets.js/package.json'))
    const path = join(folder, 'binaries', `uws_${platform}_${arch}_${versions.modules}.node`)
    return existsSync(path) ? path : undefined
  } catch {
    return undefined
  }
}

/** Throws what the loader throws, such as a C library that is too old. */
export function createUwsTransport(options: TransportOptions): Transport {
  return new UwsTransport(loadUws(), options)
}

/** Its binary; loaded once in a process. Throws as above. */
export function loadUws(): UwsModule {
  const path = uwsBinaryPath()
  assert(path !== undefined, 'the binary of uWebSockets.js was not looked for')
  return createRequire(import.meta.url)(path) as UwsModule
}

/** For connections that the system has accepted and we have not. */
const handOverMs = 5

class UwsSocket implements Socket {
  private ws: WebSocket<UserData> | undefined

  constructor(ws: WebSocket<UserData>) {
    this.ws = ws
  }

  forget(): void {
    this.ws = undefined
  }

  send(bytes: Uint8Array): boolean {
    return this.put(bytes, true)
  }

  sendText(text: string): boolean {
    return this.put(text, false)
  }

  private put(message: Uint8Array | string, isBinary: boolean): boolean {
    if (this.ws === undefined) return false
    // 0: buffered and accepted, never to be sent again. 2: dropped, which the gateway's own limits exclude.
    if (this.ws.send(message, isBinary) !== 2) return true
    this.close(4500, 'a frame was dropped')
    return false
  }

  bufferedBytes(): number {
    return this.ws?.getBufferedAmount() ?? 0
  }

  /** Frames come whole: there is nothing to watch on the way. */
  trust(): void {}

  close(code: number, reason: string): void {
    // The close handler runs within end().
    this.ws?.end(code, reason.slice(0, 100))
  }
}

class UwsTransport implements Transport {
  readonly kind = 'uws'
  private readonly uws: UwsModule
  private readonly options: TransportOptions
  private app: TemplatedApp
  private readonly sockets = new Set<WebSocket<UserData>>()
  private listening: us_listen_socket | undefined
  private port = 0
  private isStopped = false

  constructor(uws: UwsModule, options: TransportOptions) {
    this.uws = uws
    this.options = options
    this.app = this.createApp(options.tls)
  }

  /** Throws INVALID_CERTIFICATE. */
  private createApp(tls: TlsMaterial | undefined): TemplatedApp {
    const { options } = this
    const app = tls === undefined ? this.uws.App() : this.createTlsApp(tls)
    app.ws<UserData>('/*', {
      maxPayloadLength: options.maxPayloadBytes,
      maxBackpressure: options.maxBackpressureBytes,
      // The gateway watches for silence itself, to say why before it closes.
      idleTimeout: 0,
      sendPingsAutomatically: false,
      upgrade: (response, request, context) => this.upgrade(response, request, context),
      open: (ws) => this.open(ws),
      message: (ws, message, isBinary) => ws.getUserData().handler?.onMessage(new Uint8Array(message), isBinary),
      drain: (ws) => ws.getUserData().handler?.onDrain(),
      close: (ws) => this.closed(ws),
    })
    app.any('/*', (response, request) => this.http(response, request))
    return app
  }

  private createTlsApp({ certificateFile, keyFile }: TlsMaterial): TemplatedApp {
    try {
      return this.uws.SSLApp({ cert_file_name: certificateFile, key_file_name: keyFile, ssl_ciphers: tlsCiphers })
    } catch (cause) {
      const what = `uWebSockets.js can't use ${certificateFile} with ${keyFile}`
      throw new StreamBusError('INVALID_CERTIFICATE', what, { cause })
    }
  }

  private upgrade(response: HttpResponse, request: HttpRequest, context: Parameters<HttpResponse['upgrade']>[4]): void {
    const origin = request.getHeader('origin')
    const acceptance = this.options.upgrade({
      host: request.getHeader('host'),
      origin: origin === '' ? undefined : origin,
      protocols: protocolsOf(request.getHeader('sec-websocket-protocol')),
      remoteAddress: addressOf(response),
      certificateName: undefined,
    })
    const userData: UserData = { acceptance }
    const key = request.getHeader('sec-websocket-key')
    const extensions = request.getHeader('sec-websocket-extensions')
    response.upgrade(userData, key, acceptance.protocol ?? '', extensions, context)
  }

  private open(ws: WebSocket<UserData>): void {
    const data = ws.getUserData()
    this.sockets.add(ws)
    data.socket = new UwsSocket(ws)
    const handler = data.acceptance.open(data.socket)
    // It may have been closed while it was opened.
    if (this.sockets.has(ws)) data.handler = handler
    else handler.onClose()
  }

  private closed(ws: WebSocket<UserData>): void {
    const data = ws.getUserData()
    this.sockets.delete(ws)
    data.socket?.forget()
    data.handler?.onClose()
  }

  private http(response: HttpResponse, request: HttpRequest): void {
    const isLast = mayHaveBody(request)
    const answer = this.options.http({
      method: request.getCaseSensitiveMethod().toUpperCase(),
      path: request.getUrl(),
      host: request.getHeader('host'),
      authorization: request.getHeader('authorization'),
      remoteAddress: addressOf(response),
      certificateName: undefined,
    })
    if (answer.delayMs === undefined && !isLast) return respond(response, answer, false)
    // While an answer is owed, uWebSockets.js ends a connection that brings another request.
    const timer = setTimeout(() => respond(response, answer, isLast), answer.delayMs ?? 0).unref()
    response.onAborted(() => clearTimeout(timer))
  }

  async listen(): Promise<number> {
    this.port = await probePort(this.options.host, this.options.port)
    this.listening = await this.listenWith(this.app)
    return this.port
  }

  private listenWith(app: TemplatedApp): Promise<us_listen_socket> {
    const { host } = this.options
    return new Promise((resolve, reject) => {
      app.listen(host, this.port, (listening) => {
        if (listening === false) reject(listenError({ code: 'EADDRINUSE' }, host, this.port))
        else resolve(listening)
      })
    })
  }

  /**
   * A second app listens on the same port (uWebSockets.js shares ports), then the first stops listening and keeps its
   * connections. In between both accept; a connection that the system has taken for the first in the very moment of its
   * end is reset, and its client comes again (none in 30 replacements at 500 connections a second).
   */
  async replaceTls(material: TlsMaterial): Promise<void> {
    const app = this.createApp(material)
    const listening = await this.listenWith(app)
    if (this.isStopped) return this.uws.us_listen_socket_close(listening)
    const before = this.listening
    this.app = app
    this.listening = listening
    // What waits to be accepted there is accepted in the next turn.
    await new Promise((resolve) => setTimeout(resolve, handOverMs))
    if (before !== undefined) this.uws.us_listen_socket_close(before)
  }

  stopListening(): void {
    this.isStopped = true
    if (this.listening !== undefined) this.uws.us_listen_socket_close(this.listening)
    this.listening = undefined
  }

  close(): Promise<void> {
    this.stopListening()
    for (const ws of this.sockets) ws.close()
    return Promise.resolve()
  }
}

function addressOf(response: HttpResponse): string {
  return plainAddress(Buffer.from(response.getRemoteAddressAsText()).toString('latin1'))
}

/**
 * What follows the head of such a request may be a body to a proxy and another request to uWebSockets.js, which knows
 * neither Transfer-Encoding nor two lengths: the connection ends with the answer.
 */
function mayHaveBody(request: HttpRequest): boolean {
  const isSafe = request.getCaseSensitiveMethod() === 'GET'
  return !isSafe || request.getHeader('transfer-encoding') !== '' || request.getHeader('content-length') !== ''
}

/** `isLast`: the connection ends with it. */
function respond(response: HttpResponse, answer: HttpAnswer, isLast: boolean): void {
  const { status, contentType, body, headers } = answer
  response.cork(() => {
    response.writeStatus(statusLineOf(status)).writeHeader('content-type', contentType)
    for (const [name, value] of Object.entries(headers ?? {})) response.writeHeader(name, value)
    response.writeHeader('cache-control', 'no-store').end(body, isLast)
  })
}
