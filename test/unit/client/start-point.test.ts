/**
 * Where a consumer begins: what people write, and the newest records of several partitions against a plain sort.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import fc from 'fast-check'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { checkStartPoint, millisecondsAgo, type StartPoint, startOffsets } from '../../../src/client/start-point.js'
import { seedOfRun } from '../../support/random.js'

/** Partitions in memory: the times of their records in order, after `first` offsets that are deleted. */
interface Log {
  readonly first: number
  readonly times: readonly number[]
}

function lookUpIn(logs: readonly Log[], count = { asked: 0 }) {
  return async (partition: number, timestampMs: number) => {
    count.asked++
    const { first, times } = logs[partition]!
    if (timestampMs === -1) return { offset: first + times.length, timestampMs: -1 }
    if (timestampMs === -2) return { offset: first, timestampMs: -1 }
    const time = timestampMs === -3 ? Math.max(-1, ...times) : timestampMs
    const index = times.findIndex((one) => one >= time)
    return index < 0 ? { offset: -1, timestampMs: -1 } : { offset: first + index, timestampMs: times[index]! }
  }
}

const startsOf = async (from: StartPoint, logs: readonly Log[]) => [
  ...(await startOffsets(from, [...logs.keys()], lookUpIn(logs))).values(),
]

describe('start point', () => {
  it('understands times ago', () => {
    const texts = ['-500ms', '-90s', '-5m', '-2h', '-1d', '-1w', '-1h30m', '-1.5h']
    const expected = [500, 90_000, 300_000, 7_200_000, 86_400_000, 604_800_000, 5_400_000, 5_400_000]
    expect(texts.map(millisecondsAgo)).to.deep.equal(expected)
    for (const text of ['5m', '-5', '-m', '-5x', '-5m x', '-', '--5m']) {
      expect(millisecondsAgo(text), text).to.equal(undefined)
    }
  })

  it('counts a time ago from now, and no further back than 1970', () => {
    expect(checkStartPoint('-5m', 1_000_000)).to.include({ kind: 'time', timestampMs: 700_000 })
    expect(checkStartPoint('-5m', 1000)).to.include({ timestampMs: 0 })
  })

  it('refuses what is no place to begin, naming it and what to give', () => {
    const wrong = ['first', '-5x', -10, 1.5, Number.NaN, new Date('no'), { last: -1 }, { last: 0.5 }, {}, null] as const
    const others = [{ timestampMs: -5 }, { offsets: { 0: -1 } }, { offsets: { 1: 'x' } }] as const
    for (const from of [...wrong, ...others]) {
      try {
        checkStartPoint(from as unknown as StartPoint)
        throw new Error(`${JSON.stringify(from)} passed`)
      } catch (error) {
        expect(StreamBusError.is(error) && error.name, String(error)).to.equal('USAGE')
      }
    }
    expect(() => checkStartPoint(-10)).to.throw('an offset is -10')
    expect(() => checkStartPoint({ offsets: { 3: -1 } })).to.throw('partition 3')
  })

  it('asks nothing for earliest, latest and offsets', async () => {
    const logs = [
      { first: 5, times: [1, 2] },
      { first: 0, times: [] },
    ]
    const count = { asked: 0 }
    for (const from of ['earliest', 'latest', 7, { offsets: { 1: 3 } }] as const) {
      await startOffsets(from, [0, 1], lookUpIn(logs, count))
    }
    expect(count.asked).to.equal(0)
    expect(await startsOf({ offsets: { 1: 3 } }, logs)).to.deep.equal([-2, 3])
  })

  it('begins at the first record of a time, or at the next to come', async () => {
    const logs = [
      { first: 5, times: [1000, 2000] },
      { first: 0, times: [500] },
    ]
    expect(await startsOf(new Date(1000), logs)).to.deep.equal([5, -1])
    expect(await startsOf({ timestampMs: 400 }, logs)).to.deep.equal([5, 0])
  })

  it('takes the last n of one partition by counting', async () => {
    const count = { asked: 0 }
    const logs = [{ first: 100, times: Array.from({ length: 50 }, (_, index) => index) }]
    expect(await startOffsets({ last: 10 }, [0], lookUpIn(logs, count))).to.deep.equal(new Map([[0, 140]]))
    expect(count.asked).to.equal(2)
    expect(await startsOf({ last: 1000 }, logs)).to.deep.equal([100])
    expect(await startsOf({ last: 0 }, logs)).to.deep.equal([150])
  })

  it('takes the last n over partitions by time: exactly n, and none that is older than one left out', async () => {
    const log = fc.record({
      first: fc.nat(20),
      times: fc.array(fc.nat(2_000_000_000), { maxLength: 30 }).map((times) => times.sort((a, b) => a - b)),
    })
    const property = fc.asyncProperty(fc.array(log, { minLength: 1, maxLength: 5 }), fc.nat(60), async (logs, last) => {
      const starts = await startsOf({ last }, logs)
      const kept = logs.flatMap(({ first, times }, index) => times.slice(starts[index]! - first))
      const omitted = logs.flatMap(({ first, times }, index) => times.slice(0, starts[index]! - first))
      const total = kept.length + omitted.length
      expect(kept).to.have.length(Math.min(last, total))
      if (kept.length > 0) expect(Math.max(-1, ...omitted)).to.be.at.most(Math.min(...kept))
    })
    await fc.assert(property, { numRuns: 300, seed: seedOfRun() })
  })

  it('finds the last n among years of records with few questions', async () => {
    const day = 86_400_000
    const logs = [0, 1, 2].map((partition) => ({
      first: 0,
      times: Array.from({ length: 3000 }, (_, index) => 1_700_000_000_000 + index * day + partition),
    }))
    const count = { asked: 0 }
    const starts = await startOffsets({ last: 100 }, [0, 1, 2], lookUpIn(logs, count))
    expect([...starts.values()].reduce((sum, start) => sum + 3000 - start, 0)).to.equal(100)
    expect(count.asked / 3).to.be.below(60)
  })
})
