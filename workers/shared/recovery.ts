/**
 * Recovery: replays every journal of the data folder into segments, syncs them, marks the journals empty.
 * Runs on: sync worker, or the first shard's where every journal was closed cleanly; before any shard starts.
 * Touches: journals, segments, recovery points.
 *
 * It may be killed at any point and started again: journals are emptied last, and replay skips what is there already.
 */
import type { Uuid } from '../../native-free-core/bytes/uuid.js'
import { readUint64LE } from '../../native-free-core/bytes/int64.js'
import { decodeUtf8, encodeUtf8 } from '../../native-free-core/bytes/utf8.js'
import { journalBytesOf } from '../../native-free-core/config/broker-config.js'
import { topicConfigOf } from '../../native-free-core/config/topic-config.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { walkChain } from '../../native-free-core/journal/chain.js'
import type { Crc32c, RunId } from '../../native-free-core/journal/commit-format.js'
import { EntryType, type JournalEntry, readEntries } from '../../native-free-core/journal/entry-format.js'
import type { ReplayCase } from '../../native-free-core/journal/replay-table.js'
import { decideReplay } from '../../native-free-core/journal/replay-table.js'
import type { RecoveryReport, WorkerSettings } from '../../native-free-core/mailbox/control.js'
import { MetadataImage } from '../../native-free-core/metadata/metadata-image.js'
import type { Disk } from './disk.js'
import { chainSourceOf, createJournalFile, emptyJournal, folderOf, loadSuperblock } from './journal-file.js'
import { PartitionFolders } from './partition-folders.js'
import { publishFile } from './publish-file.js'
import { decodeRecoveryPoints, encodeRecoveryPoints, partitionKey, type RecoveryPoint } from './recovery-point.js'
import type { SegmentedLog } from './segmented-log/segmented-log.js'

export const recoveryPointFile = 'recovery-point'
/** How many journals there are, where they are more than one: the last of them would not be missed otherwise. */
const journalCountFile = 'journal-count'

interface Replayed {
  readonly log: SegmentedLog
  readonly topicId: Uuid
  readonly partition: number
  readonly folder: string
}

/** Syncs all of these paths at once; false: it can't, and each has to be synced by itself. */
export type SyncMany = (paths: readonly string[]) => boolean

/** Throws JOURNAL_DAMAGED, SEGMENT_DAMAGED or DATA_FORMAT_TOO_NEW: then no shard may start. */
export function recoverDataFolder(
  disk: Disk,
  settings: WorkerSettings,
  image: SharedArrayBuffer,
  crc: Crc32c,
  syncMany: SyncMany = () => false,
): RecoveryReport {
  return new Recovery(disk, settings, MetadataImage.parse(new Uint8Array(image)), crc, syncMany).run()
}

/**
 * Whether every journal was closed cleanly, so that recovery is short and needs no thread of its own. Says no where a
 * journal can't be read: what is wrong is for recovery to say.
 */
export function isClosedCleanly(disk: Disk, settings: WorkerSettings, crc: Crc32c): boolean {
  const journals = `${settings.dataFolder}/journals`
  try {
    return journalNames(disk, journals).every((name) => {
      const path = `${journals}/${name}`
      const file = disk.open(path, 'read')
      try {
        return loadSuperblock(disk, file, path, identityOf(settings), crc).clean
      } finally {
        disk.close(file)
      }
    })
  } catch (error) {
    if (StreamBusError.is(error)) return false
    throw error
  }
}

/** Of a journal that no run has used. */
const noRunYet: RunId = '0'.repeat(16)

function journalNames(disk: Disk, journals: string): string[] {
  return disk.list(journals).filter((name) => /^shard-\d+\.journal$/.test(name))
}

function shardOfName(name: string): number {
  return Number(/\d+/.exec(name)![0])
}

function identityOf(settings: WorkerSettings): { clusterId: Uuid; brokerId: number } {
  return { clusterId: settings.clusterId, brokerId: settings.config.brokerId }
}

class Recovery {
  private readonly disk: Disk
  private readonly settings: WorkerSettings
  private readonly image: MetadataImage
  private readonly crc: Crc32c
  private readonly syncMany: SyncMany
  private readonly journals: string
  private readonly folders: PartitionFolders
  private readonly points = new Map<string, RecoveryPoint>()
  private readonly open = new Map<string, Replayed>()
  private readonly report = { journals: 0, commits: 0, entries: 0, appendedBytes: 0, tornTails: 0, durationMs: 0 }

