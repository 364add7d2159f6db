/**
 * A producer of a simulation: idempotent batches in order, up to five on the way, sent again with the same producer id
 * and sequence until they are acknowledged; plain ones, sent once; and now and then one that was acknowledged already.
 * Runs on: the process that simulates.
 */
import { errorNameOf } from '../../native-free-core/errors/error-table.js'
import { RecordBatchBuilder } from '../../native-free-core/log/record-batch-builder.js'
import {
  readInitProducerIdResponse,
  readProduceResponse,
  writeInitProducerIdRequest,
  writeProduceRequest,
} from '../../native-free-core/protocol/codecs.generated.js'
import type { SentBatch } from './partition-model.js'
import { checkExcuse, isRetriable, type SimPartition, Violation } from './registry.js'
import { type Answer, type ClientOptions, SimClient } from './sim-client.js'

/** Kafka's bound: a broker remembers so many batches of a producer. */
const maxInFlight = 5

/** One partition of a producer. */
interface Lane {
  readonly partition: SimPartition
  nextSequence: number
  /** Not acknowledged, in order; the first `onTheWay` of them are sent. */
  readonly waiting: SentBatch[]
  onTheWay: number
  /** One was refused: what is on the way behind it will be, and then all of it is sent again. */
  isRewinding: boolean
  /** The last ones that were acknowledged. */
  readonly done: SentBatch[]
}

export class ProducerClient extends SimClient {
  private readonly builder = new RecordBatchBuilder()
  private readonly lanes = new Map<number, Lane>()
  private producerId = -1
  private isAskingForId = false
  private batchCount = 0
  private readonly index: number
  /** How many batches it makes at most. */
  budget: number

  constructor(options: ClientOptions, index: number, budget: number) {
    super(options)
    this.index = index
    this.budget = budget
  }

  get unfinished(): string | undefined {
    for (const { partition, waiting } of this.lanes.values()) {
      if (waiting.length > 0)
        return `${this.name}: ${waiting.length} batches for ${partition.name} are not acknowledged`
    }
    return undefined
  }

  protected ready(): void {
    this.isAskingForId = false
    for (const lane of this.lanes.values()) {
      lane.onTheWay = 0
      lane.isRewinding = false
    }
    this.act()
  }

  protected override ended(): void {
    for (const lane of this.lanes.values()) lane.onTheWay = 0
  }

  private askForId(): void {
    if (this.isAskingForId) return
    this.isAskingForId = true
    this.ask(
      'InitProducerId',
      (body) => writeInitProducerIdRequest(body, {}),
      ({ isLost, error, body }) => {
        this.isAskingForId = false
        if (isLost) return
        if (error !== undefined) return checkExcuse(error.code, `${this.name}: InitProducerId`, this.excuses)
        this.producerId = readInitProducerIdResponse(body).producerId
      },
    )
  }

  protected act(): void {
    if (this.producerId < 0) return this.askForId()
    this.dropGone()
    for (let count = this.random.between(1, 3); count > 0; count--) this.actOnce()
  }

  private dropGone(): void {
    for (const [partitionId, lane] of this.lanes) if (lane.partition.isGone) this.lanes.delete(partitionId)
  }

  private actOnce(): void {
    const { random } = this
    for (const lane of this.lanes.values()) while (this.sendNext(lane)) if (random.below(2) === 0) break
    if (this.budget <= 0 || this.isEnding) return
    const { live } = this.registry
    if (live.length === 0) return
    const partition = random.pick(live)
    const dice = random.below(100)
    if (dice < 70) this.makeIdempotent(partition)
    else if (dice < 85) this.sendPlain(partition)
    else this.sendAgain(partition)
  }

  private laneOf(partition: SimPartition): Lane {
    let lane = this.lanes.get(partition.partitionId)
    if (lane === undefined) {
      lane = { partition, nextSequence: 0, waiting: [], onTheWay: 0, isRewinding: false, done: [] }
      this.lanes.set(partition.partitionId, lane)
    }
    return lane
  }

  /** A unique batch: its first record's key is its number. */
  private build(sequence: number): Uint8Array {
    const { random, builder } = this
    this.budget--
    const number = new Uint8Array(4)
    new DataView(number.buffer).setUint32(0, this.index * 1_000_000 + this.batchCount++)
    builder.reset()
    const count = random.between(1, 5)
    const largest = random.pick([20, 400, 3000])
    for (let record = 0; record < count; record++) {
      const value = new Uint8Array(random.below(Math.ceil(largest / count) + 1)).fill(random.below(256))
      builder.append(record === 0 ? number : null, value, this.world.wallMs)
    }
    const { producerId } = this
    return builder.finish(sequence < 0 ? {} : { producerId, producerEpoch: 0, baseSequence: sequence }).slice()
  }

  private makeIdempotent(partition: SimPartition): void {
    const lane = this.laneOf(partition)
    if (lane.waiting.length >= 2 * maxInFlight) return
    const batch = partition.send(this.build(lane.nextSequence), true, this.index)
    lane.nextSequence += batch.recordCount
    lane.waiting.push(batch)
    this.sendNext(lane)
  }

