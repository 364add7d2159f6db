/**
 * CRC-32C: known values, continuation, and the native one against the table.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { crc32c, crc32cOf, nativeFromBytes, setNativeCrc32c } from '../../../native-free-core/log/crc32c.js'
import { installNativeCrc32c } from '../../../workers/shared/native-crc32c.js'
import { Random } from '../../support/random.js'

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

/** From RFC 3720, appendix B.4, and the usual check value. */
const known: readonly (readonly [string, Uint8Array, number])[] = [
  ['nothing', new Uint8Array(0), 0],
  ['the digits 1 to 9', ascii('123456789'), 0xe3069283],
  ['32 zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 times 255', new Uint8Array(32).fill(255), 0x62a8ab43],
  ['0 to 31', Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd794e],
]

/** Bit by bit, as the polynomial says. */
function slow(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

describe('crc32c', () => {
  for (const [name, bytes, expected] of known) {
    it(`of ${name} is the published value`, () => {
      expect(crc32c(bytes, 0, bytes.length)).to.equal(expected)
    })
  }

  it('equals the polynomial bit by bit at every length and start', () => {
    const bytes = new Random(1).bytes(80)
    for (let start = 0; start < 10; start++) {
      for (let end = start; end <= 80; end++) {
        expect(crc32c(bytes, start, end)).to.equal(slow(bytes.subarray(start, end)))
      }
    }
  })

  it('continues from a seed as if the bytes were in one piece', () => {
    const bytes = new Random(2).bytes(1000)
    for (const cut of [0, 1, 7, 8, 500, 999, 1000]) {
      expect(crc32c(bytes, cut, 1000, crc32c(bytes, 0, cut))).to.equal(crc32c(bytes, 0, 1000))
    }
  })
})

describe('the native CRC-32C', () => {
  after(() => setNativeCrc32c(undefined))

  it('agrees with the table, also on shared memory and from a seed', function () {
    if (!installNativeCrc32c()) return this.skip()
    const bytes = new Uint8Array(new SharedArrayBuffer(5000))
    bytes.set(new Random(3).bytes(5000))
    for (const [start, end] of [
      [0, 5000],
      [13, 4000],
      [5, 5 + nativeFromBytes - 1],
      [5, 5 + nativeFromBytes],
    ] as const) {
      expect(crc32cOf(bytes, start, end)).to.equal(crc32c(bytes, start, end))
      expect(crc32cOf(bytes, start, end, 12345)).to.equal(crc32c(bytes, start, end, 12345))
    }
  })
})
