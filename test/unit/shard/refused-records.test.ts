/**
 * What a shard that a failed write took offline shows of the records that it refused, though segments hold some of
 * them: nothing. What lies below the high watermark stays readable.
 * Runs on: the test process, shards inline on a disk in memory.
 */
import { expect } from 'chai'
import { errorTable } from '../../../native-free-core/errors/error-table.js'
import { RecordBatchBuilder } from '../../../native-free-core/log/record-batch-builder.js'
import { RecordBatchView } from '../../../native-free-core/log/record-batch.js'
import { MetadataImage } from '../../../native-free-core/metadata/metadata-image.js'
import { type Answer, type FetchAnswer, InlineBroker } from '../../simulation/inline-shard.js'
import { type Fault, MemoryDisk, type Operation } from '../../support/memory-disk.js'
import { Random } from '../../support/random.js'

const seeds = Array.from({ length: 10 }, (_, index) => index + 1)
const refused = errorTable.KAFKA_STORAGE_ERROR.code
const largestTime = -3
const startMs = 1_700_000_000_000
/** More than index.interval.bytes: the second batch of a segment gets entries in its indexes. */
const valueBytes = 5000

const builder = new RecordBatchBuilder()

/** One shard with a partition for each of `flushes`, their ids 1 and so on. */
class Shard {
  fault: (operation: Operation, path: string) => Fault = () => undefined
  broker: InlineBroker
  private readonly disk: MemoryDisk
  private readonly image: MetadataImage
  private readonly random: Random
  private timestamp = startMs

  constructor(seed: number, flushes: readonly string[]) {
    this.random = new Random(seed)
    this.disk = new MemoryDisk({ random: this.random, fault: (operation, path) => this.fault(operation, path) })
    for (const name of ['journals', 'topics']) this.disk.makeFolder(`/data/${name}`)
    this.image = new MetadataImage({
      version: 1,
      clusterId: 'c1'.repeat(16),
      brokers: [],
      topics: flushes.map((flush, index) => ({
        topicId: String(index + 1).repeat(32),
        name: `${flush}${index + 1}`,
        configs: { flush },
        partitions: [{ partition: 0, partitionId: index + 1, leader: 0, leaderEpoch: 0, replicas: [0], isr: [0] }],
      })),
      nextPartitionId: flushes.length + 1,
      nextProducerId: 1,
      deletedTopics: [],
    })
    this.broker = this.open()
  }

  private open(): InlineBroker {
    const { disk, random, image } = this
    return new InlineBroker({ disk, random, image, shardCount: 1, journalBytes: 256 * 1024 }, startMs)
  }

  /** What was written before is in segments alone afterwards: the ring's memory holds none of it. */
  restart(): void {
    this.disk.cutPower()
    this.disk.restartProcess()
    this.broker = this.open()
  }

  /** A batch of one record to each, in one commit; each record is a millisecond younger than the one before. */
  produce(...partitionIds: number[]): Answer[] {
    const answers: Answer[] = []
    for (const partitionId of partitionIds) {
      builder.reset()
      builder.append(null, this.random.bytes(valueBytes), this.timestamp++)
      this.broker.produce(partitionId, builder.finish().slice(), (answer) => answers.push(answer))
    }
    this.broker.until(() => answers.length === partitionIds.length, 'produce')
    return answers
  }

  codes(...partitionIds: number[]): number[] {
    return this.produce(...partitionIds).map(({ code }) => code)
  }

  /** Base offsets of the batches that a fetch brings, and the high watermark that it tells. */
  read(partitionId: number, offset: number): { offsets: number[]; highWatermark: number } {
    let answer: FetchAnswer | undefined
    this.broker.fetch(partitionId, offset, (given) => (answer = given))
    this.broker.until(() => answer !== undefined, 'fetch')
    const { bytes, code, highWatermark } = answer!
    expect(code).to.equal(0)
    const offsets: number[] = []
    for (let at = 0; at < bytes.length; ) {
      const batch = new RecordBatchView(bytes, at)
      offsets.push(batch.baseOffset)
      at += batch.sizeBytes
    }
    return { offsets, highWatermark }
  }

  offsetFor(partitionId: number, timestamp: number): Answer {
    let answer: Answer | undefined
    this.broker.listOffsets(partitionId, timestamp, (given) => (answer = given))
    this.broker.until(() => answer !== undefined, 'list offsets')
    return answer!
  }
}

/** A shard that wrote the second batch of its partition, and its index entries not. */
function withLostIndexEntry(seed: number, flush: string): Shard {
  const shard = new Shard(seed, [flush])
  expect(shard.codes(1)).to.deep.equal([0])
  shard.restart()
  shard.fault = (operation, path) => (operation === 'write' && path.endsWith('.timeindex') ? 'ENOSPC' : undefined)
  expect(shard.codes(1)).to.deep.equal([refused])
  expect(shard.broker.failure).to.be.an('error')
  return shard
}

describe('records that a shard refused when a write failed', () => {
  for (const flush of ['os', 'interval']) {
    it(`are not readable where flush is ${flush}, though their segment holds them; what is below them is`, () => {
      for (const seed of seeds) {
        const shard = withLostIndexEntry(seed, flush)
        expect(shard.read(1, 0), `seed ${seed}`).to.deep.equal({ offsets: [0], highWatermark: 1 })
        expect(shard.read(1, 1), `seed ${seed}`).to.deep.equal({ offsets: [], highWatermark: 1 })
      }
    })
  }

  it('are not readable in partitions that were written before the one whose write failed', () => {
    for (const seed of seeds) {
      const shard = new Shard(seed, ['os', 'os'])
      expect(shard.codes(1, 2)).to.deep.equal([0, 0])
      shard.restart()
      shard.fault = (operation, path) => (operation === 'write' && path.includes('os2-0') ? 'ENOSPC' : undefined)
      expect(shard.codes(1, 2)).to.deep.equal([refused, refused])
      for (const partitionId of [1, 2]) {
        expect(shard.read(partitionId, 0), `seed ${seed}`).to.deep.equal({ offsets: [0], highWatermark: 1 })
      }
    }
  })

  it('are not readable where flush is commit, though the journal took them and they were settled', () => {
    for (const seed of seeds) {
      const shard = new Shard(seed, ['commit', 'os'])
      expect(shard.codes(1, 2)).to.deep.equal([0, 0])
      shard.restart()
      shard.fault = (operation, path) => (operation === 'write' && path.includes('os2-0') ? 'ENOSPC' : undefined)
      expect(shard.codes(1, 2)).to.deep.equal([refused, refused])
      for (const { shard: one } of shard.broker.shards) one.beginStop()
      for (let count = 0; count < 200; count++) shard.broker.turn()
      expect(shard.read(1, 0), `seed ${seed}`).to.deep.equal({ offsets: [0], highWatermark: 1 })
    }
  })

  it('are not found by their time', () => {
    for (const seed of seeds) {
      const shard = withLostIndexEntry(seed, 'os')
      expect(shard.offsetFor(1, startMs), `seed ${seed}`).to.deep.equal({ code: 0, offset: 0 })
      expect(shard.offsetFor(1, startMs + 1), `seed ${seed}`).to.deep.equal({ code: 0, offset: -1 })
      expect(shard.offsetFor(1, largestTime), `seed ${seed}`).to.deep.equal({ code: refused, offset: -1 })
    }
  })
})
