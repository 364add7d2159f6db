/**
 * Producing, flat out or at a rate: through the public Producer, idempotent, acks all, a distinct value per record.
 * Runs on: load threads. Touches: its connections, the thread's memory.
 */
import { StickyPartitioner } from '../../../native-free-core/client/partitioner.js'
import { type Client, connect, type DeliveryReport, type Producer } from '../../client/index.js'
import { clockMs } from '../clock.js'
import { DueQueue } from '../due-queue.js'
import { OffsetRanges } from '../offset-ranges.js'
import { Counter, type ThreadMemory } from '../thread-memory.js'
import { notDue, ValuePool } from '../value-pool.js'
import { ValueSizes } from '../value-sizes.js'
import { type Driver, type DriverContext, nothingFinished, sharesOf } from './driver.js'
import { paced } from './pace.js'
import type { Finished, LoadThreadData, Phase, Place, Sent } from './thread-data.js'

/** Records between two looks at the clock. */
const recordsPerLook = 500

/** One connection with its producer. */
export class ProducingConnection {
  readonly tag: number
  readonly values: ValuePool
  firstError: string | undefined
  private client: Client | undefined
  private producer: Producer | undefined
  private readonly data: LoadThreadData
  private readonly memory: ThreadMemory
  private readonly dues: DueQueue[]
  private readonly ranges: OffsetRanges[]
  private readonly firstPlaces: ReadonlyMap<string, number>
  /** Of each key, which place of the first topic it goes to; the others' are as far into theirs. */
  private readonly keys: readonly { readonly key: Buffer; readonly partition: number }[]
  private next: number
  private isTimed = false

  /** `number`: of the connection; each begins elsewhere. */
  constructor({ data, memory }: DriverContext, number: number) {
    const { plan, places } = data
    this.data = data
    this.memory = memory
    this.tag = (data.firstTag + number) >>> 0
    this.values = new ValuePool(ValueSizes.parse(plan.recordBytes), this.tag, plan.compression !== 'none')
    this.dues = places.map(() => new DueQueue())
    this.ranges = places.map(() => new OffsetRanges())
    this.firstPlaces = firstPlacesOf(places)
    this.keys = keysOf(plan.keys, places[0]!.partitionCount)
    this.next = number
  }

  /** One record in each place, not measured: topics and the producer id are known then. */
  async prepare(): Promise<void> {
    const { target, plan, places } = this.data
    this.client = await connect({ ...target, clientName: 'streambus-bench' })
    this.producer = this.client.producer({
      batchBytes: plan.batchBytes,
      lingerMs: plan.lingerMs,
      compression: plan.compression,
      onDelivery: (report) => this.answered(report),
    })
    const { producer, values } = this
    for (const { topic, partition } of places) {
      const isTaken = producer.write({ topic, partition, value: values.next(notDue) })
      // Values are used again: those that wait until their topic is known must be sent before.
      if (!isTaken) await producer.flush()
    }
    await producer.flush()
    if (this.firstError !== undefined) throw new Error(this.firstError)
  }

  private answered({ topic, partition, baseOffset, recordCount, error }: DeliveryReport): void {
    const { memory } = this
    const place = (this.firstPlaces.get(topic) ?? 0) + Math.max(0, partition)
    if (error === undefined) {
      memory.add(Counter.acknowledged, recordCount)
      this.ranges[place]!.add(baseOffset, recordCount)
    } else {
      memory.add(Counter.failed, recordCount)
      this.firstError ??= error.message
    }
    if (!this.isTimed) return
    const nowMs = clockMs()
    this.dues[place]!.take(recordCount, (dueMs, count) => {
      // What failed was not delivered in any time.
      if (error === undefined) memory.produce.record(nowMs - dueMs, count)
    })
  }

  /** Writes one record that is due now; returns its number. */
  sendNow(): number {
    const number = this.values.count
    void this.sendDue(1, clockMs())
    return number
  }

  /** Until `endMs`, as fast as the producer takes them. */
  async flatOut(endMs: number, isStopped: () => boolean): Promise<void> {
    this.isTimed = false
    if (this.keys.length > 0 || this.firstPlaces.size > 1) return this.flatOutInTurn(endMs, isStopped)
    const { producer, values, memory } = this
    const { topic } = this.data.places[0]!
    let bytes = 0
    for (let nowMs = clockMs(); nowMs < endMs && !isStopped(); nowMs = clockMs()) {
      for (let left = recordsPerLook; left > 0; left--) {
        const value = values.next(nowMs)
        bytes += value.length
        if (!producer!.write({ topic, value })) await producer!.ready()
      }
      memory.add(Counter.sent, recordsPerLook)
      memory.add(Counter.valueBytes, bytes)
      bytes = 0
    }
  }

