/**
 * A journal: a ring in memory mirrored position for position by a preallocated file, written in commits.
 * Runs on: the shard or metadata worker that owns it. Touches: its memory, its file, the shared floor.
 *
 *   head                    committed = start of the open commit        cursor
 *    |  unsettled commits           |  entries not yet written            |  free, up to head + capacity
 *
 * Invariants: one commit at a time; a commit that returned is on disk; head <= committed <= cursor <= head + capacity;
 * the floor is raised before memory below it is overwritten, and never passes the head.
 */
import { assert } from '../../native-free-core/errors/assert.js'
import {
  commitAlignment,
  commitHeaderBytes,
  type Crc32c,
  type RunId,
  roundUpToCommit,
  writeCommitHeader,
} from '../../native-free-core/journal/commit-format.js'
import { floorIndex, floorUnitBytes } from '../../native-free-core/journal/journal-reader.js'
import {
  ringFilePosition,
  type Superblock,
  superblockBytes,
  writeSuperblock,
} from '../../native-free-core/journal/superblock.js'
import type { Disk, FileHandle } from './disk.js'

/** How far the floor is raised at a time, to spare atomic operations. */
const floorStepBytes = 256 * 1024

/** Where a journal's commits go; a ring of memory alone has none. */
export interface JournalStore {
  readonly disk: Disk
  readonly path: string
  /** As it stands in the file: emptied by recovery, or new. */
  readonly superblock: Superblock
  /** Of this run: random. */
  readonly runId: RunId
  /** Commits go past the page cache where the system can (docs/decisions/0014). */
  readonly isDirect?: boolean
}

export interface JournalOptions {
  /** Undefined: for topics that do not ask for synced writes; a commit is then only a boundary. */
  readonly store: JournalStore | undefined
  readonly crc: Crc32c
  /** The ring's memory; its size is the capacity. */
  readonly memory: SharedArrayBuffer | ArrayBuffer
  /** Shared positions for readers on other threads; a journal that nobody else reads needs none. */
  readonly positions: SharedArrayBuffer | undefined
}

/** The durable end of a journal: its file and the superblock in force. */
class JournalWriter {
  superblock: Superblock
  /** The head in the copy that counts where the newest one is damaged. */
  otherHeadPosition: number
  readonly path: string
  readonly file: FileHandle
  /** Past the page cache; undefined: commits go through it. */
  private readonly directFile: FileHandle | undefined
  private readonly disk: Disk
  private readonly crc: Crc32c

  constructor({ disk, path, superblock, runId, isDirect = false }: JournalStore, memory: Uint8Array, crc: Crc32c) {
    this.disk = disk
    this.path = path
    this.crc = crc
    this.superblock = superblock
    this.otherHeadPosition = superblock.headPosition
    this.file = disk.open(path, 'durable-write')
    this.directFile = isDirect ? disk.openDirect(path, memory, 'durable-write') : undefined
    this.beginRun(runId)
  }

  /**
   * The run's id is on disk, in both copies, before its first commit: a commit of another run is never accepted, and
   * a copy that still says "clean" or names the run before would hide this run's commits if the other were damaged.
   */
  private beginRun(runId: RunId): void {
    assert(runId !== this.superblock.runId, 'a run needs an id of its own')
    const next = { ...this.superblock, runId, previousCrc: 0, clean: false }
    this.writeSuperblock(next)
    this.writeSuperblock(next)
  }

  writeSuperblock(next: Superblock): void {
    const { headPosition } = this.superblock
    this.superblock = { ...next, sequence: this.superblock.sequence + 1 }
    const copy = this.superblock.sequence % 2
    this.disk.write(this.file, writeSuperblock(this.superblock, this.crc), copy * superblockBytes)
    this.otherHeadPosition = headPosition
  }

  /** Returns when the bytes are on disk. */
  write(bytes: Uint8Array, ringPosition: number): void {
    this.disk.write(this.directFile ?? this.file, bytes, ringFilePosition + ringPosition)
  }

  close(): void {
    if (this.directFile !== undefined) this.disk.close(this.directFile)
    this.disk.close(this.file)
  }
}

export class Journal {
  readonly capacityBytes: number
  /** The ring as bytes; `reserve` returns positions in it. */
  readonly bytes: Uint8Array
  readonly view: DataView
  private readonly writer: JournalWriter | undefined
  private readonly crc: Crc32c
  private readonly floorWord: Int32Array
  private readonly boundaries: BoundaryQueue
  private floor: number
  private head: number
  private committed: number
  private cursor: number
  private entryCount = 0
  private number: number
  /** One for all commits: an object for each would be a tenth of what the shard leaves to be collected. */
  private readonly header = {
    position: 0,
    number: 0,
    runId: '',
    totalBytes: 0,
    usedBytes: 0,
    nextPosition: 0,
    entryCount: 0,
    previousCrc: 0,
    bodyCrc: 0,
  }
  private previousCrc = 0
  /** Of the last commit, for metrics. */
  lastCommitBytes = 0

