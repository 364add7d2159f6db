/**
 * Moves entries from the journal to segments: gathers per partition, has them synced, then lets the head advance.
 * Runs on: shard worker. Touches: segmented logs (writes), the sync thread's mailbox, the recovery point file.
 *
 *   idle -> writing (slices of a round, one a turn of the shard's loop) -> syncing (files and folders)
 *        -> publishing (the recovery point) -> head advances -> idle
 *
 * A round settles all entries below the commit boundary where it began, bounded by settleBytesInFlight.
 */
import { assert } from '../../native-free-core/errors/assert.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { Crc32c } from '../../native-free-core/journal/commit-format.js'
import { type Disk, storageErrorOf } from '../shared/disk.js'
import type { Journal } from '../shared/journal.js'
import { encodeRecoveryPoints, type RecoveryPoint } from '../shared/recovery-point.js'
import { writeWhole } from '../shared/segmented-log/replaced-files.js'
import type { SyncWork } from '../shared/segmented-log/sync-list.js'
import type { Partition } from './partition.js'
import type { SyncPort } from './sync-port.js'

/**
 * What one turn of the loop moves, because nobody is answered meanwhile: so many bytes, and so much work. A batch is
 * one unit, a call to a log eight (measured: 7 to 10 µs a batch, 4 to 7 ms for the 450 batches of 1 KiB that are half a
 * MiB). Counts, not clocks: a simulation with one seed settles in the same slices each time.
 */
const sliceBytes = 512 * 1024
const calmSliceWork = 64
const pressedSliceWork = 512
const callWork = 8
/** A producer snapshot is a new file, its sync, a rename and a file removed: 0.2 ms of processor time (measured). */
const snapshotWork = 64
/** More partitions than these add up to more: snapshots would take more time than records. */
const boundedPartitions = 2048
/**
 * Time between two syncs while there is room. 64 files synced in a row make one commit in a hundred take 4 ms; with
 * 2 ms between them the commits do not notice (measured: 0.30 ms, as without any sync).
 */
const syncPauseMs = 3
/** More go at once, which is one call of the sync thread: topics that are to be synced every second can't wait long. */
const mostPacedSyncs = 100

export interface SettlerOptions {
  readonly disk: Disk
  readonly journal: Journal
  readonly syncPort: SyncPort
  readonly crc: Crc32c
  readonly recoveryPointPath: string
  readonly startBytes: number
  readonly bytesInFlight: number
  /** A start replays the headers of no more, in all partitions together. */
  readonly mostReplayBytes: number
  readonly partitions: ReadonlyMap<number, Partition>
  /** The ring of topics that do not ask for synced writes. */
  readonly volatileRing: Journal
}

/** How long records of a topic with flush os stay out of the recovery point. */
const osFlushMs = 60_000

/** What the sync thread is asked to do. */
type Errand = { readonly work: SyncWork; readonly whenDone?: () => void } | { readonly publish: string }

type Phase = 'idle' | 'writing' | 'syncing' | 'publishing'

export class Settler {
  private readonly options: SettlerOptions
  private phase: Phase = 'idle'
  private target = 0
  private readonly queue: Partition[] = []
  private readonly waiting = new Map<number, Errand>()
  private unsent: Errand[] = []
  private readonly touched = new Set<Partition>()
  private readonly touchedFolders = new Set<string>()
  private readonly points = new Map<number, RecoveryPoint>()
  private readonly retired: (() => void)[] = []
  private readonly switching = new Map<Partition, Journal>()
  /** Partitions of the volatile ring with unsynced files, and when they are due. */
  private readonly unsynced = new Map<Partition, number>()
  /** No entry of `unsynced` is due before. */
  private firstDueMs = Number.POSITIVE_INFINITY
  /** Partitions with segments below their log start. */
  private readonly trimming = new Set<Partition>()
  /** Their log starts in the recovery point that is being published. */
  private readonly published = new Map<Partition, number>()
  private failure: StreamBusError | undefined
  /** Since the start, for metrics. */
  settledBytes = 0
  /** Settle even a little until the head is there. */
  private wantedPosition = 0
  /** Settle even a little: at a stop. */
  private urgent = false
  private nowMs = 0
  /** The next sync is not asked for before, unless there is pressure. */
  private nextSyncMs = Number.NEGATIVE_INFINITY

