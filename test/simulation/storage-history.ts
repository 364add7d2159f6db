/**
 * One seeded life of a data folder: producers, readers, deletions, and ends of every kind at any disk call, with other
 * numbers of shards after each restart. Judged after every recovery.
 * Runs on: the test process.
 */
import { decodeUtf8 } from '../../native-free-core/bytes/utf8.js'
import { errorTable } from '../../native-free-core/errors/error-table.js'
import { crc32cOf } from '../../native-free-core/log/crc32c.js'
import { parsePartitionMetadata } from '../../native-free-core/log/partition-metadata.js'
import { RecordBatchBuilder } from '../../native-free-core/log/record-batch-builder.js'
import { type ImageContent, MetadataImage, type TopicImage } from '../../native-free-core/metadata/metadata-image.js'
import { readWhole } from '../../workers/shared/segmented-log/replaced-files.js'
import { type Fault, MemoryDisk, type MemoryDiskOptions, type Operation, PowerCut } from '../support/memory-disk.js'
import type { Random } from '../support/random.js'
import { type FetchAnswer, InlineBroker } from './inline-shard.js'
import { batchesOf, type FoundBatch, PartitionModel, type SentBatch } from './partition-model.js'

export interface HistoryOptions {
  readonly lives: number
  readonly steps: number
  /** Disk errors, besides cuts and kills. */
  readonly errors: boolean
  /** Many short segments, of which retention removes the old ones. */
  readonly shortSegments?: boolean
  /** Topics are made and deleted all the time. */
  readonly churn?: boolean
  /** Deleted topics are remembered for ever, as they once were. */
  readonly remembersAll?: boolean
  readonly disk?: Omit<MemoryDiskOptions, 'random' | 'fault'>
  readonly say?: (line: string) => void
}

const clusterId = 'c1'.repeat(16)
const startMs = 1_700_000_000_000
const journalBytes = 128 * 1024
const maxInFlight = 5
/** Longer than any producer here waits before it sends again what is not acknowledged. */
const producerIdExpirationMs = 1000
const wholeSyncErrorChance = 0.2
const flushes = ['commit', 'os', 'interval'] as const

interface PartitionState {
  readonly partitionId: number
  readonly model: PartitionModel
  /** Idempotent batches that are not acknowledged, in order; `sent` of them are on their way. */
  waiting: SentBatch[]
  onTheWay: number
  nextSequence: number
  /** Of a topic whose entry flush changes: producers without ids only. */
  readonly isPlain: boolean
  flush: string
  /** Batches sent before that may have been stored under the entry before. */
  changedAt: number
  othersOnTheWay: number
}

export class StorageHistory {
  private readonly random: Random
  private readonly options: HistoryOptions
  private readonly disk: MemoryDisk
  private image = MetadataImage.empty(clusterId)
  private readonly partitions = new Map<number, PartitionState>()
  private readonly builder = new RecordBatchBuilder()
  private broker: InlineBroker | undefined
  private nowMs = startMs
  private callsLeft = Number.POSITIVE_INFINITY
  private fate: 'power cut' | 'kill' = 'power cut'
  private errorChance = 0
  private batchCount = 0
  private topicCount = 0
  /** Of all lives. */
  forgottenCount = 0
  private powerWasCut = false

  constructor(random: Random, options: HistoryOptions) {
    this.random = random
    this.options = options
    this.disk = new MemoryDisk({ random, fault: (operation) => this.fault(operation), ...options.disk })
    // As the data folder is opened before anything else.
    for (const name of ['journals', 'topics']) this.disk.makeFolder(`/data/${name}`)
    for (const path of ['/data', '/']) this.disk.syncFolder(path)
    for (let count = random.between(1, 3); count > 0; count--) this.createTopic()
  }

  private say(line: string): void {
    this.options.say?.(line)
  }

  private fault(operation: Operation): Fault {
    if (--this.callsLeft <= 0) return this.fate
    if (this.errorChance === 0) return undefined
    // Rare, and there is one only: it would hardly be met.
    const chance = operation === 'sync file system' ? wholeSyncErrorChance : this.errorChance
    if (!this.random.chance(chance)) return undefined
    if (operation === 'write' || operation === 'durable write') return this.random.pick(['EIO', 'ENOSPC'] as const)
    return operation.startsWith('sync') || operation === 'read' ? 'EIO' : undefined
  }

  /** Throws with what was lost. */
  run(): void {
    for (let life = 0; life < this.options.lives; life++) {
      const hasErrors = this.options.errors && this.random.chance(0.3)
      this.live(life, hasErrors)
      this.end()
      this.judgeAll()
    }
  }

