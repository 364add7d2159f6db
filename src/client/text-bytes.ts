/**
 * Keys, values and headers as callers write them, made bytes.
 * Runs on: main thread of clients, browsers. Touches: its pool.
 */
import { encodeUtf8 } from '../../native-free-core/bytes/utf8.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { type HeaderBytes, noHeaders } from '../../native-free-core/log/record-batch-builder.js'

/** Text is sent as UTF-8. */
export type BytesLike = string | Uint8Array

/** The value of a header; null is sent as null. */
export type HeaderValue = BytesLike | null

/** One header; a name may come more than once. */
export type HeaderPair = readonly [name: string, value: HeaderValue]

/**
 * Headers by name, with a list of values for a name that comes more than once; or in order, as pairs or as a consumed
 * record has them.
 */
export type Headers =
  | Readonly<Record<string, HeaderValue | readonly HeaderValue[]>>
  | readonly (HeaderPair | { readonly key: string; readonly value: HeaderValue })[]

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

/** Throws USAGE for what is neither text nor bytes nor null. */
export function bytesOrNull(value: BytesLike | null | undefined, what = 'value'): Uint8Array | null {
  if (typeof value === 'string') return textToBytes(value)
  if (value === null || value instanceof Uint8Array) return value
  const kind = value === undefined ? 'missing' : `${typeof value === 'object' ? 'an object' : `a ${typeof value}`}`
  throw new StreamBusError('USAGE', `the ${what} of a record is ${kind}; expected text, a Uint8Array or null`, {
    remedy: 'Make it text or bytes, for example by JSON.stringify, or produce to a typed topic: client.topic(NAME).',
  })
}

export function headersToBytes(headers: Headers | undefined): readonly HeaderBytes[] {
  if (headers === undefined) return noHeaders
  return headerPairs(headers).map(([name, value]) => ({
    key: textToBytes(name),
    value: bytesOrNull(value, `header ${name}`),
  }))
}

/** In order, one for each value. */
export function headerPairs(headers: Headers | undefined): HeaderPair[] {
  if (headers === undefined) return []
  if (isList(headers)) return headers.map((header) => (isPair(header) ? header : [header.key, header.value]))
  return Object.entries(headers).flatMap(([name, value]) =>
    isList(value) ? value.map((one): HeaderPair => [name, one]) : [[name, value] as const],
  )
}

/** As Array.isArray, but for read-only lists, too. */
function isList<Other, Item>(value: Other | readonly Item[]): value is readonly Item[] {
  return Array.isArray(value)
}

function isPair(header: HeaderPair | { readonly key: string }): header is HeaderPair {
  return Array.isArray(header)
}
