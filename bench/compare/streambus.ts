/**
 * StreamBus as a subject: a broker of its own on one front end, or one that runs already, driven by
 * `streambus-cli bench` in a process of its own.
 * Runs on: main. Touches: processes, a client connection, a data folder.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { releaseVersion } from '../../native-free-core/version.js'
import { brokerConfigOf, memoryBoundBytes } from '../../native-free-core/config/broker-config.js'
import { type Admin, type Client, connect } from '../../src/client/index.js'
import type { RunResult } from '../../src/bench/run-result.js'
import { forgetLargest, freePort, pause, runTool } from './processes.js'
import { CrashedFolder } from './crashed-folder.js'
import type { ProduceLoad } from './rows.js'
import type { SubjectDescription } from './results.js'
import { type Probe, ServerProcess } from './server-process.js'
import { metricsAt, stageFigures } from './stages.js'
import { cannotMeasure, type Request, runResultOf, type Subject } from './subject.js'

export const isReady: Probe = {
  question: 'GET /health/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n',
  isReady: (answer) => answer.toString().startsWith('HTTP/1.1 200'),
}

/** There is a result, with what is wrong with it. */
const unusableExitCode = 1
const idleMs = 3_000
const shardsSeconds = 2
/** No name that somebody's own topic has. */
const consumedTopic = `bench-${process.pid}-consumed`
/**
 * Of load before what is measured of latency: the client is a new process for each row and compiles its code until then
 * (measured: P99 at 10,000 a second 5 to 12 ms after 0.8 s, 1.3 to 2.6 after 4 s). Drivers that stay, or were compiled
 * before, need less.
 */
const leastPacedWarmUpSeconds = 3
/** What a row may take besides its seconds: processes, connections, reading back. */
const besidesSeconds = 60

export interface StreamBusOptions {
  readonly root: string
  readonly folder: string
  readonly frontEnd: 'uws' | 'ws'
  /** HOST:PORT of one that runs already. */
  readonly address: string | undefined
  readonly crashGigabytes: number
  /** Of load before the first row, and as long again for what is consumed later, from memory. */
  readonly warmSeconds: number
}

export class StreamBus implements Subject {
  private server: ServerProcess | undefined
  private client: Client | undefined
  private crashed: CrashedFolder | undefined

  private readonly options: StreamBusOptions

  constructor(options: StreamBusOptions) {
    this.options = options
  }

  private get name(): string {
    const { address, frontEnd } = this.options
    return address === undefined ? `StreamBus, ${frontEnd}` : `StreamBus at ${address}`
  }

  describe(): SubjectDescription {
    const isOwn = this.options.address === undefined
    const configuration = isOwn ? 'all defaults but port, folder and front end' : 'as it runs'
    return { name: this.name, version: releaseVersion, configuration }
  }

  get isUp(): boolean {
    return this.client !== undefined && (this.server?.isRunning ?? this.options.address !== undefined)
  }

  async start(): Promise<void> {
    const { address, folder, frontEnd, warmSeconds } = this.options
    if (address === undefined) this.server = await this.startServer(join(folder, `streambus-${frontEnd}`))
    this.client = await connect({ servers: [this.address], clientName: 'bench-all' })
    const topic = `bench-${process.pid}-warm-up`
    const admin = await this.freshTopic(topic, 1)
    await this.bench(['produce', '--topic', topic, '--no-verify', '--seconds', warmSeconds], warmSeconds)
    await admin.deleteTopic(topic)
    await this.freshTopic(consumedTopic, 1)
    await this.bench(['produce', '--topic', consumedTopic, '--no-verify', '--seconds', warmSeconds], warmSeconds)
  }

  /** `environment`: configuration keys on top. */
  async startServer(folder: string, environment: NodeJS.ProcessEnv = {}): Promise<ServerProcess> {
    const port = await freePort()
    const env = {
      ...process.env,
      STREAMBUS_DATA_FOLDER: folder,
      STREAMBUS_PORT: String(port),
      STREAMBUS_FRONT_END: this.options.frontEnd,
      STREAMBUS_LOG_LEVEL: 'warn',
      ...environment,
    }
    const args = [join(this.options.root, 'bin/streambus.js'), 'broker']
    return ServerProcess.start(process.execPath, args, port, isReady, { env })
  }

  beginRound(): void {
    if (this.server !== undefined) forgetLargest(this.server.pid)
  }

  async measure(request: Request): Promise<RunResult> {
    const { load } = request.row
    switch (load.kind) {
      case 'produce':
      case 'replay':
        return this.produce(request, load)
      case 'consume':
        return this.consume(request, load.isDecoded)
      case 'one-at-a-time':
        return this.oneAtATime(request, load.recordBytes)
      case 'start':
        return this.freshStart(request)
      case 'crash-start':
        return this.crashStart(request)
      case 'more-shards':
        return this.moreShards(request, load.shards)
      case 'memory':
        return this.figures(request, { largestResidentMiB: this.ownServer().largestResidentMiB() })
      case 'limit':
        return cannotMeasure(load)
    }
  }

