/**
 * Comparisons: what few runs allow to say, on distributions that are known.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { diffRows, diffRuns, regressions } from '../../../../src/bench/slo/diff.js'
import { areEnough, difference, median, ratio } from '../../../../src/bench/slo/statistics.js'
import type { RunResult } from '../../../../src/bench/run-result.js'
import { type Random, seedOfRun, withSeed } from '../../../support/random.js'
import { runResult } from '../../../support/run-results.js'

const base = runResult(1)

function runs(rates: readonly number[], given: Partial<RunResult> = {}): RunResult[] {
  return rates.map((recordsPerSecond) => ({ ...base, ...given, recordsPerSecond }))
}

/** About normal. */
function normal(random: Random, mean: number, deviation: number): number {
  let sum = 0
  for (let at = 0; at < 12; at++) sum += random.word() / 2 ** 32
  return mean + (sum - 6) * deviation
}

describe('a median', () => {
  it('is the middle one, or between the middle two', () => {
    expect(median([3, 1, 2])).to.equal(2)
    expect(median([4, 1, 3, 2])).to.equal(2.5)
    expect(median([])).to.equal(undefined)
  })
})

describe('a difference', () => {
  it('has the interval of the tables of Mann and Whitney', () => {
    // Hollander, Wolfe: for 5 and 5 runs the 3rd smallest and largest of the 25 differences bound 95 %.
    const before = [1, 2, 3, 4, 5]
    const after = [11.1, 12.2, 13.3, 14.4, 15.5]
    const all = after.flatMap((one) => before.map((other) => one - other)).sort((a, b) => a - b)
    expect(difference(before, after)!.interval).to.deep.equal([all[2], all[22]])
    expect(difference(before, after)!.estimate).to.equal(all[12])
  })

  it('has no interval for too few runs', () => {
    const enough = (one: number, other: number) => areEnough(one, other)
    expect([enough(3, 3), enough(2, 7), enough(1, 38)]).to.deep.equal([false, false, false])
    expect([enough(4, 4), enough(3, 5), enough(7, 7), enough(100, 100)]).to.deep.equal([true, true, true, true])
    expect(difference([1, 2, 3], [4, 5, 6])).to.deep.equal({ estimate: 3 })
  })

  it('as a factor does not depend on the unit', () => {
    const [one, other] = [
      [10, 11, 12, 13, 14],
      [20, 22, 24, 26, 28],
    ]
    const found = ratio(one, other)!
    expect(found.estimate).to.be.closeTo(2, 0.02)
    expect(
      ratio(
        one.map((v) => v * 1000),
        other.map((v) => v * 1000),
      )!.interval![0],
    ).to.be.closeTo(found.interval![0], 1e-9)
  })

  it('holds the true one in about 95 of 100 samples, and rarely sees one that is not there', () => {
    withSeed(seedOfRun(), 'npm test -- test/unit/bench/slo/diff.test.ts', (random) => {
      let covered = 0
      let seen = 0
      const samples = 1000
      for (let sample = 0; sample < samples; sample++) {
        const draw = (mean: number) => Array.from({ length: 7 }, () => normal(random, mean, 5))
        const moved = difference(draw(100), draw(110))!.interval!
        if (moved[0] <= 10 && moved[1] >= 10) covered++
        const same = difference(draw(100), draw(100))!.interval!
        if (same[0] > 0 || same[1] < 0) seen++
      }
      // At least 95 % by construction; five deviations of chance are left.
      expect(covered).to.be.greaterThan(915)
      expect(seen).to.be.lessThan(85)
    })
  })

  it('of many runs is near that of the exact count', () => {
    const many = (from: number, count: number) => Array.from({ length: count }, (_, at) => from + at)
    const exact = difference(many(0, 50), many(3, 50))!.interval!
    const near = difference(many(0, 51), many(3, 51))!.interval!
    expect(near[0]).to.be.closeTo(exact[0], 1)
    expect(near[1]).to.be.closeTo(exact[1], 1)
  })
})

describe('bench diff', () => {
  const rate = (found: ReturnType<typeof diffRuns>) =>
    found.rows.find(({ figure }) => figure.id === 'recordsPerSecond')!

  it('tells better from worse by the figure, and both from noise', () => {
    const before = runs([100, 101, 102, 103, 104])
    expect(rate(diffRuns(before, runs([80, 81, 82, 83, 84]))).change).to.equal('worse')
    expect(rate(diffRuns(before, runs([120, 121, 122, 123, 124]))).change).to.equal('better')
    expect(rate(diffRuns(before, runs([99, 101.5, 102.5, 103.5, 106]))).change).to.equal('same')
    const slower = before.map((run) => ({ ...run, cpu: { ...run.cpu, brokerSecondsPerMillion: 30 + Math.random() } }))
    const cpu = diffRuns(before, slower).rows.find(({ figure }) => figure.id === 'brokerCpu')!
    expect(cpu.change).to.equal('worse')
  })

  it('says when there are not enough runs, and a gate does not pass on that', () => {
    const found = diffRuns(runs([100, 101, 102]), runs([50, 51, 52]))
    expect(rate(found)).to.deep.include({ change: 'too few', beforeRuns: 3 })
    expect(diffRows(found)[0]!.at(-1)).to.equal('not enough runs (3 and 3)')
    expect(regressions(found, 10)[0]).to.match(/^can't tell: .*records per second: 3 and 3 runs; 4 of each are needed$/)
  })

  it('gates by how much worse a figure surely is', () => {
    const before = runs([100, 101, 102, 103, 104])
    const found = diffRuns(before, runs([80, 81, 82, 83, 84]))
    const [complaint, ...others] = regressions(found, 10)
    expect(others).to.deep.equal([])
    expect(complaint).to.match(/^worse: .*records per second: 102\/s became 82\/s \(24\.\d % worse, interval x 0\.7/)
    expect(regressions(found, 30)).to.deep.equal([])
  })

  it('compares what may be zero by its difference', () => {
    const with0 = (longestPauseMs: number) => ({
      ...base,
      broker: { gc: [{ thread: 'main', pausesOver1Ms: 0, longestPauseMs, pausedPercent: 0 }] },
    })
    const found = diffRuns([0, 0, 0, 0].map(with0), [3, 4, 5, 6].map(with0), { all: true })
    const pause = found.rows.find(({ figure }) => figure.id === 'gcLongest')!
    expect(pause).to.deep.include({ change: 'worse' }).and.not.have.property('ratio')
    expect(pause.interval).to.deep.equal([3, 6])
  })

  it('tells of rows that are missing, of other loads and machines, and leaves void runs out', () => {
    const other = { ...base, name: 'other' }
    const elsewhere = {
      ...base,
      load: { ...base.load, partitions: 64 },
      environment: { ...base.environment, node: 'v24.1.0' },
      calibrationMs: 24.2,
    }
    const found = diffRuns([base, other, { ...base, void: 'late', recordsPerSecond: 1 }], [elsewhere])
    expect(found.onlyBefore).to.deep.equal(['other'])
    expect(rate(found).beforeRuns).to.equal(1)
    expect(found.notes.join('\n'))
      .to.match(/partitions 1 and 64/)
      .and.match(/v20.*v24/)
      .and.match(/2\.00 times slower in the second/)
    expect(regressions(found, 50)[0]).to.equal('missing: other is not in the second file')
    expect(regressions(diffRuns([base], [other]), 50)).to.deep.equal([
      `missing: ${base.name} is not in the second file`,
    ])
  })
})
