/**
 * Packs and unpacks record batches with what the platform brings: gzip.
 * Runs on: main thread of clients, browsers. Touches: the bytes it is given.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { codecNames, type Decompress } from '../../native-free-core/log/record-batch.js'
import type { Compress } from '../../native-free-core/log/record-batch-builder.js'
import type { Platform } from './platform/platform.js'

const gzipCodec = 1

function unsupported(codec: number): StreamBusError {
  const name = codecNames[codec] ?? `codec ${codec}`
  return new StreamBusError('UNSUPPORTED_COMPRESSION_TYPE', `this client can't handle ${name}`, {
    remedy: 'Produce with gzip or without compression, or read with a client that knows the codec.',
  })
}

/** What it returns throws MESSAGE_TOO_LARGE, CORRUPT_MESSAGE, or UNSUPPORTED_COMPRESSION_TYPE naming the codec. */
export function decompressWith(platform: Platform): Decompress {
  return (codec, bytes, start, end, maxBytes) => {
    if (codec !== gzipCodec) throw unsupported(codec)
    const unpacked = gunzip(platform, bytes.subarray(start, end), maxBytes)
    if (unpacked !== undefined) return unpacked
    throw new StreamBusError('MESSAGE_TOO_LARGE', `a gzip batch unpacks to more than ${maxBytes} bytes`)
  }
}

function gunzip(platform: Platform, bytes: Uint8Array, maxBytes: number): Uint8Array | undefined {
  try {
    return platform.gunzip(bytes, maxBytes)
  } catch (cause) {
    const message = `a gzip batch can't be unpacked: ${(cause as Error).message}`
    throw new StreamBusError('CORRUPT_MESSAGE', message, { cause })
  }
}

/** What it returns throws UNSUPPORTED_COMPRESSION_TYPE. */
export function compressWith(platform: Platform): Compress {
  return (codec, bytes, start, end) => {
    if (codec !== gzipCodec) throw unsupported(codec)
    return platform.gzip(bytes.subarray(start, end))
  }
}
