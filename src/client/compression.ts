/**
 * Packs and unpacks record batches with what Node.js brings: gzip.
 * Runs on: main thread of clients. Touches: the bytes it is given.
 */
import { constants, gunzipSync, gzipSync } from 'node:zlib'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { codecNames } from '../../native-free-core/log/record-batch.js'

const gzipCodec = 1

function unsupported(codec: number): StreamBusError {
  const name = codecNames[codec] ?? `codec ${codec}`
  return new StreamBusError('UNSUPPORTED_COMPRESSION_TYPE', `this client can't handle ${name}`, {
    remedy: 'Produce with gzip or without compression, or read with a client that knows the codec.',
  })
}

/** Throws MESSAGE_TOO_LARGE, CORRUPT_MESSAGE, or UNSUPPORTED_COMPRESSION_TYPE naming the codec. */
export function decompress(codec: number, bytes: Uint8Array, start: number, end: number, maxBytes: number): Uint8Array {
  if (codec !== gzipCodec) throw unsupported(codec)
  try {
    return gunzipSync(bytes.subarray(start, end), { maxOutputLength: maxBytes })
  } catch (cause) {
    if ((cause as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new StreamBusError('MESSAGE_TOO_LARGE', `a gzip batch unpacks to more than ${maxBytes} bytes`, { cause })
    }
    throw new StreamBusError('CORRUPT_MESSAGE', `a gzip batch can't be unpacked: ${(cause as Error).message}`, {
      cause,
    })
  }
}

export function compress(codec: number, bytes: Uint8Array, start: number, end: number): Uint8Array {
  if (codec !== gzipCodec) throw unsupported(codec)
  return gzipSync(bytes.subarray(start, end), { level: constants.Z_BEST_SPEED })
}
