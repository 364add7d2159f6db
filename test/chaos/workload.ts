/**
 * Real clients that produce while a broker dies under them, and the judge of what it holds afterwards.
 * Runs on: the test process. Touches: connections to the broker.
 *
 * Every record carries its producer's count in its partition. After each restart:
 *   - every acknowledged record is at the offset that was acknowledged, unless retention passed it,
 *   - offsets are dense from the log start to the end,
 *   - counts of an idempotent producer rise by one: nothing doubled, lost or out of order,
 *   - counts of the other producer's acknowledged records rise,
 *   - records that were deleted stay deleted, and retention by size leaves at least that size.
 */
import { type Client, type ConsumedRecord, connect, type Producer, StreamBusError } from '../../src/client/index.js'
import type { Random } from '../support/random.js'

interface TopicPlan {
  readonly name: string
  readonly partitions: number
  readonly isIdempotent: boolean
  readonly configs: Readonly<Record<string, string>>
}

/** What most runs use; with so many segments roll within a few rounds. */
export const defaultPartitions = 7
const smallSegments = { 'segment.bytes': '262144' }
/** So that those of many partitions, which get few records each, roll as often. */
const smallestSegments = { 'segment.bytes': '65536' }

function plansFor(partitions: number): readonly TopicPlan[] {
  const configs = partitions > defaultPartitions ? smallestSegments : smallSegments
  const retentionBytes = partitions > defaultPartitions ? 131_072 : 1_048_576
  const plain = Math.max(1, Math.round(partitions * 0.2))
  const retained = Math.max(1, Math.round(partitions * 0.2))
  return [
    { name: 'chaos-idempotent', partitions: partitions - plain - retained, isIdempotent: true, configs },
    { name: 'chaos-plain', partitions: plain, isIdempotent: false, configs },
    {
      name: 'chaos-retained',
      partitions: retained,
      isIdempotent: true,
      configs: { ...configs, 'retention.bytes': String(retentionBytes) },
    },
  ]
}

/**
 * The broker is there again within a second or two, and a client waits longer only after a whole round of its list:
 * said so many times, the one address is tried every 50 ms or so.
 */
const addressTimes = 100

interface PartitionLedger {
  readonly plan: TopicPlan
  readonly partition: number
  nextCount: number
  /** What is below was deleted on demand, for good. */
  floor: number
  /** Where the log ended at the last look. */
  end: number
  /** The count of the record at an acknowledged offset. */
  readonly acknowledged: Map<number, number>
  /** Counts whose send failed: such a record may be there or not. */
  readonly failed: Set<number>
}

export interface WorkloadFigures {
  sent: number
  acknowledged: number
  failed: number
  verified: number
  deleted: number
}

export class Workload {
  readonly figures: WorkloadFigures = { sent: 0, acknowledged: 0, failed: 0, verified: 0, deleted: 0 }
  private readonly random: Random
  private readonly server: string
  private readonly plans: readonly TopicPlan[]
  private readonly ledgers: PartitionLedger[] = []
  private client: Client | undefined
  private producers = new Map<boolean, Producer>()
  private readonly outstanding = new Set<Promise<void>>()
  private isRunning = false
  private pump: Promise<void> = Promise.resolve()

  constructor(server: string, random: Random, partitions: number = defaultPartitions) {
    this.server = server
    this.random = random
    this.plans = plansFor(partitions)
    for (const plan of this.plans) {
      for (let partition = 0; partition < plan.partitions; partition++) {
        this.ledgers.push({
          plan,
          partition,
          nextCount: 0,
          floor: 0,
          end: 0,
          acknowledged: new Map(),
          failed: new Set(),
        })
      }
    }
  }

  /** Connects, and makes the topics at the first time. The same producers go on over all lives of the broker. */
  async open(): Promise<void> {
    const servers = new Array<string>(addressTimes).fill(this.server)
    this.client = await connect({ servers, requestTimeoutMs: 10_000 })
    const admin = this.client.admin()
    for (const { name, partitions, configs } of this.plans) await admin.createTopic({ name, partitions, configs })
    this.producers.set(true, this.client.producer({ lingerMs: 2, deliveryTimeoutMs: 60_000 }))
    this.producers.set(false, this.client.producer({ lingerMs: 2, idempotent: false, deliveryTimeoutMs: 60_000 }))
  }

  /** Produces until `pause`, in bursts of random size. */
  resume(): void {
    this.isRunning = true
    this.pump = this.run()
  }

  private async run(): Promise<void> {
    while (this.isRunning) {
      for (let burst = this.random.between(1, 60); burst > 0; burst--) this.send(this.random.pick(this.ledgers))
      await new Promise((resolve) => setTimeout(resolve, this.random.pick([0, 1, 5])))
      // A broker that is away must not fill memory.
      if (this.outstanding.size > 5000) await Promise.race(this.outstanding)
    }
  }

  private send(ledger: PartitionLedger): void {
    const count = ledger.nextCount++
    const value = Buffer.alloc(this.random.pick([20, 200, 1500]), count & 0xff)
    value.writeUInt32BE(count, 0)
    const { plan, partition } = ledger
    this.figures.sent++
    const sent = this.producers.get(plan.isIdempotent)!.send({ topic: plan.name, partition, value })
    const settled = sent.then(
      ({ offset }) => this.acknowledge(ledger, count, offset),
      (error: unknown) => {
        if (!(error instanceof StreamBusError)) throw error
        this.figures.failed++
        ledger.failed.add(count)
      },
    )
    this.outstanding.add(settled)
    void settled.finally(() => this.outstanding.delete(settled))
  }

