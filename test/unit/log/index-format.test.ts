/**
 * Index entries, look-ups at every place, torn ends, file names.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import {
  lookUpOffset,
  lookUpPosition,
  lookUpTimeOffset,
  lookUpTimestamp,
  offsetEntryBytes,
  parseSegmentFileName,
  segmentFileName,
  soundOffsetEntries,
  soundTimeEntries,
  timeEntryBytes,
} from '../../../native-free-core/log/index-format.js'
import { writeInt64 } from '../../../native-free-core/bytes/int64.js'

function offsetIndex(entries: readonly (readonly [number, number])[]): DataView {
  const view = new DataView(new ArrayBuffer(entries.length * offsetEntryBytes))
  for (const [index, [offset, position]] of entries.entries()) {
    view.setInt32(index * 8, offset)
    view.setInt32(index * 8 + 4, position)
  }
  return view
}

function timeIndex(entries: readonly (readonly [number, number])[]): DataView {
  const view = new DataView(new ArrayBuffer(entries.length * timeEntryBytes))
  for (const [index, [timestamp, offset]] of entries.entries()) {
    writeInt64(view, index * 12, timestamp)
    view.setInt32(index * 12 + 8, offset)
  }
  return view
}

describe('an index', () => {
  it('finds the last entry at or below what is wanted, at every size', () => {
    for (let count = 0; count < 20; count++) {
      const entries = Array.from({ length: count }, (_, index) => [index * 10 + 5, index * 100 + 50] as const)
      const offsets = offsetIndex(entries)
      const times = timeIndex(entries)
      for (let wanted = 0; wanted < 220; wanted++) {
        const expected = entries.filter(([value]) => value <= wanted).length - 1
        expect(lookUpOffset(offsets, count, wanted)).to.equal(expected)
        expect(lookUpTimestamp(times, count, wanted)).to.equal(expected)
        expect(lookUpPosition(offsets, count, wanted * 10)).to.equal(expected)
        expect(lookUpTimeOffset(times, count, wanted * 10)).to.equal(expected)
      }
    }
  })

  it('is sound up to the first entry that does not ascend', () => {
    expect(soundOffsetEntries(offsetIndex([]))).to.equal(0)
    expect(
      soundOffsetEntries(
        offsetIndex([
          [5, 10],
          [6, 20],
          [6, 30],
        ]),
      ),
    ).to.equal(2)
    expect(
      soundOffsetEntries(
        offsetIndex([
          [5, 10],
          [6, 10],
        ]),
      ),
    ).to.equal(1)
    expect(
      soundOffsetEntries(
        offsetIndex([
          [5, 10],
          [0, 0],
          [7, 30],
        ]),
      ),
    ).to.equal(1)
    expect(
      soundTimeEntries(
        timeIndex([
          [1, 1],
          [2, 2],
          [0, 0],
        ]),
      ),
    ).to.equal(2)
    expect(
      soundTimeEntries(
        timeIndex([
          [1, 1],
          [2, 1],
        ]),
      ),
    ).to.equal(1)
    expect(soundTimeEntries(timeIndex([[2 ** 53 - 1, 1]]))).to.equal(1)
  })

  it('is not sound where it is blank', () => {
    expect(soundOffsetEntries(new DataView(new ArrayBuffer(80)))).to.equal(0)
    expect(soundTimeEntries(new DataView(new ArrayBuffer(120)))).to.equal(0)
  })

  it('is sound without the part of an entry at its end', () => {
    const view = offsetIndex([
      [5, 10],
      [6, 20],
    ])
    expect(soundOffsetEntries(new DataView(view.buffer, 0, 15))).to.equal(1)
    expect(soundTimeEntries(new DataView(new ArrayBuffer(11)))).to.equal(0)
  })

  it('stops at a timestamp beyond 2^53 instead of throwing', () => {
    const view = timeIndex([
      [1, 1],
      [2, 2],
    ])
    view.setInt32(12, 0x7fffffff)
    expect(soundTimeEntries(view)).to.equal(1)
    view.setInt32(12, -1)
    expect(soundTimeEntries(view)).to.equal(1)
  })
})

describe('names of segment files', () => {
  it('have twenty digits and come back', () => {
    expect(segmentFileName(42, 'log')).to.equal('00000000000000000042.log')
    for (const kind of ['log', 'index', 'timeindex', 'snapshot'] as const) {
      expect(parseSegmentFileName(segmentFileName(2 ** 53 - 1, kind))).to.deep.equal({ baseOffset: 2 ** 53 - 1, kind })
    }
  })

  it('are told from all others', () => {
    const others = [
      '42.log',
      '00000000000000000042.txt',
      '00000000000000000042.log.deleted',
      '99999999999999999999.log',
    ]
    for (const name of others) expect(parseSegmentFileName(name), name).to.equal(undefined)
  })
})