  constructor(options: JournalOptions) {
    const { store } = options
    this.crc = options.crc
    this.capacityBytes = options.memory.byteLength
    this.bytes = new Uint8Array(options.memory)
    this.view = new DataView(options.memory)
    this.floorWord = new Int32Array(options.positions ?? new SharedArrayBuffer(4))
    assert(
      (store?.superblock.capacityBytes ?? this.capacityBytes) === this.capacityBytes,
      'journal memory and file differ in size',
    )
    this.head = this.committed = this.cursor = store?.superblock.headPosition ?? 0
    this.floor = this.head
    Atomics.store(this.floorWord, floorIndex, (this.floor / floorUnitBytes) | 0)
    this.number = store?.superblock.headCommitNumber ?? 1
    this.boundaries = new BoundaryQueue(this.capacityBytes / commitAlignment + 2)
    this.writer = store === undefined ? undefined : new JournalWriter(store, this.bytes, options.crc)
  }

  get headPosition(): number {
    return this.head
  }

  /** What lies below is replayed by no start any more, whatever becomes of one copy of the superblock. */
  get forgottenPosition(): number {
    return this.writer?.otherHeadPosition ?? this.head
  }

  /** Everything below is on disk. */
  get committedPosition(): number {
    return this.committed
  }

  get usedBytes(): number {
    return this.cursor - this.head
  }

  get hasOpenCommit(): boolean {
    return this.cursor > this.committed
  }

  get openBytes(): number {
    return this.cursor - this.committed
  }

  /** The first place after the head that the head may move to; the head itself when nothing is committed. */
  get nextBoundaryPosition(): number {
    return this.boundaries.firstPosition ?? this.head
  }

  /** Memory from here on is intact. */
  get floorPosition(): number {
    return this.floor
  }

  /** False for a ring of memory alone. */
  get isDurable(): boolean {
    return this.writer !== undefined
  }

  /** For messages. */
  get path(): string {
    return this.writer?.path ?? 'memory'
  }

  /** The descriptor, for filling the file ahead of the tail. */
  get fileHandle(): FileHandle {
    assert(this.writer !== undefined, 'a ring of memory alone has no file')
    return this.writer.file
  }

  /** The largest entry that always fits once the journal is settled. */
  get largestEntryBytes(): number {
    return this.capacityBytes / 4
  }

  /**
   * Room for an entry of `lengthBytes` (a multiple of 8) in the open commit; returns its absolute position, or -1
   * when the journal is full until more is settled. May write a commit, where the lap ends.
   */
  reserve(lengthBytes: number): number {
    assert(lengthBytes <= this.largestEntryBytes, 'journal entry larger than a quarter of the journal')
    const start = this.hasOpenCommit ? this.cursor : this.committed + commitHeaderBytes
    const lapEnd = this.lapEndOf(this.committed)
    if (start + lengthBytes > lapEnd) return this.reserveInNextLap(lapEnd, lengthBytes)
    if (!this.hasRoomUpTo(start + lengthBytes)) return -1
    return this.take(start, lengthBytes)
  }

  private reserveInNextLap(lapEnd: number, lengthBytes: number): number {
    if (!this.hasRoomUpTo(lapEnd + commitHeaderBytes + lengthBytes)) return -1
    if (!this.hasOpenCommit) this.openCommit()
    this.writeOpenCommit(lapEnd)
    return this.take(lapEnd + commitHeaderBytes, lengthBytes)
  }

  private take(start: number, lengthBytes: number): number {
    if (!this.hasOpenCommit) this.openCommit()
    const end = start + lengthBytes
    this.raiseFloor(end)
    this.cursor = end
    this.entryCount++
    return start
  }

  private openCommit(): void {
    this.raiseFloor(this.committed + commitHeaderBytes)
    this.cursor = this.committed + commitHeaderBytes
    this.entryCount = 0
  }

  private lapEndOf(position: number): number {
    return (Math.floor(position / this.capacityBytes) + 1) * this.capacityBytes
  }

  private hasRoomUpTo(end: number): boolean {
    return roundUpToCommit(end) - this.head <= this.capacityBytes
  }