  constructor(disk: Disk, settings: WorkerSettings, image: MetadataImage, crc: Crc32c, syncMany: SyncMany) {
    this.syncMany = syncMany
    this.disk = disk
    this.settings = settings
    this.image = image
    this.crc = crc
    this.journals = `${settings.dataFolder}/journals`
    this.folders = new PartitionFolders(disk, `${settings.dataFolder}/topics`)
  }

  run(): RecoveryReport {
    const started = performance.now()
    this.disk.makeFolder(this.journals)
    this.loadPoints()
    const names = journalNames(this.disk, this.journals)
    this.refuseMissingJournals(names)
    const ended: (() => void)[] = []
    for (const name of names) ended.push(this.replayJournal(`${this.journals}/${name}`))
    this.settle()
    this.folders.markDeletedTopics(this.image)
    this.syncNames()
    this.writePoints()
    for (const end of ended) end()
    this.createJournals(names)
    this.writeJournalCount()
    this.removeForeignJournals(names)
    return { ...this.report, durationMs: performance.now() - started }
  }

  /**
   * A journal that is gone would look like an empty one, and what was acknowledged and lay in it would be lost without
   * a word. One is missing below the count that the last start wrote, where partitions are and no journal at all, or
   * below one that was not closed cleanly: those of shards that there are no more are removed empty, from the first on.
   */
  private refuseMissingJournals(names: readonly string[]): void {
    const present = new Set(names.map(shardOfName))
    const used = names.filter((name) => !this.isEmptied(`${this.journals}/${name}`)).map(shardOfName)
    const first = names.length === 0 && this.folders.hasPartitions() ? 0 : -1
    const last = this.readJournalCount() - 1
    for (let shard = 0; shard <= Math.max(first, last, ...used); shard++) {
      const path = `${this.journals}/shard-${shard}.journal`
      if (present.has(shard)) continue
      const lost = `${path}.lost`
      if (!this.disk.exists(lost)) {
        // In the message, not as a remedy: those do not pass from thread to thread.
        const how = `restore it from a copy or, accepting that loss, make an empty file ${lost}`
        const what = `${path} is missing, and with it what it held and no segment yet`
        throw new StreamBusError('JOURNAL_DAMAGED', `${what}: ${how}`)
      }
      this.disk.rename(lost, `${path}.given-up`)
      this.disk.syncFolder(this.journals)
    }
  }

  /** 0: it is not known. */
  private readJournalCount(): number {
    const path = `${this.journals}/${journalCountFile}`
    if (!this.disk.exists(path)) return 0
    const text = decodeUtf8(this.readWhole(path))
    if (/^[1-9]\d{0,4}\n$/.test(text)) return Number(text)
    const shown = JSON.stringify(text.slice(0, 20))
    const how = 'restore it from a copy, or remove it when all journals are there'
    throw new StreamBusError('JOURNAL_DAMAGED', `${path} holds ${shown}; expected the number of journals: ${how}`)
  }

  private isEmptied(path: string): boolean {
    const file = this.disk.open(path, 'read')
    try {
      return loadSuperblock(this.disk, file, path, identityOf(this.settings), this.crc).clean
    } finally {
      this.disk.close(file)
    }
  }

  private loadPoints(): void {
    const path = `${this.journals}/${recoveryPointFile}`
    for (const name of this.disk.list(this.journals)) {
      if (name !== recoveryPointFile && !/^shard-\d+\.recovery-point$/.test(name)) continue
      const bytes = this.readWhole(`${this.journals}/${name}`)
      for (const point of decodeRecoveryPoints(bytes, path, this.crc)) this.mergePoint(point)
    }
  }

  /** A partition that changed shards has points in two files: the further one is the later. */
  private mergePoint(point: RecoveryPoint): void {
    const key = partitionKey(point.topicId, point.partition)
    const known = this.points.get(key)
    if (known === undefined || known.endOffset <= point.endOffset) {
      const logStartOffset = Math.max(point.logStartOffset, known?.logStartOffset ?? 0)
      this.points.set(key, { ...point, logStartOffset })
    }
  }

