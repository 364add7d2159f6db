/**
 * In the single executable: takes the place of workers/metadata/raft-module.ts.
 * Runs on: the metadata worker.
 */
import { setFlagsFromString } from 'node:v8'
import { bytesAsset } from './assets.cjs'

export function loadRaftModule() {
  // As the file that this one stands for does, which says why.
  setFlagsFromString('--no-wasm-tier-up')
  setFlagsFromString('--no-wasm-dynamic-tiering')
  return new WebAssembly.Module(bytesAsset('workers/raft.wasm'))
}
