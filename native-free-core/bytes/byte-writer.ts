/**
 * Writes big-endian fields into a buffer that grows and is reused.
 * Runs on: every thread, and browsers. Touches: its own buffer.
 */
import { StreamBusError } from '../errors/streambus-error.js'
import { writeInt64 } from './int64.js'
import { encodeUtf8 } from './utf8.js'
import { type Uuid, uuidToBytes } from './uuid.js'

export class ByteWriter {
  private buffer: Uint8Array
  private view: DataView
  private at = 0

  constructor(initialBytes = 256) {
    this.buffer = new Uint8Array(initialBytes)
    this.view = new DataView(this.buffer.buffer)
  }

  get position(): number {
    return this.at
  }

  /** Forgets what was written; the memory stays. */
  reset(): this {
    this.at = 0
    return this
  }

  /** A view on what was written, valid until the next write. */
  written(): Uint8Array {
    return this.buffer.subarray(0, this.at)
  }

  /** A copy of what was written. */
  copy(): Uint8Array {
    return this.buffer.slice(0, this.at)
  }

  private room(count: number): number {
    const start = this.at
    const need = start + count
    if (need > this.buffer.length) this.grow(need)
    this.at = need
    return start
  }

  private grow(need: number): void {
    const larger = new Uint8Array(Math.max(this.buffer.length * 2, need))
    larger.set(this.buffer.subarray(0, this.at))
    this.buffer = larger
    this.view = new DataView(larger.buffer)
  }

  u8(value: number): void {
    const at = this.room(1)
    this.view.setUint8(at, value)
  }

  bool(value: boolean): void {
    this.u8(value ? 1 : 0)
  }

  u16(value: number): void {
    const at = this.room(2)
    this.view.setUint16(at, value)
  }

  i16(value: number): void {
    const at = this.room(2)
    this.view.setInt16(at, value)
  }

  i32(value: number): void {
    const at = this.room(4)
    this.view.setInt32(at, value)
  }

  u32(value: number): void {
    const at = this.room(4)
    this.view.setUint32(at, value)
  }

  i64(value: number): void {
    const at = this.room(8)
    writeInt64(this.view, at, value)
  }

  uuid(value: Uuid): void {
    const at = this.room(16)
    uuidToBytes(value, this.buffer, at)
  }

  string(value: string): void {
    const bytes = encodeUtf8(value)
    if (bytes.length > 0xffff) {
      throw new StreamBusError('INVALID_REQUEST', `a text of ${bytes.length} bytes is too long; at most 65535`)
    }
    this.u16(bytes.length)
    this.raw(bytes)
  }

  blob(value: Uint8Array): void {
    this.u32(value.length)
    this.raw(value)
  }

  raw(value: Uint8Array): void {
    const at = this.room(value.length)
    this.buffer.set(value, at)
  }

  count(value: number): void {
    this.u32(value)
  }

  /** Reserves a u32 to be set later by `patchU32`. */
  reserveU32(): number {
    return this.room(4)
  }

  patchU32(position: number, value: number): void {
    this.view.setUint32(position, value)
  }
}
