/**
 * Apache Kafka as a peer: one broker from the jars that Maven fetches once, and one warm JVM that drives it
 * (KafkaDriver.java). Synced topics have flush.messages=1: each append is on disk before its acknowledgement. Kafka's
 * default is not.
 * Runs on: main. Touches: processes, loopback, a cache folder.
 */
import { type ChildProcess } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { LatencyResult, RunResult } from '../../src/bench/run-result.js'
import { cpuSecondsOf, end, forgetLargest, freePort, isRunning, pause, runTool, Said, start } from './processes.js'
import type { SubjectDescription } from './results.js'
import type { ProduceLoad } from './rows.js'
import { type Probe, ServerProcess } from './server-process.js'
import { cannotMeasure, type Request, runResultOf, type Subject } from './subject.js'

const version = '4.3.1'
const collector = ['-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', '-Djava.awt.headless=true']
const idleMs = 3_000
const answerLimitMs = 90_000
const payloadCount = 2000
/** Of the first run of a row; later ones go by the rate of the one before. */
const guessedBytesPerSecond = 70e6
/** A synced append of each small batch. */
const guessedSyncedBatches = 700
const warmUpRecords = 1_500_000
const warmUpRuns = 2
const warmUpTimes = { warmUpSeconds: 0, seconds: 1 }
/** No name that somebody's own topic has. */
const consumedTopic = `bench-${process.pid}-consumed`
const consumedRecords = 4_000_000

/** ApiVersions, version 0, without a client id: answered by a broker that takes requests. */
const probe: Probe = {
  question: Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff]),
  isReady: (answer) => answer.length >= 10 && answer.readInt32BE(4) === 7 && answer.readInt16BE(8) === 0,
}

export interface KafkaOptions {
  readonly root: string
  readonly folder: string
  readonly cache: string
  /** HOST:PORT of one that runs already. */
  readonly address: string | undefined
}

/** What the driver answers about a load. */
interface Answer {
  readonly error?: string
  readonly printed?: string
  readonly records?: number
  readonly counted?: number
  readonly failed?: number
  readonly seconds?: number
  readonly latency?: LatencyResult
}

/** The broker and its driver; both subjects share them. */
export class Kafka {
  server: ServerProcess | undefined
  private driver: ChildProcess | undefined
  private answers: AsyncIterableIterator<string> | undefined
  private jars = ''
  private starting: Promise<void> | undefined

  readonly options: KafkaOptions

  constructor(options: KafkaOptions) {
    this.options = options
  }

  get isUp(): boolean {
    const isServerUp = this.server?.isRunning ?? this.options.address !== undefined
    return isServerUp && this.driver !== undefined && isRunning(this.driver)
  }

  start(): Promise<void> {
    this.starting ??= this.bringUp().finally(() => (this.starting = undefined))
    return this.starting
  }

  private async bringUp(): Promise<void> {
    this.jars = await fetchJars(this.options)
    const { address, folder, root } = this.options
    if (address === undefined && this.server?.isRunning !== true) {
      this.server = await this.startServer(mkdtempSync(join(folder, 'kafka-')))
    }
    const bootstrap = address ?? this.server!.address
    const source = join(root, 'bench/compare/KafkaDriver.java')
    const args = [...collector, '-Xmx1G', '-cp', `${this.jars}/*`, source, bootstrap]
    this.driver = start('java', args, { cwd: folder, stdio: ['pipe', 'pipe', 'pipe'] })
    this.driver.stdin!.on('error', () => undefined)
    const said = new Said(this.driver)
    this.answers = createInterface({ input: this.driver.stdout! })[Symbol.asyncIterator]()
    await this.command('create', { topic: consumedTopic, partitions: 1, synced: 'no' }).catch((error: Error) => {
      throw new Error(`${error.message}: ${said.text}`)
    })
    await this.produceInto(consumedTopic, 100, 262_144, 5, consumedRecords, 0)
    await this.warm()
  }

  private async warm(): Promise<void> {
    for (let run = 0; run < warmUpRuns; run++) {
      for (const synced of ['no', 'yes']) {
        const topic = `bench-${process.pid}-warm-up-${run}-${synced}`
        await this.command('create', { topic, partitions: 1, synced })
        await this.produceInto(topic, 100, 262_144, 5, warmUpRecords, 0)
        await this.command('rate', { topic, rate: 10_000, partitions: 1, recordBytes: 100, ...warmUpTimes })
        await this.command('one', { topic, recordBytes: 100, ...warmUpTimes })
        await this.command('delete', { topic })
      }
      await this.command('consume', { topic: consumedTopic, ...warmUpTimes })
    }
  }

  /** Kafka's own tool; resolves with its records a second after the warm-up. */
  async produceInto(
    topic: string,
    recordBytes: number,
    batchBytes: number,
    lingerMs: number,
    records: number,
    warmUpRecords: number,
  ): Promise<number> {
    const payloads = this.payloads(recordBytes)
    const answer = await this.command('produce', { topic, records, warmUpRecords, payloads, batchBytes, lingerMs })
    const printed = answer.printed ?? ''
    const rates = [...printed.matchAll(/([\d.]+) records\/sec/g)]
    const rate = Number(rates.at(-1)?.[1])
    if (!(rate > 0)) throw new Error(`Kafka's tool says no rate: ${printed.slice(-500)}`)
    return rate
  }

