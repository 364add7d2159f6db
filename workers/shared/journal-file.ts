/**
 * Opens, creates and empties journal files.
 * Runs on: recovery (sync worker), shards, the metadata worker. Touches: journal files.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { Uuid } from '../../native-free-core/bytes/uuid.js'
import type { ChainSource } from '../../native-free-core/journal/chain.js'
import type { Crc32c, RunId } from '../../native-free-core/journal/commit-format.js'
import {
  newestSuperblock,
  readSuperblock,
  ringFilePosition,
  type Superblock,
  superblockBytes,
  superblockVersion,
  writeSuperblock,
} from '../../native-free-core/journal/superblock.js'
import type { Disk, FileHandle } from './disk.js'

export interface JournalIdentity {
  readonly clusterId: Uuid
  readonly brokerId: number
  readonly journal: number
}

/** What a new journal is filled with at once; the rest of its first lap is filled ahead of the tail. */
export const initialFillBytes = 1 << 20
const zeroBytes = 1 << 20
/** Of the chain walk; it grows with what is asked for. */
const firstReadBytes = 1 << 16

/**
 * Creates a journal file with both superblocks on disk and its first extent filled with zeros and synced.
 * The name appears only when the content is whole: a crash in between leaves nothing that looks like a journal.
 */
export function createJournalFile(
  disk: Disk,
  path: string,
  identity: JournalIdentity,
  capacityBytes: number,
  runId: RunId,
  crc: Crc32c,
): Superblock {
  const superblock: Superblock = {
    sequence: 1,
    ...identity,
    capacityBytes,
    headPosition: 0,
    headCommitNumber: 1,
    runId,
    previousCrc: 0,
    clean: true,
  }
  const temporary = `${path}.new`
  if (disk.exists(temporary)) disk.remove(temporary)
  const file = disk.open(temporary, 'create')
  try {
    disk.write(file, writeSuperblock({ ...superblock, sequence: 0 }, crc), 0)
    disk.write(file, writeSuperblock(superblock, crc), superblockBytes)
    fillWithZeros(disk, file, 0, Math.min(initialFillBytes, capacityBytes))
    disk.sync(file)
  } finally {
    disk.close(file)
  }
  disk.rename(temporary, path)
  disk.syncFolder(folderOf(path))
  return superblock
}

export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}

/** Writes zeros into the ring's part [start, end) of the file. */
export function fillWithZeros(disk: Disk, file: FileHandle, start: number, end: number): void {
  const zeros = new Uint8Array(Math.min(zeroBytes, end - start))
  for (let at = start; at < end; at += zeros.length) {
    disk.write(file, zeros.subarray(0, Math.min(zeros.length, end - at)), ringFilePosition + at)
  }
}

/** Bytes of the ring that the file has allocated. */
export function filledBytes(disk: Disk, path: string): number {
  const file = disk.open(path, 'read')
  try {
    return Math.max(0, disk.size(file) - ringFilePosition)
  } finally {
    disk.close(file)
  }
}

/**
 * The superblock in force. Throws DATA_FORMAT_TOO_NEW, or JOURNAL_DAMAGED when neither copy is valid or the journal
 * is another cluster's or broker's.
 */
export function loadSuperblock(
  disk: Disk,
  file: FileHandle,
  path: string,
  identity: { clusterId: Uuid; brokerId: number },
  crc: Crc32c,
): Superblock {
  const bytes = new Uint8Array(2 * superblockBytes)
  const length = disk.read(file, bytes, 0)
  const state = newestSuperblock(
    readSuperblock(bytes.subarray(0, length), 0, crc),
    readSuperblock(bytes.subarray(0, length), superblockBytes, crc),
  )
  if (state.kind === 'newer') {
    throw new StreamBusError(
      'DATA_FORMAT_TOO_NEW',
      `${path} has format ${state.version}; this version reads up to ${superblockVersion}`,
    )
  }
  if (state.kind === 'invalid') {
    throw new StreamBusError('JOURNAL_DAMAGED', `${path}: neither copy of its superblock can be read`)
  }
  const { clusterId, brokerId } = state.superblock
  if (clusterId !== identity.clusterId || brokerId !== identity.brokerId) {
    throw new StreamBusError(
      'JOURNAL_DAMAGED',
      `${path} belongs to cluster ${clusterId}, broker ${brokerId}; this is cluster ${identity.clusterId}, ` +
        `broker ${identity.brokerId}`,
      { remedy: 'Move the file back to the data folder it came from.' },
    )
  }
  return state.superblock
}

/** Reads of a journal file for the chain walk. The returned views are valid until the next read. */
export function chainSourceOf(disk: Disk, file: FileHandle, path: string, crc: Crc32c): ChainSource {
  let buffer = new Uint8Array(firstReadBytes)
  return {
    path,
    crc,
    readAt(ringPosition, lengthBytes) {
      if (lengthBytes > buffer.length) buffer = new Uint8Array(Math.max(lengthBytes, 2 * buffer.length))
      const into = buffer.subarray(0, lengthBytes)
      return into.subarray(0, disk.read(file, into, ringFilePosition + ringPosition))
    },
  }
}

/** Marks a journal whose entries are all settled and synced as empty; the next run starts at `end`. */
export function emptyJournal(
  disk: Disk,
  path: string,
  old: Superblock,
  end: { position: number; number: number },
  crc: Crc32c,
): Superblock {
  const next: Superblock = {
    ...old,
    sequence: old.sequence + 1,
    headPosition: end.position,
    headCommitNumber: end.number,
    clean: true,
  }
  const file = disk.open(path, 'durable-write')
  try {
    disk.write(file, writeSuperblock(next, crc), (next.sequence % 2) * superblockBytes)
  } finally {
    disk.close(file)
  }
  return next
}
