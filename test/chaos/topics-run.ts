/**
 * Topics that are made, written, read and deleted in loops, under new names and under one name again and again, by
 * clients that await each answer and by two that do not; beside them a topic whose segments roll and go.
 * Runs on: the process of a long run. Touches: a broker process, connections to it, a temporary folder, /proc.
 *
 * What must hold: each topic holds what was written to it and nothing of one before it, no shard goes offline, the
 * broker warns of nothing, and at the end no folder, file or memory is left of the topics that are gone.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { type Client, connect, StreamBusError } from '../../src/client/index.js'
import { Ledger } from '../support/ledger.js'
import { type ProcessFacts, processFacts } from '../support/process-facts.js'
import { Random } from '../support/random.js'
import { BrokerProcess } from './broker-process.js'
import { inFolder } from './in-folder.js'

export interface TopicsOptions {
  /** How many are made and deleted, over all loops. */
  readonly topics: number
  readonly seed: number
  readonly say?: (line: string) => void
}

const MiB = 2 ** 20
const mostRecords = 30
/** How long folders of deleted topics may take to go: shards free four a second. */
const goneLimitMs = 120_000
const residentGrowthMiB = 80
const openFilesGrowth = 20
/** What a race for one name may be answered. */
const raceErrors = new Set(['TOPIC_ALREADY_EXISTS', 'UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID'])

/** Throws with what did not hold. Returns the figures as lines. */
export function runTopics(options: TopicsOptions): Promise<string> {
  return inFolder('topics', (dataFolder) => new TopicsRun(options, dataFolder))
}

class TopicsRun {
  private readonly options: TopicsOptions
  private readonly random: Random
  private readonly dataFolder: string
  private readonly broker: BrokerProcess
  private readonly clients: Client[] = []
  private ledger: Ledger | undefined
  private isOver = false
  private readonly figures = { made: 0, deleted: 0, races: 0, written: 0, read: 0 }

  constructor(options: TopicsOptions, dataFolder: string) {
    this.options = options
    this.random = new Random(options.seed)
    this.dataFolder = dataFolder
    this.broker = new BrokerProcess({
      dataFolder,
      port: 0,
      shards: 3,
      journalMemoryBytes: 12 * MiB,
      volatileMemoryBytes: 3 * MiB,
      retentionCheckIntervalMs: 200,
    })
  }

  async run(): Promise<string> {
    await this.broker.ready
    const { server } = this.broker
    this.ledger = await Ledger.open({ server, topic: 'kept', pauseMs: 5 })
    const beside = this.rollAndRemove()
    const quarter = Math.ceil(this.options.topics / 4)
    await this.loops(quarter)
    const early = this.facts()
    this.options.say?.(`a quarter: ${lineOf(early)}; ${JSON.stringify(this.figures)}`)
    await this.loops(this.options.topics - quarter)
    this.isOver = true
    await beside
    await this.untilGone()
    const late = this.facts()
    for (const client of this.clients) await client.close()
    await this.ledger.stop()
    const kept = await this.ledger.verify(server)
    await this.broker.stopCleanly()
    this.judgeLog()
    judgeGrowth(early, late)
    return `${JSON.stringify({ kept, ...this.figures })}\na quarter: ${lineOf(early)}; the end: ${lineOf(late)}`
  }

  async end(): Promise<void> {
    this.isOver = true
    for (const client of this.clients) await client.close({ timeoutMs: 1 }).catch(() => undefined)
    await this.ledger?.stop().catch(() => undefined)
    await this.broker.kill()
  }

  private async connect(): Promise<Client> {
    const client = await connect({ server: this.broker.server, requestTimeoutMs: 20_000 })
    this.clients.push(client)
    return client
  }

  /** Until `count` more were made. */
  private async loops(count: number): Promise<void> {
    const end = this.figures.made + count
    const isDue = (): boolean => this.figures.made < end && !this.isOver
    const loops = [this.underNewNames(isDue), this.underOneName(isDue), this.races(isDue)]
    try {
      await Promise.all(loops)
    } catch (error) {
      this.isOver = true
      await Promise.allSettled(loops)
      const text = error instanceof Error ? error.message : String(error)
      throw new Error(`${text}\n${this.broker.complaint.slice(-2000)}`, { cause: error })
    }
  }

  private async underNewNames(isDue: () => boolean): Promise<void> {
    const client = await this.connect()
    while (isDue()) await this.live(client, `new-${this.figures.made}`)
  }

  private async underOneName(isDue: () => boolean): Promise<void> {
    const client = await this.connect()
    while (isDue()) await this.live(client, 'again')
  }

