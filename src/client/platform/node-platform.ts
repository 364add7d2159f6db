/**
 * The client's platform in Node.js: ws, zlib and packages for other codecs, Buffers and a native CRC-32C.
 * Runs on: main thread of clients. Touches: nothing by itself.
 */
import { installNativeCrc32c } from './node-crc32c.js'
import { nodePacker, nodePackerRemedy } from './node-packers.js'
import { loadWebSocket, NodeSocket } from './node-socket.js'
import type { Platform } from './platform.js'

export const nodePlatform: Platform = {
  defaultClientName: `streambus-node/${process.version}`,
  prepare: () => {
    installNativeCrc32c()
    return loadWebSocket()
  },
  openSocket: (request, listener) => new NodeSocket(request, listener),
  atEndOfTurn: (callback) => void setImmediate(callback),
  // What ws and zlib give is a Buffer already, and its own subarray is the quicker way to a part of it.
  viewOf: (bytes, start, end) =>
    bytes instanceof Buffer
      ? bytes.subarray(start, end)
      : Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start),
  textOf: (bytes, start, end) => Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString(),
  packer: nodePacker,
  packerRemedy: nodePackerRemedy,
}
