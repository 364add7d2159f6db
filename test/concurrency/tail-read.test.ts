/**
 * Readers on other threads copy from a journal that is overwritten meanwhile.
 * Permitted: a copy of one whole entry, accepted; any copy, refused. Not permitted: a mixture, accepted. A canary that
 * does not look at the floor must show mixtures.
 * Runs on: the test process, one writing and two reading workers.
 */
import { expect } from 'chai'
import { journalPositionsBytes } from '../../native-free-core/journal/journal-reader.js'
import { seedOfRun } from '../support/random.js'
import type { TailReadRun } from './tail-read-worker.js'
import { longFactor, runWorkers } from './worker-run.js'

interface Sum {
  accepted: number
  refused: number
  torn: number
}

async function run(entryCount: number, trustsEveryCopy: boolean): Promise<Sum> {
  const common: Omit<TailReadRun, 'role'> = {
    memory: new SharedArrayBuffer(1 << 20),
    positions: new SharedArrayBuffer(journalPositionsBytes),
    latest: new SharedArrayBuffer(16),
    seed: seedOfRun(),
    entryCount,
    trustsEveryCopy,
  }
  const roles = ['reader', 'reader', 'writer'] as const
  const [one, other] = (await runWorkers(
    './tail-read-worker.js',
    roles.map((role) => ({ ...common, role })),
  )) as [Sum, Sum, number]
  return {
    accepted: one.accepted + other.accepted,
    refused: one.refused + other.refused,
    torn: one.torn + other.torn,
  }
}

describe('tail reads from other threads', function () {
  this.timeout(60_000 * longFactor)

  it('accept no torn copy while the journal is overwritten', async () => {
    const sum = await run(60_000 * longFactor, false)
    expect(sum.torn).to.equal(0)
    // Both ways were taken, or nothing was tried.
    expect(Math.min(sum.accepted, sum.refused)).to.be.greaterThan(100)
  })

  it('are seen to be torn when the floor is not looked at', async () => {
    const sum = await run(60_000, true)
    expect(sum.torn).to.be.greaterThan(0)
  })
})
