/**
 * gzip as browsers have it, against that of Node.js.
 * Runs on: the test process.
 */
import { gunzipSync, gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { gunzip, gzip } from '../../../src/client/platform/browser-gzip.js'
import { Random, seedOfRun, withSeed } from '../../support/random.js'

const MiB = 1024 * 1024

function bytesOf(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  // Runs and noise, so that blocks of every kind come up.
  for (let at = 0; at < length; ) {
    const runEnd = Math.min(length, at + random.between(1, 2000))
    const isNoise = random.chance(0.5)
    const byte = random.between(0, 255)
    for (; at < runEnd; at++) bytes[at] = isNoise ? random.between(0, 255) : byte
  }
  return bytes
}

describe('gzip in browsers', () => {
  it('reads what Node.js writes, and the other way round', () => {
    withSeed(seedOfRun(), 'npm test -- test/unit/client/browser-gzip.test.ts', (random) => {
      const lengths = [0, 1, 100, 8191, 8192, 8193, 300_000]
      while (lengths.length < 25) lengths.push(random.between(0, 60_000))
      for (const length of lengths) {
        const bytes = bytesOf(random, length)
        for (const level of [0, 1, 9]) expect(gunzip(gzipSync(bytes, { level }), MiB)).to.deep.equal(bytes)
        expect(new Uint8Array(gunzipSync(gzip(bytes)))).to.deep.equal(bytes)
      }
    })
  })

  it('refuses several members one after another, rather than give the first only', () => {
    const both = Buffer.concat([gzipSync('one, '), gzipSync('two')])
    expect(() => gunzip(both, MiB)).to.throw('several members')
  })

  it('stops soon after the bound, whatever the end of the file claims', () => {
    const bomb = gzipSync(Buffer.alloc(64 * MiB))
    bomb.writeUInt32LE(10, bomb.length - 4)
    const memoryBefore = process.memoryUsage().arrayBuffers
    expect(gunzip(bomb, MiB)).to.equal(undefined)
    expect(process.memoryUsage().arrayBuffers - memoryBefore).to.be.lessThan(48 * MiB)
    expect(gunzip(gzipSync(Buffer.alloc(MiB)), MiB)!.length).to.equal(MiB)
    expect(gunzip(gzipSync(Buffer.alloc(MiB + 1)), MiB)).to.equal(undefined)
  })

  it('throws for what is no gzip, and for a part of it', () => {
    const whole = gzipSync(bytesOf(new Random(7), 50_000))
    expect(() => gunzip(new Uint8Array(0), MiB)).to.throw()
    expect(() => gunzip(Buffer.from('no gzip at all, but long enough for its head'), MiB)).to.throw()
    for (const part of [0.1, 0.5, 0.9]) {
      expect(() => gunzip(whole.subarray(0, Math.floor(whole.length * part)), MiB), String(part)).to.throw()
    }
  })
})
