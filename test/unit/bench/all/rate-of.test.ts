/**
 * Half of a maximum is half of what the same load did flat out, in the same round and on the same front end.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { rateOf } from '../../../../bench/compare/rate-of.js'
import type { Sample } from '../../../../bench/compare/results.js'
import { maximumRowOf, rowOf, rows, type SubjectId, withMaximumRows } from '../../../../bench/compare/rows.js'
import type { RunResult } from '../../../../src/bench/run-result.js'

const base = 'produce-100-64k'

function sample(round: number, subject: SubjectId, recordsPerSecond: number, isVoid = false): Sample {
  const result = { recordsPerSecond, ...(isVoid ? { void: 'late' } : {}) } as RunResult
  return { round, row: base, subject, result }
}

const samples: readonly Sample[] = [
  sample(1, 'streambus-uws', 1_400_000),
  sample(1, 'streambus-ws', 1_000_700),
  sample(2, 'streambus-uws', 900_000),
  { ...sample(1, 'streambus-uws', 3_000_000), row: 'produce-100' },
  sample(3, 'streambus-ws', 1_000_000, true),
  { round: 4, row: base, subject: 'streambus-uws', failed: 'it ended with 1' },
]

describe('the rate of a row of npm run bench:all', () => {
  it('is its own, or none', () => {
    expect(rateOf(rowOf('rate-10k-p1'), 1, 'streambus-uws', [])).to.equal(10_000)
    expect(rateOf(rowOf('produce-100'), 1, 'streambus-uws', [])).to.equal(undefined)
    expect(rateOf(rowOf('memory'), 1, 'streambus-uws', [])).to.equal(undefined)
  })

  it('is half of what the same load did in the same round and on the same front end', () => {
    expect(rateOf(rowOf('half'), 1, 'streambus-uws', samples)).to.equal(700_000)
    expect(rateOf(rowOf('half'), 1, 'streambus-ws', samples)).to.equal(500_000)
    expect(rateOf(rowOf('half'), 2, 'streambus-uws', samples)).to.equal(450_000)
  })

  it('is not guessed where that load was not measured, failed, or is void', () => {
    for (const [round, subject] of [
      [2, 'streambus-ws'],
      [3, 'streambus-ws'],
      [4, 'streambus-uws'],
    ] as const) {
      const why = `half asks for half of what ${base} did, which has no figure in round ${round}`
      expect(() => rateOf(rowOf('half'), round, subject, samples)).to.throw(why)
    }
  })

  it('depends on a row of the same load and subjects, which is measured before it, and with it', () => {
    const dependent = rows.filter((row) => maximumRowOf(row) !== undefined)
    expect(dependent.map(({ id }) => id)).to.deep.equal(['half'])
    for (const row of dependent) {
      const [first, ...others] = withMaximumRows([row])
      expect(others).to.deep.equal([row])
      const { rate, ...load } = { rate: undefined, ...row.load }
      expect(rate).to.deep.equal({ halfOf: first!.id })
      expect(first!.load).to.deep.equal(load)
      expect(first!.subjects).to.deep.equal(row.subjects)
    }
  })
})
