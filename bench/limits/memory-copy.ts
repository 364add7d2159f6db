/**
 * How fast memory is copied: blocks of a batch's size, from and to more memory than the caches hold.
 * Runs on: a process of its own. Touches: 128 MiB of memory.
 */
import type { LimitAnswer } from './main.js'

const areaBytes = 64 << 20
const blockBytes = 256 << 10

export function measureMemoryCopy(seconds: number): LimitAnswer {
  const from = new Uint8Array(areaBytes).fill(1)
  const to = new Uint8Array(areaBytes).fill(2)
  const startMs = performance.now()
  let copiedBytes = 0
  for (let at = 0; performance.now() - startMs < seconds * 1000; at = (at + blockBytes) % areaBytes) {
    to.set(from.subarray(at, at + blockBytes), at)
    copiedBytes += blockBytes
  }
  const elapsed = (performance.now() - startMs) / 1000
  return { figures: { mebibytesPerSecond: copiedBytes / (1 << 20) / elapsed } }
}
