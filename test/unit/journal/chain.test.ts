/**
 * The walk over a journal's chain: its decision table row by row, tears at every byte, and what never comes back.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { type ChainEnd, type ChainSource, walkChain } from '../../../native-free-core/journal/chain.js'
import {
  commitAlignment,
  commitHeaderBytes,
  roundUpToCommit,
  writeCommitHeader,
} from '../../../native-free-core/journal/commit-format.js'
import type { Superblock } from '../../../native-free-core/journal/superblock.js'
import { crc32cOf } from '../../../native-free-core/log/crc32c.js'

const capacityBytes = 16 * commitAlignment
const runId = 'aaaaaaaaaaaaaaaa'
const otherRun = 'bbbbbbbbbbbbbbbb'

/** A ring in memory, written commit by commit as a journal does. */
class Ring {
  readonly bytes = new Uint8Array(capacityBytes)
  readonly view = new DataView(this.bytes.buffer)
  position: number
  number: number
  previousCrc = 0
  run = runId

  constructor(position = 0, number = 1) {
    this.position = position
    this.number = number
  }

  /** Writes a commit with a body of `bodyBytes`; returns where it starts. */
  commit(bodyBytes: number, next?: number): number {
    const start = this.position
    const at = start % capacityBytes
    const usedBytes = commitHeaderBytes + bodyBytes
    const totalBytes = roundUpToCommit(usedBytes)
    this.bytes.fill(0, at, at + totalBytes)
    this.bytes.fill(this.number & 0xff, at + commitHeaderBytes, at + usedBytes)
    const bodyCrc = crc32cOf(this.bytes, at + commitHeaderBytes, at + usedBytes)
    const nextPosition = next ?? start + totalBytes
    this.previousCrc = writeCommitHeader(
      this.bytes,
      this.view,
      at,
      {
        position: start,
        number: this.number++,
        runId: this.run,
        totalBytes,
        usedBytes,
        nextPosition,
        entryCount: 0,
        previousCrc: this.previousCrc,
        bodyCrc,
      },
      crc32cOf,
    )
    this.position = nextPosition
    return start
  }

  source(limit = capacityBytes): ChainSource {
    return {
      path: 'test',
      crc: crc32cOf,
      readAt: (at, length) => this.bytes.subarray(at, Math.min(limit, at + length)),
    }
  }
}

function superblockAt(headPosition = 0, headCommitNumber = 1, previousCrc = 0, clean = false): Superblock {
  const identity = { sequence: 1, clusterId: '0'.repeat(32), brokerId: 0, journal: 0 }
  return { ...identity, capacityBytes, headPosition, headCommitNumber, runId, previousCrc, clean }
}

function walk(ring: Ring, superblock = superblockAt(), limit = capacityBytes): { numbers: number[]; end: ChainEnd } {
  const numbers: number[] = []
  const end = walkChain(superblock, ring.source(limit), ({ header, body }) => {
    expect(body.every((byte) => byte === (header.number & 0xff))).to.equal(true)
    numbers.push(header.number)
  })
  return { numbers, end }
}

/** What stands where the chain goes on: whether it is itself a valid, later commit of this run. */
const nextCommits: Readonly<Record<string, readonly [isLater: boolean, (ring: Ring) => void]>> = {
  'never written': [false, () => undefined],
  'header torn': [false, (ring) => void ring.bytes.fill(0, ring.commit(100) + 60, ring.position)],
  'body torn': [
    false,
    (ring) => {
      const start = ring.commit(6000)
      ring.bytes.fill(0, start + 4096, start + 8192)
    },
  ],
  'another run': [
    false,
    (ring) => {
      ring.run = otherRun
      ring.commit(100)
      ring.run = runId
    },
  ],
  'an earlier number': [
    false,
    (ring) => {
      ring.number = 1
      ring.commit(100)
    },
  ],
  'a later number': [
    true,
    (ring) => {
      ring.number++
      ring.commit(100)
    },
  ],
  'another previous crc': [
    true,
    (ring) => {
      ring.previousCrc ^= 1
      ring.commit(100)
    },
  ],
  'a position of the next lap': [
    true,
    (ring) => {
      const start = ring.position
      ring.position = start + capacityBytes
      ring.commit(100)
      ring.position = start + 4096
    },
  ],
}

