/**
 * Memory for batches that is used again: all of it for many small ones, a bounded part for large ones.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { BuilderPool } from '../../../native-free-core/client/produce-batch.js'
import type { RecordBatchBuilder } from '../../../native-free-core/log/record-batch-builder.js'

const KiB = 1024

function taken(pool: BuilderPool, count: number): RecordBatchBuilder[] {
  return Array.from({ length: count }, () => pool.take())
}

describe('a pool of builders', () => {
  it('makes none anew for the small batches of a thousand partitions', () => {
    const pool = new BuilderPool()
    const first = taken(pool, 1000)
    for (const builder of first) pool.give(builder)
    expect(new Set([...first, ...taken(pool, 1000)]).size).to.equal(1000)
  })

  it('keeps no more than so many bytes', () => {
    const pool = new BuilderPool(200 * KiB)
    const first = taken(pool, 5)
    for (const builder of first) {
      builder.append(null, new Uint8Array(60 * KiB), 0, [])
      pool.give(builder)
    }
    const kept = first.filter((builder) => builder.isEmpty)
    expect(kept.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0)).to.be.within(60 * KiB, 200 * KiB)
    expect(new Set([...first, ...taken(pool, 5)]).size).to.equal(5 + 5 - kept.length)
  })

  it('gives them empty', () => {
    const pool = new BuilderPool()
    const builder = pool.take()
    builder.append(null, new Uint8Array(1), 0, [])
    pool.give(builder)
    expect(pool.take().isEmpty).to.equal(true)
  })
})
