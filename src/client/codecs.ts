/**
 * How keys and values of a typed topic become bytes and back.
 * Runs on: main thread of clients, browsers. Touches: nothing.
 */
import { readInt64, writeInt64 } from '../../native-free-core/bytes/int64.js'

/** Makes bytes of a `T` and a `T` of bytes. Both throw for what they can't take; the message says what is wrong. */
export interface Codec<T> {
  /** Null: the record gets none. Text is sent as UTF-8. */
  encode(value: T): Uint8Array | string | null
  /** Null: the record has none. */
  decode(bytes: Uint8Array | null): T
}

/** How JSON values are checked. */
export interface JsonOptions<T> {
  /** Gets what was parsed; returns it as a `T`, changed perhaps, or throws. Called on the way in and out. */
  readonly validate?: ((value: unknown) => T) | undefined
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new Error('it is not UTF-8')
  }
}

function present(bytes: Uint8Array | null): Uint8Array {
  if (bytes === null) throw new Error('there is none; a codec made by nullable() takes that')
  return bytes
}

/** JSON as UTF-8. Without `validate` nothing checks that what comes is a `T`. */
export function json<T = unknown>({ validate }: JsonOptions<T> = {}): Codec<T> {
  return {
    encode: (value) => {
      const text = JSON.stringify(validate === undefined ? value : validate(value)) as string | undefined
      if (text === undefined) throw new Error(`JSON has no ${typeof value}`)
      return text
    },
    decode: (bytes) => {
      const value: unknown = JSON.parse(textOf(present(bytes)))
      return validate === undefined ? (value as T) : validate(value)
    },
  }
}

/** Text as UTF-8. */
export const string: Codec<string> = {
  encode: (value) => {
    if (typeof value !== 'string') throw new Error(`it is ${describe(value)}, not text`)
    return value
  },
  decode: (bytes) => textOf(present(bytes)),
}

/** Bytes as they are. What is decoded is a view on the batch. */
export const bytes: Codec<Uint8Array> = { encode: (value) => value, decode: present }

/** A whole number of 8 bytes, big-endian, as Kafka's LongSerializer; beyond 2^53 - 1 it is refused. */
export const int64: Codec<number> = {
  encode: (value) => {
    if (!Number.isSafeInteger(value)) throw new Error(`${String(value)} is no whole number up to 2^53 - 1`)
    const made = new Uint8Array(8)
    writeInt64(viewOf(made), 0, value)
    return made
  },
  decode: (encoded) => readInt64(sized(encoded, 8), 0),
}

/** A whole number of 4 bytes, big-endian, as Kafka's IntegerSerializer. */
export const int32: Codec<number> = {
  encode: (value) => {
    if (value !== (value | 0)) throw new Error(`${String(value)} is no whole number of 32 bits`)
    const made = new Uint8Array(4)
    viewOf(made).setInt32(0, value)
    return made
  },
  decode: (encoded) => sized(encoded, 4).getInt32(0),
}

/** A number of 8 bytes, big-endian IEEE 754, as Kafka's DoubleSerializer. */
export const float64: Codec<number> = {
  encode: (value) => {
    if (typeof value !== 'number') throw new Error(`it is ${describe(value)}, not a number`)
    const made = new Uint8Array(8)
    viewOf(made).setFloat64(0, value)
    return made
  },
  decode: (encoded) => sized(encoded, 8).getFloat64(0),
}

/** Takes null, too: keys that may be missing, values that delete their key in a compacted topic. */
export function nullable<T>(codec: Codec<T>): Codec<T | null> {
  return {
    encode: (value) => (value === null || value === undefined ? null : codec.encode(value)),
    decode: (encoded) => (encoded === null ? null : codec.decode(encoded)),
  }
}

function viewOf(of: Uint8Array): DataView {
  return new DataView(of.buffer, of.byteOffset, of.byteLength)
}

function sized(encodedBytes: Uint8Array | null, sizeBytes: number): DataView {
  const found = present(encodedBytes)
  if (found.length !== sizeBytes) throw new Error(`it has ${found.length} bytes; expected ${sizeBytes}`)
  return viewOf(found)
}

function describe(value: unknown): string {
  return value === null || value === undefined ? String(value) : `a ${typeof value}`
}