  // ---- a life

  private live(life: number, hasErrors: boolean): void {
    this.arm(this.random.pick([30, 300, 3000]))
    try {
      this.open()
      this.errorChance = hasErrors ? 0.01 : 0
      for (let step = 0; step < this.options.steps; step++) this.step()
      if (this.random.chance(0.3)) this.broker!.stop()
    } catch (error) {
      if (!(error instanceof PowerCut) && !this.disk.powerIsOff && !this.wasFailing()) throw error
      this.say(`life ${life}: ${error instanceof Error ? error.stack : error}`)
    }
  }

  private wasFailing(): boolean {
    return this.errorChance > 0
  }

  private arm(most: number): void {
    this.callsLeft = this.random.between(1, most)
    this.fate = this.random.chance(0.7) ? 'power cut' : 'kill'
  }

  private end(): void {
    this.callsLeft = Number.POSITIVE_INFINITY
    this.errorChance = 0
    this.broker = undefined
    if (!this.disk.powerIsOff) this.fate = this.random.chance(0.7) ? 'power cut' : 'kill'
    this.say(`ends by ${this.fate}`)
    this.restartDisk()
    for (const partition of this.partitions.values()) {
      partition.onTheWay = 0
      partition.othersOnTheWay = 0
    }
  }

  private restartDisk(): void {
    if (!this.disk.powerIsOff) this.disk.cutPower()
    if (this.fate === 'power cut') {
      this.powerWasCut = true
      this.disk.restart()
    } else this.disk.restartProcess()
  }

  /** Recovers and opens; a few times with a cut in the middle of it. */
  private open(): void {
    const shardCount = this.random.pick([3, 1, 2])
    this.broker = undefined
    const { disk, random, image } = this
    const bounds = { journalBytes, ...this.replayBound(), ...this.clearingBound() }
    this.broker = new InlineBroker({ disk, random, image, shardCount, ...bounds }, this.nowMs)
  }

  /** Mostly so short that what was deleted is settled away within the life. */
  private clearingBound(): { clearAfterMs?: number } {
    return this.nowMs % 3 === 0 ? {} : { clearAfterMs: 20 }
  }

  /** At half of the moments so little that almost every settling round stores producers. */
  private replayBound(): { mostReplayBytes?: number } {
    return this.nowMs % 2 === 0 ? { mostReplayBytes: 2048 } : {}
  }

  /** Opens without faults, after up to two recoveries that are cut. */
  private judgeAll(): void {
    for (let cut = this.random.below(3); cut > 0; cut--) {
      this.arm(60)
      try {
        this.open()
      } catch (error) {
        if (!this.disk.powerIsOff) throw error
      }
      this.callsLeft = Number.POSITIVE_INFINITY
      this.say(`recovery ends by ${this.fate}`)
      this.restartDisk()
    }
    this.open()
    for (const partition of this.partitions.values()) this.judge(partition)
    this.powerWasCut = false
    this.judgeFolders()
    // What readers saw counts as stored; the next life begins from here, without a clean end.
    if (this.random.chance(0.5)) this.broker!.stop()
    this.broker = undefined
    this.disk.restartProcess()
  }

  /** Deleted topics take no room: at the start what was marked is removed. */
  private judgeFolders(): void {
    const names = this.image.topics.flatMap(({ name, partitions }) => partitions.map((_, index) => `${name}-${index}`))
    const strangers = this.disk.list('/data/topics').filter((name) => !names.includes(name) && this.hasOwner(name))
    if (strangers.length > 0) throw new Error(`folders of deleted topics are left: ${strangers.join(', ')}`)
  }

  /** A folder whose topic can't be told is left alone: it may be anybody's. */
  private hasOwner(folder: string): boolean {
    try {
      const bytes = readWhole(this.disk, `/data/topics/${folder}/partition.metadata`)
      return parsePartitionMetadata(decodeUtf8(bytes)) !== ''
    } catch {
      return false
    }
  }

  private judge({ partitionId, model, waiting }: PartitionState): void {
    const { batches, last } = this.readAll(partitionId)
    model.judge(last.logStartOffset, last.highWatermark, batches, this.powerWasCut)
    const state = this.partitions.get(partitionId)!
    state.waiting = waiting.filter((batch) => batch.offset < 0)
  }

  private readAll(partitionId: number): { batches: FoundBatch[]; last: FetchAnswer } {
    const batches: FoundBatch[] = []
    let { logStartOffset: offset } = this.fetch(partitionId, 0)
    for (;;) {
      const last = this.fetch(partitionId, offset)
      if (last.code !== 0) throw new Error(`partition ${partitionId}: fetch at ${offset} failed with ${last.code}`)
      if (last.bytes.length === 0) return { batches, last }
      for (const batch of batchesOf(last.bytes, crc32cOf)) {
        batches.push(batch)
        offset = batch.baseOffset + batch.recordCount
      }
    }
  }

