/**
 * What `top` makes of a broker's answers.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { BrokerModel } from '../../../../src/cli/top/broker-model.js'
import { countsBetween, percentileMs } from '../../../../src/cli/top/latency-window.js'
import { readStatus } from '../../../../src/cli/top/status-sample.js'
import { topDocument } from '../../../../src/cli/top/top-json.js'
import { TopicModel } from '../../../../src/cli/top/topic-model.js'
import { sampleAt, topicAt } from './samples.js'

describe('top', () => {
  describe('latencies', () => {
    const histogram = { bounds: [0.001, 0.002, 0.004], counts: [50, 40, 9, 1], sum: 0.1 }

    it('are percentiles within the bucket that they fall in', () => {
      expect(percentileMs(histogram, 25)).to.equal(0.5)
      expect(percentileMs(histogram, 50)).to.equal(1)
      expect(percentileMs(histogram, 70)).to.equal(1.5)
      expect(percentileMs(histogram, 99)).to.equal(4)
    })

    it('above the last bound are told as that bound, and without counts as unknown', () => {
      expect(percentileMs(histogram, 100)).to.equal(4)
      expect(percentileMs({ bounds: [1], counts: [0, 0], sum: 0 }, 99)).to.be.NaN
    })

    it('are of what came between two answers', () => {
      const later = { ...histogram, counts: [50, 40, 9, 3] }
      expect(countsBetween(histogram, later).counts).to.deep.equal([0, 0, 0, 2])
    })
  })

  describe('rates', () => {
    const after = (...seconds: number[]) => {
      const model = new BrokerModel()
      for (const one of seconds) model.add(sampleAt(one))
      return model
    }

    it('are unknown after the first answer', () => {
      expect(after(5).hasRates).to.equal(false)
      expect(after(5).view()!.in.recordsPerSecond).to.be.NaN
      expect(new BrokerModel().view()).to.equal(undefined)
    })

    it('are over the last two seconds, of all that goes out', () => {
      const view = after(0, 1, 2, 3, 3.5).view()!
      expect(view.in.recordsPerSecond).to.equal(10_000)
      expect(view.out.recordsPerSecond).to.equal(30_000)
      expect(view.out.bytesPerSecond).to.equal(3_600_000)
      expect(view.cpuShare).to.be.closeTo(0.34, 1e-9)
      expect(view.gcShare).to.be.closeTo(0.004, 1e-9)
      expect(view.commit.p50Ms).to.be.closeTo(0.677, 0.001)
      expect(view.shards[1]!.recordsPerSecond).to.equal(5000)
    })

    it('have a history of a value a second, however often the broker is asked', () => {
      const model = new BrokerModel()
      for (let tick = 0; tick <= 100; tick++) model.add(sampleAt(tick / 10))
      expect(model.view()!.in.history).to.have.length(10)
      expect(new Set(model.view()!.in.history)).to.deep.equal(new Set([10_000]))
    })

    it('begin anew with a broker that was started again', () => {
      const model = after(100, 101, 102)
      model.add(sampleAt(0.5, { pid: 5000 }))
      expect(model.hasRates).to.equal(false)
      model.add(sampleAt(1.5, { pid: 5000 }))
      expect(model.view()!.in).to.deep.include({ recordsPerSecond: 10_000, history: [10_000] })
    })

    it('do not need an answer that is well-formed', () => {
      const model = new BrokerModel()
      const broken = { counters: { streambus_commits_total: '7' }, shardDetails: [null, 7, {}], histograms: [] }
      model.add(readStatus(broken))
      model.add(readStatus({ ...broken, main: { atMs: 5 }, version: 'a\x1b[2J' }))
      expect(model.view()!.status.version).to.equal('a\ufffd[2J')
      expect(JSON.stringify(topDocument({ broker: model.view()!, topics: [], receivedMs: 0 }, 's', 0))).to.contain(
        'null',
      )
    })
  })

  it('says so when the broker is too old to be watched', () => {
    expect(() => readStatus({ version: '0.1.0' }))
      .to.throw('version 0.1.0')
      .with.property('name', 'UNSUPPORTED_VERSION')
  })

  describe('topics', () => {
    const named = (count: number, partitionCount = 1) => {
      const model = new TopicModel()
      model.setNames(Array.from({ length: count }, (_, n) => ({ name: `t${n}`, partitionCount })))
      return model
    }

    it('are all asked when they are few, and take turns when they are many', () => {
      const few = named(3)
      expect([few.nextNames(), few.nextNames()]).to.deep.equal([
        ['t0', 't1', 't2'],
        ['t0', 't1', 't2'],
      ])
      const many = named(40)
      const turns = [many.nextNames(), many.nextNames(), many.nextNames()]
      expect(turns.map(({ length }) => length)).to.deep.equal([16, 16, 8])
      expect(new Set(turns.flat()).size).to.equal(40)
    })

    it('with many partitions are asked fewer at a time, but never none', () => {
      expect(named(5, 400).nextNames()).to.deep.equal(['t0', 't1'])
      expect(named(5, 5000).nextNames()).to.deep.equal(['t0'])
    })

    it('have the rate of their watermarks, and the lag of the slowest of each partition', () => {
      const model = named(1, 2)
      const subscribed = [{ partitionId: 1, subscriptions: 3, slowestOffset: 70 }]
      model.add(topicAt('t0', 2, 100), sampleAt(1), 1000)
      expect(model.view()[0]!.recordsPerSecond).to.be.NaN
      expect(model.view()[0]!.lag).to.be.NaN
      model.add(topicAt('t0', 2, 150), sampleAt(2, { subscribed }), 3000)
      expect(model.view()).to.deep.equal([
        { name: 't0', partitions: 2, recordsPerSecond: 50, records: 300, sizeBytes: 30_000, subscriptions: 3, lag: 80 },
      ])
    })

    it('that were deleted are forgotten, also while they are asked', () => {
      const model = named(2)
      model.setNames([{ name: 't1', partitionCount: 1 }])
      model.add(topicAt('t0', 1, 5), sampleAt(1), 1000)
      model.remove('t1')
      expect(model.view()).to.deep.equal([])
      expect(model.nextNames()).to.deep.equal([])
    })
  })
})
