/**
 * The scrubber: reads every sealed segment and its indexes, so that damage is found before somebody needs the data.
 * Runs on: job workers. Touches: segment files, reading; goes easy on the disk.
 */
import { parseSegmentFileName } from '../../native-free-core/log/index-format.js'
import type { Disk } from '../shared/disk.js'
import { type Damage, type SegmentToVerify, verifySegment } from '../shared/segmented-log/verify.js'

export interface ScrubReport {
  readonly segments: number
  readonly bytes: number
  readonly damages: readonly Damage[]
}

/** Verifies all sealed segments below `dataFolder`, at about `bytesPerSecond`. */
export function scrub(disk: Disk, dataFolder: string, bytesPerSecond: number): ScrubReport {
  const topics = `${dataFolder}/topics`
  const damages: Damage[] = []
  let segments = 0
  let bytes = 0
  const pause = pacer(bytesPerSecond)
  for (const name of disk.exists(topics) ? disk.list(topics) : []) {
    if (name.endsWith('-deleted')) continue
    for (const segment of sealedSegments(disk, `${topics}/${name}`)) {
      const found = verifySegment(disk, segment, pause)
      // Retention may have removed it meanwhile: then there is nothing to be damaged.
      if (found.length > 0 && disk.exists(found[0]!.path)) damages.push(...found)
      segments++
      bytes += segment.sizeBytes
    }
  }
  return { segments, bytes, damages }
}

/** All but the last: that one is still written to. */
function sealedSegments(disk: Disk, folder: string): SegmentToVerify[] {
  const bases: number[] = []
  for (const name of disk.list(folder)) {
    const parsed = parseSegmentFileName(name)
    if (parsed?.kind === 'log') bases.push(parsed.baseOffset)
  }
  bases.sort((one, other) => one - other)
  return bases.slice(0, -1).map((baseOffset, index) => ({
    folder,
    baseOffset,
    endOffset: bases[index + 1]!,
    sizeBytes: disk.sizeOf(`${folder}/${String(baseOffset).padStart(20, '0')}.log`),
    isSealed: true,
  }))
}

function pacer(bytesPerSecond: number): (bytes: number) => void {
  const word = new Int32Array(new SharedArrayBuffer(4))
  return (bytes) => {
    Atomics.wait(word, 0, 0, (bytes / bytesPerSecond) * 1000)
  }
}
