/**
 * A mixed load at a moderate rate for long: records with retention, consumers and connections that come and go, topics
 * made and deleted.
 * Runs on: the process of a long run. Touches: a broker process, connections to it, a temporary folder, /proc.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { type Client, connect } from '../../src/client/index.js'
import { RawWebSocket } from '../fuzz/raw-web-socket.js'
import { Ledger } from '../support/ledger.js'
import { openFilesOf } from '../support/open-files.js'
import { processFacts } from '../support/process-facts.js'
import { Random } from '../support/random.js'
import { BrokerProcess } from './broker-process.js'
import { inFolder } from './in-folder.js'
import { isSegmentRead, judgeFlat, RemovedFiles, type Sample } from './soak-judge.js'

export interface SoakOptions {
  readonly minutes: number
  readonly seed: number
  readonly say?: (line: string) => void
}

const MiB = 2 ** 20
/** From this long on the bounds are tight: in less, garbage that is not collected yet tells more than a leak. */
const tightFromMinutes = 5
const samplesPerRun = 60
const bulkPartitions = 8
const bulkBurst = 100
const bulkPauseMs = 50

/** Throws with what did not stay flat, or was lost. Returns the figures as lines. */
export function runSoak(options: SoakOptions): Promise<string> {
  return inFolder('soak', (dataFolder) => new Soak(options, dataFolder))
}

class Soak {
  private readonly options: SoakOptions
  private readonly random: Random
  private readonly dataFolder: string
  private readonly broker: BrokerProcess
  private ledger: Ledger | undefined
  private client: Client | undefined
  private failure: Error | undefined
  private isRunning = true
  private readonly figures = { bulkRecords: 0, consumers: 0, consumed: 0, topics: 0, connections: 0 }

  constructor(options: SoakOptions, dataFolder: string) {
    this.options = options
    this.random = new Random(options.seed)
    this.dataFolder = dataFolder
    this.broker = new BrokerProcess({
      dataFolder,
      port: 0,
      shards: 2,
      journalMemoryBytes: 16 * MiB,
      volatileMemoryBytes: 4 * MiB,
      retentionCheckIntervalMs: 1000,
    })
  }

  async run(): Promise<string> {
    await this.broker.ready
    const { server } = this.broker
    this.ledger = await Ledger.open({ server, topic: 'kept', pauseMs: 5 })
    this.client = await connect({ server, requestTimeoutMs: 20_000 })
    const configs = { 'segment.bytes': String(MiB), 'retention.bytes': String(4 * MiB) }
    await this.client.admin().createTopic({ name: 'bulk', partitions: bulkPartitions, configs })
    const loads = [this.produce(), this.consume(), this.consume(), this.consume(), this.makeTopics(), this.comeAndGo()]
    const samples = await this.sample()
    this.isRunning = false
    await Promise.all(loads)
    if (this.failure !== undefined) throw this.failure
    await this.client.close()
    await this.ledger.stop()
    const kept = await this.ledger.verify(server)
    await this.broker.stopCleanly()
    const remains = readdirSync(join(this.dataFolder, 'topics')).filter((name) => /^soak-\d+-\d+$/.test(name))
    if (remains.length > 0) throw new Error(`folders of deleted topics are left: ${remains.slice(0, 5).join(', ')}`)
    const verdict = judgeFlat(samples, this.options.minutes >= tightFromMinutes)
    return `${JSON.stringify({ kept, ...this.figures })}\n${verdict}`
  }

  async end(): Promise<void> {
    this.isRunning = false
    await this.client?.close({ timeoutMs: 1 }).catch(() => undefined)
    await this.ledger?.stop().catch(() => undefined)
    await this.broker.kill()
  }

