/**
 * Texts as UTF-8 in the shared pool.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { textToBytes } from '../../../src/client/text-bytes.js'
import { seedOfRun, withSeed } from '../../support/random.js'

const alphabets = ['abc 0189~', 'aü', '☃𝒳x', '\ud800\udc00\ud83dz', '\u0000\u007f\u0080\u07ff\u0800\uffff']

describe('textToBytes', () => {
  it('gives what Buffer.from gives, and never touches what it gave before', () => {
    withSeed(seedOfRun(), 'npm test -- test/unit/client/text-bytes.test.ts', (random) => {
      const given: { bytes: Uint8Array; wanted: string }[] = []
      for (let count = 0; count < 3000; count++) {
        const alphabet = alphabets[random.between(0, alphabets.length - 1)]!
        const length = random.chance(0.02) ? random.between(0, 20_000) : random.between(0, 80)
        const text = Array.from({ length }, () => alphabet[random.between(0, alphabet.length - 1)]).join('')
        given.push({ bytes: textToBytes(text), wanted: Buffer.from(text).toString('hex') })
      }
      for (const { bytes, wanted } of given) expect(Buffer.from(bytes).toString('hex')).to.equal(wanted)
    })
  })
})
