/**
 * From producing to delivery: `e2e`, where each record has one reader, and `fanout`, where each has many.
 * Runs on: load threads. Touches: its connections, the thread's memory, how many subscribers each record has reached.
 */
import { type Client, connect, type ConsumedBatch, type Consumer } from '../../client/index.js'
import { clockMs } from '../clock.js'
import { Counter } from '../thread-memory.js'
import { notDue, ValueReader } from '../value-pool.js'
import { type Driver, type DriverContext, sharesOf } from './driver.js'
import { ProducingConnection, produceAtRate } from './producing.js'
import type { Finished, Phase, Place } from './thread-data.js'

/** One subscriber of one topic. */
class Reader {
  duplicated = 0
  outOfOrder = 0
  private readonly context: DriverContext
  private readonly topic: string
  private readonly places: readonly Place[]
  private readonly values = new ValueReader()
  private readonly reached: Int32Array | undefined
  private readonly onDelivered: (number: number) => void
  /** The largest number that came, by partition; -1: none. */
  private readonly last: Float64Array
  private consumer: Consumer | undefined
  private reading: Promise<void> = Promise.resolve()

  constructor(context: DriverContext, topic: string, places: readonly Place[], onDelivered: (number: number) => void) {
    const { reached } = context.data
    this.context = context
    this.topic = topic
    this.places = places
    this.onDelivered = onDelivered
    this.reached = reached === undefined ? undefined : new Int32Array(reached)
    this.last = new Float64Array(places[0]!.partitionCount).fill(-1)
  }

  /** Resolves when something has come from each partition; `failed` hears when nothing more can come. */
  start(client: Client, failed: (error: unknown) => void): Promise<void> {
    const { topic, places } = this
    const offsets = Object.fromEntries(places.map(({ partition, startOffset }) => [partition, startOffset]))
    const partitions = places.map(({ partition }) => partition)
    const consumer = client.consumer({ topic, partitions, from: { offsets } })
    this.consumer = consumer
    return new Promise((resolve) => {
      this.reading = this.read(consumer, new Set(partitions), resolve).catch(failed)
    })
  }

  private async read(consumer: Consumer, awaited: Set<number>, onAll: () => void): Promise<void> {
    for await (const batch of consumer) {
      this.take(batch)
      if (awaited.size > 0 && awaited.delete(batch.partition) && awaited.size === 0) onAll()
    }
  }

  private take(batch: ConsumedBatch): void {
    const nowMs = clockMs()
    const { values } = this
    const { partition } = batch
    const { memory, data } = this.context
    let deliveredCount = 0
    batch.forEach((record) => {
      if (!values.over(record.bytes, record.valueStart, record.valueEnd)) return
      const { dueMs } = values
      if (dueMs === notDue || (values.tag - data.firstTag) >>> 0 >= data.plan.connections) return
      deliveredCount++
      memory.endToEnd.record(nowMs - dueMs)
      if (this.reached === undefined) this.onDelivered(values.number)
      else this.reachedOne(this.reached, partition, values.number, nowMs - dueMs)
    })
    memory.add(Counter.delivered, deliveredCount)
  }

  /** Whoever makes a record's count complete was the last to have it. */
  private reachedOne(reached: Int32Array, partition: number, number: number, latencyMs: number): void {
    const { plan } = this.context.data
    if (number === this.last[partition]) this.duplicated++
    else if (number < this.last[partition]!) this.outOfOrder++
    else this.last[partition] = number
    if (number >= reached.length) return
    if (Atomics.add(reached, number, 1) + 1 === plan.subscribers) this.context.memory.fanOut.record(latencyMs)
  }

  async close(): Promise<void> {
    await this.consumer?.close()
    await this.reading
  }
}

export class DeliveringDriver implements Driver {
  private readonly context: DriverContext
  private readonly producing: ProducingConnection[]
  private readonly readers: Reader[] = []
  private readonly clients: Client[] = []
  private isStopped = false
  private readError: string | undefined
  private awaited = -1
  private onAwaited: (() => void) | undefined

  constructor(context: DriverContext) {
    this.context = context
    const { plan, index } = context.data
    const isFanOut = plan.kind === 'fanout'
    const numbers = isFanOut ? (index === 0 ? [0] : []) : sharesOf(plan.connections, context.data)
    this.producing = numbers.map((number) => new ProducingConnection(context, number))
  }

  get firstError(): string | undefined {
    return this.readError ?? this.producing.find(({ firstError }) => firstError !== undefined)?.firstError
  }

  async prepare(): Promise<void> {
    const { data } = this.context
    const { plan } = data
    const numbers = sharesOf(plan.connections, data)
    const started: Promise<void>[] = []
    for (const number of numbers) {
      const client = await connect({ ...data.target, clientName: 'streambus-bench' })
      this.clients.push(client)
      const readers = plan.kind === 'fanout' ? this.subscribersOf(number) : this.readersOf(number)
      this.readers.push(...readers)
      for (const reader of readers) started.push(reader.start(client, (error) => this.failed(error)))
    }
    for (const connection of this.producing) await connection.prepare()
    await Promise.all(started)
  }

  private failed(error: unknown): void {
    this.readError ??= String(error)
  }

  /** Each place is read by one connection. */
  private readersOf(number: number): Reader[] {
    const { places, plan } = this.context.data
    return this.readersByTopic(places.filter((_, index) => index % plan.connections === number))
  }

  /** Each subscriber reads all. */
  private subscribersOf(number: number): Reader[] {
    const { places, plan } = this.context.data
    const count = Math.floor((plan.subscribers + plan.connections - 1 - number) / plan.connections)
    return Array.from({ length: count }, () => this.readersByTopic(places)).flat()
  }

  private readersByTopic(places: readonly Place[]): Reader[] {
    const topics = new Set(places.map(({ topic }) => topic))
    return Array.from(topics, (topic) => {
      const ofTopic = places.filter((place) => place.topic === topic)
      return new Reader(this.context, topic, ofTopic, (number) => this.delivered(number))
    })
  }

  private delivered(number: number): void {
    if (number === this.awaited) this.onAwaited?.()
  }

  async run(phase: Phase): Promise<void> {
    const { data } = this.context
    if (data.plan.oneAtATime) await this.oneAtATime(phase)
    else if (this.producing.length > 0) {
      await produceAtRate(this.context, this.producing, phase, () => this.isStopped)
    }
    for (const connection of this.producing) await connection.flush()
  }

  /** A closed loop: nothing is due while the record before is under way. */
  private async oneAtATime({ startMs, seconds }: Phase): Promise<void> {
    const endMs = startMs + seconds * 1000
    const [connection] = this.producing
    while (clockMs() < endMs && !this.isStopped && this.firstError === undefined) {
      await new Promise<void>((resolve) => {
        this.onAwaited = resolve
        this.awaited = connection!.sendNow()
      })
    }
  }

  stop(): void {
    this.isStopped = true
    this.onAwaited?.()
  }

  async finish(): Promise<Finished> {
    const sent = await Promise.all(this.producing.map((connection) => connection.close()))
    await Promise.all(this.readers.map((reader) => reader.close()))
    for (const client of this.clients) await client.close()
    const duplicated = this.readers.reduce((sum, reader) => sum + reader.duplicated, 0)
    const outOfOrder = this.readers.reduce((sum, reader) => sum + reader.outOfOrder, 0)
    return { sent, duplicated, outOfOrder }
  }
}
