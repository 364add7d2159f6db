/**
 * The journal on a disk that loses writes: wrap, full, head, floor, and seeded histories with power cuts at any call.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { walkChain } from '../../../native-free-core/journal/chain.js'
import { commitAlignment, commitHeaderBytes } from '../../../native-free-core/journal/commit-format.js'
import {
  EntryType,
  entryBytes,
  entryHeaderBytes,
  readEntries,
  writeEntryHeader,
} from '../../../native-free-core/journal/entry-format.js'
import { JournalReader, journalPositionsBytes } from '../../../native-free-core/journal/journal-reader.js'
import { crc32cOf } from '../../../native-free-core/log/crc32c.js'
import { Journal } from '../../../workers/shared/journal.js'
import { chainSourceOf, createJournalFile, emptyJournal, loadSuperblock } from '../../../workers/shared/journal-file.js'
import { MemoryDisk, type MemoryDiskOptions, PowerCut } from '../../support/memory-disk.js'
import { Random, seedOfRun, withSeed } from '../../support/random.js'

const path = '/journals/shard-0.journal'
const identity = { clusterId: '0'.repeat(32), brokerId: 1, journal: 0 }
const capacityBytes = 16 * commitAlignment
const topicId = new Uint8Array(16)

/** The file of a new journal, or what recovery leaves of an old one; then the next run on it. */
function openJournal(
  disk: MemoryDisk,
  runId: string,
  size = capacityBytes,
): { journal: Journal; reader: JournalReader } {
  const memory = new SharedArrayBuffer(size)
  const positions = new SharedArrayBuffer(journalPositionsBytes)
  const superblock = disk.exists(path)
    ? superblockOf(disk)
    : createJournalFile(disk, path, identity, size, 'f'.repeat(16), crc32cOf)
  const journal = new Journal({ crc: crc32cOf, memory, positions, store: { disk, path, superblock, runId } })
  return { journal, reader: new JournalReader(memory, positions) }
}

function superblockOf(disk: MemoryDisk): ReturnType<typeof loadSuperblock> {
  const file = disk.open(path, 'read')
  try {
    return loadSuperblock(disk, file, path, identity, crc32cOf)
  } finally {
    disk.close(file)
  }
}

function newDisk(seed = 1, options: Omit<MemoryDiskOptions, 'random'> = {}): MemoryDisk {
  const disk = new MemoryDisk({ random: new Random(seed), ...options })
  disk.makeFolder('/journals')
  disk.syncFolder('/')
  return disk
}

/** Writes an entry that carries a number; false when the journal is full. */
function put(journal: Journal, payloadBytes: number, mark: number): boolean {
  const position = journal.reserve(entryBytes(payloadBytes))
  if (position < 0) return false
  const at = journal.indexOf(position)
  writeEntryHeader(journal.bytes, journal.view, at, EntryType.append, topicId, mark, 0, payloadBytes)
  journal.bytes.fill(mark & 0xff, at + entryHeaderBytes, at + entryHeaderBytes + payloadBytes)
  return true
}

