/**
 * UTF-8, strict on the way in.
 * Runs on: every thread, and browsers. Touches: nothing shared.
 */
import { StreamBusError } from '../errors/streambus-error.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** Throws MALFORMED_FRAME for bytes that are not UTF-8. Copies first: decoders refuse shared memory. */
export function decodeUtf8(bytes: Uint8Array, start = 0, end = bytes.length): string {
  try {
    return decoder.decode(bytes.slice(start, end))
  } catch {
    throw new StreamBusError('MALFORMED_FRAME', `the text at byte ${start} is not UTF-8`)
  }
}
