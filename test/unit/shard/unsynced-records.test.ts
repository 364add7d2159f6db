/**
 * Records that only the page cache holds, of topics that do not ask for synced writes, through kills, failed syncs and
 * power cuts: what is promised afterwards never rests on them before they are on the disk.
 * Runs on: the test process, shards inline on a disk in memory.
 */
import { expect } from 'chai'
import { RecordBatchBuilder } from '../../../native-free-core/log/record-batch-builder.js'
import { MetadataImage } from '../../../native-free-core/metadata/metadata-image.js'
import { type Answer, type FetchAnswer, InlineBroker } from '../../simulation/inline-shard.js'
import { type Fault, MemoryDisk, type Operation } from '../../support/memory-disk.js'
import { Random } from '../../support/random.js'

const topicId = '7'.repeat(32)
const partitionId = 1
const startMs = 1_700_000_000_000
const builder = new RecordBatchBuilder()

/** A data folder of one topic with one partition, and the broker on it. */
class OneTopic {
  readonly disk: MemoryDisk
  broker!: InlineBroker
  fault: (operation: Operation, path: string) => Fault = () => undefined
  private readonly random: Random
  private version = 1

  constructor(seed: number) {
    this.random = new Random(seed)
    this.disk = new MemoryDisk({ random: this.random, fault: (operation, path) => this.fault(operation, path) })
    for (const name of ['journals', 'topics']) this.disk.makeFolder(`/data/${name}`)
    for (const path of ['/data', '/']) this.disk.syncFolder(path)
  }

  private imageWith(configs: Record<string, string>): MetadataImage {
    const partition = { partition: 0, partitionId, leader: 0, leaderEpoch: 0, replicas: [0], isr: [0] }
    return new MetadataImage({
      version: ++this.version,
      clusterId: 'c1'.repeat(16),
      brokers: [],
      topics: [{ topicId, name: 'one', configs: { 'segment.bytes': '65536', ...configs }, partitions: [partition] }],
      nextPartitionId: 2,
      nextProducerId: 1,
      deletedTopics: [],
    })
  }

  start(configs: Record<string, string>): void {
    const { disk, random } = this
    const options = { disk, random, image: this.imageWith(configs), shardCount: 1, journalBytes: 256 * 1024 }
    this.broker = new InlineBroker(options, startMs)
  }

  alter(configs: Record<string, string>): void {
    this.broker.apply(this.imageWith(configs))
  }

  /** kill -9: the page cache stays. */
  kill(): void {
    this.disk.cutPower()
    this.disk.restartProcess()
  }

  cutPower(): void {
    this.disk.cutPower()
    this.disk.restart()
  }

  turns(count: number): void {
    for (; count > 0; count--) this.broker.turn()
  }

  produce(valueBytes = 100): Answer {
    builder.reset()
    builder.append(null, this.random.bytes(valueBytes), this.broker.nowMs)
    let answer: Answer | undefined
    this.broker.produce(partitionId, builder.finish().slice(), (given) => (answer = given))
    this.broker.until(() => answer !== undefined, 'produce')
    return answer!
  }

  /** Log start and end. */
  bounds(): [number, number] {
    let answer: FetchAnswer | undefined
    this.broker.fetch(partitionId, 0, (given) => (answer = given))
    this.broker.until(() => answer !== undefined, 'fetch')
    return [answer!.logStartOffset, answer!.highWatermark]
  }
}

const seeds = Array.from({ length: 60 }, (_, index) => index + 1)

describe('records that only the page cache holds', () => {
  it('are on the disk before a synced acknowledgement rests on them', () => {
    for (const seed of seeds) {
      const one = new OneTopic(seed)
      one.start({ flush: 'os' })
      for (let count = 0; count < 5; count++) one.produce()
      one.kill()
      one.start({ flush: 'commit' })
      expect(one.produce()).to.deep.equal({ code: 0, offset: 5 })
      one.cutPower()
      one.start({ flush: 'commit' })
      expect(one.bounds(), `seed ${seed}`).to.deep.equal([0, 6])
    }
  })

  it('are written again before a recovery point covers them: the sync before may have failed', () => {
    for (const seed of seeds) {
      const one = new OneTopic(seed)
      one.start({ flush: 'interval', 'flush.ms': '10' })
      one.turns(50)
      for (let count = 0; count < 5; count++) one.produce(30_000)
      one.fault = (operation, path) => (operation === 'sync' && path.includes('one-0') ? 'EIO' : undefined)
      one.broker.until(() => one.broker.failure !== undefined, 'the sync fails')
      one.fault = () => undefined
      one.kill()
      one.start({ flush: 'interval', 'flush.ms': '10' })
      expect(one.bounds()).to.deep.equal([0, 5])
      one.broker.stop()
      one.cutPower()
      one.start({ flush: 'interval', 'flush.ms': '10' })
      expect(one.bounds(), `seed ${seed}`).to.deep.equal([0, 5])
    }
  })

  it('are synced after a restart though nothing more is written', () => {
    for (const seed of seeds) {
      const one = new OneTopic(seed)
      one.start({ flush: 'interval', 'flush.ms': '50' })
      for (let count = 0; count < 5; count++) one.produce()
      one.kill()
      one.start({ flush: 'interval', 'flush.ms': '50' })
      one.turns(100)
      one.cutPower()
      one.start({ flush: 'interval', 'flush.ms': '50' })
      expect(one.bounds(), `seed ${seed}`).to.deep.equal([0, 5])
    }
  })

  it('leave no hole at the beginning when a power cut takes the first segment and not the second', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const one = new OneTopic(seed)
      one.start({ flush: 'os' })
      for (let count = 0; count < 4; count++) one.produce(30_000)
      one.cutPower()
      one.start({ flush: 'os' })
      expect(one.bounds()[0], `seed ${seed}`).to.equal(0)
    }
  })
})

describe('a partition that is settled into several segments', () => {
  it('loses nothing when a power cut takes the first one, never synced, and not the second', () => {
    let count = 0
    for (const seed of seeds) {
      const one = new OneTopic(seed)
      one.start({ flush: 'commit' })
      for (let index = 0; index < 4; index++) one.produce(30_000)
      one.fault = (operation) => (operation === 'sync' ? 'kill' : undefined)
      one.broker.stop()
      one.fault = () => undefined
      one.disk.restartProcess()
      const segments = one.disk.list('/data/topics/one-0').filter((name) => name.endsWith('.log'))
      // How much a round takes, and when it begins, is the seed's choice.
      if (segments.length < 2 || one.disk.exists('/data/journals/shard-0.recovery-point')) continue
      count++
      one.disk.remove(`/data/topics/one-0/${segments[0]}`)
      one.start({ flush: 'commit' })
      expect(one.bounds()).to.deep.equal([0, 4])
    }
    expect(count).to.be.greaterThan(0)
  })
})
