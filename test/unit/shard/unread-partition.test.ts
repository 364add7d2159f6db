/**
 * A partition that nobody reads: what a shard remembers of it is bounded by the journal, however long it is written to.
 * Runs on: the test process, a shard inline on a disk in memory.
 */
import { expect } from 'chai'
import { OneTopic } from '../../support/one-topic.js'

const journalBytes = 128 * 1024
const valueBytes = 1000
const batches = 2000

describe('a partition that nobody reads', () => {
  for (const flush of ['commit', 'os']) {
    it(`has no more extents than its ring has room for batches: flush ${flush}`, () => {
      const one = new OneTopic(1, 1, {}, journalBytes)
      one.start({ flush })
      let most = 0
      const [{ shard }] = one.broker.shards as [(typeof one.broker.shards)[number]]
      const { extents } = [...shard.partitions.values()][0]!
      for (let count = 0; count < batches; count++) {
        one.produce(valueBytes)
        most = Math.max(most, extents.count)
      }
      // The array is full before what the ring has lost is looked for; it is doubled only when that was nothing.
      expect(most).to.be.within(32, (2 * journalBytes) / valueBytes)
    })
  }
})
