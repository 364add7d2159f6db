/**
 * Objectives: what is judged, and that no silence passes as success; what runs in which order, and what ends it.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { judge, slownessOf } from '../../../../src/bench/slo/judge.js'
import type { ProfileLoad } from '../../../../src/bench/slo/profile.js'
import { parseProfile } from '../../../../src/bench/slo/profile-file.js'
import { type RunOnce, runProfile } from '../../../../src/bench/slo/run-profile.js'
import { isGood, type ObjectiveResult } from '../../../../src/bench/slo/slo-report.js'
import { complaints, objectiveRows, outcomeText, rangeText } from '../../../../src/bench/slo/slo-text.js'
import type { RunResult } from '../../../../src/bench/run-result.js'
import { runResult } from '../../../support/run-results.js'

const base = runResult(1)

function load(bounds: ProfileLoad['bounds'], repeat = 3): ProfileLoad {
  return { name: base.name, options: { kind: 'e2e' }, warmUpSeconds: 0, seconds: 1, repeat, bounds }
}

function runs(...rates: readonly number[]): RunResult[] {
  return rates.map((recordsPerSecond) => ({ ...base, recordsPerSecond }))
}

function stated(found: readonly ObjectiveResult[], figure: string): ObjectiveResult {
  return found.find((one) => one.figure === figure)!
}

describe('an objective', () => {
  const rate = [{ figure: 'recordsPerSecond', bound: 100 }]

  it('is held by the median, whatever the lowest', () => {
    const [one] = judge(load(rate), runs(90, 101, 120), 1)
    expect(one).to.deep.include({ verdict: 'held', measured: 101, lowest: 90, highest: 120, runs: 3 })
    expect(one!.marginPercent).to.be.closeTo(1, 1e-9)
    expect(judge(load(rate), runs(90, 99, 120), 1)[0]).to.deep.include({ verdict: 'missed', measured: 99 })
    expect(judge(load(rate), runs(100, 100, 100), 1)[0]).to.deep.include({ verdict: 'held', marginPercent: 0 })
  })

  it('is missed by one run that lost a record, even when that run is void', () => {
    const lost = { ...base, void: 'late', records: { ...base.records, lost: 2 } }
    const found = judge(load([]), [base, base, lost, base], 1)
    expect(stated(found, 'lost')).to.deep.include({ verdict: 'missed', measured: 2, bound: 0 })
    expect(stated(found, 'duplicated').verdict).to.equal('held')
  })

  it('is not held when its figure was not measured', () => {
    const { lost: _lost, ...unverified } = base.records
    const found = judge(
      load(
        [
          { figure: 'lost', bound: 0 },
          { figure: 'fanOut.p99', bound: 5 },
        ],
        1,
      ),
      [{ ...base, records: unverified }],
      1,
    )
    expect(stated(found, 'lost').verdict).to.equal('not measured')
    expect(stated(found, 'fanOut.p99').verdict).to.equal('not measured')
  })

  it('is void when a run stayed void, and says why', () => {
    const [one] = judge(load(rate), [...runs(101, 101), { ...base, void: 'late by 9 ms' }], 1)
    expect(one).to.deep.include({ verdict: 'void', reason: '2 of 3 runs can be used: late by 9 ms' })
  })

  it('is widened by how much slower the machine is, never narrowed; memory and counts stay', () => {
    const slow = runs(60, 60, 60).map((run) => ({ ...run, calibrationMs: 20 }))
    expect(slownessOf({ calibrationMs: 10 }, slow)).to.equal(2)
    expect(slownessOf({ calibrationMs: 40 }, slow)).to.equal(1)
    expect(slownessOf({}, slow)).to.equal(1)
    const bounds = [...rate, { figure: 'endToEnd.p50', bound: 1 }, { figure: 'brokerMemory', bound: 100 }]
    const found = judge(load(bounds), slow, 2)
    expect(stated(found, 'recordsPerSecond')).to.deep.include({ bound: 50, stated: 100, verdict: 'held' })
    expect(stated(found, 'endToEnd.p50')).to.deep.include({ bound: 2, stated: 1 })
    const paced = { ...load(rate), options: { kind: 'e2e', rate: 100 } } as const
    expect(judge(paced, slow, 2)[0]).to.deep.include({ bound: 100, verdict: 'missed' })
    expect(stated(found, 'brokerMemory')).to.deep.include({ bound: 100 }).and.not.have.property('stated')
  })
})

describe('the runs of a profile', () => {
  const profile = parseProfile(
    `repeat: 2
loads:
  - { name: a, kind: produce, objectives: { recordsPerSecond: 1 } }
  - { name: b, kind: produce, repeat: 3, objectives: { recordsPerSecond: 1 } }`,
    'p.yaml',
  )
  const never = new AbortController().signal
  const order: string[] = []
  const measured: RunOnce = (one) => {
    order.push(one.name)
    return Promise.resolve(runResult(order.length))
  }

  beforeEach(() => order.splice(0))

  it('take turns, and carry the name of their load', async () => {
    const report = await runProfile(profile, { runOnce: measured, signal: never })
    expect(order.join('')).to.equal('ababb')
    expect(report.runs.map(({ name }) => name).join('')).to.equal('ababb')
    expect(isGood(report)).to.equal(true)
    expect(outcomeText(report)).to.equal('10 of 10 objectives held')
    expect(complaints(report)).to.deep.equal([])
  })

  it('are done again once when void, and both are kept', async () => {
    let voids = 3
    const runOnce: RunOnce = async (one, signal) => {
      const run = await measured(one, signal)
      return one.name === 'a' && voids-- > 0 ? { ...run, void: 'late' } : run
    }
    const report = await runProfile(profile, { runOnce, signal: never })
    expect(order.join('')).to.equal('aabaabb')
    expect(report.objectives.find(({ load: name }) => name === 'a')).to.deep.include({ verdict: 'void' })
    expect(isGood(report)).to.equal(false)
    expect(complaints(report)).to.deep.equal([
      'void: a: records per second, wanted at least 1/s: 1 of 2 runs can be used: late',
    ])
  })

  it('of the others go on when one fails, which is told and not tried again', async () => {
    const runOnce: RunOnce = (one, signal) => {
      if (one.name === 'b') return Promise.reject(new Error('no such codec'))
      return measured(one, signal)
    }
    const report = await runProfile(profile, { runOnce, signal: never })
    expect(order.join('')).to.equal('aa')
    expect(report.failures).to.deep.equal([{ load: 'b', message: 'no such codec' }])
    expect(isGood(report)).to.equal(false)
    expect(complaints(report)).to.include('failed: b: no such codec')
    expect(report.objectives.find(({ load: name }) => name === 'b')?.verdict).to.equal('not measured')
  })

  it('that were done count when a signal ends the rest, which is no success', async () => {
    const interrupted = new AbortController()
    const runOnce: RunOnce = (one, signal) => {
      if (order.length < 3) return measured(one, signal)
      interrupted.abort()
      return Promise.reject(new Error('aborted'))
    }
    const report = await runProfile(profile, { runOnce, signal: interrupted.signal })
    expect(report.stopped).to.deep.equal({ runs: 3, planned: 5 })
    expect(report.runs).to.have.length(3)
    expect(report.failures).to.deep.equal([])
    expect(report.objectives.every(({ verdict }) => verdict === 'held')).to.equal(true)
    expect(isGood(report)).to.equal(false)
    expect(complaints(report)).to.deep.equal(['stopped after 3 of 5 runs'])
  })

  it('are told in a table where quiet figures share a line', async () => {
    const report = await runProfile(profile, { runOnce: measured, signal: never })
    const rows = objectiveRows(report)
    expect(rows).to.have.length(4)
    expect(rows[1]!.slice(0, 4)).to.deep.equal(['a', 'records lost, duplicated, out of order, refused', 'none', '0'])
    expect(rows[1]!.at(-1)).to.equal('held')
  })
})

describe('a range', () => {
  it('has its unit once', () => {
    expect(rangeText(0.61, 0.654, 'ms')).to.equal('0.61 to 0.65 ms')
    expect(rangeText(900, 1_200_000, 'records/s')).to.equal('900 to 1,200,000/s')
    expect(rangeText(0.9, 2500, 'ms')).to.equal('0.90 to 2500 ms')
    expect(rangeText(1, 1, 'MiB')).to.equal('1 MiB')
  })
})
