/**
 * A WebSocket of Node.js, by ws.
 * Runs on: main thread of clients. Touches: its socket.
 *
 * ws copies a frame while it masks it, so the caller's bytes are free when `send` returns; a mask of zeros would skip
 * that copy, so none is ever used.
 */
import { randomFillSync } from 'node:crypto'
import type * as Ws from 'ws'
import type { Pem, Socket, SocketListener, SocketRequest, TlsOptions } from './platform.js'

let ws: typeof Ws | undefined

/** Loads ws, which takes longer than all the rest of the client: a program that only imports it need not wait. */
export async function loadWebSocket(): Promise<void> {
  ws ??= await import('ws')
}

/** A broker that does not answer the closing handshake must not keep the process alive. */
const closeTimeoutMs = 1000

export class NodeSocket implements Socket {
  private readonly socket: Ws.WebSocket
  private listener: SocketListener | undefined
  private error: Error | undefined

  constructor(request: SocketRequest, listener: SocketListener) {
    this.listener = listener
    const socket = new ws!.WebSocket(request.url, [request.protocol], {
      perMessageDeflate: false,
      maxPayload: request.maxFrameBytes,
      skipUTF8Validation: true,
      generateMask: fillMask,
      ...tlsFields(request.tls),
    })
    this.socket = socket
    socket.on('open', () => this.listener?.opened())
    socket.on('message', (data) => this.listener?.received(data as Buffer))
    socket.on('error', (error) => {
      this.error = error
    })
    socket.on('close', (code, reason) => this.listener?.ended(code, reason.toString(), this.error))
  }

  get isOpen(): boolean {
    return this.socket.readyState === this.socket.OPEN
  }

  send(bytes: Uint8Array, sent?: (error: Error | undefined) => void): void {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    if (sent === undefined) this.socket.send(buffer)
    else this.socket.send(buffer, (error) => sent(error ?? undefined))
  }

  close(): void {
    this.socket.close(1000)
    setTimeout(() => this.socket.terminate(), closeTimeoutMs).unref()
  }

  terminate(): void {
    this.listener = undefined
    this.socket.terminate()
  }
}

/** What ws hands to tls.connect. */
type TlsFields = Ws.ClientOptions & { servername?: string }

function tlsFields(tls: TlsOptions | undefined): TlsFields {
  const fields: TlsFields = {}
  if (tls === undefined) return fields
  if (tls.ca !== undefined) fields.ca = isList(tls.ca) ? tls.ca.map(pemOf) : pemOf(tls.ca)
  if (tls.cert !== undefined) fields.cert = pemOf(tls.cert)
  if (tls.key !== undefined) fields.key = pemOf(tls.key)
  if (tls.serverName !== undefined) fields.servername = tls.serverName
  if (tls.rejectUnauthorized !== undefined) fields.rejectUnauthorized = tls.rejectUnauthorized
  return fields
}

function isList(value: Pem | readonly Pem[]): value is readonly Pem[] {
  return Array.isArray(value)
}

function pemOf(pem: Pem): string | Buffer {
  return typeof pem === 'string' ? pem : Buffer.from(pem)
}

const masks = Buffer.alloc(8192)
let nextMask = masks.length

/**
 * Never all zeros: ws sends those frames without the copy that frees the buffer. Many at once are drawn: each by itself
 * takes 2 to 3 µs, and one of these 0.04.
 */
function fillMask(mask: Buffer): void {
  if (nextMask === masks.length) {
    randomFillSync(masks)
    nextMask = 0
  }
  mask[0] = masks[nextMask]! | 1
  for (let index = 1; index < mask.length; index++) mask[index] = masks[nextMask + index]!
  nextMask += mask.length
}
