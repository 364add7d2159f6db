/**
 * Sizes and durations with units: read, and written back so that reading gives the same number.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { formatQuantity, parseQuantity } from '../../../native-free-core/config/quantity.js'

describe('quantities', () => {
  const read: readonly (readonly [text: string, unit: 'bytes' | 'ms', value: number | undefined])[] = [
    ['64MiB', 'bytes', 64 << 20],
    ['64 MiB', 'bytes', 64 << 20],
    ['1.5KiB', 'bytes', 1536],
    ['1kB', 'bytes', 1000],
    ['7B', 'bytes', 7],
    ['2TiB', 'bytes', 2 ** 41],
    ['5m', 'ms', 300_000],
    ['0.5s', 'ms', 500],
    ['7d', 'ms', 604_800_000],
    ['250ms', 'ms', 250],
    ['-1s', 'ms', -1000],
    ['64M', 'bytes', undefined],
    ['64mib', 'bytes', undefined],
    ['5m', 'bytes', undefined],
    ['1MiB', 'ms', undefined],
    ['0.3B', 'bytes', undefined],
    ['1e3s', 'ms', undefined],
    ['99999999TiB', 'bytes', undefined],
    ['MiB', 'bytes', undefined],
    ['1  MiB', 'bytes', undefined],
    ['1constructor', 'ms', undefined],
    ['12', 'ms', undefined],
  ]
  for (const [text, unit, value] of read) {
    it(`"${text}" is ${value ?? `no number of ${unit}`}`, () => expect(parseQuantity(text, unit)).to.equal(value))
  }

  it('are written with the largest unit that leaves a whole number, and read back the same', () => {
    const written: readonly (readonly [value: number, unit: 'bytes' | 'ms', text: string])[] = [
      [65_536, 'bytes', '64KiB'],
      [1_048_588, 'bytes', '1048588'],
      [90_000, 'ms', '90s'],
      [604_800_000, 'ms', '7d'],
      [10, 'ms', '10ms'],
      [0, 'bytes', '0'],
      [-1, 'ms', '-1'],
    ]
    for (const [value, unit, text] of written) {
      expect(formatQuantity(value, unit)).to.equal(text)
      expect(parseQuantity(text, unit) ?? Number(text)).to.equal(value)
    }
  })
})
