/**
 * What the clients of a simulation know together: every partition that ever was, and what must be true of it.
 * Runs on: the process that simulates. Touches: nothing.
 *
 * What a client sees is held against it at once:
 *
 * | seen                           | must be                                                                    |
 * |--------------------------------|----------------------------------------------------------------------------|
 * | an acknowledgement             | of the offset at which the batch is, and no other batch ever was           |
 * | a batch, by whatever way       | one that was sent, whole, at the offset at which everybody saw it, and     |
 * |                                | below the watermark that came with it; seen is stored, as acknowledged is  |
 * | a watermark                    | at or above all that was acknowledged or seen when the question was sent   |
 * | a log start                    | where a client, or retention, may have moved it: by time, behind nothing   |
 * |                                | but what was old by its own time stamp                                     |
 * | an error                       | one that what happened to the broker, or to the topic, explains            |
 */
import { errorNameOf, errorTable } from '../../native-free-core/errors/error-table.js'
import { crc32cOf } from '../../native-free-core/log/crc32c.js'
import { BatchLayout } from '../../native-free-core/log/record-batch.js'
import { BelievedClock } from './believed-clock.js'
import { batchesOf, type FoundBatch, PartitionModel, type SentBatch } from './partition-model.js'

/** What the simulation found to be wrong; the seed fails. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

export class SimPartition {
  readonly partitionId: number
  readonly topicName: string
  readonly topicId: string
  readonly name: string
  readonly model: PartitionModel
  readonly hasRetention: boolean
  /** Somebody asked for the topic's end, or for that of its name: it may be gone. */
  mayBeGone = false
  isGone = false
  /** Its making was answered: before that it may be known although no shard has opened it. */
  isPlaced = false
  /** Every offset below was acknowledged or seen. */
  knownEnd = 0
  /** Answered by the broker, as a log start that is on disk. */
  knownStart = 0
  /** How long records are kept; infinity: for ever. */
  readonly retentionMs: number
  private readonly clock: BelievedClock
  private readonly old = new Set<SentBatch>()
  private readonly byCrc = new Map<number, SentBatch>()
  private readonly byOffset = new Map<number, SentBatch>()

  constructor(options: {
    partitionId: number
    topicName: string
    topicId: string
    partition: number
    configs: Readonly<Record<string, string>>
    clock: BelievedClock
  }) {
    const { partitionId, topicName, partition, configs } = options
    this.partitionId = partitionId
    this.topicName = topicName
    this.topicId = options.topicId
    this.name = `${topicName}-${partition} (${partitionId})`
    this.model = new PartitionModel(this.name)
    this.clock = options.clock
    this.hasRetention = configs['retention.bytes'] !== undefined || configs['retention.ms'] !== undefined
    this.retentionMs = Number(configs['retention.ms'] ?? Number.POSITIVE_INFINITY)
    this.model.retainedBytes = Number(configs['retention.bytes'] ?? Number.POSITIVE_INFINITY)
  }

  fail(what: string): never {
    throw new Violation(`${this.name}: ${what}`)
  }

  send(bytes: Uint8Array, isIdempotent: boolean, producer: number): SentBatch {
    const batch = this.model.send(bytes, isIdempotent, false, producer)
    this.byCrc.set(batch.crc, batch)
    return batch
  }

  /** What is older than the topic keeps may be gone from now on, whatever clocks say later. */
  allowOld(nowMs: number): void {
    if (this.retentionMs === Number.POSITIVE_INFINITY) return
    const latestMs = this.clock.latestMs(nowMs)
    for (const batch of this.model.sent) if (latestMs - maxTimestampOf(batch) > this.retentionMs) this.old.add(batch)
    this.model.agedStart = this.agedStart()
  }

  /**
   * The highest log start that retention by time explains: what lies below is old. Nobody knows where the batches are
   * that were stored without an answer, but no more of them than there are old ones fit between those that are known.
   */
  private agedStart(): number {
    const { model, old } = this
    let unplaced = 0
    for (const batch of old) if (batch.offset < 0) unplaced += batch.recordCount
    let start = Math.max(model.logStartOffset, model.mayStartAt)
    const placed = model.sent.filter(({ offset, recordCount }) => offset + recordCount > start && offset >= 0)
    for (const batch of placed.sort((a, b) => a.offset - b.offset)) {
      const gap = Math.max(0, batch.offset - start)
      if (gap > unplaced || !old.has(batch)) return start + Math.min(gap, unplaced)
      unplaced -= gap
      start = batch.offset + batch.recordCount
    }
    return start + unplaced
  }

  /** The broker says, or shows, that the batch is stored at the offset. */
  isAt(batch: SentBatch, offset: number): void {
    const there = this.byOffset.get(offset)
    if (there !== undefined && there !== batch) {
      this.fail(`batches ${there.index} and ${batch.index} are both at offset ${offset}`)
    }
    this.model.acknowledge(batch, offset)
    this.byOffset.set(offset, batch)
    this.knownEnd = Math.max(this.knownEnd, offset + batch.recordCount)
  }

  /** Batches that a client got: asked for from `offset` on, with this watermark. Returns the offset behind them. */
  saw(bytes: Uint8Array, offset: number, highWatermark: number): number {
    let next = offset
    for (const found of batchesOf(bytes, crc32cOf)) next = this.sawOne(found, next, offset, highWatermark)
    return next
  }

  private sawOne(found: FoundBatch, next: number, first: number, highWatermark: number): number {
    const { baseOffset, recordCount, crc, isSound } = found
    const batch = this.byCrc.get(crc)
    if (!isSound) this.fail(`a reader got a batch at offset ${baseOffset} that fails its CRC`)
    if (batch === undefined) return this.fail(`a reader got a batch at offset ${baseOffset} that was never sent`)
    const end = baseOffset + recordCount
    const fits = next === first ? baseOffset <= next && end > next : baseOffset === next
    if (!fits) this.fail(`a reader at offset ${next} got offsets ${baseOffset} to ${end - 1}`)
    if (end > highWatermark) this.fail(`a reader got offset ${end - 1} with the high watermark ${highWatermark}`)
    this.isAt(batch, baseOffset)
    return end
  }

  /** `endThen`, `startThen`: known when the question was sent. `nowMs`: when the answer came. */
  checkBounds(logStart: number, highWatermark: number, endThen: number, startThen: number, nowMs: number): void {
    if (highWatermark < endThen) this.fail(`the high watermark is ${highWatermark}; offset ${endThen - 1} was stored`)
    if (logStart < startThen) this.fail(`the log starts at ${logStart}; it was moved to ${startThen}`)
    if (logStart > Math.max(this.model.logStartOffset, this.model.mayStartAt)) this.checkMoved(logStart, nowMs)
    if (logStart > highWatermark) this.fail(`the log starts at ${logStart}, above its end ${highWatermark}`)
    this.knownStart = Math.max(this.knownStart, logStart)
  }

  /** Nobody asked for this start. */
  private checkMoved(logStart: number, nowMs: number): void {
    const { model } = this
    if (!this.hasRetention) this.fail(`the log starts at ${logStart}; nobody asked for more than ${model.mayStartAt}`)
    if (this.retentionMs === Number.POSITIVE_INFINITY) return
    this.allowOld(nowMs)
    if (logStart > model.agedStart) this.fail(`the log starts at ${logStart}; old is what is below ${model.agedStart}`)
  }
}

