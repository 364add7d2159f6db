/**
 * A deleted topic and one made anew under its name, in one image or seen at different times by different shards.
 * Runs on: the test process, shards inline on a disk in memory.
 */
import { expect } from 'chai'
import { topicConfigOf } from '../../../native-free-core/config/topic-config.js'
import { MetadataImage, type TopicImage } from '../../../native-free-core/metadata/metadata-image.js'
import { RecordBatchBuilder } from '../../../native-free-core/log/record-batch-builder.js'
import { PartitionFolders } from '../../../workers/shared/partition-folders.js'
import { InlineBroker } from '../../simulation/inline-shard.js'
import { MemoryDisk } from '../../support/memory-disk.js'
import { Random } from '../../support/random.js'

const [firstId, secondId] = ['7'.repeat(32), '8'.repeat(32)]

function topic(topicId: string, partitionId: number): TopicImage {
  const partition = { partition: 0, partitionId, leader: 0, leaderEpoch: 0, replicas: [0], isr: [0] }
  return { topicId, name: 'one', configs: { 'segment.bytes': '65536' }, partitions: [partition] }
}

/** The first topic, or the second in its place, or neither. */
function image(version: number, made: TopicImage | undefined): MetadataImage {
  const deletedTopics = made?.topicId === secondId ? [{ topicId: firstId, version }] : []
  const ids = { clusterId: 'c1'.repeat(16), nextPartitionId: 10, nextProducerId: 1 }
  return new MetadataImage({ version, ...ids, brokers: [], topics: made === undefined ? [] : [made], deletedTopics })
}

function diskWithFolders(random: Random): MemoryDisk {
  const disk = new MemoryDisk({ random })
  for (const name of ['journals', 'topics']) disk.makeFolder(`/data/${name}`)
  return disk
}

function brokerWith(
  shardCount: number,
  made: TopicImage | undefined,
  random = new Random(5),
  disk = diskWithFolders(random),
): { broker: InlineBroker; disk: MemoryDisk } {
  const options = { disk, random, image: image(1, made), shardCount, journalBytes: 256 * 1024 }
  return { broker: new InlineBroker(options, 1_700_000_000_000), disk }
}

/** Returns the base offset. */
function produce(broker: InlineBroker, partitionId: number): number {
  const builder = new RecordBatchBuilder()
  builder.append(null, new Uint8Array(10), broker.nowMs)
  let offset = Number.NaN
  broker.produce(partitionId, builder.finish().slice(), (answer) => (offset = answer.code === 0 ? answer.offset : -1))
  broker.until(() => !Number.isNaN(offset), 'produce')
  return offset
}

describe('placement', () => {
  it('takes the end of a topic and the making of another of its name in one image', () => {
    const { broker, disk } = brokerWith(1, topic(firstId, 1))
    expect(produce(broker, 1)).to.equal(0)
    const { placement, shard } = broker.shards[0]!
    expect(placement.apply(image(3, topic(secondId, 2)), shard)).to.equal(true)
    expect(produce(broker, 2)).to.equal(0)
    placement.removeDeleted()
    expect(disk.list('/data/topics')).to.deep.equal(['one-0'])
    broker.stop()
  })

  it('opens no folder in which another shard still has the deleted topic', () => {
    // Partition 1 is shard 1's, partition 2 is shard 0's.
    const { broker, disk } = brokerWith(2, topic(firstId, 1))
    expect(produce(broker, 1)).to.equal(0)
    const [one, other] = [broker.shards[0]!, broker.shards[1]!]
    const next = image(3, topic(secondId, 2))
    expect(one.placement.apply(next, one.shard), 'the folder is not free').to.equal(false)
    expect(produce(broker, 1), 'the other shard has not heard of it').to.equal(1)
    expect(other.placement.apply(next, other.shard)).to.equal(true)
    expect(one.placement.apply(next, one.shard), 'now it is').to.equal(true)
    expect(produce(broker, 2)).to.equal(0)
    // What the other shard removes is the first topic, not the second.
    other.placement.removeDeleted()
    expect(disk.list('/data/topics')).to.deep.equal(['one-0'])
    expect(produce(broker, 2)).to.equal(1)
    broker.stop()
  })
  it('leaves a folder alone whose topic another shard knows from a newer image', () => {
    const { broker, disk } = brokerWith(2, undefined)
    const [one, other] = [broker.shards[0]!, broker.shards[1]!]
    const newest = image(4, topic(secondId, 2))
    expect(one.placement.apply(newest, one.shard)).to.equal(true)
    expect(produce(broker, 2)).to.equal(0)
    expect(other.placement.apply(image(2, topic(firstId, 1)), other.shard), 'it is behind').to.equal(false)
    other.placement.removeDeleted()
    expect(disk.list('/data/topics')).to.deep.equal(['one-0'])
    expect(other.placement.apply(newest, other.shard)).to.equal(true)
    expect(produce(broker, 2)).to.equal(1)
    broker.stop()
  })

  it('moves the folder of a topic away that no image knows', () => {
    const random = new Random(5)
    const { broker: before, disk } = brokerWith(2, undefined, random)
    before.stop()
    new PartitionFolders(disk, '/data/topics').openOrCreate('9'.repeat(32), 'one', 0, topicConfigOf({}), undefined)
    const { broker } = brokerWith(2, undefined, random, disk)
    const other = broker.shards[1]!
    expect(other.placement.apply(image(2, topic(firstId, 1)), other.shard)).to.equal(true)
    expect(produce(broker, 1)).to.equal(0)
    broker.stop()
  })
})
