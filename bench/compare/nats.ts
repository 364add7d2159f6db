/**
 * NATS JetStream as a peer: one server with file storage from the Go module proxy. Flat out it is driven by
 * `nats bench`, for latency by nats-driver/. By default it acknowledges before the disk has the message (sync_interval
 * 2m); `always` syncs each.
 * Runs on: main. Touches: processes, loopback, a cache folder.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LatencyResult, RunResult } from '../../src/bench/run-result.js'
import { forgetLargest, freePort, pause, runTool } from './processes.js'
import type { SubjectDescription } from './results.js'
import { type Probe, ServerProcess } from './server-process.js'
import { cannotMeasure, type Request, runResultOf, type Subject } from './subject.js'

const version = '2.15.2'
const programs = {
  'nats-server': `github.com/nats-io/nats-server/v2@v${version}`,
  nats: 'github.com/nats-io/natscli/nats@v0.5.1',
}
const idleMs = 3_000
const fetchLimitMs = 600_000
const batchMessages = 500
/** Of the first run of a row; later ones go by the rate of the one before. */
const guessedRate = { default: 150_000, always: 40_000 }
const warmUpMessages = 50_000

/** It greets whoever connects. */
const probe: Probe = { question: 'PING\r\n', isReady: (answer) => answer.toString().includes('PONG') }

export interface NatsOptions {
  readonly root: string
  readonly folder: string
  readonly cache: string
  readonly sync: 'default' | 'always'
  /** HOST:PORT of one that runs already. */
  readonly address: string | undefined
}

interface Answer {
  readonly records: number
  readonly counted: number
  readonly failed: number
  readonly seconds: number
  readonly latency: LatencyResult
}

export class NatsSubject implements Subject {
  private server: ServerProcess | undefined
  private tools = ''
  private driver = ''
  private isWarm = false
  private readonly lastRates = new Map<string, number>()
  private readonly options: NatsOptions

  constructor(options: NatsOptions) {
    this.options = options
  }

  private get name(): string {
    return this.options.sync === 'always' ? 'NATS, synced' : 'NATS, not synced'
  }

  describe(): SubjectDescription {
    const { address, sync } = this.options
    const storage = sync === 'always' ? 'file storage, sync_interval: always' : 'file storage, all defaults'
    const configuration = address === undefined ? storage : `at ${address}, as it runs`
    return { name: this.name, version: address === undefined ? version : '', configuration }
  }

  get isUp(): boolean {
    return this.isWarm && (this.server?.isRunning ?? this.options.address !== undefined)
  }

  async start(): Promise<void> {
    await this.fetch()
    const { address, folder } = this.options
    if (address === undefined && this.server?.isRunning !== true) {
      this.server = await this.startServer(mkdtempSync(join(folder, 'nats-')))
    }
    await this.publish(100, warmUpMessages)
    this.isWarm = true
  }

  private async fetch(): Promise<void> {
    this.tools = join(this.options.cache, 'nats')
    mkdirSync(this.tools, { recursive: true })
    for (const [name, source] of Object.entries(programs)) {
      if (existsSync(join(this.tools, name))) continue
      const env = { ...process.env, GOBIN: this.tools }
      await runTool('go', ['install', source], { env, timeoutMs: fetchLimitMs })
    }
    const folder = join(this.options.root, 'bench/compare/nats-driver')
    const sources = ['main.go', 'go.mod', 'go.sum'].map((name) => readFileSync(join(folder, name)))
    const hash = createHash('sha256').update(Buffer.concat(sources)).digest('hex').slice(0, 12)
    this.driver = join(this.tools, `nats-driver-${hash}`)
    if (existsSync(this.driver)) return
    await runTool('go', ['build', '-o', this.driver, '.'], { cwd: folder, timeoutMs: fetchLimitMs })
  }

  private async startServer(folder: string): Promise<ServerProcess> {
    const port = await freePort()
    const config = join(folder, 'nats.conf')
    const interval = this.options.sync === 'always' ? 'always' : '"2m"'
    const store = join(folder, 'data')
    const text = `listen: 127.0.0.1:${port}\njetstream { store_dir: "${store}", sync_interval: ${interval} }\n`
    writeFileSync(config, text)
    return ServerProcess.start(join(this.tools, 'nats-server'), ['-c', config], port, probe)
  }

  private get url(): string {
    return `nats://${this.options.address ?? this.server!.address}`
  }

  beginRound(): void {
    if (this.server !== undefined) forgetLargest(this.server.pid)
  }

