/**
 * Whoever counts collections leaves nothing behind that goes on counting: V8's profiler of collections does, after it
 * was stopped, until a full collection removes it, and each writes down every later collection of its thread.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createMetricsMemory, MetricsWriter } from '../../../native-free-core/metrics/shared-metrics.js'
import { MainGauges } from '../../../src/gateway/main-gauges.js'
import { ShardMetrics } from '../../../workers/shard/shard-metrics.js'

const MiB = 2 ** 20
const windows = 200
const collectionsEach = 3
const mostGrowthMiB = 24

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void

/** How much the process grows while time passes in which only young objects are collected. */
function growthMiB(oneWindow: (index: number) => void): number {
  collect()
  const before = process.memoryUsage.rss()
  for (let index = 1; index <= windows; index++) {
    for (let count = 0; count < collectionsEach; count++) collect({ type: 'minor' })
    oneWindow(index)
  }
  return (process.memoryUsage.rss() - before) / MiB
}

describe('counting collections', () => {
  it('of a shard takes no memory', () => {
    const metrics = new ShardMetrics(createMetricsMemory('shard'), MiB)
    const none = { settledBytes: 0, settleLagBytes: 0, journalUsedBytes: 0, freeDiskBytes: 0, diskReserveBytes: 0 }
    const growth = growthMiB((index) => metrics.gauges(index * 1000, { ...none, partitionCount: 0 }))
    expect(growth).to.be.lessThan(mostGrowthMiB)
  })

  it('of main takes no memory, however often it is scraped', () => {
    const gauges = new MainGauges(new MetricsWriter(createMetricsMemory('main'), 'main'))
    gauges.start()
    try {
      expect(growthMiB(() => gauges.scrape())).to.be.lessThan(mostGrowthMiB)
    } finally {
      gauges.stop()
    }
  })
})
