/**
 * Packs and unpacks record batches with what the platform brings.
 * Runs on: main thread of clients, browsers. Touches: the bytes it is given.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { type CodecName, codecNames, type Decompress } from '../../native-free-core/log/record-batch.js'
import type { Compress } from '../../native-free-core/log/record-batch-builder.js'
import type { Packer, Platform } from './platform/platform.js'

/** Throws UNSUPPORTED_COMPRESSION_TYPE naming the codec and what to install. */
function packerOf(platform: Platform, codec: number): Packer {
  const name: CodecName | undefined = codecNames[codec]
  if (name === undefined || name === 'none') throw unsupported(`codec ${codec}`, 'Use gzip, snappy, lz4 or zstd.')
  const packer = platform.packer(name)
  if (packer === undefined) throw unsupported(name, platform.packerRemedy(name))
  return packer
}

function unsupported(name: string, remedy: string): StreamBusError {
  return new StreamBusError('UNSUPPORTED_COMPRESSION_TYPE', `this client can't handle ${name} here`, { remedy })
}

/** What it returns throws MESSAGE_TOO_LARGE, CORRUPT_MESSAGE, or UNSUPPORTED_COMPRESSION_TYPE naming the codec. */
export function decompressWith(platform: Platform): Decompress {
  return (codec, bytes, start, end, maxBytes) => {
    const unpacked = unpack(packerOf(platform, codec), codec, bytes.subarray(start, end), maxBytes)
    if (unpacked !== undefined) return unpacked
    const message = `a ${codecNames[codec]} batch unpacks to more than ${maxBytes} bytes`
    throw new StreamBusError('MESSAGE_TOO_LARGE', message)
  }
}

function unpack(packer: Packer, codec: number, bytes: Uint8Array, maxBytes: number): Uint8Array | undefined {
  try {
    return packer.unpack(bytes, maxBytes)
  } catch (cause) {
    const message = `a ${codecNames[codec]} batch can't be unpacked: ${(cause as Error).message}`
    throw new StreamBusError('CORRUPT_MESSAGE', message, { cause })
  }
}

/** For one codec. Throws UNSUPPORTED_COMPRESSION_TYPE naming it and what to install. */
export function compressWith(platform: Platform, codec: number): Compress {
  const packer = packerOf(platform, codec)
  return (_codec, bytes, start, end) => packer.pack(bytes.subarray(start, end))
}
