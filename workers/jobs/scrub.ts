/**
 * The scrubber: reads every sealed segment and its indexes, so that damage is found before somebody needs the data.
 * Runs on: job workers. Touches: segment files, reading; goes easy on the disk.
 *
 * The shards go on meanwhile: what retention or a deletion took away is left out, and what looks damaged is looked at
 * once more, if it is still there as it was.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { parseSegmentFileName, segmentFileName } from '../../native-free-core/log/index-format.js'
import { type Disk, systemErrorCode } from '../shared/disk.js'
import { type Damage, type SegmentToVerify, verifySegment } from '../shared/segmented-log/verify.js'

export interface ScrubReport {
  readonly segments: number
  readonly bytes: number
  readonly damages: readonly Damage[]
}

type Pause = (bytes: number) => void

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
      const found = verify(disk, segment, pause)
      if (found === undefined) continue
      damages.push(...found)
      segments++
      bytes += segment.sizeBytes
    }
  }
  return { segments, bytes, damages }
}

/** Undefined when the segment went away meanwhile. */
function verify(disk: Disk, segment: SegmentToVerify, pause: Pause): Damage[] | undefined {
  const first = damagesOf(disk, segment, pause)
  if (first.length === 0) return first
  if (!isThere(disk, segment)) return undefined
  const second = damagesOf(disk, segment, pause)
  return isThere(disk, segment) ? second : undefined
}

/** As it was: a topic made anew may have a segment of the same name. */
function isThere(disk: Disk, { folder, baseOffset, endOffset, sizeBytes }: SegmentToVerify): boolean {
  return sealedSegments(disk, folder).some(
    (one) => one.baseOffset === baseOffset && one.endOffset === endOffset && one.sizeBytes === sizeBytes,
  )
}

/** What can't be read is damaged, too. */
function damagesOf(disk: Disk, segment: SegmentToVerify, pause: Pause): Damage[] {
  const pathOf = (kind: 'log' | 'index' | 'timeindex'): string =>
    `${segment.folder}/${segmentFileName(segment.baseOffset, kind)}`
  try {
    return verifySegment(disk, segment, pause)
  } catch (error) {
    if (!StreamBusError.is(error)) throw error
    const missing = (['log', 'index', 'timeindex'] as const).map(pathOf).filter((path) => !disk.exists(path))
    if (missing.length > 0) return missing.map((path) => ({ path, position: 0, what: 'is missing' }))
    return [{ path: pathOf('log'), position: 0, what: `can't be read: ${error.message}` }]
  }
}

/** All but the last: that one is still written to. None of a folder that is gone. */
function sealedSegments(disk: Disk, folder: string): SegmentToVerify[] {
  const bases: number[] = []
  for (const name of unlessGone(() => disk.list(folder)) ?? []) {
    const parsed = parseSegmentFileName(name)
    if (parsed?.kind === 'log') bases.push(parsed.baseOffset)
  }
  bases.sort((one, other) => one - other)
  return bases.slice(0, -1).flatMap((baseOffset, index) => {
    const sizeBytes = unlessGone(() => disk.sizeOf(`${folder}/${segmentFileName(baseOffset, 'log')}`))
    return sizeBytes === undefined
      ? []
      : [{ folder, baseOffset, endOffset: bases[index + 1]!, sizeBytes, isSealed: true }]
  })
}

/** Undefined for what was removed just now. */
function unlessGone<T>(call: () => T): T | undefined {
  try {
    return call()
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function pacer(bytesPerSecond: number): Pause {
  const word = new Int32Array(new SharedArrayBuffer(4))
  return (bytes) => {
    Atomics.wait(word, 0, 0, (bytes / bytesPerSecond) * 1000)
  }
}
