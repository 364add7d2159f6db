/**
 * What a settling slice appends: all batches in order, in as few pieces as their sizes allow.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { GatheredBatches } from '../../../workers/shard/gathered-batches.js'
import { seedOfRun, withSeed } from '../../support/random.js'

const replay = 'npm test -- test/unit/shard/gathered-batches.test.ts'

/** Adds views of `ring` with these lengths, each 3 bytes behind the one before. */
function addAll(gathered: GatheredBatches, ring: Uint8Array, lengths: readonly number[]): Buffer {
  const expected: Uint8Array[] = []
  let at = 0
  for (const length of lengths) {
    gathered.add(ring, at, length)
    expected.push(ring.subarray(at, at + length))
    at += length + 3
  }
  return Buffer.concat(expected)
}

describe('gathered batches', () => {
  const ring = new Uint8Array(4 * 1024 * 1024).map((_, index) => (index * 7) ^ (index >> 8))

  it('makes one piece of small batches, and leaves large ones where they lie', () => {
    const gathered = new GatheredBatches()
    const expected = addAll(gathered, ring, [100, 1000, 8192, 8193, 50, 60])
    expect(gathered.count).to.equal(6)
    expect(gathered.sizeBytes).to.equal(expected.length)
    const pieces = gathered.take()
    expect(pieces.map((piece) => piece.length)).to.deep.equal([9292, 8193, 110])
    expect(pieces[1]!.buffer).to.equal(ring.buffer)
    expect(Buffer.concat(pieces).equals(expected)).to.equal(true)
    expect([gathered.count, gathered.sizeBytes, gathered.take()]).to.deep.equal([0, 0, []])
  })

  it('goes on with views when its own memory is full', () => {
    const gathered = new GatheredBatches()
    const expected = addAll(
      gathered,
      ring,
      Array.from({ length: 40 }, () => 8000),
    )
    const pieces = gathered.take()
    expect(pieces).to.have.lengthOf(1 + 40 - 32)
    expect(Buffer.concat(pieces).equals(expected)).to.equal(true)
  })

  it('keeps every byte and the order, whatever the sizes', () => {
    withSeed(seedOfRun(), replay, (random) => {
      const gathered = new GatheredBatches()
      for (let round = 0; round < 50; round++) {
        const lengths = Array.from({ length: random.between(0, 60) }, () =>
          random.chance(0.2) ? random.between(8000, 40_000) : random.between(1, 4000),
        )
        const expected = addAll(gathered, ring, lengths)
        expect(Buffer.concat(gathered.take()).equals(expected)).to.equal(true)
      }
    })
  })
})