  async measure(request: Request): Promise<RunResult> {
    const { load } = request.row
    switch (load.kind) {
      case 'produce':
        return request.rate === undefined
          ? this.flatOut(request, load.recordBytes)
          : this.timed(request, 'rate', ['-rate', request.rate, '-size', load.recordBytes])
      case 'one-at-a-time':
        return this.timed(request, 'one', ['-size', load.recordBytes])
      case 'start':
        return this.freshStart(request)
      case 'memory':
        return this.figures(request, { largestResidentMiB: this.ownServer().largestResidentMiB() })
      case 'replay':
      case 'consume':
      case 'crash-start':
      case 'more-shards':
      case 'limit':
        return cannotMeasure(load)
    }
  }

  private async flatOut(request: Request, recordBytes: number): Promise<RunResult> {
    const { row, seconds } = request
    const rate = this.lastRates.get(row.id) ?? guessedRate[this.options.sync]
    const messages = Math.ceil((rate * seconds) / batchMessages) * batchMessages
    const measured = await this.metered(request, async () => {
      const recordsPerSecond = await this.publish(recordBytes, messages)
      return { recordsPerSecond, records: messages, counted: messages, failed: 0 }
    })
    this.lastRates.set(row.id, measured.recordsPerSecond)
    return measured
  }

  /** The fastest way of the tool: batches, unsynced; atomic batches where each is synced. Messages a second. */
  private async publish(recordBytes: number, messages: number): Promise<number> {
    const how = this.options.sync === 'always' ? 'atomic' : 'fast'
    const size = [`--size=${recordBytes}`, `--msgs=${messages}`, `--batch=${batchMessages}`, '--clients=1']
    const out = await this.nats([
      'bench',
      'js',
      'pub',
      how,
      's1',
      '--create',
      '--maxbytes=16GB',
      '--no-progress',
      ...size,
    ])
    await this.nats(['stream', 'rm', '-f', 'benchstream'])
    const rates = [...out.matchAll(/stats: ([\d,.]+) msgs\/sec/g)]
    const rate = Number(rates.at(-1)?.[1]?.replaceAll(',', ''))
    if (!(rate > 0)) throw new Error(`nats bench says no rate: ${out.slice(-500)}`)
    return rate
  }

  private nats(args: readonly string[]): Promise<string> {
    return runTool(join(this.tools, 'nats'), ['-s', this.url, '--no-context', '--timeout=60s', ...args])
  }

  private timed(request: Request, verb: string, given: readonly (string | number)[]): Promise<RunResult> {
    return this.metered(request, async () => {
      const time = ['-warm', request.warmUpSeconds, '-seconds', request.seconds]
      const args = [verb, '-url', this.url, ...given, ...time].map(String)
      const answer = JSON.parse(await runTool(this.driver, args)) as Answer
      const { records, counted, seconds } = answer
      return { ...answer, recordsPerSecond: (verb === 'rate' ? records : counted) / seconds }
    })
  }

  /** The server's CPU time is that of all messages, also of the warm-up. */
  private async metered(
    request: Request,
    measure: () => Promise<Omit<Answer, 'seconds' | 'latency'> & { recordsPerSecond: number; latency?: LatencyResult }>,
  ): Promise<RunResult> {
    const startedAt = new Date().toISOString()
    const startMs = performance.now()
    const before = this.server?.cpuSeconds()
    const { records, counted, failed, recordsPerSecond, latency } = await measure()
    const elapsed = (performance.now() - startMs) / 1000
    const used = before === undefined ? undefined : this.server!.cpuSeconds() - before
    const cpu =
      used === undefined
        ? {}
        : {
            brokerSecondsPerMillion: (used / records) * 1e6,
            brokerPercent: Math.round((used / elapsed) * 100),
          }
    return runResultOf({
      request,
      subject: this.name,
      release: version,
      startedAt,
      seconds: request.seconds,
      records: { sent: counted, acknowledged: counted - failed, failed },
      recordsPerSecond,
      latency,
      cpu,
    })
  }

  private async freshStart(request: Request): Promise<RunResult> {
    const folder = mkdtempSync(join(this.options.folder, 'nats-fresh-'))
    const server = await this.startServer(folder)
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
    if (this.server === undefined) throw new Error('it was not started here: its memory is not known')
    return this.server
  }

  async stop(): Promise<void> {
    await this.server?.stop()
    this.server = undefined
    this.isWarm = false
  }
}
