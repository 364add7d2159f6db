/**
 * The two sparse indexes of one segment in memory, and their files, which only ever grow by whole entries.
 * Runs on: shards, recovery, jobs. Touches: the segment's .index and .timeindex.
 *
 * The files are written with each append but synced only when the segment is sealed: below the recovery point an open
 * checks that entries ascend, and makes anew what is missing (segment-recovery).
 */
import {
  lookUpOffset,
  lookUpPosition,
  lookUpTimeOffset,
  lookUpTimestamp,
  offsetEntryBytes,
  positionAt,
  relativeOffsetAt,
  soundOffsetEntries,
  soundTimeEntries,
  timeEntryBytes,
  timeRelativeOffsetAt,
  timestampAt,
} from '../../../native-free-core/log/index-format.js'
import { writeInt64 } from '../../../native-free-core/bytes/int64.js'
import type { Disk, FileHandle } from '../disk.js'

const initialEntryCount = 32
const noBytes = new Uint8Array(0)

/** Entries of one size in growing memory, of which the first `persistedCount` are in the file. */
class EntryFile {
  view: DataView
  count = 0
  readonly path: string
  private readonly entryBytes: number
  private bytes: Uint8Array
  private persistedCount = 0
  /** What the file held when it was loaded. */
  private found = noBytes
  private file: FileHandle | undefined

  constructor(path: string, entryBytes: number) {
    this.path = path
    this.entryBytes = entryBytes
    this.bytes = new Uint8Array(0)
    this.view = new DataView(this.bytes.buffer)
  }

  /** Makes room for one entry and returns where it starts. */
  room(): number {
    const at = this.count * this.entryBytes
    if (at + this.entryBytes > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.bytes.length * 2, initialEntryCount * this.entryBytes))
      larger.set(this.bytes)
      this.bytes = larger
      this.view = new DataView(larger.buffer)
    }
    this.count++
    return at
  }

  /** Takes what the file holds as far as `countSound` trusts it. */
  load(disk: Disk, countSound: (view: DataView) => number): void {
    if (!disk.exists(this.path)) return
    const file = this.open(disk)
    this.bytes = new Uint8Array(disk.size(file))
    const length = disk.read(file, this.bytes, 0)
    this.view = new DataView(this.bytes.buffer)
    this.found = this.bytes.slice(0, length)
    this.count = countSound(new DataView(this.bytes.buffer, 0, length))
    this.persistedCount = this.count
  }

  /** Keeps `count` entries in memory; the file follows with `rewrite`. */
  cutTo(count: number): void {
    this.count = count
    this.persistedCount = Math.min(this.persistedCount, count)
  }

  /** Makes the file equal to the memory from the first difference on; returns whether there was one. */
  rewrite(disk: Disk): boolean {
    const wanted = this.bytes.subarray(0, this.count * this.entryBytes)
    let same = 0
    while (same < wanted.length && this.found[same] === wanted[same]) same++
    this.persistedCount = this.count
    const differs = same < Math.max(wanted.length, this.found.length)
    if (differs) {
      disk.truncate(this.open(disk), same)
      disk.write(this.open(disk), wanted.subarray(same), same)
    }
    this.found = noBytes
    return differs
  }

  /** Writes all entries, also those that the file holds. */
  writeAgain(disk: Disk): void {
    if (this.count === 0) return
    disk.write(this.open(disk), this.bytes.subarray(0, this.count * this.entryBytes), 0)
    this.persistedCount = this.count
  }

  /** Writes the entries that the file lacks. */
  persist(disk: Disk): void {
    if (this.persistedCount === this.count) return
    const start = this.persistedCount * this.entryBytes
    disk.write(this.open(disk), this.bytes.subarray(start, this.count * this.entryBytes), start)
    this.persistedCount = this.count
  }

  open(disk: Disk): FileHandle {
    this.file ??= disk.open(this.path, 'create')
    return this.file
  }

  close(disk: Disk): void {
    if (this.file !== undefined) disk.close(this.file)
    this.file = undefined
  }
}

export class SegmentIndex {
  private readonly disk: Disk
  private readonly offsets: EntryFile
  private readonly times: EntryFile

  constructor(disk: Disk, offsetPath: string, timePath: string) {
    this.disk = disk
    this.offsets = new EntryFile(offsetPath, offsetEntryBytes)
    this.times = new EntryFile(timePath, timeEntryBytes)
  }

