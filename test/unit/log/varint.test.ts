/**
 * Varints: Kafka's byte sequences, the ends of the ranges, and hostile input.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import fc from 'fast-check'
import {
  sizeOfVarint32,
  sizeOfVarint64,
  VarintCursor,
  writeVarint32,
  writeVarint64,
} from '../../../native-free-core/log/varint.js'

const bytes32: readonly (readonly [number, readonly number[]])[] = [
  [0, [0]],
  [-1, [1]],
  [1, [2]],
  [63, [0x7e]],
  [-64, [0x7f]],
  [64, [0x80, 0x01]],
  [-65, [0x81, 0x01]],
  [8191, [0xfe, 0x7f]],
  [8192, [0x80, 0x80, 0x01]],
  [2147483647, [0xfe, 0xff, 0xff, 0xff, 0x0f]],
  [-2147483648, [0xff, 0xff, 0xff, 0xff, 0x0f]],
]

function written(write: (bytes: Uint8Array, position: number, value: number) => number, value: number): Uint8Array {
  const bytes = new Uint8Array(12)
  return bytes.subarray(0, write(bytes, 0, value))
}

const cursor = (bytes: ArrayLike<number>): VarintCursor =>
  new VarintCursor().over(Uint8Array.from(bytes), 0, bytes.length)

describe('varints', () => {
  for (const [value, expected] of bytes32) {
    it(`hold ${value} in ${expected.length} bytes`, () => {
      expect([...written(writeVarint32, value)]).to.deep.equal(expected)
      expect([...written(writeVarint64, value)]).to.deep.equal(expected)
      expect([sizeOfVarint32(value), sizeOfVarint64(value)]).to.deep.equal([expected.length, expected.length])
      expect(cursor(expected).int32()).to.equal(value)
      expect(cursor(expected).int64()).to.equal(value)
    })
  }

  it('hold every safe integer, as a 64-bit one', () => {
    const ends = [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 52, -(2 ** 52), 2 ** 31, -(2 ** 31) - 1]
    for (const value of ends) expect(cursor(written(writeVarint64, value)).int64()).to.equal(value)
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        const bytes = written(writeVarint64, value)
        return bytes.length === sizeOfVarint64(value) && cursor(bytes).int64() === value
      }),
    )
  })

  it('are written as the 64-bit zigzag that Kafka reads', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n))
        const expected: number[] = []
        for (; rest > 127n; rest >>= 7n) expected.push(Number(rest & 127n) | 128)
        expected.push(Number(rest))
        expect([...written(writeVarint64, value)]).to.deep.equal(expected)
      }),
    )
  })

  it('are refused when they end too late or not at all', () => {
    expect(() => cursor([0x80]).int32()).to.throw('does not end before byte 1')
    expect(() => cursor([]).int64()).to.throw('does not end')
    expect(() => cursor([0x80, 0x80, 0x80, 0x80, 0x10]).int32()).to.throw('more than 32 bits')
    expect(() => cursor([0x80, 0x80, 0x80, 0x80, 0x80, 0x00]).int32()).to.throw('more than 32 bits')
    expect(() => cursor(Array(11).fill(0x80)).int64()).to.throw('more than 53 bits')
    expect(() => cursor([...Array(9).fill(0xff), 0x01]).int64()).to.throw('more than 53 bits')
  })

  it('never read beyond their end, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), fc.boolean(), (bytes, is64) => {
        const reader = new VarintCursor().over(bytes, 0, bytes.length)
        try {
          if (is64) reader.int64()
          else reader.int32()
        } catch (error) {
          expect((error as Error).name).to.equal('CORRUPT_MESSAGE')
        }
        return reader.position <= bytes.length
      }),
    )
  })

  it('guard the fields whose length they say', () => {
    expect(() => cursor([1, 2, 3]).skip(4)).to.throw('does not fit into the 3 bytes left')
    expect(() => cursor([1, 2, 3]).skip(-1)).to.throw('a field of -1 bytes')
  })
})
