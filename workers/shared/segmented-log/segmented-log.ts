/**
 * One partition's log on disk: a row of segments, of which the last takes appends.
 * Runs on: the shard that owns the partition; recovery; jobs. Touches: the files of the partition's folder.
 * What must reach the medium is listed by `takeSyncWork`, done by the sync thread, reported by `synced`; nothing is
 * synced here but a first segment's name, if it must be there before the second (`roll`).
 *
 *   logStartOffset                                  durablePoint        endOffset
 *        |  sealed  |   sealed    |      sealed    |   active   | written |
 *
 * Invariants: offsets are dense; a batch never spans segments; only sealed and synced segments are removed, below a log
 * start that a recovery point on the medium tells; a lease keeps a removed segment's file until it is released.
 */
import { encodeUtf8, decodeUtf8 } from '../../../native-free-core/bytes/utf8.js'
import type { Uuid } from '../../../native-free-core/bytes/uuid.js'
import type { TopicConfig } from '../../../native-free-core/config/topic-config.js'
import { assert } from '../../../native-free-core/errors/assert.js'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { BatchScanner } from '../../../native-free-core/log/batch-scanner.js'
import {
  leaderEpochFileName,
  parseSegmentFileName,
  partitionMetadataFileName,
  segmentFileName,
} from '../../../native-free-core/log/index-format.js'
import {
  formatLeaderEpochs,
  LeaderEpochs,
  parseLeaderEpochs,
} from '../../../native-free-core/log/leader-epoch-checkpoint.js'
import { formatPartitionMetadata, parsePartitionMetadata } from '../../../native-free-core/log/partition-metadata.js'
import { ProducerState } from '../../../native-free-core/log/producer-state.js'
import {
  batchSizeBytes,
  checkBatchHeader,
  type Decompress,
  RecordBatchView,
} from '../../../native-free-core/log/record-batch.js'
import type { Disk } from '../disk.js'
import { ProducerSnapshots } from './producer-snapshots.js'
import { ReplacedFiles, readWhole, temporarySuffix, writeWhole } from './replaced-files.js'
import { Segment } from './segment.js'
import { recoverSegment, sharedScanner } from './segment-recovery.js'
import { SyncList, type SyncWork } from './sync-list.js'
import { damaged, findByTimestamp, findLargestTimestamp, type TimestampOffset } from './timestamp-search.js'
import { rewriteRange, UnprovenBytes } from './unproven-bytes.js'
import { type Damage, verifySegment } from './verify.js'

export type { SyncWork } from './sync-list.js'
export type { TimestampOffset } from './timestamp-search.js'
export type { Damage } from './verify.js'

/** The entries of a topic's configuration that its log obeys. */
export type SegmentedLogConfig = Pick<
  TopicConfig,
  'indexIntervalBytes' | 'segmentBytes' | 'segmentIndexBytes' | 'segmentMs' | 'retentionBytes' | 'retentionMs'
>

/**
 * Everything below `endOffset` is on disk: it ends at `position` of the segment that was active then. Store it synced,
 * and lower it before `truncateTo`.
 */
export interface RecoveryPoint {
  readonly endOffset: number
  readonly position: number
  /** As last recorded; the first segment's base offset if that is higher. */
  readonly logStartOffset?: number
}

/** A range of whole batches of a file that stays readable until the lease is released. */
export interface Lease {
  readonly path: string
  readonly position: number
  readonly lengthBytes: number
  readonly segmentBaseOffset: number
}

/** What a reader on another thread needs to find its way in a segment. */
export interface SegmentRange {
  readonly path: string
  readonly baseOffset: number
  readonly sizeBytes: number
}

/** What `open` found above the recovery point. */
export interface RecoveryReport {
  readonly verifiedBytes: number
  readonly tornBytes: number
  /** Segments behind the tear, removed. */
  readonly removedSegments: number
  /** What was wrong where the log was cut, if it was. */
  readonly reason: string | undefined
}

const deletedSuffix = '.deleted'
/** Indexes of sealed segments that stay in memory after a read. */
const loadedSealedIndexCount = 4
/**
 * After so many bytes a snapshot of the producers is due, so that an open replays no more headers than these hold. What
 * many partitions add up to is the settler's to bound.
 */
const snapshotIntervalBytes = 32 * 1024 * 1024
/** At a clean stop fewer bytes than these are not worth a synced file for each partition. */
const stopSnapshotBytes = 1024 * 1024
/** Looking for one batch takes a small window: an index entry is a few KiB away. */
const headerScanner = new BatchScanner(8 * 1024)

