/**
 * A well-formed client beside hostile ones: it produces all the time, times each answer, and judges at the end that all
 * that was acknowledged is there, once, in order.
 * Runs on: the process of a long run. Touches: connections to the broker.
 */
import { setTimeout as pass } from 'node:timers/promises'
import { type Client, connect, type Producer } from '../../src/client/index.js'

export interface LedgerOptions {
  readonly server: string
  readonly topic: string
  readonly token?: string | undefined
  /** From an answer to the next send; with `isOpenLoop` from one send to the next. */
  readonly pauseMs?: number
  /** Sends whether answers come or not, and times each from when it was due. */
  readonly isOpenLoop?: boolean
  readonly partitions?: number
  readonly valueBytes?: number
}

export interface Latencies {
  readonly count: number
  /** In milliseconds, as the others. */
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export class Ledger {
  private readonly options: LedgerOptions
  private readonly client: Client
  private readonly producer: Producer
  /** By partition, the count at each acknowledged offset. */
  private readonly acknowledged: Map<number, number>[]
  private readonly latencies: { readonly dueMs: number; readonly ms: number }[] = []
  private nextCount = 0
  private isRunning = true
  private running: Promise<void> = Promise.resolve()
  /** What a send failed with. */
  failure: Error | undefined

  private constructor(options: LedgerOptions, client: Client) {
    this.options = options
    this.client = client
    this.producer = client.producer({ lingerMs: 0, deliveryTimeoutMs: 30_000 })
    this.acknowledged = Array.from({ length: options.partitions ?? 2 }, () => new Map<number, number>())
  }

  static async open(options: LedgerOptions): Promise<Ledger> {
    const client = await clientFor(options)
    await client.admin().createTopic({ name: options.topic, partitions: options.partitions ?? 2 })
    const ledger = new Ledger(options, client)
    const { pauseMs = 10, isOpenLoop = false } = options
    ledger.running = isOpenLoop ? ledger.runOpenLoop(pauseMs) : ledger.run(pauseMs)
    return ledger
  }

  private async run(pauseMs: number): Promise<void> {
    while (this.isRunning && this.failure === undefined) {
      await this.send(performance.now())
      await pass(pauseMs)
    }
  }

  private async runOpenLoop(everyMs: number): Promise<void> {
    const unanswered = new Set<Promise<void>>()
    for (let dueMs = performance.now(); this.isRunning && this.failure === undefined; ) {
      const answered = this.send(dueMs)
      unanswered.add(answered)
      void answered.then(() => unanswered.delete(answered))
      dueMs += everyMs
      await pass(Math.max(0, dueMs - performance.now()))
    }
    await Promise.all(unanswered)
  }

  /** Resolves with the answer, whichever. */
  private async send(dueMs: number): Promise<void> {
    const { topic, valueBytes = 100 } = this.options
    const count = this.nextCount++
    const partition = count % this.acknowledged.length
    const value = Buffer.alloc(valueBytes, count & 0xff)
    value.writeUInt32BE(count, 0)
    try {
      const { offset } = await this.producer.send({ topic, partition, value })
      this.latencies.push({ dueMs, ms: performance.now() - dueMs })
      this.acknowledged[partition]!.set(offset, count)
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error))
    }
  }

  get sent(): number {
    return this.nextCount
  }

  /** Of the answers since the last call. */
  takeLatencies(): Latencies {
    return latenciesOf([this])
  }

  /** Milliseconds of the answers since the last call, of those to records that were due at `fromMs` or later. */
  takeMs(fromMs: number): number[] {
    const taken = this.latencies.splice(0).filter(({ dueMs }) => dueMs >= fromMs)
    return taken.map(({ ms }) => ms)
  }

  /** Sends no more, waits for the answers that are due, and throws what a send failed with. */
  async stop(): Promise<void> {
    this.isRunning = false
    await this.running
    await this.client.close().catch(() => undefined)
    if (this.failure !== undefined) throw this.failure
  }

  /** Reads all by a connection of its own; throws what is lost, doubled or out of order. Returns how many there are. */
  async verify(server: string): Promise<number> {
    const client = await clientFor({ ...this.options, server })
    try {
      const { topic } = this.options
      const lastCounts = this.acknowledged.map(() => -1)
      const ends = this.acknowledged.map(() => 0)
      for await (const batch of client.consumer({ topic, from: 'earliest', untilEnd: true })) {
        for (const { offset, value } of batch.records()) {
          const { partition } = batch
          const count = Buffer.from(value!).readUInt32BE(0)
          const where = `${topic}-${partition} offset ${offset}`
          if (offset !== ends[partition]!++) throw new Error(`${where}: expected offset ${ends[partition]! - 1}`)
          if (count <= lastCounts[partition]!)
            throw new Error(`${where}: record ${count} follows ${lastCounts[partition]}`)
          lastCounts[partition] = count
          const known = this.acknowledged[partition]!.get(offset)
          if (known !== undefined && known !== count) throw new Error(`${where}: holds record ${count}, not ${known}`)
        }
      }
      for (const [partition, known] of this.acknowledged.entries()) {
        for (const [offset, count] of known) {
          if (offset >= ends[partition]!) throw new Error(`${topic}-${partition}: record ${count} at ${offset} is lost`)
        }
      }
      return ends.reduce((sum, end) => sum + end, 0)
    } finally {
      await client.close()
    }
  }
}

/** Takes those of several clients as one, of records that were due at `fromMs` or later. */
export function latenciesOf(ledgers: readonly Ledger[], fromMs = 0): Latencies {
  const sorted = ledgers.flatMap((ledger) => ledger.takeMs(fromMs)).sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? 0 }
}

function clientFor({ server, token }: LedgerOptions): Promise<Client> {
  return connect({ server, requestTimeoutMs: 10_000, ...(token === undefined ? {} : { token }) })
}
