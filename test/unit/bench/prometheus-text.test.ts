/**
 * What the harness reads from a broker's page of metrics.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { BrokerMetrics } from '../../../src/bench/prometheus-text.js'

const page = [
  '# HELP one A gauge.',
  '# TYPE one gauge',
  'one 7',
  'two{shard="0"} 1',
  'two{shard="1"} 2.5',
  'two_more{shard="1"} 100',
  'time_bucket{le="0.1"} 3',
  'time_bucket{le="+Inf"} 4',
  'time_sum 0.7',
  '',
].join('\n')

describe('a page of metrics', () => {
  it('is read by name and label', () => {
    const metrics = new BrokerMetrics(page)
    expect(metrics.sum('one')).to.equal(7)
    expect(metrics.sum('two')).to.equal(3.5)
    expect(metrics.all('two')[1]).to.deep.equal({ labels: { shard: '1' }, value: 2.5 })
    expect(metrics.buckets('time')).to.deep.equal([
      { le: 0.1, count: 3 },
      { le: Number.POSITIVE_INFINITY, count: 4 },
    ])
    expect(metrics.sum('three')).to.equal(undefined)
  })

  it('gives only what is asked for, by whole names', () => {
    const metrics = new BrokerMetrics(page, new Set(['one', 'two', 'time_bucket']))
    expect(metrics.sum('one')).to.equal(7)
    expect(metrics.sum('two')).to.equal(3.5)
    expect(metrics.buckets('time')).to.have.lengthOf(2)
    expect(new BrokerMetrics(page.trimEnd(), new Set(['time_sum'])).sum('time_sum')).to.equal(0.7)
    expect(new BrokerMetrics('one 3', new Set(['one', 'on'])).sum('one')).to.equal(3)
    for (const name of ['two_more', 'time_sum', '#']) expect(metrics.sum(name), name).to.equal(undefined)
  })
})
