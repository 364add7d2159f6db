/**
 * Finds and reads whole record batches in segment files, with the sparse offset index beside each.
 * Runs on: read worker. Touches: segment and index files, read only; keeps descriptors open while they are used and the
 * files are there: the space of a removed file is free only when nobody has it open.
 */
import { readInt64 } from '../../native-free-core/bytes/int64.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { Disk, FileHandle } from '../shared/disk.js'

export interface BatchRange {
  readonly file: FileHandle
  readonly partitionId: number
  readonly path: string
  readonly position: number
  readonly lengthBytes: number
}

/** What is wanted of a segment. */
export interface Wanted {
  readonly offset: number
  /** Above the offset. The file may hold more, which the shard refused when a write failed. */
  readonly highWatermark: number
  /** In bytes: how far the file is written. */
  readonly limit: number
  readonly maxBytes: number
}

interface OpenSegment {
  readonly path: string
  readonly file: FileHandle
  readonly baseOffset: number
  /** Since `tidy` looked. */
  isUsed: boolean
}

const headerBytes = 61
const batchLengthAt = 8
const lastOffsetDeltaAt = 23
/** baseOffset and batchLength stand before what batchLength counts. */
const batchOverheadBytes = 12
/** So many are open at most, and one more for a moment. */
export const maxOpenSegments = 64
const tidyIntervalMs = 2000
const scanBytes = 256 * 1024
const indexEntryBytes = 8

export class SegmentReader {
  private readonly disk: Disk
  /** Least recently used first. */
  private readonly open = new Map<string, OpenSegment>()
  private nextTidyMs = Number.POSITIVE_INFINITY
  private readonly scan = new Uint8Array(scanBytes)
  private readonly scanView = new DataView(this.scan.buffer)
  private scanned: { path: string; position: number; lengthBytes: number } = { path: '', position: 0, lengthBytes: 0 }

  constructor(disk: Disk) {
    this.disk = disk
  }

  /**
   * Whole batches of the segment at `path` from the one that holds `offset` on, below `limit` and the high watermark;
   * about `maxBytes`, at least one batch. Throws SEGMENT_DAMAGED when the headers make no chain.
   */
  find(path: string, partitionId: number, { offset, highWatermark, limit, maxBytes }: Wanted): BatchRange {
    const segment = this.segment(path, partitionId)
    this.scanned.path = ''
    let position = this.indexedPosition(segment, offset, limit)
    let start = -1
    while (position + headerBytes <= limit) {
      const at = this.headerAt(segment, position, limit)
      const sizeBytes = this.scanView.getInt32(at + batchLengthAt) + batchOverheadBytes
      if (sizeBytes < headerBytes || position + sizeBytes > limit) throw damaged(path, position, limit)
      const lastOffset = readInt64(this.scanView, at) + this.scanView.getInt32(at + lastOffsetDeltaAt)
      if (lastOffset >= highWatermark) break
      if (start < 0 && lastOffset >= offset) start = position
      if (start >= 0 && position > start && position + sizeBytes - start > maxBytes) break
      position += sizeBytes
    }
    if (start < 0) throw damaged(path, position, limit)
    return { file: segment.file, partitionId, path, position: start, lengthBytes: position - start }
  }

  /** Reads a range that `find` found; false when the file ends before it. */
  read(range: BatchRange, into: Uint8Array): boolean {
    return this.disk.read(range.file, into, range.position) === into.length
  }

  /** Index in the scan buffer of the header at `position`, which is read if it is not there. */
  private headerAt(segment: OpenSegment, position: number, limit: number): number {
    const at = position - this.scanned.position
    const known = this.scanned.path === segment.path && at >= 0 && at + headerBytes <= this.scanned.lengthBytes
    if (known) return at
    const wanted = Math.min(scanBytes, limit - position)
    const length = this.disk.read(segment.file, this.scan.subarray(0, wanted), position)
    this.scanned = { path: segment.path, position, lengthBytes: length }
    if (length < headerBytes) throw damaged(segment.path, position, limit)
    return 0
  }

  /** The position of the last index entry at or below `offset`, 0 when the index does not help. */
  private indexedPosition(segment: OpenSegment, offset: number, limit: number): number {
    const path = `${segment.path.slice(0, -'.log'.length)}.index`
    if (!this.disk.exists(path)) return 0
    const file = this.disk.open(path, 'read')
    try {
      return this.searchIndex(file, offset - segment.baseOffset, limit)
    } finally {
      this.disk.close(file)
    }
  }

  private searchIndex(file: FileHandle, relativeOffset: number, limit: number): number {
    const entry = new Uint8Array(indexEntryBytes)
    const view = new DataView(entry.buffer)
    let low = 0
    let high = Math.floor(this.disk.size(file) / indexEntryBytes)
    let position = 0
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.disk.read(file, entry, middle * indexEntryBytes) < indexEntryBytes) return 0
      if (view.getInt32(0) > relativeOffset) high = middle
      else {
        position = view.getInt32(4)
        low = middle + 1
      }
    }
    // An entry may be written before what it points to is settled.
    return position < limit ? position : 0
  }

  /** A topic deleted and made anew has the same paths: the partition id, never reused, tells them apart. */
  private segment(path: string, partitionId: number): OpenSegment {
    const key = `${partitionId}:${path}`
    const known = this.open.get(key)
    if (known !== undefined) {
      this.open.delete(key)
      this.open.set(key, known)
      known.isUsed = true
      return known
    }
    const segment = { path, file: this.disk.open(path, 'read'), baseOffset: baseOffsetOf(path), isUsed: true }
    this.open.set(key, segment)
    if (this.open.size > maxOpenSegments) this.closeOldest()
    return segment
  }

  private closeOldest(): void {
    const oldest = this.open.entries().next().value
    if (oldest !== undefined) this.close(...oldest)
  }

  private close(key: string, { file }: OpenSegment): void {
    this.open.delete(key)
    try {
      this.disk.close(file)
    } catch {
      // It was read only: nothing hangs on it.
    }
  }

  /**
   * Every two seconds closes what was not read since the last time, or was removed. Returns in how many ms it is due;
   * infinity while nothing is open.
   */
  tidy(nowMs: number): number {
    if (this.open.size === 0) this.nextTidyMs = Number.POSITIVE_INFINITY
    else if (this.nextTidyMs === Number.POSITIVE_INFINITY) this.nextTidyMs = nowMs + tidyIntervalMs
    else if (nowMs >= this.nextTidyMs) {
      this.nextTidyMs = nowMs + tidyIntervalMs
      this.closeUnneeded()
    }
    return this.open.size === 0 ? Number.POSITIVE_INFINITY : Math.max(1, this.nextTidyMs - nowMs)
  }

  private closeUnneeded(): void {
    for (const [key, segment] of this.open) {
      if (!segment.isUsed || !this.disk.exists(segment.path)) this.close(key, segment)
      segment.isUsed = false
    }
  }
}

function baseOffsetOf(path: string): number {
  return Number(path.slice(path.lastIndexOf('/') + 1, -'.log'.length))
}

function damaged(path: string, position: number, limit: number): StreamBusError {
  return new StreamBusError('SEGMENT_DAMAGED', `${path}: no whole batch at byte ${position} of ${limit}`)
}
