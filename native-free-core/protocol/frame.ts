/**
 * Packs messages into WebSocket frames and takes them out again.
 * Runs on: every thread, and browsers. Touches: the bytes it is given.
 * One frame carries several messages because a frame costs the same CPU whatever its size (docs/decisions/0003).
 */
import { ByteReader } from '../bytes/byte-reader.js'
import { ByteWriter } from '../bytes/byte-writer.js'
import { StreamBusError } from '../errors/streambus-error.js'
import { type ErrorBody, writeErrorBody } from './codecs.generated.js'

export const MessageFlag = { response: 1, error: 2 } as const

/** Bytes before a message's body: length, api, flags, correlation id. */
export const messageHeaderBytes = 12
/** Of those, what the length field counts. */
const countedHeaderBytes = 8

export interface MessageHeader {
  readonly api: number
  readonly flags: number
  readonly correlationId: number
}

/** Collects messages; take the frame with `takeFrame` or view it with `view`. */
export class FrameWriter {
  readonly body: ByteWriter
  private lengthAt = -1
  /** Messages since the last reset. */
  messageCount = 0

  constructor(initialBytes = 1024) {
    this.body = new ByteWriter(initialBytes)
  }

  get sizeBytes(): number {
    return this.body.position
  }

  /** Starts a message; write its body to `body`, then call `end`. */
  begin(api: number, flags: number, correlationId: number): ByteWriter {
    this.lengthAt = this.body.reserveU32()
    this.body.u16(api)
    this.body.u16(flags)
    this.body.u32(correlationId)
    return this.body
  }

  end(): void {
    this.body.patchU32(this.lengthAt, this.body.position - this.lengthAt - 4)
    this.messageCount++
  }

  error(api: number, correlationId: number, error: ErrorBody): void {
    writeErrorBody(this.begin(api, MessageFlag.response | MessageFlag.error, correlationId), error)
    this.end()
  }

  /** A view on the frame, valid until the next write. */
  view(): Uint8Array {
    return this.body.written()
  }

  reset(): void {
    this.body.reset()
    this.messageCount = 0
  }
}

/**
 * Calls `onMessage` for each message of a frame; the reader stands at the body and may not pass its end.
 * Throws MALFORMED_FRAME where lengths contradict the frame.
 */
export function readFrame(frame: Uint8Array, onMessage: (header: MessageHeader, body: ByteReader) => void): void {
  const reader = new ByteReader(frame)
  const body = new ByteReader(frame)
  if (frame.length === 0) throw new StreamBusError('MALFORMED_FRAME', 'an empty frame')
  while (reader.remainingBytes > 0) {
    const length = reader.u32()
    const start = reader.position
    if (length < countedHeaderBytes || length > frame.length - start) {
      throw new StreamBusError(
        'MALFORMED_FRAME',
        `message at byte ${start - 4} says ${length} bytes; expected ${countedHeaderBytes} to ${frame.length - start}`,
      )
    }
    const header = { api: reader.u16(), flags: reader.u16(), correlationId: reader.u32() }
    body.window(reader.position, start + length)
    onMessage(header, body)
    reader.window(start + length, frame.length)
  }
}