  private fail(what: string, error: unknown): void {
    this.failure ??= new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`)
  }

  // ---- the load

  private async produce(): Promise<void> {
    const producer = this.client!.producer({ lingerMs: 5 })
    const value = Buffer.alloc(200, 5)
    try {
      while (this.isRunning) {
        for (let count = 0; count < bulkBurst; count++) {
          producer.write({ topic: 'bulk', partition: this.figures.bulkRecords++ % bulkPartitions, value })
        }
        await pass(bulkPauseMs)
      }
      await producer.close()
    } catch (error) {
      this.fail('the bulk producer failed', error)
    }
  }

  /** Consumers with a connection of their own that live for some seconds; offsets of each partition are dense. */
  private async consume(): Promise<void> {
    while (this.isRunning && this.failure === undefined) {
      const client = await connect({ server: this.broker.server })
      const next = new Map<number, number>()
      this.figures.consumers++
      const consumer = client.consumer({ topic: 'bulk', from: this.random.chance(0.3) ? 'earliest' : 'latest' })
      const timer = setTimeout(() => void consumer.close(), this.random.between(1000, 6000))
      try {
        for await (const batch of consumer) {
          const { partition, baseOffset: firstOffset, recordCount } = batch
          const expected = next.get(partition) ?? firstOffset
          if (firstOffset !== expected) throw new Error(`bulk-${partition}: ${firstOffset} follows ${expected - 1}`)
          next.set(partition, firstOffset + recordCount)
          this.figures.consumed += recordCount
        }
      } catch (error) {
        // Retention may take what a consumer that began at the earliest had still to read.
        if (!String(error).includes('OFFSET_OUT_OF_RANGE')) this.fail('a consumer failed', error)
      } finally {
        clearTimeout(timer)
        await client.close().catch(() => undefined)
      }
    }
  }

  private async makeTopics(): Promise<void> {
    const admin = this.client!.admin()
    try {
      while (this.isRunning) {
        const name = `soak-${this.figures.topics++}`
        await admin.createTopic({ name, partitions: 2 })
        const producer = this.client!.producer()
        for (let count = 0; count < 10; count++) producer.write({ topic: name, value: 'x' })
        await producer.close()
        await admin.deleteTopic(name)
        await pass(500)
      }
    } catch (error) {
      this.fail('making and deleting topics failed', error)
    }
  }

  /** Connections that end without a word, some of them in the middle of a frame. */
  private async comeAndGo(): Promise<void> {
    while (this.isRunning) {
      const ws = new RawWebSocket(this.broker.port, 'streambus.json.v1')
      await ws.answered
      ws.send(Buffer.from('{"op":"subscribe","topic":"bulk","partition":0}'), true)
      if (this.random.chance(0.5)) ws.write(Buffer.from([0x81, 0xfe, 0x10]))
      await pass(100)
      ws.destroy()
      this.figures.connections++
    }
  }

  // ---- what it does to the broker

  private async sample(): Promise<Sample[]> {
    const samples: Sample[] = []
    const removed = new RemovedFiles()
    const everyMs = (this.options.minutes * 60_000) / samplesPerRun
    while (samples.length < samplesPerRun) {
      await pass(everyMs)
      if (this.broker.hasEnded) throw new Error(`the broker ended: ${this.broker.complaint.slice(-2000)}`)
      const offline = this.broker.complaint.split('\n').find((line) => line.includes('takes no writes any more'))
      if (offline !== undefined) throw new Error(offline)
      if (this.failure !== undefined) throw this.failure
      if (this.ledger!.failure !== undefined) throw this.ledger!.failure
      const { residentBytes, threads } = processFacts(this.broker.pid)
      const files = openFilesOf(() => true, this.broker.pid)
      removed.look(files, performance.now())
      const segmentsRead = files.filter(isSegmentRead).length
      const openFiles = files.length - segmentsRead
      const p99Ms = this.ledger!.takeLatencies().p99
      samples.push({ residentMiB: residentBytes / MiB, openFiles, segmentsRead, threads, p99Ms })
      if (samples.length % 6 === 0) this.options.say?.(lineOf(samples.length / samplesPerRun, samples.at(-1)!))
    }
    return samples
  }
}

function lineOf(share: number, { residentMiB, openFiles, segmentsRead, threads, p99Ms }: Sample): string {
  const files = `${openFiles} files and ${segmentsRead} segments read`
  const memory = `${residentMiB.toFixed(0)} MiB, ${files}, ${threads} threads`
  return `${Math.round(share * 100)} %: ${memory}, P99 ${p99Ms.toFixed(1)} ms`
}
