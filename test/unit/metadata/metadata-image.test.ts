/**
 * The metadata image: bytes and back, look-ups, what is refused.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { type ImageContent, MetadataImage } from '../../../native-free-core/metadata/metadata-image.js'

const content: ImageContent = {
  version: 42,
  clusterId: 'c'.repeat(32),
  brokers: [{ brokerId: 0, host: 'localhost', port: 9400, incarnation: 'i' }],
  topics: [
    {
      topicId: 'a'.repeat(32),
      name: 'flights',
      configs: { 'retention.ms': '1000' },
      partitions: [
        { partition: 0, partitionId: 7, leader: 0, leaderEpoch: 2, replicas: [0], isr: [0] },
        { partition: 1, partitionId: 9, leader: -1, leaderEpoch: 3, replicas: [0], isr: [] },
      ],
    },
  ],
  nextPartitionId: 10,
  nextProducerId: 2000,
  deletedTopics: [{ topicId: 'd'.repeat(32), version: 40 }],
}
const image = new MetadataImage(content)

function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}

describe('metadata image', () => {
  it('comes back whole from its bytes, also from shared memory', () => {
    const bytes = image.encode()
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
    shared.set(bytes)
    for (const source of [bytes, shared]) {
      const back = MetadataImage.parse(source)
      expect(back).to.deep.equal(image)
      expect(back.encode()).to.deep.equal(bytes)
    }
  })

  it('finds topics, partitions and brokers', () => {
    expect(image.topicByName('flights')).to.equal(image.topics[0])
    expect(image.topicById('a'.repeat(32))).to.equal(image.topics[0])
    expect(image.partitionById(9)).to.deep.equal({ topic: image.topics[0], partition: image.topics[0]!.partitions[1] })
    expect(image.brokerById(0)?.port).to.equal(9400)
    expect(image.topicByName('constructor')).to.equal(undefined)
    expect(image.partitionById(8)).to.equal(undefined)
    expect(image.brokerById(1)).to.equal(undefined)
  })

  it('tells a deleted topic from an unknown one', () => {
    expect(image.isDeleted('d'.repeat(32))).to.equal(true)
    expect(image.isDeleted('a'.repeat(32))).to.equal(false)
    expect(image.isDeleted('e'.repeat(32))).to.equal(false)
  })

  it('refuses a newer format, other JSON, and what is no JSON', () => {
    expect(() => MetadataImage.parse(bytesOf({ format: 2 })))
      .to.throw(/format 2/)
      .with.property('name', 'DATA_FORMAT_TOO_NEW')
    expect(() => MetadataImage.parse(bytesOf({ format: 1 }))).to.throw(/not a metadata image/)
    expect(() => MetadataImage.parse(bytesOf(null))).to.throw(/not a metadata image/)
    expect(() => MetadataImage.parse(new Uint8Array([0xff]))).to.throw(/not JSON/)
  })

  it('holds a topic of 10,000 partitions in less than half a megabyte', () => {
    const partitions = Array.from({ length: 10_000 }, (_, partition) => ({
      partition,
      partitionId: partition,
      leader: 0,
      leaderEpoch: 0,
      replicas: [0],
      isr: [0],
    }))
    const topics = [{ ...image.topics[0]!, partitions }]
    expect(new MetadataImage({ ...content, topics }).encode().length).to.be.lessThan(500_000)
  })
})
