/**
 * No ring of a doorbell is lost between two real threads. Permitted: a sleep that is ended by a ring, or no sleep.
 * Not permitted: a sleep that only its time ends although the other side rang. A canary that looks before it parks
 * must show just that.
 * Runs on: the test process and two workers.
 */
import { expect } from 'chai'
import { createDoorbell } from '../../native-free-core/ring/doorbell.js'
import type { DoorbellRun } from './doorbell-worker.js'
import { longFactor, runWorkers } from './worker-run.js'

async function pingPong(rounds: number, timeoutMs: number, looksBeforeParking: boolean): Promise<number> {
  const turn = new SharedArrayBuffer(4)
  const bells = [createDoorbell(), createDoorbell()]
  const side = (which: 0 | 1): DoorbellRun => ({
    side: which,
    turn,
    mine: bells[which]!,
    other: bells[1 - which]!,
    rounds,
    timeoutMs,
    looksBeforeParking,
  })
  const lost = (await runWorkers('./doorbell-worker.js', [side(0), side(1)])) as number[]
  return lost[0]! + lost[1]!
}

describe('doorbell between two threads', function () {
  this.timeout(60_000 * longFactor)

  it('loses no ring in tens of thousands of hand-overs', async () => {
    expect(await pingPong(40_000 * longFactor, 10_000, false)).to.equal(0)
  })

  it('is seen to lose one when the order of park and look is turned round', async () => {
    expect(await pingPong(1_000_000, 200, true)).to.be.greaterThan(0)
  })
})
