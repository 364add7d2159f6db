/**
 * Loads etcd's raft: the module that the build unpacked beside the bundle, or the compressed one of the source tree.
 * Runs on: the metadata worker. Touches: the module's file (read only, not data: no Disk).
 */
import { existsSync, readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { MessageChannel } from 'node:worker_threads'
import { brotliDecompressSync } from 'node:zlib'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'

const places = ['./raft.wasm', '../../native-free-core/metadata/raft/raft.wasm.br']

/** About 10 ms unpacked, 25 ms compressed. Throws UNSUITABLE_RUNTIME when the file is not there. */
export function loadRaftModule(base = import.meta.url): WebAssembly.Module {
  const url = places.map((place) => new URL(place, base)).find((candidate) => existsSync(candidate))
  if (url === undefined) {
    throw new StreamBusError('UNSUITABLE_RUNTIME', `${new URL(places[0]!, base).pathname} is missing`, {
      remedy: 'Build again: npm run build.',
    })
  }
  // Optimising again what runs a few hundred times a second costs 6 MB and gains nothing (measured).
  setFlagsFromString('--no-wasm-tier-up')
  setFlagsFromString('--no-wasm-dynamic-tiering')
  // Each function is checked when it is first called: halves the time to load (measured: 16 to 8 ms).
  setFlagsFromString('--wasm-lazy-validation')
  const bytes = readFileSync(url)
  const unpacked = url.pathname.endsWith('.br') ? brotliDecompressSync(bytes) : bytes
  const module = new WebAssembly.Module(unpacked)
  release(unpacked.buffer as ArrayBuffer)
  return module
}

/**
 * Frees memory that nobody needs any more at once: a thread that allocates so little collects its garbage hours later.
 * What was given to a closed port is gone.
 */
function release(memory: ArrayBuffer): void {
  const { port1, port2 } = new MessageChannel()
  port1.postMessage(undefined, [memory])
  port1.close()
  port2.close()
}