  constructor(options: SettlerOptions) {
    this.options = options
  }

  /** What a failed sync or write left; the shard takes its partitions offline. */
  get failed(): StreamBusError | undefined {
    return this.failure
  }

  /** The next `step` writes a slice into segments. */
  get isWriting(): boolean {
    return this.phase === 'writing'
  }

  /** Does one slice of work; `nowMs` is of a clock that never jumps. True when there may be more to do at once. */
  step(nowMs: number): boolean {
    if (this.failure !== undefined) return false
    this.nowMs = nowMs
    try {
      return this.act(nowMs)
    } catch (error) {
      this.failOn(error)
      return false
    }
  }

  private act(nowMs: number): boolean {
    switch (this.phase) {
      case 'idle':
        return this.begin(nowMs)
      case 'writing':
        return this.write()
      case 'syncing':
      case 'publishing':
        this.sendUnsent()
        return false
    }
  }

  private begin(nowMs: number): boolean {
    const { journal } = this.options
    const settleable = journal.committedPosition - journal.headPosition
    const hurry = this.urgent || this.switching.size > 0
    const isDue = this.touchDue(nowMs, hurry)
    const isEnough = settleable >= this.options.startBytes || journal.headPosition < this.wantedPosition
    if (settleable > 0 && (hurry || isEnough)) this.gather()
    else if (isDue || this.switching.size > 0 || (this.urgent && this.touched.size > 0))
      this.target = journal.headPosition
    else return false
    this.phase = 'writing'
    return true
  }

  /** Takes the partitions of the volatile ring whose time has come into the round. */
  private touchDue(nowMs: number, hurry: boolean): boolean {
    if (!hurry && nowMs < this.firstDueMs) return false
    let isDue = false
    this.firstDueMs = Number.POSITIVE_INFINITY
    for (const [partition, dueMs] of this.unsynced) {
      if (!hurry && nowMs < dueMs) {
        this.firstDueMs = Math.min(this.firstDueMs, dueMs)
        continue
      }
      this.unsynced.delete(partition)
      this.touched.add(partition)
      isDue = true
    }
    return isDue
  }

  /**
   * Small rounds keep commits fast while there is room; under pressure a round takes all that is committed, because
   * its fixed costs (some synced files, a rename, a superblock) would otherwise bound the throughput (measured:
   * 80 MiB/s with rounds of 8 MiB where the disk takes 260).
   */
  private gather(): void {
    const { journal, bytesInFlight } = this.options
    const roundBytes = this.isUnderPressure ? journal.capacityBytes : bytesInFlight
    const wanted = Math.max(journal.nextBoundaryPosition, journal.headPosition + roundBytes)
    this.target = Math.min(journal.committedPosition, wanted)
    for (const partition of this.options.partitions.values()) {
      if (partition.extents.settledCount < partition.extents.count) this.queue.push(partition)
    }
  }

  private get isUnderPressure(): boolean {
    const { journal } = this.options
    return journal.usedBytes > journal.capacityBytes / 2
  }

  /** Nobody waits for the round: commits come first. */
  private get isCalm(): boolean {
    return !this.urgent && this.switching.size === 0 && !this.isUnderPressure
  }

  /**
   * Writes a volatile partition's new batches into its segment, unsynced: what is acknowledged then survives the end
   * of the process, though not of the machine. `nowMs` is of the wall clock, by which segments have an age.
   */
  writeThrough(partition: Partition, nowMs: number, steadyMs: number): void {
    const { extents, ring, log, config } = partition
    const views: Uint8Array[] = []
    for (let index = extents.settledCount; index < extents.count; index++) {
      const at = ring.indexOf(extents.positionAt(index))
      views.push(ring.bytes.subarray(at, at + extents.lengthAt(index)))
    }
    log.append(views, nowMs)
    extents.settledCount = extents.count
    if (!this.unsynced.has(partition)) {
      this.setDue(partition, steadyMs + (config.flush === 'interval' ? config.flushMs : osFlushMs))
    }
  }

