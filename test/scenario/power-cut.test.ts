/**
 * A real broker whose power is cut: after kill -9 what no sync covered is undone in part. The canary, which writes
 * commits without O_DSYNC, must be caught within three rounds. The long form: npm run chaos:power.
 * Runs on: the test process and a broker process.
 */
import { expect } from 'chai'
import { runRounds } from '../chaos/chaos-rounds.js'
import { Random, seedOfRun } from '../support/random.js'

describe('a broker whose power is cut', function () {
  this.timeout(120_000)

  before(function () {
    // Descriptors of other threads are looked up in /proc.
    if (process.platform !== 'linux') this.skip()
  })

  it('loses nothing acknowledged', async () => {
    await runRounds({ rounds: 3, random: new Random(seedOfRun()), cutsPower: true, lifeMs: 500 })
  })

  it('is seen to lose within three rounds when its commits are not synced', async () => {
    let loss: unknown
    try {
      const random = new Random(seedOfRun())
      await runRounds({ rounds: 3, random, cutsPower: true, withoutSync: true, lifeMs: 500 })
    } catch (error) {
      loss = error
    }
    expect(loss).to.be.instanceOf(Error)
    expect((loss as Error).message).to.match(/lost|damaged|_DAMAGED|missing|holds record|does not know/)
  })
})
