/**
 * Zigzag varints, as Kafka's records hold lengths, offset deltas and timestamp deltas.
 * Runs on: every thread, and browsers. Touches: the bytes it is given.
 *
 * Seven bits a byte, lowest first; the top bit says that more follow. Zigzag: 0, -1, 1, -2, 2 become 0, 1, 2, 3, 4.
 * A 32-bit one takes 1 to 5 bytes, a 64-bit one 1 to 10; values beyond 2^53 - 1 are refused.
 */
import { StreamBusError } from '../errors/streambus-error.js'

export const maxVarint32Bytes = 5
export const maxVarint64Bytes = 10

/** How many bytes a 32-bit value takes. */
export function sizeOfVarint32(value: number): number {
  const zigzag = (value << 1) ^ (value >> 31)
  return 1 + (((31 - Math.clz32(zigzag | 1)) / 7) | 0)
}

/** How many bytes a safe integer takes. */
export function sizeOfVarint64(value: number): number {
  if (value === (value | 0)) return sizeOfVarint32(value)
  let rest = Math.floor((value < 0 ? -value - 1 : value) / 64)
  let size = 1
  for (; rest > 0; rest = Math.floor(rest / 128)) size++
  return size
}

/** Writes a 32-bit value; returns the position after it. The caller has made room. */
export function writeVarint32(bytes: Uint8Array, position: number, value: number): number {
  let at = position
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  while (rest > 127) {
    bytes[at++] = (rest & 127) | 128
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}

/** Writes a safe integer; returns the position after it. The caller has made room. */
export function writeVarint64(bytes: Uint8Array, position: number, value: number): number {
  if (value === (value | 0)) return writeVarint32(bytes, position, value)
  // The doubled value may exceed 2^53, so sign and magnitude are never joined in one number.
  const negative = value < 0
  const magnitude = negative ? -value - 1 : value
  let at = position
  let rest = Math.floor(magnitude / 64)
  const first = ((magnitude % 64) << 1) | (negative ? 1 : 0)
  bytes[at++] = rest > 0 ? first | 128 : first
  while (rest > 0) {
    const low = rest % 128
    rest = Math.floor(rest / 128)
    bytes[at++] = rest > 0 ? low | 128 : low
  }
  return at
}

/** Reads varints one after the other; every read is bounds checked. Throws CORRUPT_MESSAGE. */
export class VarintCursor {
  bytes: Uint8Array = new Uint8Array(0)
  /** Of the next byte to be read. */
  position = 0
  end = 0

  over(bytes: Uint8Array, position: number, end: number): this {
    this.bytes = bytes
    this.position = position
    this.end = end
    return this
  }

  int32(): number {
    const { bytes, end } = this
    let at = this.position
    let zigzag = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (at >= end) throw tooShort(this.position, end)
      const byte = bytes[at++]!
      zigzag |= (byte & 127) << shift
      if (byte < 128) {
        if (shift === 28 && byte > 15) break
        this.position = at
        return (zigzag >>> 1) ^ -(zigzag & 1)
      }
    }
    throw tooLong(this.position, 32)
  }

  int64(): number {
    const { bytes, end } = this
    let at = this.position
    let magnitude = 0
    let negative = false
    let scale = 1
    for (let count = 0; count < maxVarint64Bytes; count++) {
      if (at >= end) throw tooShort(this.position, end)
      const byte = bytes[at++]!
      if (count === 0) {
        negative = (byte & 1) === 1
        magnitude = (byte & 127) >> 1
        scale = 64
      } else {
        magnitude += (byte & 127) * scale
        scale *= 128
      }
      if (byte < 128) {
        if (magnitude > Number.MAX_SAFE_INTEGER) break
        this.position = at
        return negative ? -magnitude - 1 : magnitude
      }
    }
    throw tooLong(this.position, 53)
  }

  /** Steps over `lengthBytes` and returns where they start. */
  skip(lengthBytes: number): number {
    const start = this.position
    if (lengthBytes < 0 || lengthBytes > this.end - start) {
      throw new StreamBusError(
        'CORRUPT_MESSAGE',
        `a field of ${lengthBytes} bytes at byte ${start} does not fit into the ${this.end - start} bytes left`,
      )
    }
    this.position = start + lengthBytes
    return start
  }
}

function tooShort(position: number, end: number): StreamBusError {
  return new StreamBusError('CORRUPT_MESSAGE', `the varint at byte ${position} does not end before byte ${end}`)
}

function tooLong(position: number, bits: number): StreamBusError {
  return new StreamBusError('CORRUPT_MESSAGE', `the varint at byte ${position} has more than ${bits} bits`)
}
