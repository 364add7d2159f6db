/**
 * Murmur2 against Kafka's own values.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { murmur2, partitionForKey } from '../../../native-free-core/log/murmur2.js'
import { fromHex, kafkaLogVectors } from './kafka-vectors.js'

describe('murmur2', () => {
  for (const vector of kafkaLogVectors.murmur2) {
    it(`of ${vector.hex || 'nothing'} is what Kafka computes`, () => {
      const key = fromHex(vector.hex)
      expect(murmur2(key)).to.equal(vector.murmur2)
      expect(partitionForKey(key, 7)).to.equal(vector.partitionOf7)
    })
  }

  it('reads only the range it is given', () => {
    const key = fromHex('00616263ff')
    expect(murmur2(key, 1, 4)).to.equal(479470107)
  })
})