export class SegmentedLog {
  readonly folder: string
  /** Made by `create`: its folder was not there before. */
  isNew = false
  /** As of `endOffset`. The shard's own state, which includes the journal's tail, starts as a copy. */
  readonly producers = new ProducerState()
  recovery: RecoveryReport = { verifiedBytes: 0, tornBytes: 0, removedSegments: 0, reason: undefined }
  private readonly disk: Disk
  private config: SegmentedLogConfig
  private readonly syncs = new SyncList()
  private readonly files: ReplacedFiles
  private readonly snapshots: ProducerSnapshots
  private epochs = new LeaderEpochs()
  /** Ascending, never empty after open or create; the last one takes appends. */
  private segments: Segment[] = []
  private startOffset = 0
  private bytesSinceSnapshot = 0
  private readonly unproven = new UnprovenBytes()
  private isFirstNameSynced = true
  private durable: RecoveryPoint = { endOffset: 0, position: 0 }
  private atLastTake: RecoveryPoint = { endOffset: 0, position: 0 }
  private readonly loadedSealed: Segment[] = []
  private readonly leased = new Map<Lease, Segment>()
  private readonly cursor = new RecordBatchView()
  /** All of the memory in which the last view lay. */
  private memory: Uint8Array = new Uint8Array(0)
  /** A run is written while `cursor` stands on the batch behind it. */
  private readonly runCursor = new RecordBatchView()

  private constructor(disk: Disk, folder: string, config: SegmentedLogConfig) {
    this.disk = disk
    this.folder = folder
    this.config = config
    this.files = new ReplacedFiles(disk, folder, this.syncs)
    this.snapshots = new ProducerSnapshots(disk, folder, this.files, (offset) =>
      this.segments.some((segment) => segment.baseOffset === offset),
    )
  }

  /** A new, empty log in a new folder. Its sync work includes the folder above. */
  static create(
    disk: Disk,
    folder: string,
    topicId: Uuid,
    config: SegmentedLogConfig,
    baseOffset = 0,
    nowMs = 0,
  ): SegmentedLog {
    disk.makeFolder(folder)
    const log = new SegmentedLog(disk, folder, config)
    log.isNew = true
    const metadataPath = `${folder}/${partitionMetadataFileName}`
    writeWhole(disk, metadataPath, encodeUtf8(formatPartitionMetadata(topicId)))
    log.syncs.mark(metadataPath, 'file')
    log.syncs.mark(parentOf(folder), 'folder')
    log.startAt(baseOffset, nowMs)
    return log
  }

  /**
   * Opens what is in the folder: trusts what lies below the recovery point, verifies every byte above it, cuts the log
   * behind the last sound batch. Without a recovery point everything is verified. Throws SEGMENT_DAMAGED when bytes
   * below the recovery point are missing or damaged.
   */
  static open(
    disk: Disk,
    folder: string,
    config: SegmentedLogConfig,
    recoveryPoint: RecoveryPoint | undefined,
    nowMs = 0,
  ): SegmentedLog {
    const log = new SegmentedLog(disk, folder, config)
    log.load(recoveryPoint, nowMs)
    return log
  }

  get endOffset(): number {
    return this.active.endOffset
  }

  /** Of the first segment. */
  get baseOffset(): number {
    return this.segments[0]!.baseOffset
  }

  /** The lowest offset that may be read. */
  get logStartOffset(): number {
    return this.startOffset
  }

  /** Of the end in the active segment's file. */
  get endPosition(): number {
    return this.active.sizeBytes
  }

  get sizeBytes(): number {
    let total = 0
    for (const segment of this.segments) total += segment.sizeBytes
    return total
  }

  get segmentCount(): number {
    return this.segments.length
  }

  get leaderEpochs(): LeaderEpochs {
    return this.epochs
  }

  /** Everything below is on the medium, as far as `synced` was told. */
  get durablePoint(): RecoveryPoint {
    return this.durable
  }

  configure(config: SegmentedLogConfig): void {
    this.config = config
  }

  private get active(): Segment {
    return this.segments[this.segments.length - 1]!
  }

  // ---- opening

  private startAt(baseOffset: number, nowMs: number): void {
    this.segments = [this.newSegment(baseOffset, nowMs)]
    this.markFirstName()
    this.startOffset = baseOffset
    this.durable = this.atLastTake = { endOffset: baseOffset, position: 0 }
  }

  private newSegment(baseOffset: number, nowMs: number): Segment {
    const segment = new Segment(this.disk, this.folder, baseOffset, nowMs).create()
    this.syncs.mark(segment.path, 'file')
    this.syncs.mark(this.folder, 'folder')
    return segment
  }

  private markFirstName(): void {
    this.isFirstNameSynced = false
    this.syncs.mark(this.folder, 'folder', () => {
      this.isFirstNameSynced = true
    })
  }