  private setDue(partition: Partition, dueMs: number): void {
    this.unsynced.set(partition, dueMs)
    this.firstDueMs = Math.min(this.firstDueMs, dueMs)
  }

  /** When to call `step` though nothing else is to do; infinity while a sync is under way, whose answer wakes. */
  get nextDeadlineMs(): number {
    if (this.failure !== undefined || this.waiting.size > 0) return Number.POSITIVE_INFINITY
    if (this.phase === 'idle') return this.firstDueMs
    return this.unsent.length > 0 ? this.nextSyncMs : Number.POSITIVE_INFINITY
  }

  /** The head is to reach `position`, which is committed, though there may be little to settle; nobody waits for it. */
  settleUpTo(position: number): void {
    this.wantedPosition = position
  }

  /** From now on nothing is appended to the partition; when all it has is on disk, it goes on in `ring`. */
  switchRing(partition: Partition, ring: Journal): void {
    partition.isSwitching = true
    this.switching.set(partition, ring)
    this.touched.add(partition)
  }

  private finishSwitches(): void {
    for (const [partition, ring] of this.switching) {
      const { extents } = partition
      if (extents.settledCount < extents.count || this.touched.has(partition) || this.unsynced.has(partition)) continue
      this.switching.delete(partition)
      extents.clear()
      partition.ring = ring
      partition.isSwitching = false
    }
  }

  private write(): boolean {
    let budget = sliceBytes
    let work = this.isCalm ? calmSliceWork : pressedSliceWork
    while (budget > 0 && work > 0 && this.queue.length > 0) {
      const partition = this.queue[this.queue.length - 1]!
      const { settledCount } = partition.extents
      const written = this.writeSlice(partition, budget, work)
      budget -= written
      if (written === 0) this.queue.pop()
      else work -= callWork + partition.extents.settledCount - settledCount
    }
    if (this.queue.length === 0 && this.storeProducers(work)) this.beginSync()
    return true
  }

  /** Bounds what the next start replays; true when it is bounded. */
  private storeProducers(work: number): boolean {
    for (let rest = work; rest > 0; rest -= snapshotWork) {
      const partition = this.mostToReplay()
      if (partition === undefined) return true
      partition.log.snapshotProducers()
      this.touched.add(partition)
    }
    return false
  }

  /** Undefined while a start has little to replay. So each round stores about as much as it added. */
  private mostToReplay(): Partition | undefined {
    const { mostReplayBytes } = this.options
    let most: Partition | undefined
    let bytes = mostReplayBytes / boundedPartitions
    let totalBytes = 0
    for (const partition of this.options.partitions.values()) {
      const { replayBytes } = partition.log
      totalBytes += replayBytes
      if (replayBytes < bytes) continue
      most = partition
      bytes = replayBytes
    }
    return totalBytes > mostReplayBytes ? most : undefined
  }

  /** Appends up to `budget` bytes of a partition's unsettled batches to its segments. Returns how many. */
  private writeSlice(partition: Partition, budget: number, maxViews: number): number {
    const { extents, log } = partition
    const views: Uint8Array[] = []
    let bytes = 0
    let index = extents.settledCount
    while (index < extents.count && bytes < budget && views.length < maxViews) {
      const position = extents.positionAt(index)
      if (position >= this.target) break
      const at = this.options.journal.indexOf(position)
      const length = extents.lengthAt(index)
      views.push(this.options.journal.bytes.subarray(at, at + length))
      bytes += length
      index++
    }
    if (views.length === 0) return 0
    log.append(views)
    extents.settledCount = index
    this.touched.add(partition)
    this.settledBytes += bytes
    return bytes
  }