  private fetch(partitionId: number, offset: number): FetchAnswer {
    let answer: FetchAnswer | undefined
    this.broker!.fetch(partitionId, offset, (fetched) => {
      answer = fetched
    })
    this.broker!.until(() => answer !== undefined, `fetch of partition ${partitionId} at ${offset}`)
    return answer!
  }

  // ---- steps

  private step(): void {
    const { random } = this
    const partition = random.pick([...this.partitions.values()])
    const dice = random.below(1000)
    if (dice < 550 && !partition.isPlain) this.produceIdempotent(partition)
    else if (dice < 750) this.produceOther(partition)
    else if (dice < 850) this.fetchSomewhere(partition)
    else if (dice < 860) this.deleteRecords(partition)
    else if (dice < 864) this.createTopic()
    else if (dice < 867) this.deleteTopic()
    else if (dice < 875) this.chores()
    else if (dice < 885) this.changeFlush(partition)
    else if (this.options.churn === true && dice < 925) this.createTopic()
    else if (this.options.churn === true && dice < 965) this.deleteTopic()
    this.broker!.turn()
    this.nowMs = this.broker!.nowMs
    if (this.options.remembersAll !== true) this.forgetDeletedTopics()
  }

  /** At once, as far as the shards allow it. */
  private forgetDeletedTopics(): void {
    const { clearedVersion } = this.broker!
    const kept = this.image.deletedTopics.filter(({ version }) => version > clearedVersion)
    if (kept.length === this.image.deletedTopics.length) return
    this.forgottenCount += this.image.deletedTopics.length - kept.length
    this.changeImage({ deletedTopics: kept })
  }

  private chores(): void {
    for (const { shard, placement } of this.broker!.shards) {
      shard.applyRetention(this.nowMs)
      shard.forgetSilentProducers(this.nowMs, producerIdExpirationMs)
      placement.removeDeleted()
    }
  }

  /** A unique batch: its first record carries its number. */
  private batchOf(partition: PartitionState, isIdempotent: boolean): SentBatch {
    const { random, builder } = this
    builder.reset()
    const number = new Uint8Array(4)
    new DataView(number.buffer).setUint32(0, this.batchCount++)
    const count = random.between(1, 6)
    const largest = random.pick([20, 500, 4000])
    for (let record = 0; record < count; record++) {
      builder.append(record === 0 ? number : null, random.bytes(random.below(largest / count + 1)), this.nowMs)
    }
    const producer = { producerId: partition.partitionId + 1, producerEpoch: 0, baseSequence: partition.nextSequence }
    const bytes = builder.finish(isIdempotent ? producer : {}).slice()
    if (isIdempotent) partition.nextSequence += count
    return partition.model.send(bytes, isIdempotent, partition.isPlain)
  }

  /** In order, up to five on the way, sent again from the first unanswered one after a restart. */
  private produceIdempotent(partition: PartitionState): void {
    if (partition.onTheWay >= maxInFlight) return
    if (partition.onTheWay === partition.waiting.length) partition.waiting.push(this.batchOf(partition, true))
    const batch = partition.waiting[partition.onTheWay]!
    partition.onTheWay++
    this.broker!.produce(partition.partitionId, batch.bytes, ({ code, offset }) => {
      partition.onTheWay--
      if (code !== 0) return this.refused(partition, code)
      partition.model.acknowledge(batch, offset)
      const first = partition.waiting.shift()
      if (first !== batch) throw new Error(`${partition.model.name}: answers are out of order`)
    })
  }

  /** Only a failing disk, a stop and a deleted topic may refuse; nothing is sent until the next life then. */
  private refused(partition: PartitionState, code: number): void {
    if (!this.partitions.has(partition.partitionId)) return
    if (this.broker?.failure === undefined && code !== errorTable.SHUTTING_DOWN.code) {
      throw new Error(`${partition.model.name}: produce was refused with ${code}`)
    }
    partition.onTheWay = Number.POSITIVE_INFINITY
  }

  private produceOther(partition: PartitionState): void {
    if (partition.othersOnTheWay >= maxInFlight) return
    const batch = this.batchOf(partition, false)
    partition.othersOnTheWay++
    this.broker!.produce(partition.partitionId, batch.bytes, ({ code, offset }) => {
      partition.othersOnTheWay--
      if (code !== 0) return
      // Stored under the entry in force now, or one that came after it was stored: synced only if both say so.
      batch.mayBeLost = partition.isPlain && (partition.flush !== 'commit' || partition.changedAt >= batch.index)
      partition.model.acknowledge(batch, offset)
    })
  }

