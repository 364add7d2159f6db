/**
 * Loads etcd's raft: the compressed module beside the bundle, or where the source tree has it.
 * Runs on: the metadata worker. Touches: the module's file (read only, not data: no Disk).
 */
import { existsSync, readFileSync } from 'node:fs'
import { brotliDecompressSync } from 'node:zlib'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'

const places = ['./raft.wasm.br', '../../native-free-core/metadata/raft/raft.wasm.br']

/** About 25 ms: half to decompress, half to compile. Throws UNSUITABLE_RUNTIME when the file is not there. */
export function loadRaftModule(base = import.meta.url): WebAssembly.Module {
  const url = places.map((place) => new URL(place, base)).find((candidate) => existsSync(candidate))
  if (url === undefined) {
    throw new StreamBusError('UNSUITABLE_RUNTIME', `${new URL(places[0]!, base).pathname} is missing`, {
      remedy: 'Build again: npm run build.',
    })
  }
  return new WebAssembly.Module(brotliDecompressSync(readFileSync(url)))
}