  /** The tool picks a line for each record; making each of random bytes costs it more than sending does. */
  private payloads(recordBytes: number): string {
    const file = join(this.options.folder, `payload-${recordBytes}.txt`)
    const line = () => Array.from({ length: recordBytes }, () => String.fromCharCode(97 + Math.random() * 26)).join('')
    if (!existsSync(file)) writeFileSync(file, Array.from({ length: payloadCount }, line).join('\n'))
    return file
  }

  async command(verb: string, given: Readonly<Record<string, string | number>>): Promise<Answer> {
    if (this.driver === undefined || !isRunning(this.driver))
      throw new Error('the JVM that drives Kafka is not running')
    const { driver } = this
    const words = [verb, ...Object.entries(given).map(([name, value]) => `${name}=${value}`)]
    driver.stdin!.write(`${words.join('\t')}\n`)
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      void end(driver)
    }, answerLimitMs)
    const { value, done } = await this.answers!.next()
    clearTimeout(timer)
    if (done === true) throw new Error(isLate ? `no answer in ${answerLimitMs / 1000} s` : 'the driving JVM ended')
    const answer = JSON.parse(value as string) as Answer
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer
  }

  driverCpuSeconds(): number {
    return cpuSecondsOf(this.driver!.pid!)
  }

  /** A broker on an empty folder; formatting it is not counted. */
  async startServer(folder: string): Promise<ServerProcess> {
    const [port, controllerPort] = [await freePort(), await freePort()]
    const config = join(folder, 'kafka.properties')
    writeFileSync(config, propertiesOf(port, controllerPort, join(folder, 'data')))
    const classpath = `${this.jars}/*`
    const tool = ['-cp', classpath, 'kafka.tools.StorageTool']
    const id = (await runTool('java', [...tool, 'random-uuid'])).trim().split('\n').at(-1)!
    await runTool('java', [...tool, 'format', '--standalone', '-t', id, '-c', config])
    const args = [...collector, '-Xmx1G', '-Xms1G', '-cp', classpath, 'kafka.Kafka', config]
    return ServerProcess.start('java', args, port, probe, { cwd: folder })
  }

  async stop(): Promise<void> {
    const isForeign = this.options.address !== undefined
    if (isForeign) await this.command('delete', { topic: consumedTopic }).catch(() => undefined)
    if (this.driver !== undefined) await end(this.driver)
    this.driver = undefined
    await this.server?.stop()
    this.server = undefined
  }
}

async function fetchJars({ root, cache }: KafkaOptions): Promise<string> {
  const folder = join(cache, 'kafka')
  const jars = join(folder, 'libs')
  if (!existsSync(jars) || !readdirSync(jars).some((name) => name.startsWith('kafka-tools-'))) {
    mkdirSync(folder, { recursive: true })
    copyFileSync(join(root, 'test/compat/kafka/pom.xml'), join(folder, 'pom.xml'))
    const args = ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=libs', '-DincludeScope=runtime']
    await runTool('mvn', args, { cwd: folder, timeoutMs: 600_000 })
  }
  return jars
}

/** Kafka with its default topics, or with topics that are synced. */
export class KafkaSubject implements Subject {
  /** What each row did last: the tool wants a count, the others have seconds. */
  private readonly lastRates = new Map<string, number>()
  private readonly kafka: Kafka
  private readonly isSynced: boolean

  constructor(kafka: Kafka, isSynced: boolean) {
    this.kafka = kafka
    this.isSynced = isSynced
  }

  private get name(): string {
    return this.isSynced ? 'Kafka, synced' : 'Kafka, not synced'
  }

  describe(): SubjectDescription {
    const { address } = this.kafka.options
    const where = address === undefined ? 'one broker and controller in KRaft mode, -Xmx1G, G1' : `at ${address}`
    const topics = this.isSynced ? 'topics with flush.messages=1' : 'all defaults'
    return { name: this.name, version: address === undefined ? version : '', configuration: `${where}; ${topics}` }
  }

  get isUp(): boolean {
    return this.kafka.isUp
  }

  start(): Promise<void> {
    return this.kafka.start()
  }

  beginRound(): void {
    if (this.kafka.server !== undefined) forgetLargest(this.kafka.server.pid)
  }

  async measure(request: Request): Promise<RunResult> {
    const { load } = request.row
    switch (load.kind) {
      case 'produce':
        return this.inTopic(request, load.partitions, (topic) =>
          request.rate === undefined ? this.flatOut(request, load, topic) : this.atRate(request, load, topic),
        )
      case 'one-at-a-time':
        return this.inTopic(request, 1, (topic) =>
          this.timed(request, 'one', { topic, recordBytes: load.recordBytes, ...secondsOf(request) }),
        )
      case 'consume':
        return this.timed(request, 'consume', { topic: consumedTopic, ...secondsOf(request) })
      case 'start':
        return this.freshStart(request)
      case 'memory':
        return this.figures(request, { largestResidentMiB: this.ownServer().largestResidentMiB() })
      case 'replay':
      case 'crash-start':
      case 'more-shards':
      case 'limit':
        return cannotMeasure(load)
    }
  }

