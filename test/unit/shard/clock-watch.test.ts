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

  it('tells by how much', () => {
    expect(jumpText(8 * dayMs))
      .to.contain('set ahead by 8.0 days')
      .and.contain('retention by time waits 10 minutes')
    expect(jumpText(-90 * 60_000)).to.contain('set back by 1.5 hours')
  })
})