  private load(point: RecoveryPoint | undefined, nowMs: number): void {
    const logStartOffset = point?.logStartOffset ?? 0
    const names = this.removeLeftovers(this.disk.list(this.folder))
    const offsets = names.map(parseSegmentFileName).filter((name) => name?.kind === 'log')
    this.segments = offsets.map((name) => new Segment(this.disk, this.folder, name!.baseOffset, nowMs))
    this.removeDead(logStartOffset)
    if (this.segments.length === 0) this.startAt(logStartOffset, nowMs)
    else this.recoverSegments(point)
    if ((point?.endOffset ?? 0) <= logStartOffset) this.markNames()
    if (point !== undefined && this.endOffset < point.endOffset) throw this.lostSegments(point)
    this.startOffset = Math.max(this.baseOffset, Math.min(logStartOffset, this.endOffset))
    this.durable = point ?? { endOffset: this.baseOffset, position: 0 }
    this.atLastTake = this.durable
    this.snapshots.find(names)
    this.loadEpochs()
    this.reloadProducers()
    this.snapshots.removeStrays()
  }

  /** Segments below the recorded start are on their way out; a crash may have brought some back, and not others. */
  private removeDead(logStartOffset: number): void {
    while (this.segments.length > 1 && this.segments[1]!.baseOffset <= logStartOffset) {
      this.removeFilesNow(this.segments.shift()!)
    }
  }

  /** No recovery point relies on anything in the folder: its names may be in the page cache only. */
  private markNames(): void {
    const path = `${this.folder}/${partitionMetadataFileName}`
    // Written again, too: after a sync that failed no later one brings what the cache holds to the disk.
    if (this.disk.exists(path)) rewriteRange(this.disk, path, 0, this.disk.sizeOf(path))
    this.syncs.mark(path, 'file')
    this.markFirstName()
    this.syncs.mark(parentOf(this.folder), 'folder')
  }

  /** Removes what an interrupted removal or replacement left, and indexes without a segment; returns the rest. */
  private removeLeftovers(names: readonly string[]): string[] {
    const present = new Set(names)
    return names.filter((name) => {
      const parsed = parseSegmentFileName(name)
      const isOrphan = parsed?.kind.endsWith('index') && !present.has(segmentFileName(parsed.baseOffset, 'log'))
      const isLeftover = name.endsWith(deletedSuffix) || name.endsWith(temporarySuffix) || isOrphan
      if (isLeftover) this.disk.remove(`${this.folder}/${name}`)
      return !isLeftover
    })
  }

  private recoverSegments(point: RecoveryPoint | undefined): void {
    let verifiedBytes = 0
    for (let index = 0; index < this.segments.length; index++) {
      const segment = this.segments[index]!
      const next = this.segments[index + 1]
      if (next !== undefined && point !== undefined && isSealedAt(point, next.baseOffset)) {
        this.trustSealed(segment, next.baseOffset)
        continue
      }
      const isPointHere = point !== undefined && segment.baseOffset < point.endOffset
      const trustedBytes = isPointHere ? point.position : 0
      const found = recoverSegment(segment, trustedBytes, this.config.indexIntervalBytes)
      if (segment.sizeBytes > trustedBytes || next !== undefined) this.unproven.add(segment, trustedBytes)
      verifiedBytes += found.verifiedBytes
      // The page cache may say what the medium does not: what was accepted here is synced before it is relied on.
      this.syncs.mark(segment.path, 'file')
      if (found.indexesChanged) this.markIndexes(segment)
      const isWhole = found.reason === undefined && (next === undefined || next.baseOffset === segment.endOffset)
      const reason = found.reason ?? (isWhole ? undefined : `is followed by a segment at ${next?.baseOffset}`)
      const removedSegments = isWhole ? 0 : this.dropSegmentsAfter(index)
      this.recovery = { verifiedBytes, tornBytes: found.tornBytes, removedSegments, reason }
      if (index < this.segments.length - 1) this.finishSealed(segment)
    }
  }

  /** Something was found above the recovery point, and `writeAgain` was not called yet. */
  get isUnproven(): boolean {
    return !this.unproven.isEmpty
  }

  /** Before the first sync after an open: it must not rely on what the page cache takes for written. */
  writeAgain(): void {
    this.unproven.writeAgain(this.disk)
  }

  private trustSealed(segment: Segment, endOffset: number): void {
    if (segment.readSealedFigures(endOffset)) {
      segment.sizeBytes = segment.fileBytes()
      segment.endOffset = endOffset
      return
    }
    // Indexes are derived: where they are missing or cut short, the segment itself makes them anew.
    segment.unloadIndexes()
    recoverSegment(segment, segment.fileBytes(), this.config.indexIntervalBytes)
    if (segment.endOffset !== endOffset) {
      throw new StreamBusError(
        'SEGMENT_DAMAGED',
        `${segment.path} ends at offset ${segment.endOffset}; the next segment starts at ${endOffset}`,
      )
    }
    this.finishSealed(segment)
  }

