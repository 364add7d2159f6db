/**
 * The commit header and the entry header against their drawings, and what a reader of damaged ones does.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import {
  type CommitHeader,
  CommitLayout,
  commitAlignment,
  commitHeaderBytes,
  commitMagic,
  readCommitHeader,
  roundUpToCommit,
  writeCommitHeader,
} from '../../../native-free-core/journal/commit-format.js'
import {
  EntryLayout,
  EntryType,
  entryBytes,
  entryHeaderBytes,
  type JournalEntry,
  readEntries,
  writeEntryHeader,
} from '../../../native-free-core/journal/entry-format.js'
import { crc32cOf } from '../../../native-free-core/log/crc32c.js'

const header: Omit<CommitHeader, 'headerCrc'> = {
  position: 4096 * 3_000_000_000,
  number: 2 ** 40 + 7,
  runId: '0123456789abcdef',
  totalBytes: 8192,
  usedBytes: 5000,
  nextPosition: 4096 * 3_000_000_002,
  entryCount: 3,
  previousCrc: 0xdeadbeef,
  bodyCrc: 0xcafebabe,
}

function written(of: Omit<CommitHeader, 'headerCrc'> = header): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(commitAlignment)
  const view = new DataView(bytes.buffer)
  writeCommitHeader(bytes, view, 64, of, crc32cOf)
  return { bytes, view }
}

describe('commit header', () => {
  it('has its fields where the drawing has them', () => {
    expect(CommitLayout).to.deep.equal({
      magicAt: 0,
      versionAt: 4,
      positionAt: 8,
      numberAt: 16,
      runIdAt: 24,
      totalBytesAt: 32,
      usedBytesAt: 36,
      nextPositionAt: 40,
      entryCountAt: 48,
      previousCrcAt: 52,
      bodyCrcAt: 56,
      headerCrcAt: 60,
    })
    expect([commitHeaderBytes, commitAlignment]).to.deep.equal([64, 4096])
    expect(new TextDecoder().decode(new Uint8Array(Uint32Array.of(commitMagic).buffer))).to.equal('SBCM')
  })

  it('is read as it was written, beyond 2^32 too', () => {
    const { bytes, view } = written()
    const { headerCrc, ...rest } = readCommitHeader(bytes, view, 64, crc32cOf)!
    expect(rest).to.deep.equal(header)
    expect(headerCrc).to.equal(crc32cOf(bytes, 64, 124))
  })

  it('is refused when any of its bits is another', () => {
    for (let bit = 0; bit < commitHeaderBytes * 8; bit++) {
      const { bytes, view } = written()
      bytes[64 + (bit >> 3)]! ^= 1 << (bit & 7)
      expect(readCommitHeader(bytes, view, 64, crc32cOf), `bit ${bit}`).to.equal(undefined)
    }
  })

  it('is refused when its lengths contradict each other or the bytes end within it', () => {
    const bad = [
      { ...header, usedBytes: 63 },
      { ...header, usedBytes: 8193 },
      { ...header, totalBytes: 5000 },
      { ...header, nextPosition: header.position + 4096 },
    ]
    for (const one of bad) {
      const { bytes, view } = written(one)
      expect(readCommitHeader(bytes, view, 64, crc32cOf)).to.equal(undefined)
    }
    const { bytes, view } = written()
    expect(readCommitHeader(bytes.subarray(0, 127), view, 64, crc32cOf)).to.equal(undefined)
  })

  it('rounds lengths up to whole blocks', () => {
    expect([0, 1, 4096, 4097, 2 ** 40 + 1].map(roundUpToCommit)).to.deep.equal([0, 4096, 4096, 8192, 2 ** 40 + 4096])
  })
})

describe('journal entries', () => {
  const topicId = Uint8Array.from({ length: 16 }, (_, index) => index * 16)

  function bodyOf(lengths: readonly number[]): Uint8Array {
    const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + entryBytes(length), 0))
    const view = new DataView(bytes.buffer)
    let at = 0
    for (const [index, length] of lengths.entries()) {
      writeEntryHeader(bytes, view, at, EntryType.append, topicId, index, -index, length)
      bytes.fill(index + 1, at + entryHeaderBytes, at + entryHeaderBytes + length)
      at += entryBytes(length)
    }
    return bytes
  }

  it('have their fields where the drawing has them and take a multiple of 8 bytes', () => {
    expect(EntryLayout).to.deep.equal({ lengthAt: 0, typeAt: 4, topicIdAt: 8, partitionAt: 24, leaderEpochAt: 28 })
    expect([0, 1, 8, 9].map(entryBytes)).to.deep.equal([32, 40, 40, 48])
  })

  it('are read in order, each with its own payload', () => {
    const lengths = [0, 1, 7, 8, 100]
    const read: JournalEntry[] = []
    readEntries(bodyOf(lengths), lengths.length, (entry) => read.push(entry))
    expect(read.map((entry) => entry.payload.length)).to.deep.equal(lengths)
    expect(read.map((entry) => entry.partition)).to.deep.equal([0, 1, 2, 3, 4])
    expect(read.map((entry) => entry.leaderEpoch + 0)).to.deep.equal([0, -1, -2, -3, -4])
    expect(read.every((entry, index) => entry.payload.every((byte) => byte === index + 1))).to.equal(true)
  })

  it('whose lengths leave the body are refused as damage', () => {
    const body = bodyOf([16, 16])
    expect(() => readEntries(body, 3, () => undefined)).to.throw('entry 2')
    new DataView(body.buffer).setUint32(48, 4000, true)
    expect(() => readEntries(body, 2, () => undefined)).to.throw('says 4000 bytes')
    new DataView(body.buffer).setUint32(48, 31, true)
    expect(() => readEntries(body, 2, () => undefined)).to.throw('says 31 bytes')
  })
})