function maxTimestampOf({ bytes }: SentBatch): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(BatchLayout.maxTimestampAt))
}

/** What happened to the broker, as far as it explains an error. */
export interface Excuses {
  /** The disk failed, or was full, since the broker started. */
  hadDiskErrors: boolean
  isStopping: boolean
  /** The disk was nearly full. */
  hadLittleRoom: boolean
}

const always = new Set(['THROTTLING_QUOTA_EXCEEDED'])

/** Throws when nothing explains that a client got this. */
export function checkExcuse(code: number, what: string, excuses: Excuses, partition?: SimPartition): void {
  const name = errorNameOf(code) ?? `error ${code}`
  const isExplained =
    always.has(name) ||
    (name === 'KAFKA_STORAGE_ERROR' && excuses.hadDiskErrors) ||
    (name === 'SHUTTING_DOWN' && excuses.isStopping) ||
    (name === 'DISK_RESERVE_REACHED' && excuses.hadLittleRoom) ||
    (name === 'UNKNOWN_TOPIC_ID' && partition !== undefined && (partition.mayBeGone || !partition.isPlaced))
  if (!isExplained) throw new Violation(`${what} was refused with ${name}, and nothing explains that`)
}

export function isRetriable(code: number): boolean {
  const name = errorNameOf(code)
  return name !== undefined && errorTable[name].retriable
}

export class Registry {
  /** Of all topics that ever were, by id: never reused. */
  readonly partitions = new Map<number, SimPartition>()
  readonly clock = new BelievedClock()
  /** Of the broker that runs: another object for each. */
  excuses: Excuses = { hadDiskErrors: false, isStopping: false, hadLittleRoom: false }

  get live(): SimPartition[] {
    return [...this.partitions.values()].filter((one) => !one.isGone && !one.mayBeGone)
  }
}
