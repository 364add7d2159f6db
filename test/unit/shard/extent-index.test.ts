/**
 * Where batches lie in the journal: the circle grows while its beginning moves.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { ExtentIndex } from '../../../workers/shard/extent-index.js'

describe('ExtentIndex', () => {
  it('keeps every extent when it grows in the middle of its circle', () => {
    const index = new ExtentIndex()
    const push = (number: number): void => index.push(number * 10, 10, number * 100, number + 1, number * 1000, 0)
    for (let number = 0; number < 12; number++) push(number)
    index.settledCount = 7
    index.dropBelow(700)
    expect([index.count, index.settledCount]).to.deep.equal([5, 0])
    for (let number = 12; number < 300; number++) push(number)
    expect(index.count).to.equal(293)
    for (let at = 0; at < index.count; at++) {
      const number = at + 7
      expect([
        index.baseOffsetAt(at),
        index.endOffsetAt(at),
        index.positionAt(at),
        index.lengthAt(at),
        index.maxTimestampAt(at),
      ]).to.deep.equal([number * 10, number * 10 + 10, number * 100, number + 1, number * 1000])
      expect(index.find(number * 10 + 9)).to.equal(at)
    }
    expect([index.find(69), index.find(3000)]).to.deep.equal([-1, -1])
  })
})
