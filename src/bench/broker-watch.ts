/**
 * Watches the broker while it is measured: CPU and memory from /proc where its process is on this machine, and the
 * metrics that it tells of itself. What can't be had is left out.
 * Runs on: main. Touches: /proc, reading; HTTP to the broker.
 */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { ageMsOf, busiestMs, cpuMsOf, residentMiBOf, threadCpuMs } from './process-cpu.js'
import { BrokerMetrics, bucketPercentile, bucketsSince } from './prometheus-text.js'
import type { GcResult, TimelinePoint } from './run-result.js'
import type { ThreadTarget } from './thread/thread-data.js'

const answerTimeoutMs = 2000
const mostAnswerBytes = 16 * 1024 * 1024
/** A process of this machine is the broker when both say that it started then. */
const sameStartMs = 10_000
const MiB = 1024 * 1024

const glanced: ReadonlySet<string> = new Set([
  'streambus_process_cpu_seconds_total',
  'streambus_process_resident_memory_bytes',
  'streambus_commit_duration_seconds_bucket',
  'streambus_journal_used_bytes',
  'streambus_journal_capacity_bytes',
  'streambus_gc_pause_seconds_sum',
])

/** What is known at one moment. */
export interface BrokerSample {
  readonly atMs: number
  readonly cpuMs: number | undefined
  /** CPU time by thread; empty where it was not asked for. */
  readonly threads: ReadonlyMap<number, number>
  readonly residentMiB: number | undefined
  readonly metrics: BrokerMetrics | undefined
}

export class BrokerWatch {
  private readonly pid: number | undefined
  private readonly address: string
  private readonly target: ThreadTarget
  private asksMetrics: boolean

  /** `address`: that is connected, as HOST:PORT or wss://HOST:PORT. `status`: what ClusterStatus answered. */
  constructor(address: string, target: ThreadTarget, status: Readonly<Record<string, unknown>>, asksMetrics: boolean) {
    this.address = address
    this.target = target
    this.asksMetrics = asksMetrics
    this.pid = localPid(status)
  }

  /** Everything there is to know. */
  async sample(): Promise<BrokerSample> {
    const { pid } = this
    return { ...(await this.look()), threads: pid === undefined ? new Map() : threadCpuMs(pid) }
  }

  /** What `brokerFigures` asks for, while the load goes on: it costs the measured as little as can be. */
  glance(): Promise<BrokerSample> {
    return this.look(glanced)
  }

  private async look(wanted?: ReadonlySet<string>): Promise<BrokerSample> {
    const metrics = await this.metrics(wanted)
    const { pid } = this
    const cpuSeconds = metrics?.sum('streambus_process_cpu_seconds_total')
    const residentBytes = metrics?.sum('streambus_process_resident_memory_bytes')
    return {
      atMs: performance.now(),
      cpuMs:
        (pid === undefined ? undefined : cpuMsOf(pid)) ?? (cpuSeconds === undefined ? undefined : cpuSeconds * 1000),
      threads: new Map(),
      residentMiB:
        (pid === undefined ? undefined : residentMiBOf(pid)) ??
        (residentBytes === undefined ? undefined : residentBytes / MiB),
      metrics,
    }
  }

  /** Undefined when the broker does not tell; it is not asked again then. */
  private async metrics(wanted?: ReadonlySet<string>): Promise<BrokerMetrics | undefined> {
    if (!this.asksMetrics) return undefined
    try {
      return new BrokerMetrics(await metricsText(this.address, this.target), wanted)
    } catch {
      this.asksMetrics = false
      return undefined
    }
  }
}

/** Undefined: the broker is this process, or on another machine, or the system has no /proc. */
function localPid({ pid, uptimeMs }: Readonly<Record<string, unknown>>): number | undefined {
  if (typeof pid !== 'number' || typeof uptimeMs !== 'number' || pid === process.pid) return undefined
  const ageMs = ageMsOf(pid)
  return ageMs !== undefined && Math.abs(ageMs - uptimeMs) < sameStartMs ? pid : undefined
}

function metricsText(address: string, { tls, token }: ThreadTarget): Promise<string> {
  const isTls = address.startsWith('wss://')
  const url = new URL(`${isTls ? 'https' : 'http'}://${address.replace(/^\w+:\/\//, '')}/metrics`)
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const { ca, cert, key, serverName, rejectUnauthorized } = tls ?? {}
  const tlsFields = { ca, cert, key, servername: serverName, rejectUnauthorized } as object
  return new Promise((resolve, reject) => {
    const options = { headers, timeout: answerTimeoutMs, ...(isTls ? tlsFields : {}) }
    const request = (isTls ? httpsRequest : httpRequest)(url, options, (response) => {
      const parts: Buffer[] = []
      let sizeBytes = 0
      response.on('data', (part: Buffer) => {
        sizeBytes += part.length
        if (sizeBytes > mostAnswerBytes) request.destroy(new Error('the answer is too long'))
        else parts.push(part)
      })
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(parts).toString('utf8'))
        else reject(new Error(`GET /metrics: ${response.statusCode}`))
      })
    })
    request.on('timeout', () => request.destroy(new Error('no answer in time')))
    request.on('error', reject)
    request.end()
  })
}

