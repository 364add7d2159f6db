/**
 * A consumer of a simulation: follows one partition by subscription with credit, or by fetches that wait, and goes on
 * after every end exactly where it was. Without a gap, nothing twice, nothing beyond its credit.
 * Runs on: the process that simulates.
 */
import type { ByteReader } from '../../native-free-core/bytes/byte-reader.js'
import { errorNameOf } from '../../native-free-core/errors/error-table.js'
import { forEachBatch } from '../../native-free-core/log/record-batch.js'
import {
  readDeliveryPush,
  readFetchResponse,
  readListOffsetsResponse,
  readSubscribeResponse,
  readSubscriptionEndPush,
  writeCreditRequest,
  writeFetchRequest,
  writeListOffsetsRequest,
  writeSubscribeRequest,
} from '../../native-free-core/protocol/codecs.generated.js'
import { checkExcuse, isRetriable, type SimPartition, Violation } from './registry.js'
import { apiOf, type ClientOptions, SimClient } from './sim-client.js'

const earliest = -2
const deliveryApi = apiOf('Delivery')
const endApi = apiOf('SubscriptionEnd')

export class ConsumerClient extends SimClient {
  private partition: SimPartition | undefined
  private offset = 0
  private readonly mode: 'subscribe' | 'fetch'
  protected override readonly actIntervalMs = 6
  private isBusy = false
  /** Of the question that it is busy with: answers to earlier ones are none of its business. */
  private question = 0
  private subscriptionId = 0
  private isSubscribed = false
  private creditBytes = 0

  constructor(options: ClientOptions, mode: 'subscribe' | 'fetch') {
    super(options)
    this.mode = mode
  }

  get unfinished(): string | undefined {
    const { partition, offset } = this
    if (partition === undefined || partition.isGone || offset >= partition.knownEnd) return undefined
    return `${this.name} is at offset ${offset} of ${partition.name}, which ends at ${partition.knownEnd}`
  }

  protected ready(): void {
    this.isBusy = false
    this.question++
    this.isSubscribed = false
  }

  protected act(): void {
    const { random, connection } = this
    if (!this.isEnding && random.below(60) === 0 && connection !== undefined) connection.isPaused = true
    else if (connection?.isPaused === true && random.below(10) === 0) connection.resume()
    if (this.partition?.isGone === true) this.leave()
    if (this.partition === undefined) this.choose()
    if (this.partition === undefined || this.isBusy) return
    if (this.mode === 'fetch' && !this.isEnding && random.below(12) === 0) this.goBack(this.partition)
    if (this.mode === 'fetch') this.fetch(this.partition)
    else if (!this.isSubscribed) this.subscribe(this.partition)
    else if (this.creditBytes < 500 || random.below(20) === 0) this.grant()
  }

  private begin(): number {
    this.isBusy = true
    return ++this.question
  }

  private choose(): void {
    const { live } = this.registry
    if (live.length === 0) return
    this.partition = this.random.pick(live)
    this.offset = this.partition.knownStart
    this.isSubscribed = false
    this.isBusy = false
    this.question++
  }

  /** To what was read before: from segments, mostly. */
  private goBack({ knownStart, knownEnd }: SimPartition): void {
    this.offset = this.random.between(knownStart, knownEnd)
  }

  private leave(): void {
    this.partition = undefined
    this.isSubscribed = false
  }

  // ---- fetches

  private fetch(partition: SimPartition): void {
    const question = this.begin()
    const { offset, random } = this
    const { knownEnd, knownStart, partitionId } = partition
    const mayWait = random.below(3) > 0
    const request = {
      partitionId,
      offset,
      maxBytes: random.pick([1, 500, 5000, 100_000]),
      minBytes: mayWait ? random.pick([1, 1000]) : 0,
      maxWaitMs: mayWait ? random.pick([1, 20, 200]) : 0,
    }
    const askedMs = this.world.nowMs
    this.ask(
      'Fetch',
      (body) => writeFetchRequest(body, request),
      ({ isLost, error, body }) => {
        if (question !== this.question) return
        this.isBusy = false
        if (isLost) return
        if (error !== undefined) return this.refused(partition, error.code)
        const { highWatermark, logStartOffset, batches } = readFetchResponse(body)
        partition.checkBounds(logStartOffset, highWatermark, knownEnd, knownStart, this.world.nowMs)
        this.offset = partition.saw(batches, offset, highWatermark)
        this.checkWait(partition, request.maxWaitMs, askedMs)
        if (batches.length > 0) this.say(`fetched offsets ${offset} to ${this.offset - 1} of ${partition.name}`)
      },
    )
  }

  /** A fetch is answered when its time is over, whatever the clocks do. */
  private checkWait(partition: SimPartition, maxWaitMs: number, askedMs: number): void {
    const tookMs = this.world.nowMs - askedMs
    const slackMs = 5000
    if (tookMs > maxWaitMs + slackMs) partition.fail(`a fetch for ${maxWaitMs} ms was answered after ${tookMs} ms`)
  }