/** What stands elsewhere in the ring: whether it is a later commit of this run. */
const elsewhere: Readonly<Record<string, readonly [isLater: boolean, (ring: Ring) => void]>> = {
  nothing: [false, () => undefined],
  'a valid later commit': [
    true,
    (ring) => {
      ring.position = 10 * commitAlignment
      ring.number += 5
      ring.commit(5000)
    },
  ],
  'a later commit with a damaged body': [
    false,
    (ring) => {
      ring.position = 10 * commitAlignment
      ring.number += 5
      ring.bytes[ring.commit(5000) + 4500]! ^= 1
    },
  ],
  'a valid commit of another run': [
    false,
    (ring) => {
      ring.position = 10 * commitAlignment
      ring.number += 5
      ring.run = otherRun
      ring.commit(100)
    },
  ],
  'a valid commit of an earlier lap': [
    false,
    (ring) => {
      ring.position = 10 * commitAlignment
      ring.number = 2
      ring.commit(100)
    },
  ],
}

describe('chain walk', () => {
  for (const [next, [isNextLater, writeNext]] of Object.entries(nextCommits)) {
    for (const [other, [isOtherLater, writeOther]] of Object.entries(elsewhere)) {
      const isLater = isNextLater || isOtherLater
      it(`${next}, elsewhere ${other}: ${isLater ? 'refused as damage' : 'cut there'}`, () => {
        const ring = new Ring()
        ring.commit(100)
        ring.commit(5000)
        const end = ring.position
        writeNext(ring)
        ring.number = Math.max(ring.number, 4)
        writeOther(ring)
        if (isLater) return expect(() => walk(ring)).to.throw('had been on disk and is damaged')
        const walked = walk(ring)
        expect(walked.numbers).to.deep.equal([1, 2])
        expect([walked.end.position, walked.end.nextNumber]).to.deep.equal([end, 3])
        return undefined
      })
    }
  }

  it('a clean superblock: nothing is read', () => {
    const ring = new Ring()
    ring.commit(100)
    const walked = walk(ring, superblockAt(0, 1, 0, true))
    expect([walked.numbers, walked.end.torn, walked.end.last]).to.deep.equal([[], false, undefined])
  })

  it('takes a full lap and stops after it', () => {
    const ring = new Ring()
    for (let index = 0; index < 16; index++) ring.commit(100)
    const walked = walk(ring)
    expect(walked.numbers).to.have.length(16)
    expect(walked.end.position).to.equal(capacityBytes)
    expect(walked.end.last!.number).to.equal(16)
  })

  it('follows a commit that says that the next one starts with the next lap', () => {
    const head = 14 * commitAlignment
    const ring = new Ring(head, 50)
    ring.commit(100, capacityBytes)
    ring.commit(100)
    expect(walk(ring, superblockAt(head, 50)).numbers).to.deep.equal([50, 51])
  })

  it('cuts a torn commit whatever number of its bytes was written', () => {
    const whole = new Ring()
    whole.commit(100)
    const start = whole.commit(4500)
    for (let length = 0; length < 8192; length += length < 200 ? 1 : 61) {
      const ring = new Ring()
      ring.bytes.set(whole.bytes.subarray(0, start + length))
      const isWhole = length >= commitHeaderBytes + 4500
      expect(walk(ring).numbers, `${length} bytes`).to.deep.equal(isWhole ? [1, 2] : [1])
      expect(walk(ring).end.torn).to.equal(!isWhole && length >= commitHeaderBytes)
    }
  })

  it('reads a file that ends within the ring as if the rest were never written', () => {
    const ring = new Ring()
    for (let index = 0; index < 8; index++) ring.commit(100)
    expect(walk(ring, superblockAt(), 4.5 * commitAlignment).numbers).to.deep.equal([1, 2, 3, 4, 5])
  })

  it('refuses any damage to a commit that has another behind it, at every byte that counts', () => {
    for (let at = 0; at < commitHeaderBytes + 300; at++) {
      const ring = new Ring()
      ring.commit(100)
      const start = ring.commit(300)
      ring.commit(100)
      ring.bytes[start + at]! ^= 4
      expect(() => walk(ring), `byte ${at}`).to.throw('damaged')
    }
  })

  it('never takes back a commit of the run before, although number and place fit', () => {
    const ring = new Ring()
    ring.run = otherRun
    ring.commit(100)
    ring.commit(100)
    ring.commit(100)
    ring.run = runId
    ring.position = 0
    ring.number = 1
    ring.previousCrc = 0
    ring.commit(100)
    expect(walk(ring).numbers).to.deep.equal([1])
  })
})