  private beginSync(): void {
    this.phase = 'syncing'
    for (const partition of this.touched) {
      for (const work of partition.log.takeSyncWork()) {
        this.send({ work, whenDone: () => this.noteSynced(partition, work) })
      }
      const { endOffset, endPosition: position } = partition.log
      this.points.set(partition.identity.partitionId, pointOf(partition, { endOffset, position }))
    }
    for (const path of this.touchedFolders) this.send({ work: { path, kind: 'folder' } })
    this.touched.clear()
    this.touchedFolders.clear()
    this.sendUnsent()
    this.completePhase()
  }

  /**
   * Not for a partition that was deleted meanwhile: its paths may lead to files of another, of a topic made anew under
   * the name, and those are not synced.
   */
  private noteSynced(partition: Partition, work: SyncWork): void {
    const known = this.options.partitions.get(partition.identity.partitionId)
    if (known === partition) partition.log.synced(work)
  }

  private send(errand: Errand): void {
    this.unsent.push(errand)
  }

  /** The mailbox may be full; what did not fit goes at the next turn. While it is calm, one goes at a time. */
  private sendUnsent(): void {
    const isCalm = this.isCalm && this.unsent.length <= mostPacedSyncs
    if (isCalm && (this.waiting.size > 0 || this.isTooSoon())) return
    const most = isCalm ? Math.min(1, this.unsent.length) : this.unsent.length
    let sent = 0
    while (sent < most) {
      const errand = this.unsent[sent]!
      const { syncPort } = this.options
      const token = 'publish' in errand ? syncPort.publish(errand.publish) : syncPort.sync(errand.work)
      if (token === 0) break
      this.waiting.set(token, errand)
      sent++
    }
    if (sent === 0) return
    this.unsent = this.unsent.slice(sent)
    this.nextSyncMs = this.nowMs + syncPauseMs
  }

  /** A clock that was set back must not stop the syncs. */
  private isTooSoon(): boolean {
    return this.nowMs < this.nextSyncMs && this.nextSyncMs - this.nowMs <= syncPauseMs
  }

  /** An answer of the sync thread. True when it was one of ours. */
  onSynced(token: number, code: number, errno: number): boolean {
    const errand = this.waiting.get(token)
    if (errand === undefined) return false
    this.waiting.delete(token)
    if (code !== 0) {
      this.fail(errorOf(errand, errno))
      return true
    }
    try {
      if ('work' in errand) errand.whenDone?.()
      this.completePhase()
    } catch (error) {
      this.failOn(error)
    }
    return true
  }

  private completePhase(): void {
    // After a failed sync no recovery point may cover what it was for, however well the others went.
    if (this.failure !== undefined) return
    if (this.waiting.size > 0 || this.unsent.length > 0) return
    if (this.phase === 'syncing') this.publish()
    else if (this.phase === 'publishing') this.finish()
  }

  /** The recovery point is on disk before the head passes what it covers. */
  private publish(): void {
    this.phase = 'publishing'
    const { disk, recoveryPointPath, crc, partitions } = this.options
    const points: RecoveryPoint[] = []
    for (const [partitionId, point] of this.points) {
      const partition = partitions.get(partitionId)
      if (partition === undefined) this.points.delete(partitionId)
      else {
        // Not above what the point covers: a power cut may take the records between, and then the log ends there.
        const logStartOffset = Math.min(partition.logStartOffset, Math.max(point.endOffset, point.logStartOffset))
        points.push({ ...point, logStartOffset })
        if (this.trimming.delete(partition)) this.published.set(partition, logStartOffset)
      }
    }
    writeWhole(disk, `${recoveryPointPath}.new`, encodeRecoveryPoints(points, crc))
    this.send({ publish: recoveryPointPath })
    this.sendUnsent()
  }

  private finish(): void {
    this.phase = 'idle'
    this.options.journal.advanceHead(this.target)
    this.finishSwitches()
    this.removeBelowPublished()
    if (this.urgent) this.touchUnsynced()
    for (const close of this.retired.splice(0)) close()
  }