// What two samples say of the time between them.

type BrokerFigures = Pick<
  TimelinePoint,
  'brokerCpuPercent' | 'brokerResidentMiB' | 'commitP99Ms' | 'journalUsedPercent' | 'gcPauseMs'
>

export function brokerFigures(before: BrokerSample, after: BrokerSample): BrokerFigures {
  const figures: { -readonly [Name in keyof BrokerFigures]: BrokerFigures[Name] } = {}
  const elapsedMs = after.atMs - before.atMs
  if (before.cpuMs !== undefined && after.cpuMs !== undefined && elapsedMs > 0) {
    figures.brokerCpuPercent = ((after.cpuMs - before.cpuMs) / elapsedMs) * 100
  }
  if (after.residentMiB !== undefined) figures.brokerResidentMiB = after.residentMiB
  const { metrics } = after
  if (metrics === undefined || before.metrics === undefined) return figures
  const commits = histogramSince(before.metrics, metrics, 'streambus_commit_duration_seconds')
  const commitP99 = bucketPercentile(commits, 99)
  if (commitP99 !== undefined) figures.commitP99Ms = commitP99 * 1000
  const used = metrics.sum('streambus_journal_used_bytes')
  const capacity = metrics.sum('streambus_journal_capacity_bytes')
  if (used !== undefined && capacity) figures.journalUsedPercent = (used / capacity) * 100
  const paused = since(before.metrics, metrics, 'streambus_gc_pause_seconds_sum')
  if (paused !== undefined) figures.gcPauseMs = paused * 1000
  return figures
}

/** Of the broker's busiest thread, in percent of one core; undefined: not known. */
export function busiestThreadPercent(before: BrokerSample, after: BrokerSample): number | undefined {
  const cpuMs = busiestMs(before.threads, after.threads)
  return cpuMs === undefined ? undefined : (cpuMs / (after.atMs - before.atMs)) * 100
}

const gcHistogram = 'streambus_gc_pause_seconds'

/** By thread; undefined: the broker does not tell. */
export function gcResults(before: BrokerSample, after: BrokerSample, recordCount: number): GcResult[] | undefined {
  if (before.metrics === undefined || after.metrics === undefined) return undefined
  const threads = after.metrics.all(`${gcHistogram}_count`).map(({ labels }) => labels['thread'] ?? '')
  if (threads.length === 0) return undefined
  return threads.map((thread) => gcOf(thread, before, after, recordCount))
}

function gcOf(thread: string, before: BrokerSample, after: BrokerSample, recordCount: number): GcResult {
  const isOfThread = (labels: Readonly<Record<string, string>>) => labels['thread'] === thread
  const [earlier, later] = [before.metrics!, after.metrics!]
  const pauses = bucketsSince(earlier.buckets(gcHistogram, isOfThread), later.buckets(gcHistogram, isOfThread))
  const total = pauses.at(-1)?.count ?? 0
  const short = pauses.filter(({ le }) => le <= 0.001).at(-1)?.count ?? 0
  const longest = total === 0 ? 0 : bucketPercentile(pauses, 100)
  const pausedSeconds = sinceOf(earlier, later, `${gcHistogram}_sum`, isOfThread) ?? 0
  const heapBytes = sinceOf(earlier, later, 'streambus_heap_allocated_bytes_total', isOfThread)
  return {
    thread,
    pausesOver1Ms: total - short,
    longestPauseMs: (longest ?? 0) * 1000,
    pausedPercent: (pausedSeconds * 100_000) / (after.atMs - before.atMs),
    ...(heapBytes === undefined || recordCount === 0 ? {} : { heapBytesPerRecord: heapBytes / recordCount }),
  }
}

function histogramSince(before: BrokerMetrics, after: BrokerMetrics, name: string): { le: number; count: number }[] {
  return bucketsSince(before.buckets(name), after.buckets(name))
}

function since(before: BrokerMetrics, after: BrokerMetrics, name: string): number | undefined {
  return sinceOf(before, after, name, () => true)
}

function sinceOf(
  before: BrokerMetrics,
  after: BrokerMetrics,
  name: string,
  isWanted: (labels: Readonly<Record<string, string>>) => boolean,
): number | undefined {
  const sum = (metrics: BrokerMetrics) =>
    metrics
      .all(name)
      .filter(({ labels }) => isWanted(labels))
      .reduce((so, { value }) => so + value, 0)
  return after.all(name).length === 0 ? undefined : sum(after) - sum(before)
}
