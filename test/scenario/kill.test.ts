/**
 * A real broker killed while real clients produce: nothing acknowledged is lost, nothing doubled, order kept.
 * The long form: npm run chaos:kill.
 * Runs on: the test process and a broker process.
 */
import { runRounds } from '../chaos/chaos-rounds.js'
import { Random, seedOfRun } from '../support/random.js'

describe('a broker that is killed', function () {
  this.timeout(120_000)

  it('loses nothing acknowledged over kills with 3, 1 and 2 shards, starts included', async () => {
    await runRounds({ rounds: 3, random: new Random(seedOfRun()), cutsPower: false, lifeMs: 500 })
  })
})