  private finishSealed(segment: Segment): void {
    segment.seal()
    this.markIndexes(segment)
    segment.unloadIndexes()
    segment.closeFile()
  }

  private markIndexes(segment: Segment): void {
    for (const path of segment.indexes().paths) if (this.disk.exists(path)) this.syncs.mark(path, 'file')
    // They may be new.
    this.syncs.mark(this.folder, 'folder')
  }

  private dropSegmentsAfter(index: number): number {
    const dropped = this.segments.splice(index + 1)
    for (const segment of dropped) this.removeFilesNow(segment)
    return dropped.length
  }

  private removeFilesNow(segment: Segment): void {
    segment.unloadIndexes()
    segment.closeFile()
    for (const path of [segment.path, segment.indexPath, segment.timeIndexPath]) {
      this.syncs.forget(path)
      if (this.disk.exists(path)) this.disk.remove(path)
    }
    this.syncs.mark(this.folder, 'folder')
  }

  private lostSegments(point: RecoveryPoint): StreamBusError {
    return new StreamBusError(
      'SEGMENT_DAMAGED',
      `${this.folder} ends at offset ${this.endOffset}, but everything below offset ${point.endOffset} was on disk`,
    )
  }

  private loadEpochs(): void {
    const path = `${this.folder}/${leaderEpochFileName}`
    if (!this.disk.exists(path)) return
    this.epochs = new LeaderEpochs(parseLeaderEpochs(decodeUtf8(readWhole(this.disk, path))))
    this.epochs.truncateTo(this.endOffset)
  }

  /** From the newest snapshot and the headers after it. */
  private reloadProducers(): void {
    const snapshot = this.snapshots.loadNewest(this.endOffset)
    this.bytesSinceSnapshot = 0
    if (snapshot === undefined) this.producers.clear()
    else this.producers.copyFrom(snapshot.state)
    const from = Math.max(snapshot?.offset ?? 0, this.baseOffset)
    for (const segment of this.segments) {
      if (segment.endOffset > from) this.replayHeaders(segment, from)
    }
  }

  private replayHeaders(segment: Segment, fromOffset: number): void {
    const start = this.indexesOf(segment).positionForOffset(fromOffset - segment.baseOffset)
    segment.withReader((read) => {
      const scan = sharedScanner().over(read, start, segment.sizeBytes, 'headers')
      while (scan.advance()) if (scan.batch.baseOffset >= fromOffset) this.noteOwners(scan.batch)
      this.bytesSinceSnapshot += scan.soundEnd - start
      if (scan.problem !== 'ok') throw damaged(segment, scan.position)
    })
  }

  /** Producer and leader epoch of a batch that is in the log; returns whether the epoch is a new one. */
  private noteOwners(batch: RecordBatchView): boolean {
    if (!batch.isControl) {
      this.producers.append(
        batch.producerId,
        batch.producerEpoch,
        batch.baseSequence,
        batch.recordCount,
        batch.baseOffset,
        batch.maxTimestamp,
      )
    }
    const epoch = batch.partitionLeaderEpoch
    return epoch > this.epochs.latestEpoch && this.epochs.assign(epoch, batch.baseOffset)
  }

  // ---- appending

  /**
   * Writes whole batches, in order, with their final offsets. Begins new segments where the configuration says so. On a
   * failed write the log ends with the last batch that was written; nothing is synced. `nowMs` tells the age of
   * segments whose records carry no time.
   */
  append(views: readonly Uint8Array[], nowMs = 0): void {
    const run = new Run(this.active)
    for (const view of views) {
      let start = 0
      for (let at = 0; at < view.length; ) {
        const batch = this.nextBatch(view, at, run)
        if (this.mustRoll(batch, run, nowMs)) {
          run.add(view, start, at)
          this.writeRun(run)
          this.roll(nowMs)
          run.restart(this.active)
          start = at
        }
        run.take(batch)
        at += batch.sizeBytes
      }
      run.add(view, start, view.length)
    }
    this.writeRun(run)
  }

  private nextBatch(view: Uint8Array, at: number, run: Run): RecordBatchView {
    const batch = this.stand(this.cursor, view, at)
    // The shard validated it before it went into the journal: anything else is a mistake of ours.
    const problem = checkBatchHeader(batch.view, batch.position, view.length - at)
    assert(problem === 'ok', 'what is appended is no record batch')
    assert(batch.baseOffset === run.endOffset, 'a batch does not start where the log ends')
    return batch
  }

