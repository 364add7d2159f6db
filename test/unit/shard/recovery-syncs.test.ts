/**
 * Recovery syncs what it wrote in one call for all files where the system can, else file by file.
 * Runs on: the test process, a shard inline on a disk in memory.
 */
import { expect } from 'chai'
import { OneTopic, startMs } from '../../support/one-topic.js'

/** What is synced while a folder is recovered that was killed with a record in its journal. */
function syncsOf(nowMs: number, hasNoWholeSync: boolean): { whole: number; single: number } {
  const one = new OneTopic(3, 1, { hasNoWholeSync })
  one.start({ flush: 'commit' }, nowMs)
  one.produce()
  one.kill()
  const seen = { whole: 0, single: 0 }
  one.fault = (operation, path) => {
    if (operation === 'sync file system') seen.whole++
    if (operation === 'sync' && path.startsWith('/data/topics/')) seen.single++
    return undefined
  }
  one.start({ flush: 'commit' }, nowMs)
  return seen
}

describe('the syncs of recovery', () => {
  // At this moment even one file is synced as many are: inline-shard.ts.
  const together = startMs + 1

  it('are one for all files', () => {
    const { whole, single } = syncsOf(together, false)
    expect(whole).to.be.greaterThan(0)
    expect(single).to.equal(0)
  })

  it('are one for each file where the file system can not be synced as a whole', () => {
    const { whole, single } = syncsOf(together, true)
    expect(whole).to.equal(0)
    expect(single).to.be.greaterThan(0)
  })
})
