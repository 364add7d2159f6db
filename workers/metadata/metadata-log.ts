/**
 * The raft log on disk: data/metadata/raft.journal, and the snapshots beside it.
 * Runs on: the metadata worker. Touches: data/metadata, through the Disk.
 *
 * The journal has the commit format of the shards' journals and its own head rule:
 * - The chain's first record names a snapshot whose file is synced; everything since is in the chain.
 * - The head moves only to a place where that holds again: first the snapshot's file, then one commit with its record,
 *   the entries after it and the hard state, then the superblock. Nothing is ever found nowhere.
 * - Entries that a new leader contradicts are taken away by a record of their own, before those that replace them.
 * - Each start writes what it found into a new file and renames it over the old: a run has its own chain.
 * Damage below the last commit, and a missing snapshot, refuse the start: a node that forgot its vote must not vote.
 */
import type { Uuid } from '../../native-free-core/bytes/uuid.js'
import { assert } from '../../native-free-core/errors/assert.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { walkChain } from '../../native-free-core/journal/chain.js'
import type { Crc32c, RunId } from '../../native-free-core/journal/commit-format.js'
import { metadataJournal } from '../../native-free-core/journal/superblock.js'
import { MetadataImage } from '../../native-free-core/metadata/metadata-image.js'
import { raftIdOf, type MetadataWork, type RestoredRaft } from '../../native-free-core/metadata/metadata-node.js'
import {
  confStateOf,
  type HardState,
  type RaftEntry,
  type RaftSnapshot,
} from '../../native-free-core/metadata/raft/raft-types.js'
import {
  entryRecord,
  hardStateRecord,
  type RaftRecord,
  raftRecordBytes,
  readRaftRecords,
  snapshotRecord,
  truncateRecord,
  writeRaftRecord,
} from '../../native-free-core/metadata/raft-log-format.js'
import { RaftLogReplay } from '../../native-free-core/metadata/raft-log-replay.js'
import {
  readSnapshot,
  snapshotFileName,
  snapshotIndexOf,
  writeSnapshot,
} from '../../native-free-core/metadata/snapshot-format.js'
import type { Disk } from '../shared/disk.js'
import { Journal } from '../shared/journal.js'
import {
  chainSourceOf,
  createJournalFile,
  fillWithZeros,
  folderOf,
  initialFillBytes,
  loadSuperblock,
} from '../shared/journal-file.js'

export const raftJournalName = 'raft.journal'
/** Its memory costs nothing before the first lap has come there. */
export const raftJournalBytes = 4 << 20
const temporaryEnding = '.tmp'

export interface MetadataLogOptions {
  readonly disk: Disk
  /** data/metadata */
  readonly folder: string
  readonly clusterId: Uuid
  readonly brokerId: number
  readonly crc: Crc32c
  /** Of this run: random. */
  readonly runId: RunId
  /** True when the data folder holds topics: then the metadata must be there too. */
  readonly mustExist: boolean
  /** The brokers that vote in a new cluster; by default this one alone. */
  readonly voters?: readonly number[]
  readonly capacityBytes?: number
}

export interface OpenedMetadataLog {
  readonly log: MetadataLog
  readonly restored: RestoredRaft
  readonly isNew: boolean
  /** The last write of the run before was cut off; nothing in it had been answered. */
  readonly wasTorn: boolean
}

interface Found {
  readonly restored: RestoredRaft
  readonly wasTorn: boolean
}

export class MetadataLog {
  private readonly options: MetadataLogOptions
  private readonly disk: Disk
  private readonly journal: Journal
  private filledBytes: number
  private snapshotAt: { readonly index: number; readonly term: number }
  private hardState: HardState | undefined
  /** The entries after the snapshot, as they stand on disk. */
  private tail: RaftEntry[]

  private constructor(options: MetadataLogOptions, journal: Journal, restored: RestoredRaft) {
    this.options = options
    this.disk = options.disk
    this.journal = journal
    this.filledBytes = Math.min(initialFillBytes, journal.capacityBytes)
    this.snapshotAt = restored.snapshot
    this.hardState = restored.hardState
    this.tail = [...restored.entries]
  }

  /** Throws JOURNAL_DAMAGED when this node may have forgotten something that it promised. */
  static open(options: MetadataLogOptions): OpenedMetadataLog {
    const { disk, folder } = options
    disk.makeFolder(folder)
    disk.syncFolder(folderOf(folder))
    for (const name of disk.list(folder)) if (name.endsWith(temporaryEnding)) disk.remove(`${folder}/${name}`)
    const path = `${folder}/${raftJournalName}`
    const isNew = !disk.exists(path)
    const found = isNew ? begin(options) : find(options, path)
    const log = new MetadataLog(options, createNext(options, path), found.restored)
    log.writeAll(log.everything())
    disk.rename(nextPath(path), path)
    disk.syncFolder(folder)
    log.removeOtherSnapshots()
    return { log, isNew, ...found }
  }

