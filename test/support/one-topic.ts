/**
 * One topic with one partition, its broker inline on a disk in memory: for tests that cut the power at a chosen moment.
 * Runs on: the test process. Touches: memory only.
 */
import { RecordBatchBuilder } from '../../native-free-core/log/record-batch-builder.js'
import { MetadataImage } from '../../native-free-core/metadata/metadata-image.js'
import { type Answer, type FetchAnswer, InlineBroker } from '../simulation/inline-shard.js'
import { type Fault, MemoryDisk, type MemoryDiskOptions, type Operation } from './memory-disk.js'
import { Random } from './random.js'

export const startMs = 1_700_000_000_000
const builder = new RecordBatchBuilder()

/** A data folder of one topic with one partition, and the broker on it. */
export class OneTopic {
  readonly disk: MemoryDisk
  broker!: InlineBroker
  fault: (operation: Operation, path: string) => Fault = () => undefined
  private readonly random: Random
  shardCount: number
  private readonly journalBytes: number
  private version = 1
  /** 2 and so on: of a topic made anew under the same name. */
  private partitionId = 1

  constructor(
    seed: number,
    shardCount = 1,
    disk: Omit<MemoryDiskOptions, 'random' | 'fault'> = {},
    journalBytes = 256 * 1024,
  ) {
    this.shardCount = shardCount
    this.journalBytes = journalBytes
    this.random = new Random(seed)
    const fault = (operation: Operation, path: string): Fault => this.fault(operation, path)
    this.disk = new MemoryDisk({ random: this.random, fault, ...disk })
    for (const name of ['journals', 'topics']) this.disk.makeFolder(`/data/${name}`)
    for (const path of ['/data', '/']) this.disk.syncFolder(path)
  }

  private imageWith(configs: Record<string, string>, isThere = true): MetadataImage {
    const { partitionId } = this
    const topicId = String(partitionId + 6).repeat(32)
    const partition = { partition: 0, partitionId, leader: 0, leaderEpoch: 0, replicas: [0], isr: [0] }
    return new MetadataImage({
      version: ++this.version,
      clusterId: 'c1'.repeat(16),
      brokers: [],
      topics: isThere
        ? [{ topicId, name: 'one', configs: { 'segment.bytes': '65536', ...configs }, partitions: [partition] }]
        : [],
      nextPartitionId: partitionId + 1,
      nextProducerId: 1,
      deletedTopics: [],
    })
  }

  /** `nowMs` decides, too, how many files the sync thread syncs together. */
  start(configs: Record<string, string>, nowMs = startMs): void {
    const { disk, random, shardCount, journalBytes } = this
    const options = { disk, random, image: this.imageWith(configs), shardCount, journalBytes, ringBytes: journalBytes }
    this.broker = new InlineBroker(options, nowMs)
  }

  alter(configs: Record<string, string>): void {
    this.broker.apply(this.imageWith(configs))
  }

  /** Deletes the topic and makes another of its name, both at once. */
  makeAnew(configs: Record<string, string>): void {
    this.broker.apply(this.imageWith({}, false))
    this.partitionId++
    this.alter(configs)
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
    return this.send(builder.finish().slice())
  }

  /** Returns what the broker answers to the batch. */
  send(batch: Uint8Array): Answer {
    let answer: Answer | undefined
    this.broker.produce(this.partitionId, batch, (given) => (answer = given))
    this.broker.until(() => answer !== undefined, 'produce')
    return answer!
  }

  /** Returns the log start that is answered. */
  deleteRecords(beforeOffset: number): number {
    let answer: Answer | undefined
    this.broker.deleteRecords(this.partitionId, beforeOffset, (given) => (answer = given))
    this.broker.until(() => answer !== undefined, 'delete records')
    return answer!.offset
  }

  /** The files of the partition's folder. */
  files(): string[] {
    return this.disk.list('/data/topics/one-0')
  }

  /** Log start and end. */
  bounds(): [number, number] {
    let answer: FetchAnswer | undefined
    this.broker.fetch(this.partitionId, 0, (given) => (answer = given))
    this.broker.until(() => answer !== undefined, 'fetch')
    return [answer!.logStartOffset, answer!.highWatermark]
  }
}
