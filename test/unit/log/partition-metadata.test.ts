/**
 * Kafka's partition.metadata.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { formatPartitionMetadata, parsePartitionMetadata } from '../../../native-free-core/log/partition-metadata.js'

const topicId = '0123456789abcdef0123456789abcdef'

describe('partition.metadata', () => {
  it('has the form of Kafka and comes back', () => {
    const text = formatPartitionMetadata(topicId)
    expect(text).to.equal('version: 0\ntopic_id: ASNFZ4mrze8BI0VniavN7w\n')
    expect(parsePartitionMetadata(text)).to.equal(topicId)
  })

  it('is refused with its text when it has another form', () => {
    for (const text of ['', 'version: 1\ntopic_id: ASNFZ4mrze8BI0VniavN7w\n', 'version: 0\ntopic_id: short\n']) {
      expect(() => parsePartitionMetadata(text)).to.throw(`partition.metadata holds "${text}"`)
    }
  })
})