  /**
   * Moves `cursor` to the batch at view[at]. The views of a settling slice lie in the same memory, of which a cursor
   * has one DataView: one for each view would be a fifth of what a batch leaves to be collected.
   */
  private stand(cursor: RecordBatchView, view: Uint8Array, at: number): RecordBatchView {
    if (this.memory.buffer !== view.buffer) this.memory = new Uint8Array(view.buffer)
    return cursor.over(this.memory, view.byteOffset + at)
  }

  private mustRoll(batch: RecordBatchView, run: Run, nowMs: number): boolean {
    const { active, config } = this
    const size = active.sizeBytes + run.sizeBytes
    if (size === 0) return false
    if (size + batch.sizeBytes > config.segmentBytes || !active.canHold(batch.lastOffset)) return true
    if (active.indexes().isFull(config.segmentIndexBytes)) return true
    const first = active.sizeBytes === 0 ? run.firstTimestamp : active.firstTimestamp
    // As Kafka does: a segment's age is told by its records' times, so that a replay makes the same segments.
    const ageMs = first >= 0 ? batch.maxTimestamp - first : nowMs - active.openedMs
    return ageMs > config.segmentMs
  }

  private writeRun(run: Run): void {
    if (run.views.length === 0) return
    const { active } = this
    active.write(run.views)
    this.syncs.mark(active.path, 'file')
    this.bytesSinceSnapshot += run.sizeBytes
    let isNewEpoch = false
    for (const view of run.views) {
      for (let at = 0; at < view.length; ) {
        const batch = this.stand(this.runCursor, view, at)
        const size = batchSizeBytes(batch.view, batch.position)
        active.note(batch.lastOffset, size, batch.maxTimestamp, this.config.indexIntervalBytes)
        if (this.noteOwners(batch)) isNewEpoch = true
        at += size
      }
    }
    active.indexes().persist()
    if (isNewEpoch) this.writeEpochs()
  }

  private writeEpochs(): void {
    this.files.replace(leaderEpochFileName, encodeUtf8(formatLeaderEpochs(this.epochs.all)))
  }

  /** Seals the active segment and begins the next; without records in it nothing happens. */
  roll(nowMs = 0): void {
    const sealed = this.active
    if (sealed.sizeBytes === 0) return
    this.syncFirstName()
    sealed.seal()
    this.segments.push(this.newSegment(sealed.endOffset, nowMs))
    this.snapshotProducers()
    this.markIndexes(sealed)
    sealed.unloadIndexes()
    // Linux reports a failed write-back to whoever syncs next, as long as the file stays open somewhere.
    this.syncs.mark(sealed.path, 'file', () => sealed.closeFile())
  }

  /**
   * The first segment's name is on the medium before there is a second: should a power cut take the first alone, the
   * log would seem to begin with the second.
   */
  private syncFirstName(): void {
    if (this.isFirstNameSynced) return
    this.disk.syncFolder(this.folder)
    this.isFirstNameSynced = true
  }

  /** The next open replays the headers of so many bytes, once the snapshots that were asked for are there. */
  get replayBytes(): number {
    return this.bytesSinceSnapshot
  }

  /** So that the next open replays no headers below `endOffset`. The log does it now and then. */
  snapshotProducers(): void {
    this.snapshots.write(this.producers, this.endOffset)
    this.bytesSinceSnapshot = 0
  }

  /** Before a clean stop: the next open then replays next to nothing. */
  snapshotForStop(): void {
    if (this.bytesSinceSnapshot >= stopSnapshotBytes) this.snapshotProducers()
  }

  // ---- syncing

  /** Something waits for `takeSyncWork`. */
  get hasSyncWork(): boolean {
    return this.syncs.hasDirty
  }

  /**
   * What must be synced for everything written so far to be on the medium. Report each element by `synced` when its
   * sync has succeeded; that may make new work (a rename needs its folder synced), so take again until none is left.
   */
  takeSyncWork(): SyncWork[] {
    if (this.bytesSinceSnapshot >= snapshotIntervalBytes) this.snapshotProducers()
    this.atLastTake = { endOffset: this.endOffset, position: this.endPosition }
    return this.syncs.take()
  }

  synced(work: SyncWork): void {
    this.syncs.synced(work)
    if (!this.syncs.hasOutstanding) this.durable = this.atLastTake
  }

  /** Does one piece of sync work here and now. A path that is gone needs none. */
  syncHere(work: SyncWork): void {
    const { disk } = this
    if (disk.exists(work.path)) {
      if (work.kind === 'folder') disk.syncFolder(work.path)
      else syncFile(disk, work.path)
    }
    this.synced(work)
  }

