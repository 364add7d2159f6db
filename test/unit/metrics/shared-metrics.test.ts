/**
 * Counts of a thread as main reads them, and the Prometheus text made of them.
 * Runs on: the test process and a worker.
 */
import { Worker } from 'node:worker_threads'
import { expect } from 'chai'
import { metricRows, type MetricName, slotsPerLabel } from '../../../native-free-core/metrics/metric-table.js'
import { renderPrometheus } from '../../../native-free-core/metrics/prometheus.js'
import {
  createMetricsMemory,
  metricsSizeBytes,
  MetricsReader,
  MetricsWriter,
} from '../../../native-free-core/metrics/shared-metrics.js'

describe('metric table', () => {
  for (const name of Object.keys(metricRows) as MetricName[]) {
    it(`${name} follows the rules for names`, () => {
      const row = metricRows[name]
      expect(name).to.match(/^streambus_[a-z_]+$/)
      expect(name.endsWith('_total')).to.equal(row.type === 'counter')
      if (row.unit === 'seconds' || row.unit === 'bytes' || row.unit === 'ratio')
        expect(name).to.match(/_(seconds|bytes|ratio)(_total)?$/)
      expect(row.buckets === undefined).to.equal(row.type !== 'histogram')
      if (row.labelValues !== undefined) expect(row.labels.length).to.be.greaterThan(0)
      expect([...(row.buckets ?? [])].sort((one, other) => one - other)).to.deep.equal([...(row.buckets ?? [])])
    })
  }
})

describe('MetricsWriter', () => {
  it('publishes at most every 100 ms, and at once when told', () => {
    const memory = createMetricsMemory('shard')
    const writer = new MetricsWriter(memory, 'shard')
    const reader = new MetricsReader(memory)
    const at = writer.index('streambus_commits_total')
    writer.add(at, 1)
    writer.publish(1000)
    expect(reader.read()[at]).to.equal(1)
    writer.add(at, 1)
    writer.publish(1099)
    expect(reader.read()[at]).to.equal(1)
    writer.publish(1100)
    expect(reader.read()[at]).to.equal(2)
    writer.set(at, 9)
    writer.publish(Number.POSITIVE_INFINITY)
    expect(reader.read()[at]).to.equal(9)
  })

  it('counts a value in the first bucket that holds it', () => {
    const memory = createMetricsMemory('shard')
    const writer = new MetricsWriter(memory, 'shard')
    const name = 'streambus_commit_duration_seconds'
    const buckets = metricRows[name].buckets!
    const at = writer.index(name)
    for (const value of [0, buckets[0]!, buckets[0]! * 1.01, buckets.at(-1)!, 100]) writer.observe(at, value)
    writer.publish(0)
    const slots = new MetricsReader(memory).read().slice(at, at + slotsPerLabel(metricRows[name]))
    expect([slots[0], slots[1], slots[buckets.length - 1], slots[buckets.length]]).to.deep.equal([2, 1, 1, 1])
    expect(slots.at(-1)).to.be.closeTo(100 + buckets.at(-1)! + buckets[0]! * 2.01, 1e-9)
  })

  it('is never read half written', async () => {
    const memory = new SharedArrayBuffer(metricsSizeBytes('shard'))
    const code = `
      const { workerData } = require('node:worker_threads')
      const version = new Int32Array(workerData, 0, 1), slots = new Float64Array(workerData, 64)
      for (let round = 1; round <= 200000; round++) {
        Atomics.add(version, 0, 1); slots.fill(round); Atomics.add(version, 0, 1)
      }`
    const worker = new Worker(code, { eval: true, workerData: memory })
    const ended = new Promise((resolve) => worker.once('exit', resolve))
    const reader = new MetricsReader(memory)
    let torn = 0
    let isRunning = true
    void ended.then(() => (isRunning = false))
    while (isRunning) {
      for (let count = 0; count < 1000; count++) {
        const slots = reader.read()
        if (slots[0] !== slots[slots.length - 1]) torn++
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(torn).to.equal(0)
    expect(reader.read()[0]).to.equal(200_000)
  })
})

describe('renderPrometheus', () => {
  it('writes help, type, labels, and cumulative buckets', () => {
    const memory = createMetricsMemory('shard')
    const writer = new MetricsWriter(memory, 'shard')
    writer.add(writer.index('streambus_produce_records_total'), 5)
    writer.observe(writer.index('streambus_commit_duration_seconds'), 0.00001)
    writer.observe(writer.index('streambus_commit_duration_seconds'), 0.0016)
    writer.publish(0)
    const threads = [{ owner: 'shard' as const, reader: new MetricsReader(memory), shard: 2 }]
    const text = renderPrometheus(threads, [{ name: 'streambus_ring_used_bytes', labels: { shard: '2' }, value: 7 }])
    for (const line of [
      '# TYPE streambus_produce_records_total counter',
      'streambus_produce_records_total{shard="2"} 5',
      'streambus_commit_duration_seconds_bucket{shard="2",le="0.00005"} 1',
      'streambus_commit_duration_seconds_bucket{shard="2",le="0.002"} 2',
      'streambus_commit_duration_seconds_bucket{shard="2",le="+Inf"} 2',
      'streambus_commit_duration_seconds_count{shard="2"} 2',
      'streambus_ring_used_bytes{shard="2"} 7',
    ])
      expect(text.split('\n')).to.include(line)
    expect(text).not.to.contain('undefined')
  })
})
