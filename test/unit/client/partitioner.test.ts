/**
 * Partitioners and backoff: small rules with a stated outcome.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { backoffMs } from '../../../native-free-core/client/backoff.js'
import { StickyPartitioner } from '../../../native-free-core/client/partitioner.js'
import { partitionForKey } from '../../../native-free-core/log/murmur2.js'

describe('StickyPartitioner', () => {
  it('gives a key its partition by murmur2', () => {
    const partitioner = new StickyPartitioner(7, 3)
    const key = Buffer.from('21')
    expect(partitioner.partitionOf(key)).to.equal(partitionForKey(key, 7))
    partitioner.batchSealed(3)
    expect(partitioner.partitionOf(key)).to.equal(partitionForKey(key, 7))
  })

  it('stays on one partition until its batch is sealed, then takes the next, round and round', () => {
    const partitioner = new StickyPartitioner(3, 4)
    expect(partitioner.partitionOf(null)).to.equal(1)
    partitioner.batchSealed(0)
    expect(partitioner.partitionOf(null)).to.equal(1)
    partitioner.batchSealed(1)
    partitioner.batchSealed(2)
    expect(partitioner.partitionOf(null)).to.equal(0)
  })
})

describe('backoffMs', () => {
  it('doubles up to its bound, between half the ceiling and the ceiling', () => {
    const options = { firstMs: 100, maxMs: 1000 }
    expect([0, 1, 2, 3, 4, 99].map((attempt) => backoffMs(attempt, options, 0))).to.deep.equal([
      50, 100, 200, 400, 500, 500,
    ])
    expect(backoffMs(0, options, 0.9999)).to.equal(100)
  })
})
