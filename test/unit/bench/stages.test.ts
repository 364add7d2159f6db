/**
 * The stages of a produce, out of two answers of a broker's metrics.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { BrokerMetrics } from '../../../src/bench/prometheus-text.js'
import { percentileMs, stageResults } from '../../../src/bench/stages.js'

/** `counts`: cumulative, at most 1 ms, 2 ms, and all. */
function metrics(stage: string, counts: readonly number[], sum: number): string {
  const labels = `stage="${stage}",thread="shard-0"`
  const lines = ['0.001', '0.002', '+Inf'].map(
    (le, index) => `streambus_produce_stage_seconds_bucket{${labels},le="${le}"} ${counts[index]}`,
  )
  return [...lines, `streambus_produce_stage_seconds_sum{${labels}} ${sum}`, ''].join('\n')
}

describe('stages of a produce', () => {
  it('are what came between two answers, in the order in which a request passes them', () => {
    const before = new BrokerMetrics(metrics('ring', [10, 10, 10], 0.005))
    const after = new BrokerMetrics(metrics('commit', [50, 100, 100], 0.1) + metrics('ring', [110, 110, 110], 0.025))
    const [ring, commit, ...others] = stageResults(before, after)!
    expect(others).to.deep.equal([])
    expect(ring).to.include({ stage: 'ring', count: 100 })
    expect(ring!.meanMs).to.be.closeTo(0.2, 1e-9)
    expect(ring!.p50Ms).to.be.closeTo(0.5, 1e-9)
    expect(commit).to.include({ stage: 'commit', count: 100, p50Ms: 1 })
    expect(commit!.p99Ms).to.be.closeTo(1.98, 1e-9)
  })

  it('are absent when the broker does not tell', () => {
    expect(stageResults(undefined, new BrokerMetrics(''))).to.equal(undefined)
    expect(stageResults(new BrokerMetrics(''), new BrokerMetrics(''))).to.equal(undefined)
  })

  it('end at the last bound when the percentile lies beyond it', () => {
    const counts = [
      { le: 0.001, count: 1 },
      { le: Number.POSITIVE_INFINITY, count: 10 },
    ]
    expect(percentileMs(counts, 99)).to.equal(1)
    expect(percentileMs([], 99)).to.equal(0)
  })
})