  /** A topic's whole life. */
  private async live(client: Client, name: string): Promise<void> {
    const admin = client.admin()
    const life = this.figures.made++
    const flush = this.random.pick(['commit', 'commit', 'os', 'interval'])
    const configs = { flush, 'segment.bytes': '65536' }
    await admin.createTopic({ name, partitions: this.random.between(1, 5), configs })
    const producer = client.producer({ lingerMs: 0 })
    const count = this.random.between(1, mostRecords)
    const value = Buffer.alloc(this.random.pick([20, 20_000]), life & 0xff)
    value.writeUInt32BE(life, 0)
    await Promise.all(Array.from({ length: count }, () => producer.send({ topic: name, value })))
    await producer.close()
    this.figures.written += count
    if (this.random.chance(0.5)) await this.readBack(client, name, life, count)
    await admin.deleteTopic(name)
    this.figures.deleted++
  }

  private async readBack(client: Client, topic: string, life: number, count: number): Promise<void> {
    let found = 0
    for await (const batch of client.consumer({ topic, from: 'earliest', untilEnd: true })) {
      for (const { value, offset } of batch.records()) {
        const of = Buffer.from(value!.subarray(0, 4)).readUInt32BE(0)
        if (of !== life) throw new Error(`${topic}, life ${life}: offset ${offset} holds a record of life ${of}`)
        found++
      }
    }
    if (found !== count) throw new Error(`${topic}, life ${life}: ${found} of ${count} acknowledged records are there`)
    this.figures.read += found
  }

  /** Two clients make and delete one name without waiting for each other. */
  private async races(isDue: () => boolean): Promise<void> {
    const clients = [await this.connect(), await this.connect()]
    while (isDue()) {
      this.figures.races++
      const calls = clients.flatMap((client) => {
        const admin = client.admin()
        const partitions = this.random.between(1, 4)
        return [() => admin.createTopic({ name: 'raced', partitions }), () => admin.deleteTopic('raced')]
      })
      const answers = await Promise.allSettled([...calls, ...calls].map((call) => call()))
      for (const answer of answers) if (answer.status === 'rejected') allowOnly(answer.reason)
      this.figures.made += answers.filter(({ status }, index) => status === 'fulfilled' && index % 2 === 0).length
      this.figures.deleted += answers.filter(({ status }, index) => status === 'fulfilled' && index % 2 === 1).length
    }
    await clients[0]!
      .admin()
      .deleteTopic('raced')
      .then(() => this.figures.deleted++, allowOnly)
  }

  private async rollAndRemove(): Promise<void> {
    const client = await this.connect()
    const configs = { 'segment.bytes': '65536', 'retention.bytes': '262144' }
    await client.admin().createTopic({ name: 'bulk', partitions: 6, configs })
    const producer = client.producer({ lingerMs: 5 })
    for (let count = 0; !this.isOver; count++) {
      producer.write({ topic: 'bulk', partition: count % 6, value: Buffer.alloc(2000, 7) })
      if (count % 20 === 0) await pass(20)
    }
    await producer.close()
  }

  // ---- what is left

  private facts(): ProcessFacts {
    if (this.broker.hasEnded) throw new Error(`the broker has ended: ${this.broker.complaint.slice(-2000)}`)
    return processFacts(this.broker.pid)
  }

  private async untilGone(): Promise<void> {
    const endMs = performance.now() + goneLimitMs
    const left = (): string[] =>
      readdirSync(join(this.dataFolder, 'topics')).filter((name) => !/^(kept|bulk)-\d$/.test(name))
    while (left().length > 0) {
      if (performance.now() > endMs) throw new Error(`folders of deleted topics are left: ${left().slice(0, 5)}`)
      await pass(200)
    }
  }

  private judgeLog(): void {
    const lines = this.broker.complaint.split('\n').filter((line) => /^(warn|error):/.test(line))
    if (lines.length > 0) throw new Error(`the broker warned: ${lines.slice(0, 5).join('\n')}`)
  }
}

function allowOnly(reason: unknown): void {
  if (!StreamBusError.is(reason) || !raceErrors.has(reason.name)) throw reason
}

function judgeGrowth(early: ProcessFacts, late: ProcessFacts): void {
  const grownMiB = (late.residentBytes - early.residentBytes) / MiB
  const grownFiles = late.openFiles - early.openFiles
  if (grownMiB > residentGrowthMiB) throw new Error(`${grownMiB.toFixed(0)} MiB more than after a quarter`)
  if (grownFiles > openFilesGrowth) throw new Error(`${grownFiles} files more open than after a quarter`)
}

function lineOf({ residentBytes, openFiles }: ProcessFacts): string {
  return `${Math.round(residentBytes / MiB)} MiB, ${openFiles} files`
}
