/**
 * The replay decision table row by row: each combination of batch, segments and recovery point matches exactly one.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { decideReplay, type ReplayCase } from '../../../native-free-core/journal/replay-table.js'

/** A header of a batch of `count` records at `baseOffset`; `mark` makes bytes differ. */
function batch(baseOffset: number, count: number, mark = 0): Uint8Array {
  const bytes = new Uint8Array(61)
  const view = new DataView(bytes.buffer)
  view.setInt32(4, baseOffset)
  view.setInt32(23, count - 1)
  bytes[60] = mark
  return bytes
}

const segmentEnd = 100
type Stored = 'same' | 'other' | 'shorter' | 'none' | 'absent'

const stored: Readonly<Record<Stored, (wanted: Uint8Array) => Uint8Array | 'absent' | undefined>> = {
  same: (wanted) => wanted.slice(),
  other: (wanted) => wanted.map((byte, index) => (index === 60 ? byte ^ 1 : byte)),
  shorter: (wanted) => wanted.subarray(0, 30),
  none: () => undefined,
  absent: () => 'absent',
}

interface Row {
  readonly name: string
  readonly matches: (baseOffset: number, count: number, what: Stored, point: number) => boolean
  readonly outcome: ReplayCase
}

const isBelow = (baseOffset: number, count: number): boolean => baseOffset + count <= segmentEnd
const differs = (what: Stored): boolean => what === 'other' || what === 'shorter' || what === 'none'

/** The rows of the drawing in native-free-core/journal/replay-table.ts. */
const rows: readonly Row[] = [
  { name: "at the segments' end", matches: (base) => base === segmentEnd, outcome: 'append' },
  {
    name: 'below, at or above the point',
    matches: (base, count, _what, point) => isBelow(base, count) && base >= point,
    outcome: 'rewrite',
  },
  {
    name: 'below the point, removed',
    matches: (base, count, what, point) => isBelow(base, count) && what === 'absent' && base < point,
    outcome: 'skip',
  },
  {
    name: 'below the point, the same bytes',
    matches: (base, count, what, point) => isBelow(base, count) && what === 'same' && base < point,
    outcome: 'skip',
  },
  {
    name: 'below the point, different',
    matches: (base, count, what, point) => isBelow(base, count) && differs(what) && base < point,
    outcome: 'conflict',
  },
  {
    name: 'across the end',
    matches: (base, count) => base < segmentEnd && base + count > segmentEnd,
    outcome: 'rewrite',
  },
  { name: 'above the end', matches: (base) => base > segmentEnd, outcome: 'gap' },
]

describe('replay table', () => {
  it('has exactly one row for every combination, and decides by it', () => {
    const used = new Set<string>()
    for (const base of [0, 80, 89, 90, 91, 99, 100, 101, 200]) {
      for (const count of [1, 9, 10, 11, 30]) {
        for (const what of Object.keys(stored) as Stored[]) {
          for (const point of [0, 50, 90, 100]) {
            const matching = rows.filter((row) => row.matches(base, count, what, point))
            const where = `base ${base}, count ${count}, stored ${what}, point ${point}`
            expect(
              matching.map((row) => row.name),
              where,
            ).to.have.length(1)
            const decided = decideReplay(batch(base, count), segmentEnd, point, () => stored[what](batch(base, count)))
            expect(decided, where).to.equal(matching[0]!.outcome)
            used.add(matching[0]!.name)
          }
        }
      }
    }
    expect(used.size).to.equal(rows.length)
  })

  it('reads segments only for a batch that lies wholly below their end and below the point', () => {
    const fail = (): undefined => expect.fail('read')
    expect(decideReplay(batch(80, 1), segmentEnd, 80, fail)).to.equal('rewrite')
    expect(decideReplay(batch(100, 1), segmentEnd, 0, fail)).to.equal('append')
    expect(decideReplay(batch(101, 1), segmentEnd, 0, fail)).to.equal('gap')
    expect(decideReplay(batch(99, 2), segmentEnd, 0, fail)).to.equal('rewrite')
  })
})
