/**
 * Topic ids: 128-bit UUIDs, as 32 hexadecimal digits in memory, 16 bytes on disk and wire, base64url in Kafka's files.
 * Runs on: every thread, and browsers. Touches: nothing.
 */
import { StreamBusError } from '../errors/streambus-error.js'

/** 32 lower-case hexadecimal digits. */
export type Uuid = string

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

export const nilUuid: Uuid = '0'.repeat(32)

export function uuidFromBytes(bytes: Uint8Array, start = 0): Uuid {
  let text = ''
  for (let index = 0; index < 16; index++) text += hex[bytes[start + index]!]
  return text
}

export function uuidToBytes(uuid: Uuid, into: Uint8Array, start = 0): void {
  for (let index = 0; index < 16; index++) {
    into[start + index] = Number.parseInt(uuid.slice(index * 2, index * 2 + 2), 16)
  }
}

export function isUuid(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text)
}

/** Sixteen random bytes as a version 4 UUID. */
export function uuidFromRandom(random: Uint8Array): Uuid {
  const bytes = random.slice(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return uuidFromBytes(bytes)
}

/** 22 characters of base64url, as Kafka writes ids. */
export function uuidToBase64(uuid: Uuid): string {
  const bytes = new Uint8Array(18)
  uuidToBytes(uuid, bytes)
  let text = ''
  for (let at = 0; at < 18; at += 3) {
    const bits = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
    for (let shift = 18; shift >= 0; shift -= 6) text += alphabet[(bits >> shift) & 63]
  }
  return text.slice(0, 22)
}

export function uuidFromBase64(text: string): Uuid {
  if (!/^[A-Za-z0-9_-]{22}$/.test(text)) {
    throw new StreamBusError('INVALID_REQUEST', `"${text}" is not an id; expected 22 characters of base64url`)
  }
  const bytes = new Uint8Array(18)
  const padded = `${text}AA`
  for (let at = 0; at < 18; at += 3) {
    let bits = 0
    for (let index = 0; index < 4; index++) bits = (bits << 6) | alphabet.indexOf(padded[(at / 3) * 4 + index]!)
    bytes[at] = bits >> 16
    bytes[at + 1] = (bits >> 8) & 255
    bytes[at + 2] = bits & 255
  }
  return uuidFromBytes(bytes)
}
