/**
 * What the records of a raft log add up to: every row of the table in raft-log-replay.ts; and their bytes.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { crc32cOf } from '../../../native-free-core/log/crc32c.js'
import { confStateOf } from '../../../native-free-core/metadata/raft/raft-types.js'
import {
  entryRecord,
  hardStateRecord,
  type RaftRecord,
  raftRecordBytes,
  readRaftRecords,
  snapshotRecord,
  truncateRecord,
  writeRaftRecord,
} from '../../../native-free-core/metadata/raft-log-format.js'
import { RaftLogReplay } from '../../../native-free-core/metadata/raft-log-replay.js'
import {
  readSnapshot,
  snapshotFileName,
  snapshotHeaderBytes,
  snapshotIndexOf,
  writeSnapshot,
} from '../../../native-free-core/metadata/snapshot-format.js'

const entry = (index: number, term: number): RaftRecord =>
  entryRecord({ index, term, type: 0, data: new Uint8Array([index, term]) })
const snapshot = (index: number, term: number): RaftRecord => snapshotRecord({ index, term })
const start = [snapshot(2, 1), entry(3, 1), entry(4, 1), entry(5, 2)]

function replayed(records: readonly RaftRecord[]): string {
  const replay = new RaftLogReplay()
  try {
    for (const record of records) replay.take(record)
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`
  }
  const { snapshot: place, hardState, entries } = replay
  const state =
    hardState === undefined ? '' : ` term ${hardState.term} vote ${hardState.vote} commit ${hardState.commit}`
  return `${place?.index}/${place?.term}: ${entries.map((one) => `${one.index}/${one.term}`).join(' ')}${state}`
}

const rows: readonly (readonly [string, readonly RaftRecord[], string | RegExp])[] = [
  ['an entry that follows', [entry(6, 3)], '2/1: 3/1 4/1 5/2 6/3'],
  ['an entry written again', [entry(4, 1)], '2/1: 3/1 4/1 5/2'],
  ['an entry that the snapshot holds', [entry(2, 9)], '2/1: 3/1 4/1 5/2'],
  ['another term without a truncation', [entry(4, 3)], /^JOURNAL_DAMAGED: .*entry 4 has terms 1 and 3/],
  ['a gap', [entry(7, 3)], /^JOURNAL_DAMAGED: .*entry 7 follows entry 5/],
  ['a truncation, then other entries', [truncateRecord(4), entry(4, 3)], '2/1: 3/1 4/3'],
  ['a truncation beyond the end', [truncateRecord(9)], '2/1: 3/1 4/1 5/2'],
  ['a truncation into the snapshot', [truncateRecord(2)], /^JOURNAL_DAMAGED: .*entry 2 cuts into snapshot 2/],
  ['a snapshot of known entries', [snapshot(4, 1)], '4/1: 5/2'],
  ['a snapshot beyond the log', [snapshot(9, 4), entry(10, 4)], '9/4: 10/4'],
  ['a snapshot with another term', [snapshot(4, 2)], '4/2: '],
  ['an older snapshot', [snapshot(1, 1)], '2/1: 3/1 4/1 5/2'],
  ['a hard state', [hardStateRecord({ term: 5, vote: 3, commit: 4 })], '2/1: 3/1 4/1 5/2 term 5 vote 3 commit 4'],
  [
    'two hard states',
    [hardStateRecord({ term: 5, vote: 3, commit: 4 }), hardStateRecord({ term: 6, vote: 0, commit: 5 })],
    '2/1: 3/1 4/1 5/2 term 6 vote 0 commit 5',
  ],
  ['a record of a newer release', [{ ...entry(6, 3), type: 9 }], /^DATA_FORMAT_TOO_NEW/],
]

describe('raft log replay', () => {
  for (const [what, records, outcome] of rows) {
    it(`takes ${what}`, () => {
      if (typeof outcome === 'string') expect(replayed([...start, ...records])).to.equal(outcome)
      else expect(replayed([...start, ...records])).to.match(outcome)
    })
  }
})

describe('raft log records', () => {
  it("come back from a commit's body, and keep to multiples of 8", () => {
    const records = [...start, hardStateRecord({ term: 2 ** 40, vote: 2, commit: 3 })]
    const bytes = new Uint8Array(records.reduce((sum, record) => sum + raftRecordBytes(record.payload.length), 0)).fill(
      255,
    )
    let at = 0
    for (const record of records) {
      writeRaftRecord(bytes, new DataView(bytes.buffer), at, record)
      at += raftRecordBytes(record.payload.length)
      expect(at % 8).to.equal(0)
    }
    const back: RaftRecord[] = []
    readRaftRecords(bytes, records.length, (record) => back.push({ ...record, payload: record.payload.slice() }))
    expect(back).to.deep.equal(records)
  })

  it('are refused when their lengths contradict the body', () => {
    expect(() => readRaftRecords(new Uint8Array(32), 1, () => undefined)).to.throw(/says 0 bytes/)
    expect(() => readRaftRecords(new Uint8Array(8), 1, () => undefined)).to.throw(/body of 8/)
  })
})

describe('snapshot file', () => {
  const whole = { index: 2 ** 33, term: 7, confState: confStateOf([1, 2]), data: new Uint8Array([1, 2, 3]) }

  it('comes back from its bytes', () => {
    expect(readSnapshot(writeSnapshot(whole, crc32cOf), crc32cOf, 'f')).to.deep.equal(whole)
  })

  it('is refused with any bit changed, cut anywhere, or of a newer format', () => {
    const bytes = writeSnapshot(whole, crc32cOf)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const bad = bytes.slice()
      bad[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => readSnapshot(bad, crc32cOf, 'f'), `bit ${bit}`).to.throw(/^f: it/)
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(() => readSnapshot(bytes.slice(0, length), crc32cOf, 'f')).to.throw(/^f: it/)
    }
    const newer = bytes.slice()
    newer[4] = 2
    newer.fill(0, 36, snapshotHeaderBytes)
    new DataView(newer.buffer).setUint32(36, crc32cOf(newer), true)
    expect(() => readSnapshot(newer, crc32cOf, 'f')).to.throw(/format 2/)
  })

  it('is named so that names ascend with indexes', () => {
    expect(snapshotFileName(12)).to.equal('snapshot-00000000000000000012')
    expect(snapshotIndexOf('snapshot-00000000000000000012')).to.equal(12)
    expect(snapshotIndexOf('snapshot-00000000000000000012.tmp')).to.equal(undefined)
  })
})