  private readWhole(path: string): Uint8Array {
    const file = this.disk.open(path, 'read')
    try {
      const bytes = new Uint8Array(this.disk.size(file))
      return bytes.subarray(0, this.disk.read(file, bytes, 0))
    } finally {
      this.disk.close(file)
    }
  }

  /**
   * Replays one journal; returns what marks it empty, to be called when everything is synced. The journal itself is not
   * written before that: the page cache may hold a last commit that never reached the disk, but its records do, in
   * segments, before anybody sees them; and a write in its place could tear what was acknowledged.
   */
  private replayJournal(path: string): () => void {
    const file = this.disk.open(path, 'read')
    try {
      const superblock = loadSuperblock(this.disk, file, path, identityOf(this.settings), this.crc)
      const source = chainSourceOf(this.disk, file, path, this.crc)
      const end = walkChain(superblock, source, ({ header, body }) => {
        readEntries(body, header.entryCount, (entry) => this.replay(entry, path))
      })
      this.report.journals++
      this.report.commits += end.commitCount
      if (end.torn) this.report.tornTails++
      return () => {
        if (!superblock.clean) {
          emptyJournal(this.disk, path, superblock, { position: end.position, number: end.nextNumber }, this.crc)
        }
      }
    } finally {
      this.disk.close(file)
    }
  }

  private replay(entry: JournalEntry, path: string): void {
    this.report.entries++
    switch (entry.type) {
      case EntryType.append:
        return this.replayAppend(entry, path)
      case EntryType.logStart:
        return this.replayLogStart(entry)
      case EntryType.create:
      case EntryType.delete:
        // The image decides what exists; it is at least as new as any entry, because main waits for it.
        return
      default:
        throw new StreamBusError(
          'DATA_FORMAT_TOO_NEW',
          `${path} holds an entry of type ${entry.type}, which this version does not know`,
        )
    }
  }

  private replayAppend(entry: JournalEntry, path: string): void {
    const target = this.logOf(entry.topicId, entry.partition)
    if (target === undefined) return
    const { log } = target
    const which: ReplayCase = decideReplay(
      entry.payload,
      log.endOffset,
      this.pointOf(entry)?.endOffset ?? 0,
      (offset, length) => log.readBatch(offset, length),
    )
    switch (which) {
      case 'append':
        log.append([entry.payload.slice()])
        this.report.appendedBytes += entry.payload.length
        return
      case 'skip':
        return
      case 'rewrite':
        log.truncateTo(Number(new DataView(entry.payload.buffer, entry.payload.byteOffset).getBigInt64(0)))
        log.append([entry.payload.slice()])
        return
      case 'gap':
      case 'conflict':
        throw new StreamBusError(
          'SEGMENT_DAMAGED',
          `${target.folder} ends at offset ${log.endOffset}, which does not fit ${path}: ${which}`,
        )
    }
  }

  private pointOf(entry: JournalEntry): RecoveryPoint | undefined {
    return this.points.get(partitionKey(entry.topicId, entry.partition))
  }

  private replayLogStart(entry: JournalEntry): void {
    const { payload } = entry
    const target = this.logOf(entry.topicId, entry.partition)
    const offset = readUint64LE(new DataView(payload.buffer, payload.byteOffset, payload.byteLength), 0)
    if (target === undefined || offset <= target.log.logStartOffset) return
    // Records of a topic without synced writes may be gone although the entry that deletes them is here. Their files go
    // at the next open, when the recovery point says that they are not needed.
    target.log.moveStartTo(Math.min(offset, target.log.endOffset))
  }

  /** The log of a partition, opened once; undefined when the image says that its topic was deleted. */
  private logOf(topicId: Uuid, partition: number): Replayed | undefined {
    const key = partitionKey(topicId, partition)
    const known = this.open.get(key)
    if (known !== undefined) return known
    const topic = this.image.topicById(topicId)
    if (topic === undefined) {
      if (this.image.isDeleted(topicId)) return undefined
      throw new StreamBusError(
        'JOURNAL_DAMAGED',
        `${this.journals} holds records of topic ${topicId}, which data/metadata does not know`,
        { remedy: 'Restore data/metadata from the same moment as the journals.' },
      )
    }
    const folder = this.folders.pathOf(topic.name, partition)
    const config = topicConfigOf(topic.configs)
    const point = this.points.get(key)
    const log = this.folders.openOrCreate(topicId, topic.name, partition, config, point)
    const replayed = { log, topicId, partition, folder }
    this.open.set(key, replayed)
    return replayed
  }

