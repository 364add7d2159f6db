/**
 * A WebSocket of a browser.
 * Runs on: browsers, main thread and workers. Touches: its socket and timers.
 *
 * A browser copies what it is given to send at once. It tells nobody when bytes were taken by the system, so whoever
 * wants to hear of it (acks 0) is told when the amount that is buffered says so.
 */
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import type { Socket, SocketListener, SocketRequest } from './platform.js'

interface Unsent {
  /** How many bytes must have gone. */
  readonly atBytes: number
  readonly sent: (error: Error | undefined) => void
}

const sentPollMs = 20

export class BrowserSocket implements Socket {
  private readonly socket: WebSocket
  private listener: SocketListener | undefined
  private pollTimer: ReturnType<typeof setTimeout> | undefined
  private sentBytes = 0
  private unsent: Unsent[] = []

  constructor(request: SocketRequest, listener: SocketListener) {
    if (request.tls !== undefined) throw tlsInBrowser()
    this.listener = listener
    const socket = new WebSocket(request.url, [request.protocol])
    this.socket = socket
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => this.listener?.opened()
    socket.onmessage = (event: MessageEvent<unknown>) => this.received(event.data)
    socket.onclose = (event) => this.ended(event.code, event.reason)
  }

  /** A broker sends no text on this protocol: what is no ArrayBuffer is taken for an empty frame, which is refused. */
  private received(data: unknown): void {
    this.listener?.received(new Uint8Array(data instanceof ArrayBuffer ? data : new ArrayBuffer(0)))
  }

  private ended(code: number, reason: string): void {
    clearTimeout(this.pollTimer)
    const { unsent, listener } = this
    this.unsent = []
    this.listener = undefined
    for (const { sent } of unsent) sent(new Error('the connection ended'))
    listener?.ended(code, reason, undefined)
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN
  }

  send(bytes: Uint8Array, sent?: (error: Error | undefined) => void): void {
    this.socket.send(bytes as Uint8Array<ArrayBuffer>)
    this.sentBytes += bytes.length
    if (sent === undefined) return
    this.unsent.push({ atBytes: this.sentBytes, sent })
    this.pollTimer ??= setTimeout(() => this.tellSent(), 0)
  }

  private tellSent(): void {
    const goneBytes = this.sentBytes - this.socket.bufferedAmount
    const gone = this.unsent.filter(({ atBytes }) => atBytes <= goneBytes)
    this.unsent = this.unsent.slice(gone.length)
    this.pollTimer = this.unsent.length === 0 ? undefined : setTimeout(() => this.tellSent(), sentPollMs)
    for (const { sent } of gone) sent(undefined)
  }

  close(): void {
    this.socket.close(1000)
  }

  terminate(): void {
    this.listener = undefined
    this.socket.close()
    this.ended(0, '')
  }
}

function tlsInBrowser(): StreamBusError {
  return new StreamBusError('USAGE', 'a browser takes no tls options: it has its own store of certificates', {
    remedy: 'Leave tls out and write the address as wss://HOST:PORT.',
  })
}