  private async inTopic(
    request: Request,
    partitions: number,
    measure: (topic: string) => Promise<RunResult>,
  ): Promise<RunResult> {
    const topic = this.isSynced ? `synced-${request.topic}` : request.topic
    await this.kafka.command('create', { topic, partitions, synced: this.isSynced ? 'yes' : 'no' })
    try {
      return await measure(topic)
    } finally {
      await this.kafka.command('delete', { topic }).catch(() => undefined)
    }
  }

  private async flatOut(request: Request, load: ProduceLoad, topic: string): Promise<RunResult> {
    const { recordBytes, batchBytes, lingerMs } = load
    const { seconds, warmUpSeconds: warm, row } = request
    const guess = Math.min(guessedBytesPerSecond, this.isSynced ? batchBytes * guessedSyncedBatches : Infinity)
    const rate = this.lastRates.get(row.id) ?? guess / recordBytes
    const [records, uncounted] = [Math.ceil(rate * (seconds + warm)), Math.ceil(rate * warm)]
    const measured = await this.metered(request, records, async () => {
      const found = await this.kafka.produceInto(topic, recordBytes, batchBytes, lingerMs, records, uncounted)
      return { recordsPerSecond: found, counted: records - uncounted }
    })
    this.lastRates.set(row.id, measured.recordsPerSecond)
    return measured
  }

  private atRate(request: Request, load: ProduceLoad, topic: string): Promise<RunResult> {
    const { recordBytes, partitions } = load
    const given = { topic, rate: request.rate!, partitions, recordBytes, ...secondsOf(request) }
    return this.timed(request, 'rate', given)
  }

  private timed(request: Request, verb: string, given: Readonly<Record<string, string | number>>): Promise<RunResult> {
    return this.metered(request, undefined, async () => {
      const { records = 0, counted = 0, failed = 0, seconds = 1, latency } = await this.kafka.command(verb, given)
      // A rate's seconds are those of all that was sent, warm-up and last acknowledgement included.
      return { recordsPerSecond: (verb === 'rate' ? records : counted) / seconds, counted, records, failed, latency }
    })
  }

  /** CPU time is that of all records that were sent, also in the warm-up. */
  private async metered(
    request: Request,
    sent: number | undefined,
    measure: () => Promise<{
      recordsPerSecond: number
      counted: number
      records?: number
      failed?: number
      latency?: LatencyResult | undefined
    }>,
  ): Promise<RunResult> {
    const { server } = this.kafka
    const startedAt = new Date().toISOString()
    const startMs = performance.now()
    const [brokerBefore, clientBefore] = [server?.cpuSeconds(), this.kafka.driverCpuSeconds()]
    const { recordsPerSecond, counted, records = sent ?? counted, failed = 0, latency } = await measure()
    const elapsed = (performance.now() - startMs) / 1000
    const client = this.kafka.driverCpuSeconds() - clientBefore
    const broker = server === undefined || brokerBefore === undefined ? undefined : server.cpuSeconds() - brokerBefore
    const millions = records / 1e6
    const brokerCpu =
      broker === undefined
        ? {}
        : { brokerSecondsPerMillion: broker / millions, brokerPercent: Math.round((broker / elapsed) * 100) }
    const clientPercent = Math.round((client / elapsed) * 100)
    return runResultOf({
      request,
      subject: this.name,
      release: version,
      startedAt,
      seconds: request.seconds,
      records: { sent: counted, acknowledged: counted - failed, failed },
      recordsPerSecond,
      latency,
      cpu: { clientSecondsPerMillion: client / millions, clientPercent, ...brokerCpu },
    })
  }

  private async freshStart(request: Request): Promise<RunResult> {
    const folder = mkdtempSync(join(this.kafka.options.folder, 'kafka-fresh-'))
    const server = await this.kafka.startServer(folder)
    try {
      await pause(idleMs)
      return this.figures(request, { readyMs: server.readyMs, idleMiB: server.residentMiB() })
    } finally {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  }

  private figures(request: Request, figures: Record<string, number>): RunResult {
    const startedAt = new Date().toISOString()
    return runResultOf({ request, subject: this.name, release: version, startedAt, seconds: 0, figures })
  }

  private ownServer(): ServerProcess {
    if (this.kafka.server === undefined) throw new Error('it was not started here: its memory is not known')
    return this.kafka.server
  }

  stop(): Promise<void> {
    return this.kafka.stop()
  }
}

function secondsOf({ seconds, warmUpSeconds: warm }: Request): { seconds: number; warmUpSeconds: number } {
  return { seconds, warmUpSeconds: warm }
}

function propertiesOf(port: number, controllerPort: number, dataFolder: string): string {
  return `process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=${dataFolder}
offsets.topic.replication.factor=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
`
}
