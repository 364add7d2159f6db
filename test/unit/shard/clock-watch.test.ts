/**
 * The watch on the wall clock: what is a jump, and how long nothing is too old after one.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { ClockWatch, distrustMs, jumpText } from '../../../workers/shard/clock-watch.js'

const dayMs = 86_400_000
const startMs = 1_700_000_000_000

describe('the watch on the wall clock', () => {
  it('trusts a clock that goes as fast as the steady one, though slewed', () => {
    const watch = new ClockWatch(startMs, 0)
    for (let steadyMs = 300_000; steadyMs < dayMs; steadyMs += 300_000) {
      const wallMs = startMs + steadyMs * 1.0005
      expect(watch.look(wallMs, steadyMs)).to.equal(0)
      expect(watch.trustedMs(wallMs, steadyMs)).to.equal(wallMs)
    }
  })

  it('trusts one that was set, ahead or back, only after a while', () => {
    for (const jumpMs of [8 * dayMs, -dayMs, 60_000]) {
      const watch = new ClockWatch(startMs, 0)
      expect(watch.look(startMs + 1000 + jumpMs, 1000)).to.equal(jumpMs)
      expect(watch.look(startMs + 2000 + jumpMs, 2000), 'told once').to.equal(0)
      expect(watch.trustedMs(startMs + jumpMs, 2000)).to.equal(Number.NEGATIVE_INFINITY)
      const laterMs = 1000 + distrustMs
      expect(watch.trustedMs(startMs + laterMs + jumpMs, laterMs)).to.equal(startMs + laterMs + jumpMs)
    }
  })

  it('takes nothing early for a clock that was set ahead by too little to wait for', () => {
    const watch = new ClockWatch(startMs, 0)
    let steadyMs = 10
    for (const aheadMs of [5000, -5000, 5000, 30_000]) {
      steadyMs += 100
      const wallMs = startMs + steadyMs + aheadMs
      expect(watch.look(wallMs, steadyMs), 'too little to tell of').to.equal(0)
      const trustedMs = watch.trustedMs(wallMs, steadyMs)
      expect(trustedMs, 'not beyond the time that passed').to.be.at.most(startMs + steadyMs + 1)
      expect(trustedMs, 'and behind by what the steps were').to.be.at.least(startMs + steadyMs - 5001)
    }
  })

  it('trusts a small step as slowly as a clock is slewed: a record keeps 999 of 1000 parts of its time', () => {
    const watch = new ClockWatch(startMs, 0)
    const trustedAt = (steadyMs: number): number => {
      const wallMs = startMs + steadyMs + 30_000
      watch.look(wallMs, steadyMs)
      return watch.trustedMs(wallMs, steadyMs) - startMs
    }
    expect(trustedAt(1000)).to.be.within(1000, 1001)
    expect(trustedAt(10_000_000)).to.be.within(10_000_000, 10_010_000)
    expect(trustedAt(30_000_000)).to.equal(30_030_000)
  })

  it('takes many small steps ahead as one large one', () => {
    const watch = new ClockWatch(startMs, 0)
    const told = Array.from({ length: 3 }, (_, count) => watch.look(startMs + (count + 1) * 25_000, count + 1))
    expect(told.map((jumpMs) => Math.round(jumpMs / 1000))).to.deep.equal([0, 0, 75])
    expect(watch.trustedMs(startMs + 75_004, 4)).to.equal(Number.NEGATIVE_INFINITY)
    const laterMs = distrustMs + 4
    watch.look(startMs + 75_000 + laterMs, laterMs)
    expect(watch.trustedMs(startMs + 75_000 + laterMs, laterMs)).to.equal(startMs + 75_000 + laterMs)
  })

  it('tells by how much', () => {
    expect(jumpText(8 * dayMs))
      .to.contain('set ahead by 8.0 days')
      .and.contain('retention by time waits 10 minutes')
    expect(jumpText(-90 * 60_000)).to.contain('set back by 1.5 hours')
  })
})