  /** Does all sync work here and now: where nothing else runs. */
  syncAll(): void {
    for (let works = this.takeSyncWork(); works.length > 0; works = this.takeSyncWork()) {
      for (const work of works) this.syncHere(work)
    }
  }

  get needsSync(): boolean {
    return this.syncs.hasDirty
  }

  /** Paths with writes that no reported sync covers. */
  unsyncedFiles(): string[] {
    return this.syncs.paths()
  }

  // ---- reading

  /**
   * A range of whole batches that starts with the one holding `offset` and has at most `maxBytes`, or one batch if that
   * is larger; undefined at the end. Give it back with `release`. Throws OFFSET_OUT_OF_RANGE.
   */
  locate(offset: number, maxBytes: number): Lease | undefined {
    if (offset < this.startOffset || offset > this.endOffset) throw this.outOfRange(offset)
    if (offset === this.endOffset) return undefined
    const segment = this.segmentOf(offset)
    const index = this.indexesOf(segment)
    const from = index.positionForOffset(offset - segment.baseOffset)
    const first = findBatch(segment, from, offset)
    const limit = first.position + maxBytes
    const end = limit >= segment.sizeBytes ? segment.sizeBytes : index.batchStartAtMost(limit)
    const lengthBytes = Math.max(end - first.position, first.sizeBytes)
    const lease = { path: segment.path, position: first.position, lengthBytes, segmentBaseOffset: segment.baseOffset }
    segment.leaseCount++
    this.leased.set(lease, segment)
    return lease
  }

  release(lease: Lease): void {
    const segment = this.leased.get(lease)
    assert(segment !== undefined, 'a lease is released that is not held')
    this.leased.delete(lease)
    segment.leaseCount--
    if (segment.isDoomed && segment.leaseCount === 0) this.removeFiles(segment)
  }

  get leaseCount(): number {
    return this.leased.size
  }

  /** The segment that holds `offset`, for a reader that finds the batch itself; undefined outside of the log. */
  segmentFor(offset: number): SegmentRange | undefined {
    if (offset < this.startOffset || offset >= this.endOffset) return undefined
    const { path, baseOffset, sizeBytes } = this.segmentOf(offset)
    return { path, baseOffset, sizeBytes }
  }

  /** The same range as `locate` read at once, for recovery and jobs; empty at the end. */
  read(offset: number, maxBytes: number): Uint8Array {
    const lease = this.locate(offset, maxBytes)
    if (lease === undefined) return new Uint8Array(0)
    try {
      const bytes = new Uint8Array(lease.lengthBytes)
      const count = this.leased.get(lease)!.withReader((read) => read(bytes, lease.position))
      return bytes.subarray(0, count)
    } finally {
      this.release(lease)
    }
  }

  /**
   * The `lengthBytes` bytes from the batch on that begins with `offset`, fewer at the segment's end; 'absent' below the
   * log's first segment, undefined when no batch begins with that offset.
   */
  readBatch(offset: number, lengthBytes: number): Uint8Array | 'absent' | undefined {
    if (offset < this.baseOffset) return 'absent'
    if (offset >= this.endOffset) return undefined
    const segment = this.segmentOf(offset)
    const from = this.indexesOf(segment).positionForOffset(offset - segment.baseOffset)
    const found = findBatch(segment, from, offset)
    if (found.baseOffset !== offset) return undefined
    const bytes = new Uint8Array(Math.min(lengthBytes, segment.sizeBytes - found.position))
    return bytes.subarray(
      0,
      segment.withReader((read) => read(bytes, found.position)),
    )
  }

  private outOfRange(offset: number): StreamBusError {
    return new StreamBusError(
      'OFFSET_OUT_OF_RANGE',
      `offset ${offset} is not in the log; it has offsets ${this.startOffset} to ${this.endOffset}`,
    )
  }