/** The marks of the entries that a recovery would find, in order; content is checked. */
function recover(disk: MemoryDisk): number[] {
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

describe('journal', () => {
  it('has nothing to recover after a clean close', () => {
    const disk = newDisk()
    const { journal } = openJournal(disk, '1'.repeat(16))
    put(journal, 100, 1)
    journal.commit()
    journal.advanceHead(journal.committedPosition)
    journal.close()
    expect(superblockOf(disk).clean).to.equal(true)
    expect(recover(disk)).to.deep.equal([])
  })

  it('is not clean when it is closed with entries above the head', () => {
    const disk = newDisk()
    const { journal } = openJournal(disk, '1'.repeat(16))
    put(journal, 100, 1)
    journal.commit()
    journal.close()
    expect(recover(disk)).to.deep.equal([1])
  })

  it('starts each commit on a block of its own and never wraps one', () => {
    const { journal } = openJournal(newDisk(), '1'.repeat(16))
    for (let mark = 0; mark < 200; mark++) {
      const size = 100 + ((mark * 997) % 9000)
      expect(put(journal, size, mark)).to.equal(true)
      journal.commit()
      const start = journal.committedPosition - journal.lastCommitBytes
      expect(start % commitAlignment).to.equal(0)
      expect(journal.committedPosition % commitAlignment).to.equal(0)
      expect(journal.lastCommitBytes % commitAlignment).to.equal(0)
      expect(Math.floor(start / capacityBytes)).to.equal(Math.floor((journal.committedPosition - 1) / capacityBytes))
      journal.advanceHead(journal.committedPosition)
    }
  })

  it('refuses entries when full, overwrites nothing, and takes them again when the head has moved', () => {
    const disk = newDisk()
    const { journal } = openJournal(disk, '1'.repeat(16))
    let mark = 0
    while (put(journal, 1000, mark)) {
      mark++
      if (mark % 3 === 0) journal.commit()
    }
    journal.commit()
    expect(journal.usedBytes).to.be.at.most(capacityBytes)
    expect(put(journal, 1000, mark)).to.equal(false)
    expect(recover(disk)).to.deep.equal(Array.from({ length: mark }, (_, index) => index))
    journal.advanceHead(journal.committedPosition)
    expect(put(journal, 1000, mark)).to.equal(true)
  })

  it('takes the largest entry at any place of an empty journal', () => {
    for (let blocks = 0; blocks < 16; blocks++) {
      const { journal } = openJournal(newDisk(), '1'.repeat(16))
      for (let index = 0; index < blocks; index++) {
        put(journal, 10, 0)
        journal.commit()
      }
      journal.advanceHead(journal.committedPosition)
      expect(put(journal, journal.largestEntryBytes - entryHeaderBytes, 1), `${blocks} blocks`).to.equal(true)
    }
  })

  it('moves the head to commit boundaries only', () => {
    const disk = newDisk()
    const { journal } = openJournal(disk, '1'.repeat(16))
    const ends: number[] = []
    for (let mark = 0; mark < 3; mark++) {
      put(journal, 5000, mark)
      journal.commit()
      ends.push(journal.committedPosition)
    }
    journal.advanceHead(ends[0]! - 1)
    expect(journal.headPosition).to.equal(0)
    journal.advanceHead(ends[1]! + 100)
    expect(journal.headPosition).to.equal(ends[1])
    expect(superblockOf(disk).headPosition).to.equal(ends[1])
    expect(recover(disk)).to.deep.equal([2])
    expect(() => journal.advanceHead(ends[2]! + 1)).to.throw('passes what is committed')
  })

  it('raises the floor before it hands out memory that held something', () => {
    const size = 1 << 20
    const { journal, reader } = openJournal(newDisk(), '1'.repeat(16), size)
    const random = new Random(7)
    const live: number[] = []
    for (let step = 0; step < 3000; step++) {
      const length = random.between(4, 1000) * 8
      const position = journal.reserve(length)
      if (position < 0) {
        journal.commit()
        journal.advanceHead(journal.committedPosition)
        continue
      }
      // The bytes are the caller's from here on: no reader may take a copy of what they were.
      while (live.length > 0 && live[0]! < position + length - size) {
        expect(reader.isIntact(live.shift()!), `step ${step}`).to.equal(false)
      }
      expect(reader.isIntact(position)).to.equal(true)
      live.push(position)
      if (random.chance(0.2)) journal.commit()
      if (random.chance(0.1)) journal.advanceHead(journal.committedPosition)
    }
    expect(journal.committedPosition).to.be.greaterThan(5 * size)
  })

  it('keeps what readers may copy as long as the floor allows', () => {
    const { journal, reader } = openJournal(newDisk(), '1'.repeat(16))
    put(journal, 100, 5)
    journal.commit()
    const into = new Uint8Array(100)
    expect(reader.copy(commitHeaderBytes + entryHeaderBytes, 100, into, 0)).to.equal(true)
    expect(into.every((byte) => byte === 5)).to.equal(true)
  })
})

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

/** Lives and recoveries of one journal, each ended by a power cut at a random call. */
function runHistory(random: Random, options: Omit<MemoryDiskOptions, 'random' | 'fault'> = {}): void {
  let callsLeft = Number.POSITIVE_INFINITY
  const disk = new MemoryDisk({ random, fault: () => (--callsLeft <= 0 ? 'power cut' : undefined), ...options })
  disk.makeFolder('/journals')
  disk.syncFolder('/')
  let mark = 0
  for (let round = 0; round < 6; round++) {
    const history: History = { acknowledged: [], unfinished: [], settledUpTo: mark }
    callsLeft = random.between(1, random.pick([12, 200]))
    mark = untilPowerCut(disk, () => live(disk, random, mark, history)) ?? lastOf(history, mark)
    if (!disk.powerIsOff) disk.cutPower()
    disk.restart()
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

describe('journal on a disk that loses power', () => {
  const replay = 'npm test -- test/unit/journal/journal.test.ts'

  it('keeps all that was acknowledged, whole commits only, through hundreds of histories', function () {
    this.timeout(60_000)
    const seed = seedOfRun()
    for (let index = 0; index < 300; index++) withSeed(seed + index, replay, (random) => runHistory(random))
  })

  it('is seen to lose when durable writes are not durable', () => {
    expect(losses({ durableWritesAreNot: true })).to.be.greaterThan(0)
  })

  it('is seen to lose when folders are not synced', () => {
    expect(losses({ folderSyncsAreNot: true })).to.be.greaterThan(0)
  })

  function losses(options: Omit<MemoryDiskOptions, 'random' | 'fault'>): number {
    let count = 0
    for (let seed = 0; seed < 100 && count === 0; seed++) {
      try {
        runHistory(new Random(seed), options)
      } catch {
        count++
      }
    }
    return count
  }
})
