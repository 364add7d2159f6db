/**
 * One attempt to reach one broker, and the socket that comes of it: the token, the time limit, errors in words.
 * Runs on: main thread of clients, browsers. Touches: its socket and timer.
 */
import type { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { brokenConnection, connectError, endOfConnection, noAnswer, noToken } from './connection-errors.js'
import type { Platform, Socket, TlsOptions } from './platform/platform.js'
import type { ServerAddress } from './server-address.js'

/** A function is asked for each attempt. */
export type Token = string | (() => string | Promise<string>)

export interface LinkOptions {
  readonly platform: Platform
  readonly tls: TlsOptions | undefined
  readonly token: Token | undefined
  /** For the whole way to the broker's first answer. */
  readonly connectTimeoutMs: number
}

export interface LinkListener {
  opened(token: string | undefined): void
  received(frame: Uint8Array): void
  /** Told once, and not after `close` or `drop`. */
  ended(error: StreamBusError): void
}

/** More than any broker may send in one frame. */
const maxFrameBytes = 256 * 1024 * 1024

export class Link {
  readonly address: ServerAddress
  private readonly options: LinkOptions
  private listener: LinkListener | undefined
  private socket: Socket | undefined
  private timer: ReturnType<typeof setTimeout> | undefined
  private wasOpen = false

  constructor(address: ServerAddress, options: LinkOptions, listener: LinkListener) {
    this.address = address
    this.options = options
    this.listener = listener
  }

  /** Called once. */
  start(): void {
    const { connectTimeoutMs } = this.options
    this.timer = setTimeout(() => this.failed(noAnswer(this.address, connectTimeoutMs)), connectTimeoutMs)
    const { token } = this.options
    if (typeof token === 'function') void this.askForToken(token)
    else this.openSocket(token)
  }

  /** Never rejects. */
  private async askForToken(ask: () => string | Promise<string>): Promise<void> {
    let token: string
    try {
      token = await ask()
      if (typeof token !== 'string') throw new TypeError(`it returned ${String(token)}, which is no text`)
    } catch (error) {
      return this.failed(noToken(error))
    }
    if (this.listener !== undefined) this.openSocket(token)
  }

  private openSocket(token: string | undefined): void {
    const { platform, tls } = this.options
    const { address } = this
    try {
      const request = { url: address.url, protocol: 'streambus.v1', maxFrameBytes, tls }
      this.socket = platform.openSocket(request, {
        opened: () => {
          this.wasOpen = true
          this.listener?.opened(token)
        },
        received: (frame) => this.listener?.received(frame),
        ended: (code, reason, error) => {
          if (!this.wasOpen) this.failed(connectError(error, address))
          else if (error === undefined) this.failed(endOfConnection(address, code, reason))
          else this.failed(brokenConnection(error, address))
        },
      })
    } catch (error) {
      this.failed(connectError(error, address))
    }
  }

  /** The broker has answered: no time limit any more. */
  established(): void {
    clearTimeout(this.timer)
  }

  get isOpen(): boolean {
    return this.socket?.isOpen ?? false
  }

  /** The bytes are the caller's again when it returns. Only when it is open. */
  send(bytes: Uint8Array, sent?: (error: Error | undefined) => void): void {
    this.socket!.send(bytes, sent)
  }

  private failed(error: StreamBusError): void {
    const { listener } = this
    this.drop()
    listener?.ended(error)
  }

  /** With the closing handshake. */
  close(): void {
    clearTimeout(this.timer)
    this.listener = undefined
    this.socket?.close()
  }

  /** At once. */
  drop(): void {
    clearTimeout(this.timer)
    this.listener = undefined
    this.socket?.terminate()
  }
}