  /** Bytes between the head and the end: what a restart reads. */
  get usedBytes(): number {
    return this.journal.usedBytes
  }

  /** Time for a snapshot: a quarter of the journal is in use. */
  get isSnapshotDue(): boolean {
    return this.journal.usedBytes > this.journal.capacityBytes / 4
  }

  /** Half is in use though there is nothing new to snapshot: many small commits wait for the quorum. */
  get isCrowded(): boolean {
    return this.journal.usedBytes > this.journal.capacityBytes / 2
  }

  /** Persists one round's work; when it returns, the answers that depend on it may be sent. */
  persist({ snapshot, entries, hardState, mustSync }: MetadataWork): void {
    if (hardState !== undefined) this.hardState = hardState
    if (snapshot !== undefined) this.install(snapshot)
    if (entries.length > 0) this.append(entries)
    // A higher commit index alone can wait: after a crash the quorum tells it again.
    else if (mustSync && snapshot === undefined) this.writeAll(this.hardStateRecords())
  }

  /** Writes the snapshot's file, then lets the head pass the entries that it holds. */
  saveSnapshot(snapshot: RaftSnapshot): void {
    this.writeSnapshotFile(snapshot)
    this.tail = this.tail.filter((entry) => entry.index > snapshot.index)
    this.snapshotAt = snapshot
    this.moveUp()
    this.removeOtherSnapshots()
  }

  /** Writes all that counts again at the end, and lets the head pass the rest. */
  moveUp(): void {
    const start = this.journal.committedPosition
    this.writeAll(this.everything())
    this.journal.advanceHead(start)
  }

  close(): void {
    this.journal.close()
  }

  private get lastIndex(): number {
    return this.tail.at(-1)?.index ?? this.snapshotAt.index
  }

  private append(entries: readonly RaftEntry[]): void {
    const first = entries[0]!.index
    assert(first > this.snapshotAt.index && first <= this.lastIndex + 1, 'raft log entries have a gap')
    const records: RaftRecord[] = []
    if (first <= this.lastIndex) {
      records.push(truncateRecord(first))
      this.tail = this.tail.filter((entry) => entry.index < first)
    }
    for (const entry of entries) this.tail.push(entry)
    this.writeAll([...records, ...entries.map(entryRecord), ...this.hardStateRecords()])
  }

  /** From the leader: it replaces everything. */
  private install(snapshot: RaftSnapshot): void {
    this.writeSnapshotFile(snapshot)
    this.tail = []
    this.snapshotAt = snapshot
    this.moveUp()
    this.removeOtherSnapshots()
  }

  private everything(): RaftRecord[] {
    return [snapshotRecord(this.snapshotAt), ...this.tail.map(entryRecord), ...this.hardStateRecords()]
  }

  private hardStateRecords(): RaftRecord[] {
    return this.hardState === undefined ? [] : [hardStateRecord(this.hardState)]
  }

  /** One synced write, two where the ring's lap ends in between. */
  private writeAll(records: readonly RaftRecord[]): void {
    for (const record of records) this.write(record)
    this.journal.commit()
  }

  private write(record: RaftRecord): void {
    const { journal } = this
    const lengthBytes = raftRecordBytes(record.payload.length)
    this.fillAhead(lengthBytes)
    const position = journal.reserve(lengthBytes)
    if (position < 0) {
      throw new StreamBusError(
        'KAFKA_STORAGE_ERROR',
        `${journal.path} is full: ${this.tail.length} changes of metadata wait for the quorum`,
        { remedy: 'Start the other brokers, so that the quorum can decide; then restart this one.' },
      )
    }
    writeRaftRecord(journal.bytes, journal.view, journal.indexOf(position), record)
  }

  /** In the first lap the file is allocated before it is written, so that commits overwrite. */
  private fillAhead(lengthBytes: number): void {
    const { journal } = this
    const end = journal.committedPosition + journal.openBytes + 2 * lengthBytes + initialFillBytes / 4
    while (this.filledBytes < journal.capacityBytes && this.filledBytes < end) {
      const next = Math.min(this.filledBytes + initialFillBytes, journal.capacityBytes)
      fillWithZeros(this.disk, journal.fileHandle, this.filledBytes, next)
      this.filledBytes = next
    }
  }

  private writeSnapshotFile(snapshot: RaftSnapshot): void {
    writeSnapshotFile(this.options, snapshot)
  }

