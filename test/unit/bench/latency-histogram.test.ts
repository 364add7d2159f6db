/**
 * Latencies in shared memory, and what is made of them.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { decodeFromCompressedBase64 } from 'hdr-histogram-js'
import { bucketOf, LatencyHistogram, longestUs, lowestOf } from '../../../src/bench/latency-histogram.js'

describe('the latency histogram', () => {
  it('gives every microsecond the bucket whose bounds hold it, to three figures', () => {
    for (let valueUs = 1; valueUs < longestUs; valueUs = Math.ceil(valueUs * 1.0007)) {
      const bucket = bucketOf(valueUs)
      expect(lowestOf(bucket)).to.be.at.most(valueUs)
      expect(lowestOf(bucket + 1)).to.be.greaterThan(valueUs)
      expect(valueUs - lowestOf(bucket)).to.be.at.most(valueUs / 1000)
    }
  })

  it('keeps percentiles, and an HDR histogram that others can read', () => {
    const latencies = new LatencyHistogram()
    for (let latencyMs = 1; latencyMs <= 1000; latencyMs++) latencies.record(latencyMs)
    const { count, meanMs, p50Ms, p99Ms, p9999Ms, maxMs, histogram } = latencies.result()!
    expect(count).to.equal(1000)
    expect(meanMs).to.be.closeTo(500.5, 1)
    expect(p50Ms).to.be.closeTo(500, 1)
    expect(p99Ms).to.be.closeTo(990, 2)
    expect(maxMs).to.be.closeTo(1000, 1)
    expect(p9999Ms, 'no percentile is above the largest').to.be.at.most(maxMs)
    expect(latencies.percentileMs(99)).to.be.closeTo(p99Ms, 0.001)
    expect(decodeFromCompressedBase64(histogram!).getValueAtPercentile(50) / 1000).to.equal(p50Ms)
    expect(new LatencyHistogram().result()).to.equal(undefined)
  })

  it('takes what is shorter or longer than it can tell as the shortest and the longest', () => {
    const latencies = new LatencyHistogram()
    latencies.record(-1)
    latencies.record(0)
    latencies.record(1e12)
    expect(latencies.percentileMs(1)).to.equal(0.001)
    expect(latencies.percentileMs(100)).to.be.greaterThan(2_000_000)
  })

  it('tells what came between two looks, and the sum of threads', () => {
    const one = new LatencyHistogram()
    one.record(1, 5)
    const before = new LatencyHistogram().add(one)
    one.record(7, 3)
    const since = one.since(before)
    expect([since.count, since.percentileMs(50)]).to.deep.equal([3, 7.003])
    expect(one.add(since).count).to.equal(11)
  })
})
