/**
 * Reads big-endian fields off bytes that may be hostile: every read is bounds checked.
 * Runs on: every thread, and browsers. Touches: the bytes it is given.
 */
import { StreamBusError } from '../errors/streambus-error.js'
import { readInt64 } from './int64.js'
import { decodeUtf8 } from './utf8.js'
import { type Uuid, uuidFromBytes } from './uuid.js'

export class ByteReader {
  private bytes: Uint8Array
  private view: DataView
  private at = 0
  private end = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.end = bytes.byteLength
  }

  /** Starts over on a part of the same bytes. */
  window(start: number, end: number): this {
    this.at = start
    this.end = end
    return this
  }

  get position(): number {
    return this.at
  }

  get remainingBytes(): number {
    return this.end - this.at
  }

  private take(count: number, what: string): number {
    const start = this.at
    if (count < 0 || count > this.end - start) {
      throw new StreamBusError(
        'MALFORMED_FRAME',
        `${what} at byte ${start} needs ${count} bytes; ${this.end - start} are left`,
      )
    }
    this.at = start + count
    return start
  }

  u8(): number {
    return this.view.getUint8(this.take(1, 'u8'))
  }

  bool(): boolean {
    return this.u8() !== 0
  }

  u16(): number {
    return this.view.getUint16(this.take(2, 'u16'))
  }

  i16(): number {
    return this.view.getInt16(this.take(2, 'i16'))
  }

  i32(): number {
    return this.view.getInt32(this.take(4, 'i32'))
  }

  u32(): number {
    return this.view.getUint32(this.take(4, 'u32'))
  }

  i64(): number {
    return readInt64(this.view, this.take(8, 'i64'))
  }

  uuid(): Uuid {
    const start = this.take(16, 'uuid')
    return uuidFromBytes(this.bytes, start)
  }

  /** UTF-8 text with a u16 length. */
  string(): string {
    const length = this.u16()
    const start = this.take(length, 'string')
    return decodeUtf8(this.bytes, start, start + length)
  }

  /** A view (no copy) on bytes with a u32 length. */
  blob(): Uint8Array {
    const length = this.u32()
    const start = this.take(length, 'bytes')
    return this.bytes.subarray(start, start + length)
  }

  /** The count of an array whose elements take at least one byte each. */
  count(): number {
    const count = this.u32()
    if (count > this.remainingBytes) {
      throw new StreamBusError(
        'MALFORMED_FRAME',
        `array at byte ${this.at - 4} says ${count} elements; only ${this.remainingBytes} bytes are left`,
      )
    }
    return count
  }

  expectEnd(what: string): void {
    if (this.at !== this.end) {
      throw new StreamBusError('MALFORMED_FRAME', `${what} has ${this.end - this.at} bytes too many`)
    }
  }
}
