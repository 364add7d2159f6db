/**
 * A ring between two real threads: content and order over millions of frames, and no lost wake-up on either side.
 *
 * Permitted outcomes of "look, park, look again, sleep" against "publish, ring":
 *
 * | consumer sees the frame | producer sees `parked` | outcome                                          |
 * |-------------------------|------------------------|--------------------------------------------------|
 * | at the first look       | no                     | no sleep                                         |
 * | at the second look      | no or yes              | no sleep; a late ring meets an unparked consumer |
 * | at no look              | yes                    | sleeps, is woken                                 |
 * | at no look              | no                     | not permitted: it would sleep for ever           |
 *
 * Runs on: the test process and two workers.
 */
import { expect } from 'chai'
import { createDoorbell } from '../../native-free-core/ring/doorbell.js'
import { createRing, largestBodyBytes } from '../../native-free-core/ring/ring.js'
import { ringHeadIndex, ringTailIndex } from '../../native-free-core/ring/ring-layout.js'
import { seedOfRun } from '../support/random.js'
import type { RingRun } from './ring-worker.js'
import { longFactor, runWorkers } from './worker-run.js'

const capacityBytes = 4096
const seed = seedOfRun()
const replay = `STREAMBUS_SEED=${seed} npm test -- test/concurrency/ring.test.ts`

async function run(frameCount: number, startUnits: number): Promise<number[]> {
  const memory = createRing(capacityBytes)
  const counters = new Int32Array(memory)
  counters[ringTailIndex] = startUnits
  counters[ringHeadIndex] = startUnits
  const common: Omit<RingRun, 'role'> = {
    memory,
    filled: createDoorbell(),
    freed: createDoorbell(),
    seed,
    frameCount,
    largestBodyBytes: largestBodyBytes(capacityBytes),
  }
  try {
    return (await runWorkers('./ring-worker.js', [
      { ...common, role: 'producer' },
      { ...common, role: 'consumer' },
    ])) as number[]
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n  replay: ${replay}`, { cause: error })
  }
}

describe('ring between two threads', function () {
  this.timeout(60_000 * longFactor)

  it('keeps content and order over millions of frames, and wakes whoever sleeps', async () => {
    const [producerSleeps, consumerSleeps] = await run(1_000_000 * longFactor, 0)
    // Otherwise the doorbells were not tried at all.
    expect(producerSleeps! + consumerSleeps!).to.be.greaterThan(100)
  })

  it('does so where the 32-bit counters wrap', async () => {
    await run(100_000, 0x7fffffff & ~0x1ff)
    await run(100_000, -512)
  })
})