  private acknowledge(ledger: PartitionLedger, count: number, offset: number): void {
    this.figures.acknowledged++
    if (offset < 0) return
    const known = ledger.acknowledged.get(offset)
    if (known !== undefined && known !== count) {
      throw new Error(`${ledger.plan.name}-${ledger.partition}: offset ${offset} was acknowledged for two records`)
    }
    ledger.acknowledged.set(offset, count)
  }

  /** Stops producing; what is on its way may be answered by a later broker. */
  async pause(): Promise<void> {
    this.isRunning = false
    await this.pump
  }

  /** Waits until every record is acknowledged or has failed for good; call while a broker runs. */
  async drain(): Promise<void> {
    await this.pause()
    await Promise.all(this.outstanding)
  }

  /** Reads everything and judges it. */
  async verify(): Promise<void> {
    const admin = this.client!.admin()
    for (const { name, configs } of this.plans) {
      const starts = new Map((await admin.listOffsets(name, 'earliest')).map((row) => [row.partition, row.offset]))
      const found = await this.readAll(name)
      for (const ledger of this.ledgers.filter(({ plan }) => plan.name === name)) {
        this.judge(ledger, starts.get(ledger.partition)!, found.get(ledger.partition) ?? [])
      }
      if (configs['retention.bytes'] !== undefined) await this.judgeRetention(name, Number(configs['retention.bytes']))
    }
  }

  private async readAll(topic: string): Promise<Map<number, ConsumedRecord[]>> {
    const found = new Map<number, ConsumedRecord[]>()
    for await (const batch of this.client!.consumer({ topic, from: 'earliest', untilEnd: true })) {
      let records = found.get(batch.partition)
      if (records === undefined) found.set(batch.partition, (records = []))
      for (const record of batch.records()) records.push(record)
      this.figures.verified += batch.recordCount
    }
    return found
  }

  /** Retention by size takes whole segments as long as the size stays above its limit. */
  private async judgeRetention(topic: string, retentionBytes: number): Promise<void> {
    const { partitions } = await this.client!.admin().describeTopic(topic)
    for (const { partition, logStartOffset, sizeBytes } of partitions) {
      if (logStartOffset > 0 && sizeBytes < retentionBytes) {
        const left = `${sizeBytes} bytes are left from offset ${logStartOffset} on`
        throw new Error(`${topic}-${partition}: retention took too much: ${left} of ${retentionBytes}`)
      }
    }
  }

  /** Deletes what is old, so that a long run verifies about as much in each round; call when all is drained. */
  async deleteOld(): Promise<void> {
    const admin = this.client!.admin()
    for (const ledger of this.ledgers) {
      if (ledger.plan.configs['retention.bytes'] !== undefined || ledger.end === 0) continue
      const before = ledger.end - this.random.between(0, Math.min(50, ledger.end))
      if (before <= ledger.floor) continue
      await admin.deleteRecords(ledger.plan.name, ledger.partition, before)
      this.figures.deleted += before - ledger.floor
      ledger.floor = before
      forgetBelow(ledger, before)
    }
  }

  private judge(ledger: PartitionLedger, start: number, records: readonly ConsumedRecord[]): void {
    const name = `${ledger.plan.name}-${ledger.partition}`
    const first = records[0]?.offset ?? start
    const end = first + records.length
    if (start < ledger.floor) throw new Error(`${name}: offset ${start} is back; all below ${ledger.floor} was deleted`)
    if (first < start) throw new Error(`${name}: offset ${first} was read; the log starts at ${start}`)
    let lastCount = -1
    for (const [index, { offset, value }] of records.entries()) {
      if (offset !== first + index) throw new Error(`${name}: offset ${offset} follows ${first + index - 1}`)
      const count = Buffer.from(value!.subarray(0, 4)).readUInt32BE(0)
      if (!isFilledWith(value!, count & 0xff)) {
        throw new Error(`${name}: the record at offset ${offset} has other bytes`)
      }
      const known = ledger.acknowledged.get(offset)
      if (known !== undefined && known !== count) {
        throw new Error(`${name}: offset ${offset} was acknowledged for record ${known} and holds record ${count}`)
      }
      if (ledger.plan.isIdempotent) judgeCount(name, ledger.failed, lastCount, count, offset, index === 0)
      lastCount = count
    }
    for (const [offset, count] of ledger.acknowledged) {
      if (offset >= end)
        throw new Error(`${name}: record ${count}, acknowledged at offset ${offset}, is lost; end ${end}`)
      if (offset < first && ledger.plan.configs['retention.bytes'] === undefined) {
        throw new Error(`${name}: record ${count} at offset ${offset} is gone; the log starts at ${first}`)
      }
    }
    ledger.end = end
    // Retention took them; it never gives back.
    forgetBelow(ledger, start)
  }

  /** What is not acknowledged by now may fail: the judging is over, or its error must not be hidden by this one. */
  async close(): Promise<void> {
    this.isRunning = false
    await this.client?.close({ timeoutMs: 1 }).catch(() => undefined)
  }
}

/** From the fifth byte on. */
function isFilledWith(value: Uint8Array, byte: number): boolean {
  for (let at = 4; at < value.length; at++) if (value[at] !== byte) return false
  return true
}

function forgetBelow({ acknowledged }: PartitionLedger, offset: number): void {
  for (const known of acknowledged.keys()) if (known < offset) acknowledged.delete(known)
}

/** Counts of an idempotent producer rise by one, but for records that failed for good. */
function judgeCount(
  name: string,
  failed: ReadonlySet<number>,
  last: number,
  count: number,
  offset: number,
  isFirst: boolean,
): void {
  if (count <= last) throw new Error(`${name}: record ${count} at offset ${offset} is behind record ${last}`)
  if (isFirst) return
  for (let between = last + 1; between < count; between++) {
    if (!failed.has(between)) throw new Error(`${name}: record ${between} is missing before offset ${offset}`)
  }
}