  private refused(partition: SimPartition, code: number): void {
    const name = errorNameOf(code)
    this.say(`is refused at offset ${this.offset} of ${partition.name} with ${name}`)
    if (name === 'OFFSET_OUT_OF_RANGE') return this.restart(partition)
    checkExcuse(code, `${this.name} at offset ${this.offset} of ${partition.name}`, this.excuses, partition)
    if (name === 'UNKNOWN_TOPIC_ID') return partition.mayBeGone ? this.leave() : undefined
    if (!isRetriable(code) && name !== 'SHUTTING_DOWN') {
      throw new Violation(`${this.name} was refused for good with ${name}`)
    }
  }

  /** The log's start has passed this consumer: it may have, where records are deleted. Never its end. */
  private restart(partition: SimPartition): void {
    const { model, hasRetention, knownEnd } = partition
    if (!hasRetention && this.offset >= model.mayStartAt && this.offset <= knownEnd) {
      partition.fail(`offset ${this.offset} is out of range; the log starts at ${model.mayStartAt} or below`)
    }
    const question = this.begin()
    const { partitionId } = partition
    this.ask(
      'ListOffsets',
      (body) => writeListOffsetsRequest(body, { partitionId, timestampMs: earliest }),
      ({ isLost, error, body }) => {
        if (question !== this.question) return
        this.isBusy = false
        if (isLost) return
        if (error !== undefined) {
          checkExcuse(error.code, `${this.name}: ListOffsets`, this.excuses, partition)
          return this.leave()
        }
        const { offset } = readListOffsetsResponse(body)
        partition.knownStart = Math.max(partition.knownStart, offset)
        this.offset = Math.max(this.offset, offset)
      },
    )
  }

  // ---- subscriptions

  private subscribe(partition: SimPartition): void {
    const question = this.begin()
    const subscriptionId = ++this.subscriptionId
    const { offset } = this
    const { partitionId, knownEnd, knownStart } = partition
    const creditBytes = this.random.pick([1, 300, 3000, 30_000])
    this.creditBytes = creditBytes
    this.say(`asks to follow ${partition.name} from offset ${offset} on`)
    this.ask(
      'Subscribe',
      (body) => writeSubscribeRequest(body, { subscriptionId, partitionId, offset, creditBytes }),
      ({ isLost, error, body }) => {
        if (question !== this.question) return
        this.isBusy = false
        if (isLost) return
        if (error !== undefined) return this.refused(partition, error.code)
        const answer = readSubscribeResponse(body)
        partition.checkBounds(answer.logStartOffset, answer.highWatermark, knownEnd, knownStart, this.world.nowMs)
        if (answer.offset !== offset) partition.fail(`a subscription at offset ${offset} begins at ${answer.offset}`)
        this.isSubscribed = true
        this.say(`follows ${partition.name} from offset ${offset} on with ${creditBytes} bytes of credit`)
      },
    )
  }

  private grant(): void {
    const creditBytes = this.random.pick([100, 1000, 10_000])
    this.creditBytes += creditBytes
    this.tell('Credit', (body) => writeCreditRequest(body, { subscriptionId: this.subscriptionId, creditBytes }))
  }

  protected override push(api: number, body: ByteReader): void {
    if (api === deliveryApi) this.delivered(readDeliveryPush(body))
    else if (api === endApi) this.subscriptionEnded(readSubscriptionEndPush(body))
  }

  private delivered(push: { subscriptionId: number; highWatermark: number; batches: Uint8Array }): void {
    const { partition } = this
    if (partition === undefined || push.subscriptionId !== this.subscriptionId) return
    if (!this.isSubscribed) throw new Violation(`${this.name}: a delivery came before its subscription's answer`)
    this.checkCredit(partition, push.batches)
    const from = this.offset
    this.offset = partition.saw(push.batches, from, push.highWatermark)
    this.say(`got offsets ${from} to ${this.offset - 1} of ${partition.name}`)
  }

  /** Only one batch may overdraw it, and only what is left of it. */
  private checkCredit(partition: SimPartition, batches: Uint8Array): void {
    let count = 0
    forEachBatch(batches, 0, batches.length, () => {
      count++
    })
    const fits = this.creditBytes > 0 && (count === 1 || batches.length <= this.creditBytes)
    if (!fits) partition.fail(`${batches.length} bytes in ${count} batches came on ${this.creditBytes} bytes of credit`)
    this.creditBytes -= batches.length
  }

  private subscriptionEnded({ subscriptionId, code }: { subscriptionId: number; code: number }): void {
    if (subscriptionId !== this.subscriptionId || this.partition === undefined) return
    this.isSubscribed = false
    this.refused(this.partition, code)
  }
}
