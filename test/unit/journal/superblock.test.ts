/**
 * Both copies of a superblock in every combination: valid, invalid, of a newer version.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import {
  newestSuperblock,
  readSuperblock,
  ringFilePosition,
  type Superblock,
  type SuperblockState,
  superblockBytes,
  superblockMagic,
  superblockVersion,
  writeSuperblock,
} from '../../../native-free-core/journal/superblock.js'
import { crc32cOf } from '../../../native-free-core/log/crc32c.js'

const superblock: Superblock = {
  sequence: 2 ** 33 + 1,
  clusterId: '00112233445566778899aabbccddeeff',
  brokerId: 7,
  journal: 3,
  capacityBytes: 2 ** 34,
  headPosition: 2 ** 41,
  headCommitNumber: 2 ** 35,
  runId: 'fedcba9876543210',
  previousCrc: 0x89abcdef,
  clean: true,
}

describe('superblock', () => {
  it('takes one block a copy, with the magic of its drawing', () => {
    expect([superblockBytes, ringFilePosition, superblockVersion]).to.deep.equal([4096, 8192, 1])
    expect(new TextDecoder().decode(new Uint8Array(Uint32Array.of(superblockMagic).buffer))).to.equal('SBJS')
  })

  it('is read as it was written', () => {
    const clusterId = superblock.clusterId
    const back = readSuperblock(writeSuperblock(superblock, crc32cOf), 0, crc32cOf)
    expect(back).to.deep.equal({ kind: 'valid', superblock: { ...superblock, clusterId } })
    const dirty = readSuperblock(writeSuperblock({ ...superblock, clean: false }, crc32cOf), 0, crc32cOf)
    expect(dirty.kind === 'valid' && dirty.superblock.clean).to.equal(false)
  })

  it('is invalid when any byte of its block is another, or the block is not whole', () => {
    for (let at = 0; at < superblockBytes; at++) {
      const bytes = writeSuperblock(superblock, crc32cOf)
      bytes[at]! ^= 0x10
      expect(readSuperblock(bytes, 0, crc32cOf).kind, `byte ${at}`).to.equal('invalid')
    }
    const bytes = writeSuperblock(superblock, crc32cOf)
    expect(readSuperblock(bytes.subarray(0, 4095), 0, crc32cOf).kind).to.equal('invalid')
  })

  it('of a newer version says so', () => {
    const bytes = writeSuperblock(superblock, crc32cOf)
    const view = new DataView(bytes.buffer)
    view.setUint32(4, superblockVersion + 1, true)
    view.setUint32(4092, crc32cOf(bytes, 0, 4092), true)
    expect(readSuperblock(bytes, 0, crc32cOf)).to.deep.equal({ kind: 'newer', version: superblockVersion + 1 })
  })
})

describe('two superblocks', () => {
  const valid = (sequence: number): SuperblockState => ({ kind: 'valid', superblock: { ...superblock, sequence } })
  const invalid: SuperblockState = { kind: 'invalid' }
  const newer: SuperblockState = { kind: 'newer', version: 9 }
  const states = { 'valid 1': valid(1), 'valid 2': valid(2), invalid, newer }

  /** First copy, second copy, which is in force. */
  const rows: readonly (readonly [keyof typeof states, keyof typeof states, keyof typeof states])[] = [
    ['valid 1', 'valid 1', 'valid 1'],
    ['valid 1', 'valid 2', 'valid 2'],
    ['valid 1', 'invalid', 'valid 1'],
    ['valid 1', 'newer', 'newer'],
    ['valid 2', 'valid 1', 'valid 2'],
    ['valid 2', 'valid 2', 'valid 2'],
    ['valid 2', 'invalid', 'valid 2'],
    ['valid 2', 'newer', 'newer'],
    ['invalid', 'valid 1', 'valid 1'],
    ['invalid', 'valid 2', 'valid 2'],
    ['invalid', 'invalid', 'invalid'],
    ['invalid', 'newer', 'newer'],
    ['newer', 'valid 1', 'newer'],
    ['newer', 'valid 2', 'newer'],
    ['newer', 'invalid', 'newer'],
    ['newer', 'newer', 'newer'],
  ]

  it('are listed in every combination', () => {
    expect(new Set(rows.map(([first, second]) => `${first}, ${second}`)).size).to.equal(Object.keys(states).length ** 2)
  })

  for (const [first, second, inForce] of rows) {
    it(`${first} and ${second}: ${inForce} is in force`, () => {
      expect(newestSuperblock(states[first], states[second])).to.deep.equal(states[inForce])
    })
  }
})
