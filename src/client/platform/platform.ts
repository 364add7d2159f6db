/**
 * What the client needs of the runtime it lives in. Everything else in this folder's parent runs in Node.js and in
 * browsers alike.
 * Runs on: main thread of clients, browsers. Touches: nothing (types only).
 */
import type { CodecName } from '../../../native-free-core/log/record-batch.js'

export interface Platform {
  /** Program and version for the broker's log, when the caller gives none. */
  readonly defaultClientName: string
  /** Called and awaited before each connection: loads what the rest needs, or is faster with. */
  prepare(): Promise<void> | void
  /**
   * Starts to open a WebSocket; what becomes of it is told to the listener, never before this returns. Throws for
   * options that can't be used.
   */
  openSocket(request: SocketRequest, listener: SocketListener): Socket
  /** Calls back when what came with this turn of the event loop is handled. */
  atEndOfTurn(callback: () => void): void
  /** A view on a part of `bytes`, of the kind that programs expect here: a Buffer in Node.js. */
  viewOf(bytes: Uint8Array, start: number, end: number): Uint8Array
  /** A part of `bytes` as UTF-8 text; what is none becomes U+FFFD. */
  textOf(bytes: Uint8Array, start: number, end: number): string
  /** Undefined: it can't be had here. gzip always can. */
  packer(name: PackerName): Packer | undefined
  /** What to do about a packer that can't be had. */
  packerRemedy(name: PackerName): string
}

export type PackerName = Exclude<CodecName, 'none'>

/** Packs and unpacks one compression. */
export interface Packer {
  pack(bytes: Uint8Array): Uint8Array
  /** Undefined: it unpacks to more than `maxBytes`. Throws an Error for what it can't read. */
  unpack(bytes: Uint8Array, maxBytes: number): Uint8Array | undefined
}

export interface SocketRequest {
  readonly url: string
  readonly protocol: string
  readonly maxFrameBytes: number
  readonly tls: TlsOptions | undefined
}

/** For wss:// in Node.js; browsers have their own store of certificates and take none of it. */
export interface TlsOptions {
  /** Trust these authorities instead of the system's: PEM. */
  readonly ca?: Pem | readonly Pem[] | undefined
  /** This client's certificate with its chain, for a broker that asks for one: PEM. */
  readonly cert?: Pem | undefined
  readonly key?: Pem | undefined
  /** The name that must be in the broker's certificate, instead of the host in the address. */
  readonly serverName?: string | undefined
  /** False: take any certificate. Then anybody on the way can read and change everything. */
  readonly rejectUnauthorized?: boolean | undefined
}

/** A text in PEM, or the bytes of a file that holds one. */
export type Pem = string | Uint8Array

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
