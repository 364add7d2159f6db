/**
 * What the client needs of the runtime it lives in. Everything else in this folder's parent runs in Node.js and in
 * browsers alike.
 * Runs on: main thread of clients, browsers. Touches: nothing (types only).
 */

export interface Platform {
  /** Program and version for the broker's log, when the caller gives none. */
  readonly defaultClientName: string
  /** Called once before the first connection: loads what makes the rest faster. */
  prepare(): void
  /** Starts to open a WebSocket; what becomes of it is told to the listener, never before this returns. */
  openSocket(request: SocketRequest, listener: SocketListener): Socket
  /** Calls back when what came with this turn of the event loop is handled. */
  atEndOfTurn(callback: () => void): void
  /** A view on a part of `bytes`, of the kind that programs expect here: a Buffer in Node.js. */
  viewOf(bytes: Uint8Array, start: number, end: number): Uint8Array
  gzip(bytes: Uint8Array): Uint8Array
  /** Undefined: it unpacks to more than `maxBytes`. Throws an Error for what is no gzip. */
  gunzip(bytes: Uint8Array, maxBytes: number): Uint8Array | undefined
}

export interface SocketRequest {
  readonly url: string
  readonly protocol: string
  /** For TCP, TLS and the WebSocket handshake together. */
  readonly openTimeoutMs: number
  readonly maxFrameBytes: number
}

export interface SocketListener {
  opened(): void
  /** One binary message. */
  received(frame: Uint8Array): void
  /** Told once, also when it could not be opened. `error`: what the system said, if it said anything. */
  ended(code: number, reason: string, error: Error | undefined): void
}

export interface Socket {
  readonly isOpen: boolean
  /** The bytes are the caller's again when it returns. `sent` hears when the system has taken them, or cannot. */
  send(bytes: Uint8Array, sent?: (error: Error | undefined) => void): void
  /** Ends it with the closing handshake, and without when the other side does not answer. */
  close(): void
  /** Ends it at once; `ended` is not told. */
  terminate(): void
}

/** The code of a WebSocket that ended without a closing handshake. */
export const abnormalClosure = 1006

/** Why a socket was not opened: nothing came within the time. */
export class OpenTimeoutError extends Error {
  constructor(timeoutMs: number) {
    super(`the handshake took longer than ${timeoutMs} ms`)
    this.name = 'OpenTimeoutError'
  }
}
