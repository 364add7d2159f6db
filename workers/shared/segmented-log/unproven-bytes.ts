/**
 * What an open found above the recovery point: only the page cache vouches for it.
 * Runs on: recovery and the shard that owns the partition, at the open. Touches: the segments' files.
 *
 * After a sync that failed, Linux has the bytes in its cache and takes them for clean: the next sync of the file
 * succeeds and writes nothing. So they are written once more, in place, before a sync is relied on: whoever failed may
 * have been the process before.
 */
import type { Disk } from '../disk.js'
import type { Segment } from './segment.js'

const chunkBytes = 1 << 20

interface Range {
  readonly segment: Segment
  readonly start: number
  readonly end: number
}

export class UnprovenBytes {
  private ranges: Range[] = []

  /** From `start` on to the segment's end, and its indexes. */
  add(segment: Segment, start: number): void {
    this.ranges.push({ segment, start, end: segment.sizeBytes })
  }

  get isEmpty(): boolean {
    return this.ranges.length === 0
  }

  /** The log was cut: what follows in its segments is written anew. */
  cutTo(segments: readonly Segment[]): void {
    this.ranges = this.ranges
      .filter(({ segment }) => segments.includes(segment))
      .map(({ segment, start, end }) => ({ segment, start, end: Math.min(end, segment.sizeBytes) }))
  }

  /** Writes the same bytes again; the segments' files have to be synced after that. */
  writeAgain(disk: Disk): void {
    for (const { segment, start, end } of this.ranges) {
      rewriteRange(disk, segment.path, start, end)
      segment.indexes().writeAgain()
    }
    this.ranges = []
  }
}

/** Puts the same bytes into a file once more, so that the next sync has something to write. */
export function rewriteRange(disk: Disk, path: string, start: number, end: number): void {
  if (start >= end) return
  const file = disk.open(path, 'read-write')
  try {
    const chunk = new Uint8Array(Math.min(chunkBytes, end - start))
    for (let at = start; at < end; at += chunk.length) {
      const bytes = chunk.subarray(0, disk.read(file, chunk.subarray(0, Math.min(chunk.length, end - at)), at))
      disk.write(file, bytes, at)
    }
  } finally {
    disk.close(file)
  }
}