  private segmentOf(offset: number): Segment {
    let low = 0
    let high = this.segments.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.segments[middle]!.baseOffset <= offset) low = middle
      else high = middle - 1
    }
    return this.segments[low]!
  }

  /** Keeps a few sealed segments' indexes in memory, the latest used last. */
  private indexesOf(segment: Segment): ReturnType<Segment['indexes']> {
    if (segment !== this.active) {
      const known = this.loadedSealed.indexOf(segment)
      if (known >= 0) this.loadedSealed.splice(known, 1)
      this.loadedSealed.push(segment)
      if (this.loadedSealed.length > loadedSealedIndexCount) this.loadedSealed.shift()!.unloadIndexes()
    }
    return segment.indexes()
  }

  /** The first record that is not older than `timestamp`, as Kafka's ListOffsets; undefined: there is none. */
  offsetForTimestamp(timestamp: number, decompress?: Decompress): TimestampOffset | undefined {
    for (const segment of this.segments) {
      if (segment.maxTimestamp < timestamp || segment.endOffset <= this.startOffset) continue
      this.indexesOf(segment)
      const found = findByTimestamp(segment, timestamp, this.startOffset, decompress)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** The first record with the largest timestamp of the log; undefined: it has none. */
  largestTimestamp(decompress?: Decompress): TimestampOffset | undefined {
    let latest: Segment | undefined
    for (const segment of this.segments) {
      if (segment.sizeBytes > 0 && segment.maxTimestamp > (latest?.maxTimestamp ?? -1)) latest = segment
    }
    if (latest === undefined) return undefined
    this.indexesOf(latest)
    return findLargestTimestamp(latest, decompress)
  }

  /** Damage in the segments that are sealed and synced. Reads all of them: for jobs. */
  verify(pause?: (bytes: number) => void): Damage[] {
    return this.segments.slice(0, -1).flatMap((segment) =>
      verifySegment(
        this.disk,
        {
          folder: this.folder,
          baseOffset: segment.baseOffset,
          endOffset: segment.endOffset,
          sizeBytes: segment.sizeBytes,
          isSealed: true,
        },
        pause,
      ),
    )
  }

  // ---- removing

  /**
   * Where retention has the log begin: behind what is older than retention.ms by its largest timestamp, or above
   * retention.bytes, oldest first, whole segments that are sealed, synced and below `highWatermark`. An active segment
   * that is too old is sealed first. A segment whose records carry no time is never too old.
   */
  retentionStart(nowMs: number, highWatermark: number): number {
    const { retentionMs, retentionBytes } = this.config
    const isOld = (segment: Segment): boolean =>
      retentionMs >= 0 && segment.maxTimestamp >= 0 && nowMs - segment.maxTimestamp > retentionMs
    if (this.segments.every(isOld) && this.endOffset <= highWatermark) this.roll(nowMs)
    let excessBytes = retentionBytes < 0 ? -1 : this.sizeBytes - retentionBytes
    let start = this.startOffset
    for (const [index, segment] of this.segments.entries()) {
      const isDue = segment.endOffset <= start || excessBytes >= segment.sizeBytes || isOld(segment)
      if (!isDue || !this.isRemovable(index) || segment.endOffset > highWatermark) break
      excessBytes -= segment.sizeBytes
      start = Math.max(start, segment.endOffset)
    }
    return start
  }

  /**
   * The journal still holds what is not synced here; recovery would look for it in this segment. The one behind it must
   * be there after a power cut that brings this one back: it tells where this one ends.
   */
  private isRemovable(index: number): boolean {
    const next = this.segments[index + 1]
    return next !== undefined && isSealedAt(this.durable, next.baseOffset)
  }

  /** Whether there is a segment that `deleteRecordsUpTo` would remove. */
  hasSegmentBelow(offset: number): boolean {
    return this.segments[0]!.endOffset <= offset && this.isRemovable(0)
  }

  /** Moves the log's start up to `offset`; no file is touched. Throws OFFSET_OUT_OF_RANGE above the end. */
  moveStartTo(offset: number): void {
    if (offset > this.endOffset) throw this.outOfRange(offset)
    this.startOffset = Math.max(this.startOffset, offset)
  }

  /**
   * Moves the log's start up to `offset` and removes sealed, synced segments below it; returns how many. A recovery
   * point on the medium must say so before: after a power cut some of them may be back, with holes between.
   */
  deleteRecordsUpTo(offset: number): number {
    this.moveStartTo(offset)
    let count = 0
    while (this.hasSegmentBelow(offset)) {
      this.dismiss(this.segments.shift()!)
      count++
    }
    if (this.epochs.truncateFrom(this.startOffset)) this.writeEpochs()
    return count
  }

  private dismiss(segment: Segment): void {
    const known = this.loadedSealed.indexOf(segment)
    if (known >= 0) this.loadedSealed.splice(known, 1)
    segment.unloadIndexes()
    segment.closeFile()
    segment.isDoomed = true
    if (segment.leaseCount === 0) this.removeFiles(segment)
  }

  /** Renames, lets the folder be synced, then removes: a crash in between leaves names that an open clears away. */
  private removeFiles(segment: Segment): void {
    this.snapshots.forget(segment.baseOffset)
    const snapshotPath = `${this.folder}/${segmentFileName(segment.baseOffset, 'snapshot')}`
    const paths = [segment.path, segment.indexPath, segment.timeIndexPath, snapshotPath]
    const renamed: string[] = []
    for (const path of paths) {
      this.syncs.forget(path)
      if (!this.disk.exists(path)) continue
      this.disk.rename(path, path + deletedSuffix)
      renamed.push(path + deletedSuffix)
    }
    this.syncs.mark(this.folder, 'folder', () => {
      for (const path of renamed) if (this.disk.exists(path)) this.disk.remove(path)
    })
  }

  /**
   * Cuts the log at the start of the batch that holds `offset`; returns the new end. Waits for nobody: whoever holds a
   * lease above it reads what is no longer there. The recovery point on disk must be at or below `offset` before.
   */
  truncateTo(offset: number, nowMs = 0): number {
    if (offset >= this.endOffset) return this.endOffset
    if (offset <= this.baseOffset) this.restartAt(Math.max(offset, 0), nowMs)
    else this.cutAt(offset)
    this.startOffset = Math.min(this.startOffset, this.endOffset)
    const bound = { endOffset: this.endOffset, position: this.endPosition }
    this.unproven.cutTo(this.segments)
    if (this.durable.endOffset > bound.endOffset) this.durable = bound
    if (this.atLastTake.endOffset > bound.endOffset) this.atLastTake = bound
    if (this.epochs.truncateTo(this.endOffset)) this.writeEpochs()
    this.snapshots.truncateTo(this.endOffset)
    if (!this.producers.truncateTo(this.endOffset)) this.reloadProducers()
    return this.endOffset
  }

  private restartAt(offset: number, nowMs: number): void {
    for (const segment of this.segments) this.removeFilesNow(segment)
    this.loadedSealed.length = 0
    this.segments = [this.newSegment(offset, nowMs)]
    this.markFirstName()
  }

  private cutAt(offset: number): void {
    const segment = this.segmentOf(offset)
    this.dropSegmentsAfter(this.segments.indexOf(segment))
    this.loadedSealed.length = 0
    if (offset < segment.endOffset) {
      const from = segment.indexes().positionForOffset(offset - segment.baseOffset)
      const keptBytes = findBatch(segment, from, offset).position
      this.disk.truncate(segment.openFile(), keptBytes)
      recoverSegment(segment, keptBytes, this.config.indexIntervalBytes)
    }
    // Old entries must not come back from behind a shorter index: it is synced, unlike after an append.
    this.markIndexes(segment)
    this.syncs.mark(segment.path, 'file')
  }

  /** Closes all files. What is unsynced stays so; leases must have been released. */
  close(): void {
    assert(this.leased.size === 0, 'a log is closed while a reader holds a lease on it')
    for (const segment of this.segments) {
      segment.unloadIndexes()
      segment.closeFile()
    }
  }
}

/** Batches that go into one segment with one write. */
class Run {
  readonly views: Uint8Array[] = []
  sizeBytes = 0
  endOffset = 0
  firstTimestamp = -1

  constructor(segment: Segment) {
    this.restart(segment)
  }

  restart(segment: Segment): void {
    this.views.length = 0
    this.sizeBytes = 0
    this.endOffset = segment.endOffset
  }

  take(batch: RecordBatchView): void {
    if (this.sizeBytes === 0) this.firstTimestamp = batch.maxTimestamp
    this.sizeBytes += batch.sizeBytes
    this.endOffset = batch.lastOffset + 1
  }

  add(view: Uint8Array, start: number, end: number): void {
    if (start < end) this.views.push(end - start === view.length ? view : view.subarray(start, end))
  }
}

/** Whether the segment before `nextBaseOffset` was sealed, and its indexes synced, when the point was taken. */
function isSealedAt(point: RecoveryPoint, nextBaseOffset: number): boolean {
  return nextBaseOffset < point.endOffset || (nextBaseOffset === point.endOffset && point.position === 0)
}

interface FoundBatch {
  readonly baseOffset: number
  readonly position: number
  readonly sizeBytes: number
}

/** The batch that holds `offset`, looked for from `position` on. */
function findBatch(segment: Segment, position: number, offset: number): FoundBatch {
  return segment.withReader((read) => {
    const scan = headerScanner.over(read, position, segment.sizeBytes, 'headers')
    while (scan.advance()) {
      const { baseOffset, lastOffset } = scan.batch
      if (lastOffset >= offset) return { baseOffset, position: scan.position, sizeBytes: scan.sizeBytes }
    }
    throw damaged(segment, scan.position)
  })
}

/** What `partition.metadata` says, or undefined where there is none. */
export function readTopicId(disk: Disk, folder: string): Uuid | undefined {
  const path = `${folder}/${partitionMetadataFileName}`
  return disk.exists(path) ? parsePartitionMetadata(decodeUtf8(readWhole(disk, path))) : undefined
}

function syncFile(disk: Disk, path: string): void {
  const file = disk.open(path, 'read-write')
  try {
    disk.sync(file)
  } finally {
    disk.close(file)
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 1))
}