  /** Recovery does not believe the page cache: every segment in which it accepted bytes is synced. */
  private settle(): void {
    // Below the journal's entries there may be records of a time when the topic asked for no synced writes.
    for (const { log } of this.open.values()) log.writeAgain()
    this.syncLogs()
    for (const { log, topicId, partition } of this.open.values()) {
      this.points.set(partitionKey(topicId, partition), {
        topicId,
        partition,
        logStartOffset: log.logStartOffset,
        endOffset: log.endOffset,
        position: log.endPosition,
      })
      log.close()
    }
  }

  /**
   * Also what a run before renamed and did not sync: once a deleted topic is forgotten, nobody could tell whose a
   * folder is that comes back under its name.
   */
  private syncNames(): void {
    if (this.open.size > 0 || this.image.deletedTopics.length > 0) this.disk.syncFolder(this.folders.root)
  }

  /** A thousand files one after the other take longer than all else here. The end of a sync may make new work. */
  private syncLogs(): void {
    const take = () => [...this.open.values()].flatMap(({ log }) => log.takeSyncWork().map((work) => ({ log, work })))
    for (let taken = take(); taken.length > 0; taken = take()) {
      const areSynced = this.syncMany(taken.map(({ work }) => work.path))
      for (const { log, work } of taken) {
        if (areSynced) log.synced(work)
        else log.syncHere(work)
      }
    }
  }

  /** One file for all shards; theirs are superseded. */
  private writePoints(): void {
    const known = [...this.points.values()].filter((point) => this.image.topicById(point.topicId) !== undefined)
    const path = `${this.journals}/${recoveryPointFile}`
    const superseded = this.disk.list(this.journals).filter((name) => /^shard-\d+\.recovery-point/.test(name))
    // A new folder: no file says the same as one without points.
    if (known.length === 0 && superseded.length === 0 && !this.disk.exists(path)) return
    const file = this.disk.open(`${path}.new`, 'create')
    try {
      this.disk.truncate(file, 0)
      this.disk.write(file, encodeRecoveryPoints(known, this.crc), 0)
    } finally {
      this.disk.close(file)
    }
    publishFile(this.disk, path)
    for (const name of superseded) this.disk.remove(`${this.journals}/${name}`)
    if (superseded.length > 0) this.disk.syncFolder(folderOf(path))
  }

  /**
   * One after the other, each on disk before the next, and before any shard makes a partition: so a start that was cut
   * short leaves nothing that looks like a journal that is gone.
   */
  private createJournals(names: readonly string[]): void {
    const { shards, journalMemoryBytes } = this.settings.config
    for (let shard = 0; shard < shards; shard++) {
      const name = `shard-${shard}.journal`
      if (names.includes(name)) continue
      const identity = { ...identityOf(this.settings), journal: shard }
      const bytes = journalBytesOf(journalMemoryBytes, shards)
      createJournalFile(this.disk, `${this.journals}/${name}`, identity, bytes, noRunYet, this.crc)
    }
  }

  /** After those that are new were made, and before those are removed that there shall be no more. */
  private writeJournalCount(): void {
    const { shards } = this.settings.config
    const path = `${this.journals}/${journalCountFile}`
    const known = this.readJournalCount()
    if (known === shards || (known === 0 && shards === 1)) return
    const file = this.disk.open(`${path}.new`, 'create')
    try {
      this.disk.truncate(file, 0)
      this.disk.write(file, encodeUtf8(`${shards}\n`), 0)
    } finally {
      this.disk.close(file)
    }
    publishFile(this.disk, path)
  }

  /** Journals of shards that there are no more: empty by now. */
  private removeForeignJournals(names: readonly string[]): void {
    const { shards } = this.settings.config
    for (const name of names) {
      if (shardOfName(name) < shards) continue
      this.disk.remove(`${this.journals}/${name}`)
      this.disk.syncFolder(this.journals)
    }
  }
}
