/**
 * The demo itself: a sender, a reader, and a broker between them that is killed from time to time.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type Client, connect, type Consumer } from '../../src/client/index.js'
import type { BrokerProcess } from './broker-process.js'
import { Checksums } from './checksums.js'
import { FlightMap } from './flight-map.js'
import { type FlightRecord, flightRecords, readAirports } from './flights-feed.js'

export interface DemoOptions {
  /** Records a second. */
  readonly rate: number
  readonly killEverySeconds: number
  /** Ends by itself after so long. */
  readonly seconds: number
}

/** What came of one kill. */
export interface Kill {
  /** From its start to ready again. */
  readonly readyMs: number
  /** The longest time in which the reader got nothing. */
  gapMs: number
}

const topic = 'flights'
const partitions = 4
const stepMs = 10
const drainTimeoutMs = 30_000

export class DemoRun {
  readonly checksums = new Checksums()
  readonly map = new FlightMap(readAirports())
  readonly kills: Kill[] = []
  readonly startMs = performance.now()
  acknowledgedCount = 0
  failedCount = 0
  isBrokerUp = false
  nextKillMs = 0
  /** For people who see only lines. */
  onEvent: (text: string) => void = () => {}
  private readonly broker: BrokerProcess
  private readonly options: DemoOptions
  private readonly ending = new AbortController()
  private lastReadMs = performance.now()
  private clients: Client[] = []

  constructor(broker: BrokerProcess, options: DemoOptions) {
    this.broker = broker
    this.options = options
  }

  get brokerPid(): number | undefined {
    return this.broker.pid
  }

  get elapsedMs(): number {
    return performance.now() - this.startMs
  }

  /** Nothing more is sent; `run` resolves when everything acknowledged is read. */
  end(): void {
    this.ending.abort()
  }

  /** Resolves with what is wrong; undefined: both sides agree. */
  async run(): Promise<string | undefined> {
    const readyMs = await this.broker.start()
    this.isBrokerUp = true
    this.onEvent(`the broker is ready after ${Math.round(readyMs)} ms (pid ${this.brokerPid})`)
    const server = `127.0.0.1:${this.broker.port}`
    const [sender, reader] = await Promise.all([connect({ server }), connect({ server })])
    this.clients = [sender, reader]
    await sender.admin().createTopic({ name: topic, partitions })
    const consumer = reader.consumer({ topic, from: 'earliest' })
    const timer = setTimeout(() => this.end(), this.options.seconds * 1000)
    const reading = this.read(consumer)
    const killing = this.killNowAndThen()
    try {
      await Promise.race([this.send(sender), failureOf(reading), failureOf(killing)])
      this.end()
      await killing
      await this.untilRead()
    } finally {
      clearTimeout(timer)
      this.end()
      await consumer.close()
      await reading
    }
    return this.verdict()
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()))
    await this.broker.remove()
  }

  private async send(client: Client): Promise<void> {
    const producer = client.producer({
      lingerMs: 5,
      onDelivery: ({ recordCount, error }) => {
        if (error === undefined) this.acknowledgedCount += recordCount
        else this.failedCount += recordCount
      },
    })
    const records = flightRecords()
    const startMs = performance.now()
    while (!this.ending.signal.aborted) {
      const dueCount = ((performance.now() - startMs) / 1000) * this.options.rate
      while (this.checksums.sentCount < dueCount) {
        const { key, value } = records.next().value as { key: string; value: string }
        this.checksums.addSent(key, value)
        if (!producer.write({ topic, key, value })) await producer.ready()
      }
      await delay(stepMs)
    }
    await producer.close()
  }

  private async read(consumer: Consumer): Promise<void> {
    for await (const batch of consumer) {
      const nowMs = performance.now()
      const kill = this.kills.at(-1)
      if (kill !== undefined) kill.gapMs = Math.max(kill.gapMs, nowMs - this.lastReadMs)
      this.lastReadMs = nowMs
      for (const record of batch.records()) {
        const [key, value] = [String(record.key), String(record.value)]
        this.checksums.addRead(key, value)
        const { origin, destination } = JSON.parse(value) as FlightRecord
        this.map.add(origin, destination, nowMs)
      }
    }
  }

  private async killNowAndThen(): Promise<void> {
    const { signal } = this.ending
    for (;;) {
      this.nextKillMs = performance.now() + this.options.killEverySeconds * 1000
      await delay(this.options.killEverySeconds * 1000, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      this.onEvent(`kill -9 ${this.brokerPid}`)
      await this.broker.end('SIGKILL')
      this.isBrokerUp = false
      const readyMs = await this.broker.start()
      this.isBrokerUp = true
      this.kills.push({ readyMs, gapMs: 0 })
      this.onEvent(`ready again ${Math.round(readyMs)} ms after its start (pid ${this.brokerPid})`)
    }
  }

  private async untilRead(): Promise<void> {
    const endMs = performance.now() + drainTimeoutMs
    while (this.checksums.readCount < this.acknowledgedCount && performance.now() < endMs) await delay(stepMs)
  }

  private verdict(): string | undefined {
    const { sentCount, readCount, difference } = this.checksums
    if (difference !== undefined) return difference
    if (this.failedCount > 0) return `${this.failedCount} records were not acknowledged`
    if (readCount === sentCount) return undefined
    return `${sentCount} records were sent and acknowledged, ${readCount} were read`
  }
}

/** Never resolves: what ends without an error is of no interest. */
function failureOf(work: Promise<unknown>): Promise<never> {
  return new Promise((_resolve, reject) => {
    work.catch(reject)
  })
}