  private removeOtherSnapshots(): void {
    const { folder } = this.options
    for (const name of this.disk.list(folder)) {
      const index = snapshotIndexOf(name)
      if (index !== undefined && index !== this.snapshotAt.index) this.disk.remove(`${folder}/${name}`)
    }
  }
}

function nextPath(path: string): string {
  return `${path}${temporaryEnding}`
}

/** A journal of this run, not yet under its name. */
function createNext(options: MetadataLogOptions, path: string): Journal {
  const { disk, clusterId, brokerId, crc, runId } = options
  const capacityBytes = options.capacityBytes ?? raftJournalBytes
  const identity = { clusterId, brokerId, journal: metadataJournal }
  const firstRunId = runId.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))
  const next = nextPath(path)
  const superblock = createJournalFile(disk, next, identity, capacityBytes, firstRunId, crc)
  const memory = new ArrayBuffer(capacityBytes)
  return new Journal({ crc, memory, positions: undefined, store: { disk, path: next, superblock, runId } })
}

/** The first start: an empty image, and the voters. */
function begin(options: MetadataLogOptions): Found {
  const { disk, folder, clusterId, brokerId, mustExist } = options
  const later = disk.list(folder).filter((name) => (snapshotIndexOf(name) ?? 0) > 0)
  if (mustExist || later.length > 0) {
    const why = later.length > 0 ? `${later.join(', ')} is there` : 'the data folder holds topics'
    throw refusal(options, `${folder}/${raftJournalName} is missing, but ${why}`)
  }
  const data = MetadataImage.empty(clusterId).encode()
  const snapshot = { index: 0, term: 0, confState: confStateOf((options.voters ?? [brokerId]).map(raftIdOf)), data }
  writeSnapshotFile(options, snapshot)
  return { restored: { snapshot, hardState: undefined, entries: [] }, wasTorn: false }
}

function find(options: MetadataLogOptions, path: string): Found {
  try {
    const { replay, wasTorn } = replayJournal(options, path)
    const { snapshot: place, hardState, entries } = replay
    if (place === undefined) throw new StreamBusError('JOURNAL_DAMAGED', `${path} names no snapshot`)
    const snapshot = loadSnapshot(options, place)
    return { restored: { snapshot, hardState, entries }, wasTorn }
  } catch (error) {
    if (!StreamBusError.is(error) || error.name !== 'JOURNAL_DAMAGED') throw error
    throw refusal(options, error.message, error)
  }
}

function replayJournal(options: MetadataLogOptions, path: string): { replay: RaftLogReplay; wasTorn: boolean } {
  const { disk, crc } = options
  const replay = new RaftLogReplay()
  const file = disk.open(path, 'read')
  try {
    const superblock = loadSuperblock(disk, file, path, options, crc)
    const end = walkChain(superblock, chainSourceOf(disk, file, path, crc), ({ header, body }) =>
      readRaftRecords(body, header.entryCount, (record) => replay.take(record)),
    )
    return { replay, wasTorn: end.torn }
  } finally {
    disk.close(file)
  }
}

function loadSnapshot(options: MetadataLogOptions, place: { index: number; term: number }): RaftSnapshot {
  const { disk, folder, crc } = options
  const path = `${folder}/${snapshotFileName(place.index)}`
  if (!disk.exists(path)) throw new StreamBusError('JOURNAL_DAMAGED', `${path} is missing`)
  const file = disk.open(path, 'read')
  try {
    const bytes = new Uint8Array(disk.size(file))
    disk.read(file, bytes, 0)
    const snapshot = readSnapshot(bytes, crc, path)
    if (snapshot.index === place.index && snapshot.term === place.term) return snapshot
    throw new StreamBusError(
      'JOURNAL_DAMAGED',
      `${path} holds entry ${snapshot.index} of term ${snapshot.term}, not ${place.index} of term ${place.term}`,
    )
  } finally {
    disk.close(file)
  }
}

/** The name appears only when the content is whole and on disk. */
function writeSnapshotFile({ disk, folder, crc }: MetadataLogOptions, snapshot: RaftSnapshot): void {
  const path = `${folder}/${snapshotFileName(snapshot.index)}`
  const temporary = `${path}${temporaryEnding}`
  const file = disk.open(temporary, 'create')
  try {
    const bytes = writeSnapshot(snapshot, crc)
    disk.truncate(file, 0)
    disk.write(file, bytes, 0)
    disk.sync(file)
  } finally {
    disk.close(file)
  }
  disk.rename(temporary, path)
  disk.syncFolder(folder)
}

function refusal({ folder }: MetadataLogOptions, what: string, cause?: unknown): StreamBusError {
  return new StreamBusError('JOURNAL_DAMAGED', `${what}; this broker refuses to vote on metadata`, {
    cause,
    remedy: `Restore ${folder} together with the rest of the data folder from a copy.`,
  })
}
