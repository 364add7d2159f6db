/**
 * A WebSocket client that may break every rule: frames go out as they are given, and what comes back is told apart from
 * an end without a word.
 * Runs on: the process of a fuzz run. Touches: a socket.
 */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

export interface FrameShape {
  /** 1 text, 2 binary, 8 close, 9 ping, 10 pong. */
  readonly opcode: number
  readonly payload: Uint8Array
  readonly isFinal?: boolean
  readonly isMasked?: boolean
  /** RSV1 to RSV3, as they stand in the first byte. */
  readonly reservedBits?: number
  /** What the head says, where it differs from the payload's length. */
  readonly saidLength?: bigint
  /** In eight bytes, though it would fit fewer. */
  readonly longLength?: boolean
}

/** A frame of a client. */
export function encodeFrame(shape: FrameShape): Uint8Array {
  const { opcode, payload, isFinal = true, isMasked = true, reservedBits = 0, longLength = false } = shape
  const length = shape.saidLength ?? BigInt(payload.length)
  const lengthBytes = longLength || length > 65_535n ? 8 : length > 125n ? 2 : 0
  const head = Buffer.alloc(2 + lengthBytes + (isMasked ? 4 : 0))
  head[0] = (isFinal ? 0x80 : 0) | reservedBits | opcode
  head[1] = (isMasked ? 0x80 : 0) | (lengthBytes === 8 ? 127 : lengthBytes === 2 ? 126 : Number(length))
  if (lengthBytes === 2) head.writeUInt16BE(Number(length), 2)
  if (lengthBytes === 8) head.writeBigUInt64BE(BigInt.asUintN(64, length), 2)
  if (!isMasked) return Buffer.concat([head, payload])
  const maskAt = head.length - 4
  head.writeUInt32BE(0x1b2c_3d4e, maskAt)
  const whole = Buffer.concat([head, payload])
  for (let index = 0; index < payload.length; index++) whole[head.length + index]! ^= head[maskAt + (index & 3)]!
  return whole
}

/** How a connection ended. */
export interface End {
  /** Of the close frame; undefined: none came. */
  readonly code: number | undefined
  readonly reason: string
}

export class RawWebSocket {
  readonly ended: Promise<End>
  /** The status line of the answer to the handshake. */
  readonly answered: Promise<string>
  private readonly socket: Socket
  private received: Buffer = Buffer.alloc(0)
  private isUpgraded = false
  private end: End | undefined
  onMessage: (payload: Buffer, isText: boolean) => void = () => undefined

  /** `head`: sent with the handshake; `localAddress`: where it seems to come from. */
  constructor(port: number, protocol: string, localAddress?: string) {
    this.socket = connect({ host: '127.0.0.1', port, ...(localAddress === undefined ? {} : { localAddress }) })
    this.socket.setNoDelay(true)
    this.socket.on('error', () => undefined)
    this.answered = new Promise((resolve) => {
      this.socket.on('data', (bytes) => this.take(bytes, resolve))
      this.socket.on('close', () => resolve(''))
    })
    this.ended = new Promise((resolve) => {
      this.socket.on('close', () => resolve(this.end ?? { code: undefined, reason: '' }))
    })
    const key = randomBytes(16).toString('base64')
    this.write(
      Buffer.from(
        `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
      ),
    )
  }

  get isOpen(): boolean {
    return !this.socket.destroyed && this.end === undefined
  }

  write(bytes: Uint8Array): void {
    if (!this.socket.destroyed) this.socket.write(bytes)
  }

  send(payload: Uint8Array, isText: boolean): void {
    this.write(encodeFrame({ opcode: isText ? 1 : 2, payload }))
  }

  /** Resolves when the system has taken what was written, or the connection is over. */
  drained(): Promise<void> {
    const { socket } = this
    if (socket.destroyed || !socket.writableNeedDrain) return new Promise((resolve) => setImmediate(resolve))
    return new Promise((resolve) => {
      const done = (): void => {
        socket.off('drain', done)
        socket.off('close', done)
        resolve()
      }
      socket.on('drain', done)
      socket.on('close', done)
    })
  }

  /** Reads nothing more. */
  pause(): void {
    this.socket.pause()
  }

  /** Nothing more will be written: half of the connection is closed. */
  finish(): void {
    this.socket.end()
  }

  destroy(): void {
    this.socket.destroy()
  }

  private take(bytes: Buffer, onAnswer: (line: string) => void): void {
    this.received = this.received.length === 0 ? bytes : Buffer.concat([this.received, bytes])
    if (!this.isUpgraded) {
      const headEnd = this.received.indexOf('\r\n\r\n')
      if (headEnd < 0) return
      const line = this.received.toString('latin1', 0, this.received.indexOf('\r\n'))
      this.isUpgraded = line.includes(' 101 ')
      this.received = this.received.subarray(headEnd + 4)
      onAnswer(line)
      if (!this.isUpgraded) return
    }
    this.takeFrames()
  }

  private takeFrames(): void {
    for (;;) {
      const { received } = this
      if (received.length < 2) return
      const short = received[1]! & 0x7f
      const headBytes = short < 126 ? 2 : short === 126 ? 4 : 10
      if (received.length < headBytes) return
      const length =
        short < 126 ? short : short === 126 ? received.readUInt16BE(2) : Number(received.readBigUInt64BE(2))
      if (received.length < headBytes + length) return
      const payload = received.subarray(headBytes, headBytes + length)
      this.received = received.subarray(headBytes + length)
      this.takeFrame(received[0]! & 15, payload)
    }
  }

  private takeFrame(opcode: number, payload: Buffer): void {
    if (opcode === 1 || opcode === 2) return this.onMessage(payload, opcode === 1)
    if (opcode !== 8) return
    const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005
    this.end = { code, reason: payload.toString('utf8', 2) }
    this.write(encodeFrame({ opcode: 8, payload: payload.subarray(0, 2) }))
    this.socket.end()
  }
}