  /** Readers must see the floor above what is overwritten before it is: a read-modify-write orders the two. */
  private raiseFloor(end: number): void {
    const needed = roundUpToCommit(end) - this.capacityBytes
    if (needed <= this.floor) return
    const target = Math.min(needed + floorStepBytes, this.head)
    // The floor never passes the head: unsettled bytes are found nowhere else.
    assert(target >= needed, 'journal would overwrite unsettled entries')
    const units = Math.ceil(target / floorUnitBytes)
    Atomics.add(this.floorWord, floorIndex, (units - this.floor / floorUnitBytes) | 0)
    this.floor = units * floorUnitBytes
  }

  /** Index of an absolute position in `bytes`. */
  indexOf(position: number): number {
    return position % this.capacityBytes
  }

  /** Writes the open commit and returns when it is on disk; everything reserved before is then durable. */
  commit(): void {
    if (!this.hasOpenCommit) return
    const end = roundUpToCommit(this.cursor)
    this.writeOpenCommit(end)
  }

  private writeOpenCommit(nextPosition: number): void {
    const totalBytes = roundUpToCommit(this.cursor - this.committed)
    if (this.writer !== undefined) this.writeCommit(this.writer, nextPosition, totalBytes)
    this.number++
    this.committed = this.cursor = nextPosition
    this.entryCount = 0
    this.lastCommitBytes = totalBytes
    this.boundaries.push(nextPosition, this.number, this.previousCrc)
  }

  private writeCommit(writer: JournalWriter, nextPosition: number, totalBytes: number): void {
    const position = this.committed
    const usedBytes = this.cursor - position
    const at = this.indexOf(position)
    this.bytes.fill(0, at + usedBytes, at + totalBytes)
    const { header } = this
    header.position = position
    header.number = this.number
    header.runId = writer.superblock.runId
    header.totalBytes = totalBytes
    header.usedBytes = usedBytes
    header.nextPosition = nextPosition
    header.entryCount = this.entryCount
    header.previousCrc = this.previousCrc
    header.bodyCrc = this.crc(this.bytes, at + commitHeaderBytes, at + usedBytes)
    this.previousCrc = writeCommitHeader(this.bytes, this.view, at, header, this.crc)
    writer.write(this.bytes.subarray(at, at + totalBytes), at)
  }

  /**
   * Moves the head to the last commit boundary at or below `settledPosition` and syncs the superblock that says so.
   * Call only when everything below is settled and synced, recovery point included.
   */
  advanceHead(settledPosition: number): void {
    assert(settledPosition <= this.committed, 'journal head passes what is committed')
    const boundary = this.boundaries.takeUpTo(settledPosition)
    if (boundary === undefined) return
    this.writer?.writeSuperblock({
      ...this.writer.superblock,
      headPosition: boundary.position,
      headCommitNumber: boundary.number,
      previousCrc: boundary.previousCrc,
      clean: false,
    })
    this.head = boundary.position
  }

  /** Writes the head into the other copy of the superblock as well; returns when it is on disk. */
  repeatHead(): void {
    this.writer?.writeSuperblock(this.writer.superblock)
  }

  /** The last act of a clean stop: says that there is nothing to recover. The head must have reached the end. */
  close(): void {
    assert(!this.hasOpenCommit, 'journal closed with an open commit')
    if (this.writer === undefined) return
    if (this.head === this.committed) this.writer.writeSuperblock({ ...this.writer.superblock, clean: true })
    this.writer.close()
  }
}

/** Where the commits since the head end: the places that the head may move to. */
class BoundaryQueue {
  private readonly positions: Float64Array
  private readonly numbers: Float64Array
  private readonly crcs: Uint32Array
  private first = 0
  private count = 0

  constructor(size: number) {
    this.positions = new Float64Array(size)
    this.numbers = new Float64Array(size)
    this.crcs = new Uint32Array(size)
  }

  get firstPosition(): number | undefined {
    return this.count === 0 ? undefined : this.positions[this.first]!
  }

  push(position: number, number: number, previousCrc: number): void {
    assert(this.count < this.positions.length, 'more commits in the journal than fit into it')
    const index = (this.first + this.count) % this.positions.length
    this.positions[index] = position
    this.numbers[index] = number
    this.crcs[index] = previousCrc
    this.count++
  }

  takeUpTo(position: number): { position: number; number: number; previousCrc: number } | undefined {
    let taken = -1
    while (this.count > 0 && this.positions[this.first]! <= position) {
      taken = this.first
      this.first = (this.first + 1) % this.positions.length
      this.count--
    }
    if (taken < 0) return undefined
    return { position: this.positions[taken]!, number: this.numbers[taken]!, previousCrc: this.crcs[taken]! }
  }
}
