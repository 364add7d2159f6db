/**
 * The client's platform in Node.js: ws, zlib, Buffers and a native CRC-32C.
 * Runs on: main thread of clients. Touches: nothing by itself.
 */
import { constants, gunzipSync, gzipSync } from 'node:zlib'
import { installNativeCrc32c } from './node-crc32c.js'
import { NodeSocket } from './node-socket.js'
import type { Platform } from './platform.js'

export const nodePlatform: Platform = {
  defaultClientName: `streambus-node/${process.version}`,
  prepare: installNativeCrc32c,
  openSocket: (request, listener) => new NodeSocket(request, listener),
  atEndOfTurn: (callback) => void setImmediate(callback),
  viewOf: (bytes, start, end) => Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start),
  gzip: (bytes) => gzipSync(bytes, { level: constants.Z_BEST_SPEED }),
  gunzip,
}

function gunzip(bytes: Uint8Array, maxBytes: number): Uint8Array | undefined {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes })
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') return undefined
    throw error
  }
}
