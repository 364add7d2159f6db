/**
 * Appends past the page cache: which bytes go which way, and that none is lost between them.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { DirectAppend, directAlignment } from '../../../workers/shared/direct-append.js'
import { type Random, seedOfRun, withSeed } from '../../support/random.js'

const replay = 'npm test -- test/unit/disk/direct-append.test.ts'

/** A file that sees what is asked of it. */
class Seen {
  readonly content: Uint8Array
  readonly direct: { position: number; length: number }[] = []
  readonly cached: { position: number; length: number }[] = []
  private readonly take: (length: number) => number

  constructor(sizeBytes: number, take: (length: number) => number = (length) => length) {
    this.content = new Uint8Array(sizeBytes)
    this.take = take
  }

  readonly calls = {
    direct: (bytes: Uint8Array, position: number): number => {
      expect(position % directAlignment, 'position').to.equal(0)
      expect(bytes.byteLength % directAlignment, 'length').to.equal(0)
      expect(bytes.byteOffset % directAlignment, 'memory').to.equal(0)
      const count = this.take(bytes.length)
      this.direct.push({ position, length: count })
      this.content.set(bytes.subarray(0, count), position)
      return count
    },
    cached: (bytes: Uint8Array, position: number): void => {
      this.cached.push({ position, length: bytes.length })
      this.content.set(bytes, position)
    },
  }
}

function randomViews(random: Random, largest: number): Uint8Array[] {
  return Array.from({ length: random.between(1, 6) }, () =>
    new Uint8Array(random.between(1, largest)).map(() => random.between(1, 255)),
  )
}

describe('an append past the page cache', () => {
  it('writes whole blocks directly, and both ends through the cache', () => {
    const seen = new Seen(20_000)
    new DirectAppend().append([new Uint8Array(3000).fill(1), new Uint8Array(10_000).fill(2)], 3000, seen.calls)
    expect(seen.cached).to.deep.equal([
      { position: 3000, length: 1096 },
      { position: 12_288, length: 16_000 - 12_288 },
    ])
    expect(seen.direct).to.deep.equal([{ position: 4096, length: 8192 }])
  })

  it('touches no page by both ways, so that nothing has to be written back first', () => {
    withSeed(seedOfRun(), replay, (random) => {
      const seen = new Seen(9_000_000)
      const append = new DirectAppend()
      let position = random.between(0, 10_000)
      const expected: Uint8Array[] = [new Uint8Array(position)]
      for (let round = 0; round < 20; round++) {
        const views = randomViews(random, 60_000)
        append.append(views, position, seen.calls)
        expected.push(...views)
        position += views.reduce((sum, view) => sum + view.length, 0)
      }
      const whole = Buffer.concat(expected)
      expect(Buffer.from(seen.content.subarray(0, whole.length)).equals(whole)).to.equal(true)
      const cachedPages = new Set<number>()
      for (const { position: at, length } of seen.cached) {
        for (let page = Math.floor(at / 4096); page * 4096 < at + length; page++) cachedPages.add(page)
      }
      for (const { position: at, length } of seen.direct) {
        for (let page = at / 4096; page * 4096 < at + length; page++) expect(cachedPages.has(page)).to.equal(false)
      }
    })
  })

  it('takes more than its memory holds', () => {
    const seen = new Seen(4_000_000)
    const views = [new Uint8Array(3_500_000).map((_, index) => index % 251), new Uint8Array(5).fill(9)]
    new DirectAppend().append(views, 100, seen.calls)
    const found = Buffer.from(seen.content.subarray(100, 3_500_105))
    expect(found.equals(Buffer.concat(views))).to.equal(true)
    expect(seen.direct.length).to.equal(4)
  })

  it('goes on after a count that is too small, through the cache where that ends within a block', () => {
    withSeed(seedOfRun(), replay, (random) => {
      const seen = new Seen(2_000_000, (length) => (random.chance(0.5) ? random.between(1, length) : length))
      const views = randomViews(random, 200_000)
      new DirectAppend().append(views, 5000, seen.calls)
      const whole = Buffer.concat(views)
      expect(Buffer.from(seen.content.subarray(5000, 5000 + whole.length)).equals(whole)).to.equal(true)
    })
  })
})
