/**
 * A journal alone, on a disk that loses what a power cut can lose: lives that end in any disk call, and what a recovery
 * finds after each. What is judged: all that was acknowledged above the head is found, in order, whole commits only.
 * Runs on: the test process.
 */
import { walkChain } from '../../native-free-core/journal/chain.js'
import { commitAlignment } from '../../native-free-core/journal/commit-format.js'
import {
  EntryType,
  entryBytes,
  entryHeaderBytes,
  readEntries,
  writeEntryHeader,
} from '../../native-free-core/journal/entry-format.js'
import { JournalReader, journalPositionsBytes } from '../../native-free-core/journal/journal-reader.js'
import { crc32cOf } from '../../native-free-core/log/crc32c.js'
import { Journal } from '../../workers/shared/journal.js'
import {
  chainSourceOf,
  createJournalFile,
  emptyJournal,
  folderOf,
  loadSuperblock,
} from '../../workers/shared/journal-file.js'
import { MemoryDisk, type MemoryDiskOptions, PowerCut } from '../support/memory-disk.js'
import type { Random } from '../support/random.js'

const path = '/journals/shard-0.journal'
const identity = { clusterId: '0'.repeat(32), brokerId: 1, journal: 0 }
export const capacityBytes = 16 * commitAlignment
const topicId = new Uint8Array(16)

/** The file of a new journal, or what recovery leaves of an old one; then the next run on it. */
export function openJournal(
  disk: MemoryDisk,
  runId: string,
  size = capacityBytes,
): { journal: Journal; reader: JournalReader } {
  const memory = new SharedArrayBuffer(size)
  const positions = new SharedArrayBuffer(journalPositionsBytes)
  const isThere = disk.exists(path)
  // As a shard does: whoever made the file may have been killed before its name was synced.
  if (isThere) disk.syncFolder(folderOf(path))
  const superblock = isThere
    ? superblockOf(disk)
    : createJournalFile(disk, path, identity, size, 'f'.repeat(16), crc32cOf)
  const journal = new Journal({ crc: crc32cOf, memory, positions, store: { disk, path, superblock, runId } })
  return { journal, reader: new JournalReader(memory, positions) }
}

export function superblockOf(disk: MemoryDisk): ReturnType<typeof loadSuperblock> {
  const file = disk.open(path, 'read')
  try {
    return loadSuperblock(disk, file, path, identity, crc32cOf)
  } finally {
    disk.close(file)
  }
}

/** Writes an entry that carries a number; false when the journal is full. */
export function put(journal: Journal, payloadBytes: number, mark: number): boolean {
  const position = journal.reserve(entryBytes(payloadBytes))
  if (position < 0) return false
  const at = journal.indexOf(position)
  writeEntryHeader(journal.bytes, journal.view, at, EntryType.append, topicId, mark, 0, payloadBytes)
  journal.bytes.fill(mark & 0xff, at + entryHeaderBytes, at + entryHeaderBytes + payloadBytes)
  return true
}

/** The marks of the entries that a recovery would find, in order; content is checked. */
export function recover(disk: MemoryDisk): number[] {
  const marks: number[] = []
  const superblock = superblockOf(disk)
  const file = disk.open(path, 'read')
  const end = walkChain(superblock, chainSourceOf(disk, file, path, crc32cOf), ({ header, body }) => {
    readEntries(body, header.entryCount, ({ partition, payload }) => {
      if (!payload.every((byte) => byte === (partition & 0xff))) throw new Error(`entry ${partition} has other bytes`)
      marks.push(partition)
    })
  })
  disk.close(file)
  if (!superblock.clean) {
    emptyJournal(disk, path, superblock, { position: end.position, number: end.nextNumber }, crc32cOf)
  }
  return marks
}

interface History {
  /** Marks in the order in which they were put. */
  readonly acknowledged: number[]
  readonly unfinished: number[]
  settledUpTo: number
}

/** One life of a journal until the power goes; returns what it acknowledged above its head. */
function live(disk: MemoryDisk, random: Random, firstMark: number, history: History): number {
  const { journal } = openJournal(disk, random.hex(16))
  let mark = firstMark
  const ends: { position: number; mark: number }[] = []
  for (let step = 0; step < 200; step++) {
    history.unfinished.length = 0
    for (let count = random.between(1, 4); count > 0; count--) {
      const wroteCommit = journal.committedPosition
      if (!put(journal, random.between(0, random.pick([50, 3000, 16_000])), mark)) break
      // A commit was written where the lap ended: what was put before it is on disk.
      if (journal.committedPosition !== wroteCommit) acknowledge(history)
      history.unfinished.push(mark++)
    }
    journal.commit()
    acknowledge(history)
    ends.push({ position: journal.committedPosition, mark })
    if (random.chance(0.3) || journal.usedBytes > capacityBytes / 2) {
      const end = random.pick(ends)
      // The power may go after the head is on disk and before the call returns.
      history.settledUpTo = Math.max(history.settledUpTo, end.mark)
      journal.advanceHead(end.position)
    }
  }
  return mark
}

function acknowledge(history: History): void {
  history.acknowledged.push(...history.unfinished)
  history.unfinished.length = 0
}

function checkRecovered(found: readonly number[], history: History): void {
  const lost = history.acknowledged.filter((mark) => mark >= history.settledUpTo && !found.includes(mark))
  if (lost.length > 0) throw new Error(`acknowledged entries ${lost.join(', ')} are lost; found ${found.join(', ')}`)
  const isDense = found.every((mark, index) => mark === found[0]! + index)
  if (!isDense) throw new Error(`entries are not in order: ${found.join(', ')}`)
  const extra = found.filter((mark) => !history.acknowledged.includes(mark))
  const isWhole = extra.length === 0 || extra.join() === history.unfinished.join()
  if (!isWhole) throw new Error(`of an unfinished commit ${history.unfinished.join(', ')} came ${extra.join(', ')}`)
}

/**
 * Lives and recoveries of one journal, each ended by a power cut, or a few by a kill, in a random call. Throws with
 * what is wrong.
 */
export function runJournalHistory(random: Random, options: Omit<MemoryDiskOptions, 'random' | 'fault'> = {}): void {
  let callsLeft = Number.POSITIVE_INFINITY
  let fate: 'power cut' | 'kill' = 'power cut'
  const disk = new MemoryDisk({
    random,
    fault: () => (--callsLeft <= 0 ? fate : undefined),
    shortWriteChance: random.pick([0, 0.2]),
    ...options,
  })
  disk.makeFolder('/journals')
  disk.syncFolder('/')
  let mark = 0
  for (let round = 0; round < 6; round++) {
    const history: History = { acknowledged: [], unfinished: [], settledUpTo: mark }
    callsLeft = random.between(1, random.pick([12, 200]))
    fate = random.chance(0.8) ? 'power cut' : 'kill'
    mark = untilPowerCut(disk, () => live(disk, random, mark, history)) ?? lastOf(history, mark)
    if (!disk.powerIsOff) disk.cutPower()
    if (fate === 'kill') disk.restartProcess()
    else disk.restart()
    callsLeft = Number.POSITIVE_INFINITY
    if (!disk.exists(path)) {
      if (history.acknowledged.length > 0) throw new Error('the journal is gone')
      continue
    }
    checkRecovered(recover(disk), history)
    mark += 10
  }
}

function lastOf(history: History, mark: number): number {
  return Math.max(mark, ...history.acknowledged.map((one) => one + 1), ...history.unfinished.map((one) => one + 1))
}

function untilPowerCut<T>(disk: MemoryDisk, act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    if (error instanceof PowerCut || disk.powerIsOff) return undefined
    throw error
  }
}