  /** False when there is nothing that may be sent now. */
  private sendNext(lane: Lane): boolean {
    if (lane.isRewinding && lane.onTheWay > 0) return false
    lane.isRewinding = false
    if (lane.onTheWay >= maxInFlight || lane.onTheWay >= lane.waiting.length) return false
    const batch = lane.waiting[lane.onTheWay++]!
    this.say(`sends batch ${batch.index} to ${lane.partition.name}`)
    this.produce(lane.partition, batch, (answer) => this.answered(lane, batch, answer))
    // The network, or a hurried client, delivers it twice.
    if (this.random.below(6) === 0) this.repeat(lane.partition, batch)
    return true
  }

  private produce(partition: SimPartition, batch: SentBatch, done: (answer: Answer) => void): void {
    const { partitionId } = partition
    const acks = this.random.pick([-1, -1, 1])
    this.ask('Produce', (body) => writeProduceRequest(body, { partitionId, acks, batch: batch.bytes }), done)
  }

  private answered(lane: Lane, batch: SentBatch, { isLost, error, body }: Answer): void {
    if (isLost) return
    lane.onTheWay--
    if (error !== undefined) return this.refused(lane, batch, error.code)
    this.stored(lane.partition, batch, readProduceResponse(body))
    const at = lane.waiting.indexOf(batch)
    // Of those that were stored already, some may be refused, for want of room, when they come again.
    if (at > 0 && !lane.isRewinding) lane.partition.fail(`batch ${batch.index} is answered before those before it`)
    lane.waiting.splice(at, 1)
    lane.done.push(batch)
    if (lane.done.length > maxInFlight) lane.done.shift()
  }

  private stored(
    partition: SimPartition,
    batch: SentBatch,
    answer: { baseOffset: number; logStartOffset: number },
  ): void {
    const { baseOffset } = answer
    this.say(`batch ${batch.index} is stored at offset ${baseOffset} of ${partition.name}`)
    if (baseOffset < 0) partition.fail(`batch ${batch.index} was acknowledged at offset ${baseOffset}`)
    partition.isAt(batch, baseOffset)
  }

  private refused(lane: Lane, batch: SentBatch, code: number): void {
    const { partition } = lane
    this.say(`batch ${batch.index} for ${partition.name} is refused with ${errorNameOf(code)}`)
    const isBehindAnother = errorNameOf(code) === 'OUT_OF_ORDER_SEQUENCE_NUMBER' && lane.isRewinding
    if (!isBehindAnother) {
      checkExcuse(code, `${this.name}: batch ${batch.index} for ${partition.name}`, this.excuses, partition)
      if (!isRetriable(code) && errorNameOf(code) !== 'UNKNOWN_TOPIC_ID' && errorNameOf(code) !== 'SHUTTING_DOWN') {
        throw new Violation(`${this.name}: batch ${batch.index} was refused for good with ${errorNameOf(code)}`)
      }
    }
    lane.isRewinding = true
    if (errorNameOf(code) === 'UNKNOWN_TOPIC_ID' && partition.mayBeGone) this.lanes.delete(partition.partitionId)
  }

  /** What may be sent once only: nobody knows what became of it unless it is acknowledged. */
  private sendPlain(partition: SimPartition): void {
    const batch = partition.send(this.build(-1), false, this.index)
    const { partitionId } = partition
    if (this.random.below(4) === 0) {
      // No answer. The correlation id is one that nobody waits for.
      this.tell('Produce', (body) => writeProduceRequest(body, { partitionId, acks: 0, batch: batch.bytes }))
      return
    }
    this.say(`sends plain batch ${batch.index} to ${partition.name}`)
    this.produce(partition, batch, ({ isLost, error, body }) => {
      if (isLost) return
      if (error === undefined) this.stored(partition, batch, readProduceResponse(body))
      else checkExcuse(error.code, `${this.name}: plain batch ${batch.index}`, this.excuses, partition)
    })
  }

  /** One that was acknowledged: the same answer again, or that it is too old to be known. */
  private sendAgain(partition: SimPartition): void {
    const lane = this.lanes.get(partition.partitionId)
    if (lane === undefined || lane.done.length === 0) return
    this.repeat(partition, this.random.pick(lane.done))
  }

  private repeat(partition: SimPartition, batch: SentBatch): void {
    this.say(`sends batch ${batch.index} to ${partition.name} once more`)
    this.produce(partition, batch, ({ isLost, error, body }) => {
      if (isLost) return
      if (error === undefined) return this.stored(partition, batch, readProduceResponse(body))
      const name = errorNameOf(error.code)
      if (name === 'DUPLICATE_SEQUENCE_NUMBER' || name === 'OUT_OF_ORDER_SEQUENCE_NUMBER') return
      checkExcuse(error.code, `${this.name}: batch ${batch.index} once more`, this.excuses, partition)
    })
  }
}