  /**
   * The log start may have moved: segments below it go as soon as a recovery point on disk says so. What is not settled
   * yet is in no segment and goes at a later call.
   */
  trim(partition: Partition): void {
    const { log, logStartOffset } = partition
    log.moveStartTo(Math.min(logStartOffset, log.endOffset))
    // The head passes no entry about the start before the point covers the records that it speaks of.
    if (log.hasSyncWork) this.touched.add(partition)
    if (!log.hasSegmentBelow(logStartOffset)) return
    this.trimming.add(partition)
    this.setDue(partition, 0)
  }

  /** Their names are synced, and their space is freed, by the round that follows. */
  private removeBelowPublished(): void {
    try {
      for (const [partition, logStartOffset] of this.published) {
        const { log, leasedFrom } = partition
        log.deleteRecordsUpTo(Math.min(logStartOffset, leasedFrom, log.endOffset))
        if (log.hasSyncWork) this.setDue(partition, 0)
      }
    } catch (error) {
      this.failOn(error)
    }
    this.published.clear()
  }

  /** The end of a sync may make new sync work; at a stop the rounds go on until there is none. */
  private touchUnsynced(): void {
    for (const partition of this.options.partitions.values()) {
      if (partition.log.hasSyncWork) this.touched.add(partition)
    }
  }

  /** Settles and syncs everything there is, in as many rounds as it takes: for a clean stop. */
  beginStop(): void {
    this.urgent = true
    // What a failed write left behind is not to be told of by any snapshot.
    if (this.failure !== undefined) return
    try {
      for (const partition of this.options.partitions.values()) partition.log.snapshotForStop()
    } catch (error) {
      this.failOn(error)
    }
    this.touchUnsynced()
  }

  /** Nothing is under way and nothing waits. */
  get isDone(): boolean {
    return this.phase === 'idle' && this.touched.size === 0 && this.unsynced.size === 0
  }

  /** A deleted partition: `close` is called when the sync thread works on none of its files any more. */
  retire(partition: Partition, close: () => void): void {
    this.touched.delete(partition)
    this.unsynced.delete(partition)
    this.switching.delete(partition)
    this.trimming.delete(partition)
    this.published.delete(partition)
    this.points.delete(partition.identity.partitionId)
    const queued = this.queue.indexOf(partition)
    if (queued >= 0) this.queue.splice(queued, 1)
    if (this.phase === 'idle') close()
    else this.retired.push(close)
  }

  /** Nothing is settled any more, and no recovery point is published: the journal keeps what is needed. */
  fail(error: StreamBusError): void {
    this.failure ??= error
  }

  /** For what a disk threw. Anything else is a mistake of ours, which ends the broker. */
  private failOn(error: unknown): void {
    if (!StreamBusError.is(error)) throw error
    this.fail(error)
  }

  /** Names in `folder` changed: it is synced before the head passes the entry that says so. */
  touchFolder(folder: string): void {
    this.touchedFolders.add(folder)
  }

  /**
   * A partition opened at the start or created: its point is known from its log. What an earlier life left unsynced,
   * names too, is synced before the head passes anything that relies on it; records, at once.
   */
  adopt(partition: Partition, hasUnsyncedRecords: boolean): void {
    const { extents, identity, log } = partition
    assert(extents.settledCount === extents.count, 'a new partition has unsettled entries')
    this.points.set(identity.partitionId, pointOf(partition, log.durablePoint))
    if (log.needsSync) this.touched.add(partition)
    if (hasUnsyncedRecords) this.setDue(partition, 0)
  }
}

function errorOf(errand: Errand, errno: number): StreamBusError {
  if ('publish' in errand) return storageErrorOf('replacement', errand.publish, errno)
  const { kind, path } = errand.work
  return storageErrorOf(kind === 'file' ? 'sync' : 'sync of the folder', path, errno)
}

function pointOf(
  { identity, logStartOffset }: Partition,
  { endOffset, position }: { endOffset: number; position: number },
): RecoveryPoint {
  return { topicId: identity.topicId, partition: identity.partition, logStartOffset, endOffset, position }
}
