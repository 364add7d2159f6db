/**
 * WebSocket and HTTP by uWebSockets.js. Only its own binary is loaded, never the package's fallback.
 * Runs on: main (a worker that ends with it open aborts the process). Touches: sockets.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket, WebSocket } from 'uWebSockets.js'
import { assert } from '../../native-free-core/errors/assert.js'
import { listenError, probePort } from './listen-error.js'
import {
  type Acceptance,
  protocolsOf,
  type Socket,
  type SocketHandler,
  statusLineOf,
  type Transport,
  type TransportOptions,
} from './transport.js'

interface UwsModule {
  App(): TemplatedApp
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
  const path = uwsBinaryPath()
  assert(path !== undefined, 'the binary of uWebSockets.js was not looked for')
  return new UwsTransport(createRequire(import.meta.url)(path) as UwsModule, options)
}

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

  close(code: number, reason: string): void {
    // The close handler runs within end().
    this.ws?.end(code, reason.slice(0, 100))
  }
}

class UwsTransport implements Transport {
  readonly kind = 'uws'
  private readonly uws: UwsModule
  private readonly options: TransportOptions
  private readonly app: TemplatedApp
  private readonly sockets = new Set<WebSocket<UserData>>()
  private listening: us_listen_socket | undefined

  constructor(uws: UwsModule, options: TransportOptions) {
    this.uws = uws
    this.options = options
    this.app = uws.App()
    this.app.ws<UserData>('/*', {
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
    this.app.any('/*', (response, request) => this.http(response, request))
  }

  private upgrade(response: HttpResponse, request: HttpRequest, context: Parameters<HttpResponse['upgrade']>[4]): void {
    const origin = request.getHeader('origin')
    const acceptance = this.options.upgrade({
      host: request.getHeader('host'),
      origin: origin === '' ? undefined : origin,
      protocols: protocolsOf(request.getHeader('sec-websocket-protocol')),
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
    const { status, contentType, body } = this.options.http({
      method: request.getCaseSensitiveMethod().toUpperCase(),
      path: request.getUrl(),
      host: request.getHeader('host'),
    })
    response.cork(() => {
      response.writeStatus(statusLineOf(status)).writeHeader('content-type', contentType)
      response.writeHeader('cache-control', 'no-store').end(body)
    })
  }

  async listen(): Promise<number> {
    const { host } = this.options
    const port = await probePort(host, this.options.port)
    return new Promise((resolve, reject) => {
      this.app.listen(host, port, (listening) => {
        if (listening === false) return reject(listenError({ code: 'EADDRINUSE' }, host, port))
        this.listening = listening
        resolve(port)
      })
    })
  }

  stopListening(): void {
    if (this.listening !== undefined) this.uws.us_listen_socket_close(this.listening)
    this.listening = undefined
  }

  close(): Promise<void> {
    this.stopListening()
    for (const ws of this.sockets) ws.close()
    return Promise.resolve()
  }
}
