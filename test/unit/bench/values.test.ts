/**
 * What loads send: sizes, values, when they were due.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { gzipSync } from 'node:zlib'
import { DueQueue } from '../../../src/bench/due-queue.js'
import { notDue, ValuePool, ValueReader } from '../../../src/bench/value-pool.js'
import { ValueSizes } from '../../../src/bench/value-sizes.js'

describe('sizes of values', () => {
  it('are one size, a range, or several with weights', () => {
    expect(ValueSizes.parse(100).sizeFor(0.7)).to.equal(100)
    const range = ValueSizes.parse('50..59')
    expect([range.sizeFor(0), range.sizeFor(0.55), range.sizeFor(0.9999), range.meanBytes]).to.deep.equal([
      50, 55, 59, 54.5,
    ])
    const mixed = ValueSizes.parse('100:0.9,1000:0.1')
    expect([mixed.sizeFor(0.89), mixed.sizeFor(0.91), mixed.meanBytes, mixed.maxBytes]).to.deep.equal([
      100, 1000, 190, 1000,
    ])
  })

  for (const [text, why] of [
    ['', 'no size'],
    ['ten', 'no size'],
    ['8', '24 at least'],
    ['200..50', 'ends before it begins'],
    ['100:0', 'all 0'],
    ['99999999', 'at most 16777216'],
    ['100:-1', 'no size'],
  ] as const) {
    it(`refuse "${text}" with what is wrong and what is expected`, () => {
      expect(() => ValueSizes.parse(text))
        .to.throw(why)
        .with.property('remedy')
        .that.includes('50..200')
    })
  }
})

describe('values of a load', () => {
  it('differ, say whose they are, which, and when they were due', () => {
    const pool = new ValuePool(ValueSizes.parse(40), 7, false)
    const reader = new ValueReader()
    const [first, second] = [Buffer.from(pool.next(1.5)), pool.next(2.5)]
    expect(first.equals(second)).to.equal(false)
    for (const [number, bytes] of [first, second].entries()) {
      expect(reader.over(bytes, 0, bytes.length)).to.equal(true)
      expect([reader.number, reader.dueMs, reader.tag, reader.isSealed]).to.deep.equal([number, number + 1.5, 7, true])
    }
    expect(reader.over(first, 0, 8)).to.equal(false)
  })

  it('are known when they were cut, or put together from two', () => {
    const pool = new ValuePool(ValueSizes.parse(40), 7, false)
    const [first, second] = [Buffer.from(pool.next(0)), Buffer.from(pool.next(0))]
    const mixed = Buffer.concat([first.subarray(0, 20), second.subarray(20)])
    const reader = new ValueReader()
    reader.over(mixed, 0, 40)
    expect(reader.isSealed).to.equal(false)
    reader.over(first, 0, 39)
    expect(reader.isSealed).to.equal(false)
  })

  it('are words that a codec can pack, or random bytes that none can', () => {
    const packed = (isText: boolean) => {
      const pool = new ValuePool(ValueSizes.parse(1000), 1, isText)
      return gzipSync(Buffer.concat(Array.from({ length: 50 }, () => Buffer.from(pool.next(notDue))))).length / 50_000
    }
    expect(packed(true)).to.be.within(0.2, 0.6)
    expect(packed(false)).to.be.greaterThan(0.98)
  })
})

describe('the queue of due times', () => {
  it('gives answers the due times of their records, oldest first, however batches cut them', () => {
    const queue = new DueQueue()
    for (const dueMs of [1, 1, 1, 2, 3, 3]) queue.push(dueMs)
    const taken: [number, number][] = []
    for (const count of [2, 3, 9]) queue.take(count, (dueMs, of) => taken.push([dueMs, of]))
    expect(taken).to.deep.equal([
      [1, 2],
      [1, 1],
      [2, 1],
      [3, 1],
      [3, 1],
    ])
  })

  it('keep their due times however many wait', () => {
    const queue = new DueQueue()
    let [next, taken] = [0, 0]
    for (let round = 0; round < 400; round++) {
      for (let left = (round * 7) % 90; left > 0; left--) queue.push(next++)
      queue.take((round * 5) % 80, (dueMs, count) => expect([dueMs, count]).to.deep.equal([taken++, 1]))
    }
    expect(next - taken).to.be.above(1000)
    queue.take(next, (dueMs) => expect(dueMs).to.equal(taken++))
    expect(taken).to.equal(next)
  })
})