  /** From the files, as far as their entries ascend. */
  load(): this {
    this.offsets.load(this.disk, soundOffsetEntries)
    this.times.load(this.disk, soundTimeEntries)
    return this
  }

  get paths(): readonly [string, string] {
    return [this.offsets.path, this.times.path]
  }

  get offsetEntryCount(): number {
    return this.offsets.count
  }

  get timeEntryCount(): number {
    return this.times.count
  }

  isFull(maxBytes: number): boolean {
    // One time entry is kept free for the seal.
    return (this.offsets.count + 1) * offsetEntryBytes > maxBytes || (this.times.count + 2) * timeEntryBytes > maxBytes
  }

  addOffset(relativeOffset: number, position: number): void {
    const at = this.offsets.room()
    this.offsets.view.setInt32(at, relativeOffset)
    this.offsets.view.setInt32(at + 4, position)
  }

  /** Adds the largest timestamp so far, unless the last entry says as much. */
  addTime(timestamp: number, relativeOffset: number): void {
    if (timestamp < 0 || timestamp <= this.lastTimestamp) return
    const at = this.times.room()
    writeInt64(this.times.view, at, timestamp)
    this.times.view.setInt32(at + 8, relativeOffset)
  }

  /** -1: there is none. */
  get lastTimestamp(): number {
    return this.times.count === 0 ? -1 : timestampAt(this.times.view, this.times.count - 1)
  }

  get lastTimeRelativeOffset(): number {
    return this.times.count === 0 ? -1 : timeRelativeOffsetAt(this.times.view, this.times.count - 1)
  }

  offsetEntry(index: number): { relativeOffset: number; position: number } {
    const { view } = this.offsets
    return { relativeOffset: relativeOffsetAt(view, index), position: positionAt(view, index) }
  }

  timeEntry(index: number): { timestamp: number; relativeOffset: number } {
    const { view } = this.times
    return { timestamp: timestampAt(view, index), relativeOffset: timeRelativeOffsetAt(view, index) }
  }

  /** Where to start looking for the batch that holds an offset. */
  positionForOffset(relativeOffset: number): number {
    const entry = lookUpOffset(this.offsets.view, this.offsets.count, relativeOffset)
    return entry < 0 ? 0 : positionAt(this.offsets.view, entry)
  }

  offsetEntryFor(relativeOffset: number): number {
    return lookUpOffset(this.offsets.view, this.offsets.count, relativeOffset)
  }

  /** The last known start of a batch at or before a position. */
  batchStartAtMost(position: number): number {
    const entry = lookUpPosition(this.offsets.view, this.offsets.count, position)
    return entry < 0 ? 0 : positionAt(this.offsets.view, entry)
  }

  /** The offset from which on records may be as new as `timestamp`. */
  relativeOffsetForTimestamp(timestamp: number): number {
    const entry = lookUpTimestamp(this.times.view, this.times.count, timestamp)
    return entry < 0 ? 0 : timeRelativeOffsetAt(this.times.view, entry)
  }

  /** Keeps in memory the first `offsetCount` offset entries and the time entries that were made by then. */
  cutTo(offsetCount: number): void {
    const lastOffset = offsetCount === 0 ? -1 : relativeOffsetAt(this.offsets.view, offsetCount - 1)
    this.offsets.cutTo(offsetCount)
    this.times.cutTo(lookUpTimeOffset(this.times.view, this.times.count, lastOffset) + 1)
  }

  /** After `cutTo` and the walk that follows it: makes the files equal; returns whether they had to be changed. */
  rewrite(): boolean {
    const offsetsDiffer = this.offsets.rewrite(this.disk)
    return this.times.rewrite(this.disk) || offsetsDiffer
  }

  /** Writes both files as a whole: after a sync that failed no later one brings what the cache holds to the disk. */
  writeAgain(): void {
    this.offsets.writeAgain(this.disk)
    this.times.writeAgain(this.disk)
  }

  /** Writes what the files lack. */
  persist(): void {
    this.offsets.persist(this.disk)
    this.times.persist(this.disk)
  }

  /** As persist, and both files exist from then on, also when they are empty. */
  persistBoth(): void {
    this.offsets.open(this.disk)
    this.times.open(this.disk)
    this.persist()
  }

  close(): void {
    this.offsets.close(this.disk)
    this.times.close(this.disk)
  }
}
