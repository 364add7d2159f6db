/**
 * What this disk allows: synced writes in place, alone and with the segments' writes beside them.
 * Used by run.mjs; by hand: node bench/first/raw-disk.mjs FOLDER SECONDS
 */
import { closeSync, constants, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const ringBytes = 64 << 20
const mebibyte = 1 << 20
/** How much is settled at a time. */
const syncEvery = 16

function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}

/** Synced writes of one size over a preallocated ring; with `segment`, each is also appended there, synced at times. */
function overwrite(ring, size, seconds, segment) {
  const bytes = new Uint8Array(size).fill(1)
  const times = []
  const started = performance.now()
  let count = 0
  while (performance.now() - started < seconds * 1000) {
    const before = performance.now()
    writeSync(ring, bytes, 0, size, (count * size) % (ringBytes - size))
    times.push(performance.now() - before)
    count++
    if (segment === undefined) continue
    writeSync(segment, bytes, 0, size)
    if (count % syncEvery === 0) fdatasyncSync(segment)
  }
  times.sort((one, other) => one - other)
  const mebibytes = (count * size) / mebibyte / ((performance.now() - started) / 1000)
  return { 'MiB/s': mebibytes, 'write p50 ms': percentile(times, 0.5), 'write p99 ms': percentile(times, 0.99) }
}

/** Figures by name. `folder` is on the disk to be measured. */
export function measureDisk(folder, seconds) {
  const ringPath = join(folder, 'raw-ring')
  const segmentPath = join(folder, 'raw-segment')
  const filler = openSync(ringPath, 'w')
  for (let at = 0; at < ringBytes; at += mebibyte) writeSync(filler, new Uint8Array(mebibyte), 0, mebibyte, at)
  fdatasyncSync(filler)
  closeSync(filler)
  const ring = openSync(ringPath, constants.O_RDWR | constants.O_DSYNC)
  const segment = openSync(segmentPath, 'w')
  try {
    return {
      'synced 4 KiB writes in place': overwrite(ring, 4096, Math.min(seconds, 2)),
      'synced 1 MiB writes in place': overwrite(ring, mebibyte, seconds),
      'synced 1 MiB writes in place, each appended to a segment too': overwrite(ring, mebibyte, seconds, segment),
    }
  } finally {
    closeSync(ring)
    closeSync(segment)
    rmSync(ringPath)
    rmSync(segmentPath)
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  console.table(measureDisk(process.argv[2] ?? '.', Number(process.argv[3] ?? 3)))
}