  private async produce(request: Request, load: ProduceLoad): Promise<RunResult> {
    const { topic, seconds, rate } = request
    const { recordBytes, batchBytes, lingerMs, partitions, flush, kind } = load
    const admin = await this.freshTopic(topic, partitions, flush)
    const shape = ['--record-bytes', recordBytes, '--batch-bytes', batchBytes, '--linger', lingerMs]
    const how = kind === 'replay' ? ['--replay'] : []
    const pace = rate === undefined ? [] : ['--rate', rate]
    const warmUp = rate === undefined ? request.warmUpSeconds : pacedWarmUp(request)
    const time = ['--seconds', seconds, '--warm-up', warmUp]
    try {
      const before = await metricsAt(this.address)
      const result = await this.bench(['produce', '--topic', topic, ...shape, ...how, ...pace, ...time], seconds)
      return { ...result, figures: { ...result.figures, ...stageFigures(before, await metricsAt(this.address)) } }
    } finally {
      await admin.deleteTopic(topic)
    }
  }

  private async consume(request: Request, isDecoded: boolean): Promise<RunResult> {
    const how = isDecoded ? ['--decode'] : []
    const time = ['--seconds', request.seconds, '--warm-up', request.warmUpSeconds]
    return this.bench(['consume', '--topic', consumedTopic, ...how, ...time], request.seconds)
  }

  private async oneAtATime(request: Request, recordBytes: number): Promise<RunResult> {
    const { topic, seconds } = request
    const admin = await this.freshTopic(topic, 1)
    const time = ['--seconds', seconds, '--warm-up', pacedWarmUp(request)]
    const shape = ['--record-bytes', recordBytes, '--linger', 0, ...time]
    try {
      return await this.bench(['e2e', '--topic', topic, '--one-at-a-time', ...shape], seconds)
    } finally {
      await admin.deleteTopic(topic)
    }
  }

  private async freshStart(request: Request): Promise<RunResult> {
    const folder = mkdtempSync(join(this.options.folder, 'fresh-'))
    const server = await this.startServer(folder)
    try {
      await pause(idleMs)
      return this.figures(request, { readyMs: server.readyMs, idleMiB: server.residentMiB() })
    } finally {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  }

  private async crashStart(request: Request): Promise<RunResult> {
    const { folder, frontEnd, crashGigabytes, root } = this.options
    const place = { folder: join(folder, `crashed-${frontEnd}`), gigabytes: crashGigabytes, root }
    this.crashed ??= new CrashedFolder(place, (where) => this.startServer(where))
    return this.figures(request, await this.crashed.measureStart())
  }

  /** The formula of docs/operations.md, on top of what the broker takes that nobody has used yet. */
  private async moreShards(request: Request, shards: number): Promise<RunResult> {
    const folder = mkdtempSync(join(this.options.folder, 'shards-'))
    const server = await this.startServer(folder, { STREAMBUS_SHARDS: String(shards) })
    const shape = ['--partitions', 64, '--seconds', shardsSeconds, '--batch-bytes', 65_536, '--no-verify']
    const idleMiB = server.residentMiB()
    const connections = 1
    const boundMiB = idleMiB + memoryBoundBytes(brokerConfigOf(), shards, connections) / (1 << 20)
    try {
      await this.bench(['produce', '--topic', 'many', ...shape], shardsSeconds, server.address)
      return this.figures(request, { largestResidentMiB: server.largestResidentMiB(), boundMiB })
    } finally {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  }

  private figures(request: Request, figures: Record<string, number>): RunResult {
    const startedAt = new Date().toISOString()
    return runResultOf({ request, subject: this.name, release: releaseVersion, startedAt, seconds: 0, figures })
  }

  private get address(): string {
    return this.options.address ?? this.ownServer().address
  }

  private ownServer(): ServerProcess {
    if (this.server === undefined) throw new Error('it was not started here: its memory is not known')
    return this.server
  }

  private async freshTopic(name: string, partitions: number, flush = 'commit'): Promise<Admin> {
    const admin = this.client!.admin()
    const names = (await admin.listTopics()).map((topic) => topic.name)
    if (names.includes(name)) await admin.deleteTopic(name)
    await admin.createTopic({ name, partitions, configs: { flush } })
    return admin
  }

  private async bench(args: readonly (string | number)[], seconds: number, address = this.address): Promise<RunResult> {
    const program = [join(this.options.root, 'bin/streambus.js'), 'bench', ...args.map(String)]
    const timeoutMs = (seconds * 3 + besidesSeconds) * 1000
    const options = { timeoutMs, goodExitCodes: [0, unusableExitCode] }
    const out = await runTool(process.execPath, [...program, '--json', '--server', address], options)
    if (out.trim() === '') throw new Error(`${args.join(' ')} gave no result`)
    const result = { ...(JSON.parse(out) as RunResult), subject: this.name }
    const largest = this.server?.largestResidentMiB()
    const broker = largest === undefined ? result.broker : { ...result.broker, largestResidentMiB: largest }
    return { ...result, broker }
  }

  async stop(): Promise<void> {
    const isForeign = this.options.address !== undefined
    if (isForeign)
      await this.client
        ?.admin()
        .deleteTopic(consumedTopic)
        .catch(() => undefined)
    await this.client?.close().catch(() => undefined)
    this.client = undefined
    await this.server?.stop()
    this.server = undefined
  }
}

/** A short run asks for short times everywhere. */
function pacedWarmUp({ warmUpSeconds, seconds }: Request): number {
  return Math.max(warmUpSeconds, Math.min(leastPacedWarmUpSeconds, seconds))
}
