/**
 * Retention on a shard: what goes, when its files go, and what an answer about the log start is worth.
 * Runs on: the test process, a shard inline on a disk in memory.
 */
import { expect } from 'chai'
import { OneTopic } from '../../support/one-topic.js'

const configs = { flush: 'commit', 'retention.bytes': '65536' }

/** Ten batches of 30 KB in five segments, all settled, and the shard's retention check. */
function withOldSegments(seed: number): OneTopic {
  const one = new OneTopic(seed)
  one.start(configs)
  for (let count = 0; count < 10; count++) one.produce(30_000)
  one.broker.stop()
  one.kill()
  one.start(configs)
  one.turns(50)
  for (const { shard } of one.broker.shards) shard.applyRetention(one.broker.nowMs)
  return one
}

const segmentsOf = (one: OneTopic): string[] => one.files().filter((name) => name.includes('.log'))

describe('retention on a shard', () => {
  it('frees the space of what it removes, though nothing is written', () => {
    const one = withOldSegments(1)
    one.turns(200)
    expect(segmentsOf(one)).to.deep.equal(['00000000000000000006.log', '00000000000000000008.log'])
    expect(one.bounds()).to.deep.equal([6, 10])
  })

  it('touches no file before the recovery point on disk tells the log start', () => {
    const one = withOldSegments(1)
    one.fault = (operation, path) => (operation === 'rename' && path.includes('recovery-point') ? 'EIO' : undefined)
    one.turns(200)
    expect(segmentsOf(one)).to.have.lengthOf(5)
  })

  it('moves the log start for good before anybody is told', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const one = withOldSegments(seed)
      const start = one.deleteRecords(3)
      expect(start).to.equal(6)
      one.cutPower()
      one.start(configs)
      expect(one.bounds(), `seed ${seed}`).to.deep.equal([6, 10])
    }
  })
})
