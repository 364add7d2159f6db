/**
 * What a start after kill -9 reads again to know the producers: no more, however many partitions the records are in.
 * Runs on: the test process, a shard inline on a disk in memory.
 */
import { expect } from 'chai'
import { MetadataImage } from '../../../native-free-core/metadata/metadata-image.js'
import { InlineBroker } from '../../simulation/inline-shard.js'
import { makeBatch } from '../../support/log-fixture.js'
import { MemoryDisk } from '../../support/memory-disk.js'
import { startMs } from '../../support/one-topic.js'
import { Random } from '../../support/random.js'

const KiB = 1024
const journalBytes = 64 * KiB
/** As open-shard.ts says: eight journals. What the journal holds at the end comes on top. */
const mostReplayBytes = 8 * journalBytes
const topicId = '7'.repeat(32)

function imageOf(partitionCount: number): MetadataImage {
  const partitions = Array.from({ length: partitionCount }, (_, partition) => ({
    partition,
    partitionId: partition + 1,
    leader: 0,
    leaderEpoch: 0,
    replicas: [0],
    isr: [0],
  }))
  return new MetadataImage({
    version: 1,
    clusterId: 'c1'.repeat(16),
    brokers: [],
    topics: [{ topicId, name: 'many', configs: {}, partitions }],
    nextPartitionId: partitionCount + 1,
    nextProducerId: 2,
    deletedTopics: [],
  })
}

class ManyPartitions {
  private readonly random = new Random(1)
  private readonly disk = new MemoryDisk({ random: this.random })
  private readonly image: MetadataImage
  private readonly partitionCount: number
  private sequence = 0
  private broker: InlineBroker

  constructor(partitionCount: number) {
    this.partitionCount = partitionCount
    this.image = imageOf(partitionCount)
    for (const name of ['journals', 'topics']) this.disk.makeFolder(`/data/${name}`)
    this.broker = this.start()
  }

  private start(): InlineBroker {
    const { disk, random, image } = this
    return new InlineBroker({ disk, random, image, shardCount: 1, journalBytes }, startMs)
  }

  /** A batch of 4 KiB of producer 1 into each partition; waits until all are acknowledged. */
  produceToEach(): void {
    const batch = makeBatch({
      baseOffset: 0,
      valueBytes: 4 * KiB,
      producer: { id: 1, epoch: 0, sequence: this.sequence++ },
    })
    for (let partitionId = 1; partitionId <= this.partitionCount; partitionId++) {
      let code: number | undefined
      this.broker.produce(partitionId, batch, (answer) => (code = answer.code))
      this.broker.until(() => code !== undefined, 'produce')
      expect(code).to.equal(0)
    }
  }

  /** Bytes whose headers the start after a kill -9 replayed, of all partitions; and that it knows every producer. */
  replayedAfterKill(): number {
    this.disk.cutPower()
    this.disk.restartProcess()
    this.broker = this.start()
    let bytes = 0
    for (const { log, producers } of this.broker.shards[0]!.shard.partitions.values()) {
      bytes += log.replayBytes
      expect(producers.batchesOf(1).at(-1)?.lastSequence).to.equal(this.sequence - 1)
    }
    return bytes
  }

  snapshotCount(): number {
    const { partitionCount, disk } = this
    const folders = Array.from({ length: partitionCount }, (_, partition) => `/data/topics/many-${partition}`)
    return folders.flatMap((folder) => disk.list(folder)).filter((name) => name.endsWith('.snapshot')).length
  }
}

describe('a start after kill -9', () => {
  for (const partitionCount of [10, 80]) {
    it(`replays no more headers of ${partitionCount} partitions than eight journals have`, () => {
      const many = new ManyPartitions(partitionCount)
      const rounds = (3 * mostReplayBytes) / (partitionCount * 4 * KiB)
      for (let round = 0; round < rounds; round++) many.produceToEach()
      expect(many.replayedAfterKill()).to.be.within(mostReplayBytes / 2, mostReplayBytes + journalBytes)
    })
  }

  it('finds no snapshot where there is less than that to replay', () => {
    const many = new ManyPartitions(10)
    for (let round = 0; round < 10; round++) many.produceToEach()
    expect(many.replayedAfterKill()).to.be.within(10 * 10 * 4 * KiB, mostReplayBytes)
    expect(many.snapshotCount()).to.equal(0)
  })
})