  /** A reader sees only what is stored: what it sees counts as acknowledged. */
  private fetchSomewhere({ partitionId, model }: PartitionState): void {
    const offset = this.random.between(model.logStartOffset, Math.max(model.logStartOffset, model.acknowledgedEnd))
    this.broker!.fetch(partitionId, offset, ({ code, bytes }) => {
      if (code !== 0) return
      for (const found of batchesOf(bytes, crc32cOf)) {
        const batch = model.sent.find((one) => one.crc === found.crc)
        if (batch === undefined || !found.isSound) throw new Error(`${model.name}: a reader got a wrong batch`)
        model.acknowledge(batch, found.baseOffset)
      }
    })
  }

  private deleteRecords({ partitionId, model }: PartitionState): void {
    const end = model.acknowledgedEnd
    if (end === 0) return
    const before = this.random.between(0, end)
    model.mayStartAt = Math.max(model.mayStartAt, before)
    this.broker!.deleteRecords(partitionId, before, ({ code, offset }) => {
      if (code === 0) model.logStartOffset = Math.max(model.logStartOffset, offset)
    })
  }

  // ---- metadata: durable by itself, as main waits for it

  private changeImage(change: Partial<ImageContent>): void {
    const { version, clusterId: id, brokers, topics, nextPartitionId, nextProducerId, deletedTopics } = this.image
    const before = { clusterId: id, brokers, topics, nextPartitionId, nextProducerId, deletedTopics }
    this.image = new MetadataImage({ ...before, ...change, version: version + 1 })
    this.broker?.apply(this.image)
  }

  /** A topic without synced writes becomes one with them, or the reverse; nobody waits for it. */
  private changeFlush({ isPlain, partitionId }: PartitionState): void {
    if (!isPlain) return
    const { topic } = this.image.partitionById(partitionId)!
    const configs = { ...topic.configs, flush: this.random.pick(flushes), 'flush.ms': '50' }
    for (const { partitionId: id } of topic.partitions) {
      const state = this.partitions.get(id)!
      state.flush = configs.flush
      state.changedAt = state.model.sent.length
    }
    this.changeImage({ topics: this.image.topics.map((one) => (one === topic ? { ...topic, configs } : one)) })
  }

  private createTopic(): void {
    if (this.image.topics.length >= 4) return
    const name = `topic-${this.random.below(4)}`
    if (this.image.topicByName(name) !== undefined) return
    const first = this.image.nextPartitionId
    const count = this.random.between(1, 3)
    const isPlain = this.random.chance(0.3)
    const flush = isPlain ? this.random.pick(flushes) : 'commit'
    const row = { leader: 0, leaderEpoch: 0, replicas: [0], isr: [0] }
    const topic: TopicImage = {
      topicId: (++this.topicCount).toString(16).padStart(32, '7'),
      name,
      configs: { 'segment.bytes': '65536', flush, ...this.segmentConfigs() },
      partitions: Array.from({ length: count }, (_, index) => ({
        ...row,
        partition: index,
        partitionId: first + index,
      })),
    }
    for (const { partition, partitionId } of topic.partitions) {
      const model = new PartitionModel(`${name}-${partition} (${partitionId})`)
      model.retainedBytes = Number(topic.configs['retention.bytes'] ?? Number.POSITIVE_INFINITY)
      const idle = { waiting: [], onTheWay: 0, nextSequence: 0, othersOnTheWay: 0 }
      const state = { partitionId, model, ...idle, isPlain, flush, changedAt: -1 }
      this.partitions.set(partitionId, state)
    }
    this.changeImage({ topics: [...this.image.topics, topic], nextPartitionId: first + count })
  }

  private segmentConfigs(): Record<string, string> {
    if (this.options.shortSegments !== true) return {}
    const retention = this.random.chance(0.5) ? { 'retention.bytes': String(this.random.between(1000, 20_000)) } : {}
    return { 'segment.ms': String(this.random.pick([10, 40])), 'index.interval.bytes': '512', ...retention }
  }

  private deleteTopic(): void {
    if (this.image.topics.length < 2) return
    const topic = this.random.pick(this.image.topics)
    for (const { partitionId } of topic.partitions) this.partitions.delete(partitionId)
    this.changeImage({
      topics: this.image.topics.filter((one) => one !== topic),
      deletedTopics: [...this.image.deletedTopics, { topicId: topic.topicId, version: this.image.version + 1 }],
    })
  }
}
