/**
 * Keys, values and headers as callers write them, made bytes.
 * Runs on: main thread of clients, browsers. Touches: its pool.
 */
import { encodeUtf8 } from '../../native-free-core/bytes/utf8.js'
import { type HeaderBytes, noHeaders } from '../../native-free-core/log/record-batch-builder.js'

/** Text is sent as UTF-8. */
export type BytesLike = string | Uint8Array

/** Headers of a record by name; a null value is sent as null. */
export type Headers = Readonly<Record<string, BytesLike | null>>

const poolBytes = 64 * 1024
/** A UTF-16 unit is three bytes of UTF-8 at most. */
const maxBytesPerUnit = 3
const maxPooledBytes = poolBytes / 4
/** Up to here a loop is faster than the call of the encoder. */
const shortLength = 32

const encoder = new TextEncoder()
let pool = new Uint8Array(poolBytes)
let poolPosition = 0

/**
 * UTF-8 in a piece of a shared pool: `TextEncoder.encode` takes a new ArrayBuffer for each text, which made it three
 * to four times slower than this in Node.js, where this is as fast as `Buffer.from`.
 */
export function textToBytes(text: string): Uint8Array {
  const mostBytes = text.length * maxBytesPerUnit
  if (mostBytes > maxPooledBytes) return encodeUtf8(text)
  if (poolPosition + mostBytes > poolBytes) {
    pool = new Uint8Array(poolBytes)
    poolPosition = 0
  }
  const start = poolPosition
  poolPosition = text.length <= shortLength ? encodeShort(text, start) : encodeAt(text, start)
  return pool.subarray(start, poolPosition)
}

/** Returns the position after it. */
function encodeShort(text: string, start: number): number {
  const { length } = text
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index)
    if (unit > 0x7f) return encodeAt(text, start)
    pool[start + index] = unit
  }
  return start + length
}

function encodeAt(text: string, start: number): number {
  return start + encoder.encodeInto(text, pool.subarray(start)).written
}

export function bytesOrNull(value: BytesLike | null | undefined): Uint8Array | null {
  if (value === null || value === undefined) return null
  return typeof value === 'string' ? textToBytes(value) : value
}

export function headersToBytes(headers: Headers | undefined): readonly HeaderBytes[] {
  if (headers === undefined) return noHeaders
  return Object.entries(headers).map(([key, value]) => ({ key: textToBytes(key), value: bytesOrNull(value) }))
}
