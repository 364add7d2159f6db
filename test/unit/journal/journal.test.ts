/**
 * The journal on a disk that loses writes: wrap, full, head, floor, and seeded histories with power cuts at any call.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { commitAlignment, commitHeaderBytes } from '../../../native-free-core/journal/commit-format.js'
import { entryHeaderBytes } from '../../../native-free-core/journal/entry-format.js'
import {
  capacityBytes,
  openJournal,
  put,
  recover,
  runJournalHistory,
  superblockOf,
} from '../../simulation/journal-history.js'
import { MemoryDisk, type MemoryDiskOptions } from '../../support/memory-disk.js'
import { Random, seedOfRun, withSeed } from '../../support/random.js'

function newDisk(seed = 1, options: Omit<MemoryDiskOptions, 'random'> = {}): MemoryDisk {
  const disk = new MemoryDisk({ random: new Random(seed), ...options })
  disk.makeFolder('/journals')
  disk.syncFolder('/')
  return disk
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

describe('journal on a disk that loses power', () => {
  const replay = 'npm test -- test/unit/journal/journal.test.ts'

  it('keeps all that was acknowledged, whole commits only, through hundreds of histories', function () {
    this.timeout(60_000)
    const seed = seedOfRun()
    for (let index = 0; index < 300; index++) withSeed(seed + index, replay, (random) => runJournalHistory(random))
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
        runJournalHistory(new Random(seed), options)
      } catch {
        count++
      }
    }
    return count
  }
})
