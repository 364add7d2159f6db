/**
 * One segment of a partition's log: its file, its figures, its indexes.
 * Runs on: shards, recovery, jobs. Touches: the segment's files.
 *
 * Figures change only after the bytes were written, so that a failed write leaves the segment as it was: the next one
 * overwrites what the failed one left behind.
 */
import { assert } from '../../../native-free-core/errors/assert.js'
import type { ReadAt } from '../../../native-free-core/log/batch-scanner.js'
import { segmentFileName, timeEntryBytes } from '../../../native-free-core/log/index-format.js'
import { readInt64 } from '../../../native-free-core/bytes/int64.js'
import type { Disk, FileHandle } from '../disk.js'
import { SegmentIndex } from './segment-index.js'

const maxRelativeOffset = 0x7fffffff

export class Segment {
  readonly baseOffset: number
  readonly path: string
  readonly indexPath: string
  readonly timeIndexPath: string
  /** One above the last offset. */
  endOffset: number
  sizeBytes = 0
  /** Of all its records; -1: none, or none with a time. */
  maxTimestamp = -1
  /** Last offset of the first batch that holds it. */
  maxTimestampOffset: number
  /** Largest of the first batch, which the age of the segment counts from; -1: unknown. */
  firstTimestamp = -1
  /** When this process created or opened it, for records without a time. */
  readonly openedMs: number
  /** How many reads of other threads rely on the file. */
  leaseCount = 0
  /** Out of the log; its files go with the last lease. */
  isDoomed = false
  private readonly disk: Disk
  private index: SegmentIndex | undefined
  private file: FileHandle | undefined
  private bytesSinceIndexEntry = 0

  constructor(disk: Disk, folder: string, baseOffset: number, nowMs: number) {
    this.disk = disk
    this.baseOffset = baseOffset
    this.endOffset = baseOffset
    this.maxTimestampOffset = baseOffset
    this.openedMs = nowMs
    this.path = `${folder}/${segmentFileName(baseOffset, 'log')}`
    this.indexPath = `${folder}/${segmentFileName(baseOffset, 'index')}`
    this.timeIndexPath = `${folder}/${segmentFileName(baseOffset, 'timeindex')}`
  }

  /** Makes the file; a left-over of the same name is emptied. */
  create(): this {
    this.file = this.disk.open(this.path, 'create')
    if (this.disk.size(this.file) > 0) this.disk.truncate(this.file, 0)
    for (const path of [this.indexPath, this.timeIndexPath]) if (this.disk.exists(path)) this.disk.remove(path)
    this.index = new SegmentIndex(this.disk, this.indexPath, this.timeIndexPath)
    return this
  }

  /** The indexes, loaded on first use. */
  indexes(): SegmentIndex {
    this.index ??= new SegmentIndex(this.disk, this.indexPath, this.timeIndexPath).load()
    return this.index
  }

  /** Frees the memory of the indexes; they are loaded again when needed. */
  unloadIndexes(): void {
    this.index?.close()
    this.index = undefined
  }

  get hasIndexesLoaded(): boolean {
    return this.index !== undefined
  }

  openFile(): FileHandle {
    this.file ??= this.disk.open(this.path, 'read-write')
    return this.file
  }

  closeFile(): void {
    if (this.file !== undefined) this.disk.close(this.file)
    this.file = undefined
  }

  /** Calls `use` with a reader of the file; one that was not open is closed again. */
  withReader<T>(use: (read: ReadAt) => T): T {
    const { disk } = this
    if (this.file !== undefined) {
      const { file } = this
      return use((into, position) => disk.read(file, into, position))
    }
    const file = disk.open(this.path, 'read')
    try {
      return use((into, position) => disk.read(file, into, position))
    } finally {
      disk.close(file)
    }
  }

  fileBytes(): number {
    return this.file === undefined ? this.disk.sizeOf(this.path) : this.disk.size(this.file)
  }

  /** Cuts off what lies behind the last batch that the figures know. */
  cutFile(): void {
    this.disk.truncate(this.openFile(), this.sizeBytes)
  }

  /** Writes batches at the end. The figures follow by `note`, batch by batch. */
  write(views: readonly Uint8Array[]): void {
    this.disk.append(this.openFile(), views, this.sizeBytes)
  }

  /** Takes a batch that is in the file at `sizeBytes` into the figures and the indexes. */
  note(lastOffset: number, batchBytes: number, timestamp: number, indexIntervalBytes: number): void {
    if (this.sizeBytes === 0) this.firstTimestamp = timestamp
    if (timestamp > this.maxTimestamp) {
      this.maxTimestamp = timestamp
      this.maxTimestampOffset = lastOffset
    }
    if (this.bytesSinceIndexEntry > indexIntervalBytes) {
      const index = this.indexes()
      index.addOffset(lastOffset - this.baseOffset, this.sizeBytes)
      index.addTime(this.maxTimestamp, this.maxTimestampOffset - this.baseOffset)
      this.bytesSinceIndexEntry = 0
    }
    this.bytesSinceIndexEntry += batchBytes
    this.sizeBytes += batchBytes
    this.endOffset = lastOffset + 1
  }

  /** Whether offsets up to this one can be written relative to the base. */
  canHold(lastOffset: number): boolean {
    return lastOffset - this.baseOffset <= maxRelativeOffset
  }

  /** The segment takes no more: completes the indexes, as Kafka does, with the largest timestamp. */
  seal(): void {
    const index = this.indexes()
    index.addTime(this.maxTimestamp, this.maxTimestampOffset - this.baseOffset)
    index.persistBoth()
  }

  /**
   * Sets the figures to those before the batch of index entry `entry` (its position and offset are kept); -1: to those
   * of an empty segment. Later index entries are dropped from memory.
   */
  rewindTo(entry: number): void {
    const index = this.indexes()
    index.cutTo(entry + 1)
    this.maxTimestamp = index.lastTimestamp
    this.maxTimestampOffset = this.baseOffset + Math.max(index.lastTimeRelativeOffset, 0)
    this.bytesSinceIndexEntry = 0
    this.endOffset = this.baseOffset
    this.sizeBytes = entry < 0 ? 0 : index.offsetEntry(entry).position
  }

  /** Figures of a sealed segment from the end of its time index, without reading the rest. False: it has none. */
  readSealedFigures(endOffset: number): boolean {
    const { disk } = this
    if (!disk.exists(this.indexPath) || !disk.exists(this.timeIndexPath)) return false
    if (disk.sizeOf(this.indexPath) % 8 !== 0) return false
    const file = disk.open(this.timeIndexPath, 'read')
    try {
      const size = disk.size(file)
      if (size % timeEntryBytes !== 0) return false
      return size === 0 || this.takeLastTimeEntry(file, size - timeEntryBytes, endOffset)
    } finally {
      disk.close(file)
    }
  }

  private takeLastTimeEntry(file: FileHandle, position: number, endOffset: number): boolean {
    const entry = new Uint8Array(timeEntryBytes)
    assert(this.disk.read(file, entry, position) === timeEntryBytes, 'a file is shorter than its size')
    const view = new DataView(entry.buffer)
    const high = view.getInt32(0)
    const offset = this.baseOffset + view.getInt32(8)
    if (high < 0 || high >= 0x20_0000 || offset < this.baseOffset || offset >= endOffset) return false
    this.maxTimestamp = readInt64(view, 0)
    this.maxTimestampOffset = offset
    return true
  }
}