  /** With keys, or over several topics. */
  private async flatOutInTurn(endMs: number, isStopped: () => boolean): Promise<void> {
    for (let nowMs = clockMs(); nowMs < endMs && !isStopped(); nowMs = clockMs()) {
      for (let left = recordsPerLook; left > 0; left--) {
        if (!this.write(nowMs)) await this.producer!.ready()
      }
    }
  }

  /** Record after record to the next place, as many producers would; a promise: the producer has enough. */
  sendDue(count: number, dueMs: number): Promise<void> | undefined {
    this.isTimed = true
    let isRoomy = true
    for (let left = count; left > 0; left--) isRoomy = this.write(dueMs)
    return isRoomy ? undefined : this.producer!.ready()
  }

  private write(dueMs: number): boolean {
    const { places } = this.data
    const { keys, values, memory } = this
    const number = this.next++
    const value = values.next(dueMs)
    memory.add(Counter.sent, 1)
    memory.add(Counter.valueBytes, value.length)
    const { topic, partition } = places[number % places.length]!
    if (keys.length === 0) {
      if (this.isTimed) this.dues[number % places.length]!.push(dueMs)
      return this.producer!.write({ topic, partition, value })
    }
    const { key, partition: itsPartition } = keys[number % keys.length]!
    if (this.isTimed) this.dues[this.firstPlaces.get(topic)! + itsPartition]!.push(dueMs)
    return this.producer!.write({ topic, partition: itsPartition, key, value })
  }

  /** Resolves when all is acknowledged or has failed. */
  flush(): Promise<void> {
    return this.producer!.flush()
  }

  async close(): Promise<Sent> {
    await this.producer?.close()
    await this.client?.close()
    return { tag: this.tag, count: this.values.count, ranges: this.ranges.map(({ bounds }) => bounds) }
  }
}

function firstPlacesOf(places: readonly Place[]): Map<string, number> {
  const first = new Map<string, number>()
  for (const [index, { topic }] of places.entries()) if (!first.has(topic)) first.set(topic, index)
  return first
}

function keysOf(count: number, partitionCount: number): { key: Buffer; partition: number }[] {
  const partitioner = new StickyPartitioner(partitionCount)
  return Array.from({ length: count }, (_, index) => {
    const key = Buffer.from(`key-${index}`)
    return { key, partition: partitioner.partitionOf(key) }
  })
}

export class ProducingDriver implements Driver {
  private readonly context: DriverContext
  private readonly connections: ProducingConnection[]
  private isStopped = false

  constructor(context: DriverContext) {
    this.context = context
    const numbers = sharesOf(context.data.plan.connections, context.data)
    this.connections = numbers.map((number) => new ProducingConnection(context, number))
  }

  get firstError(): string | undefined {
    return this.connections.find(({ firstError }) => firstError !== undefined)?.firstError
  }

  async prepare(): Promise<void> {
    for (const connection of this.connections) await connection.prepare()
  }

  async run(phase: Phase): Promise<void> {
    const { plan } = this.context.data
    if (plan.rate === undefined) {
      const endMs = phase.startMs + phase.seconds * 1000
      await Promise.all(this.connections.map((connection) => connection.flatOut(endMs, () => this.isStopped)))
    } else await produceAtRate(this.context, this.connections, phase, () => this.isStopped)
    await Promise.all(this.connections.map((connection) => connection.flush()))
  }

  stop(): void {
    this.isStopped = true
  }

  async finish(): Promise<Finished> {
    return { ...nothingFinished, sent: await Promise.all(this.connections.map((connection) => connection.close())) }
  }
}

/** Each step's records go to the next connections in turn. */
export function produceAtRate(
  { data, memory }: DriverContext,
  connections: readonly ProducingConnection[],
  { startMs, seconds }: Phase,
  isStopped: () => boolean,
): Promise<void> {
  const { plan, index } = data
  // The subscribers' threads do not produce.
  const share =
    plan.kind === 'fanout' ? { threadIndex: 0, threadCount: 1 } : { threadIndex: index, threadCount: plan.threads }
  const schedule = { startMs, seconds, stepMs: plan.stepMs, rate: plan.rate!, ...share }
  let turn = 0
  const sendOverAll = (count: number, dueMs: number): Promise<void> | undefined => {
    const held: Promise<void>[] = []
    const each = Math.floor(count / connections.length)
    const more = count % connections.length
    for (let place = 0; place < connections.length; place++) {
      const records = each + (place < more ? 1 : 0)
      const wait = records === 0 ? undefined : connections[(turn + place) % connections.length]!.sendDue(records, dueMs)
      if (wait !== undefined) held.push(wait)
    }
    turn += more
    return held.length === 0 ? undefined : Promise.all(held).then(() => undefined)
  }
  const [only] = connections
  const send = connections.length === 1 ? (count: number, dueMs: number) => only!.sendDue(count, dueMs) : sendOverAll
  return paced(schedule, memory.alarm, { send, late: (lateMs) => memory.lateness.record(lateMs), isStopped })
}
