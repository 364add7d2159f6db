/**
 * Looks once a second at what the threads count and at the broker, for the points over time.
 * Runs on: main. Touches: a timer, the threads' memory (reading), the broker watch.
 */
import { brokerFigures, type BrokerSample, type BrokerWatch } from './broker-watch.js'
import type { Load, TimelinePoint } from './run-result.js'
import { Counter, mergedOf, type ThreadMemory, totalOf } from './thread-memory.js'

const intervalMs = 1000
const figures = 3
/** Enough for V8 to compile what goes over all buckets. */
const practiceLooks = 30

/**
 * What a look costs the machine, it costs what is measured, once in a second. Call it before the warm-up: the passes
 * over the buckets take 0.3 to 1.8 ms when they were compiled, waits included, and 0.4 to 5 when not (two cores, two or
 * three runs).
 */
export function practiseLooking(memories: readonly ThreadMemory[]): void {
  const before = mergedOf(memories, 'produce')
  for (let left = practiceLooks; left > 0; left--) {
    const since = mergedOf(memories, 'produce').since(before)
    for (const percentile of [50, 99, 100]) since.percentileMs(percentile)
  }
}

export class Timeline {
  readonly points: TimelinePoint[] = []
  largestResidentMiB: number | undefined
  private readonly memories: readonly ThreadMemory[]
  private readonly watch: BrokerWatch
  private readonly latencyName: 'produce' | 'endToEnd'
  private readonly counter: typeof Counter.acknowledged | typeof Counter.delivered
  private readonly startMs = performance.now()
  private latency
  private records = 0
  private cpu = process.cpuUsage()
  private lastMs = this.startMs
  private broker: BrokerSample
  private looking: Promise<void> = Promise.resolve()
  private readonly timer: NodeJS.Timeout

  /** Begins at once, with the sample of now. */
  constructor(kind: Load['kind'], memories: readonly ThreadMemory[], watch: BrokerWatch, broker: BrokerSample) {
    this.memories = memories
    this.watch = watch
    this.broker = broker
    this.largestResidentMiB = broker.residentMiB
    this.latencyName = kind === 'produce' || kind === 'replay' ? 'produce' : 'endToEnd'
    this.counter = kind === 'produce' || kind === 'replay' ? Counter.acknowledged : Counter.delivered
    this.latency = mergedOf(memories, this.latencyName)
    this.timer = setInterval(() => {
      this.looking = this.looking.then(() => this.look())
    }, intervalMs)
  }

  /** Resolves when the last look is over. What is left of a second is no point of its own. */
  async end(): Promise<void> {
    clearInterval(this.timer)
    await this.looking
  }

  private async look(): Promise<void> {
    // What is counted first, so that it belongs to the clock beside it.
    const nowMs = performance.now()
    const records = totalOf(this.memories, this.counter)
    const latency = mergedOf(this.memories, this.latencyName)
    const { user, system } = process.cpuUsage(this.cpu)
    const clientCpuPercent = ((user + system) / 1000 / (nowMs - this.lastMs)) * 100
    this.cpu = process.cpuUsage()
    const since = latency.since(this.latency)
    const sample = await this.watch.glance()
    const seconds = (nowMs - this.lastMs) / 1000
    this.points.push({
      atSeconds: rounded((nowMs - this.startMs) / 1000),
      records: Math.round((records - this.records) / seconds),
      ...(since.count === 0
        ? {}
        : { p50Ms: since.percentileMs(50), p99Ms: since.percentileMs(99), maxMs: since.percentileMs(100) }),
      clientCpuPercent: rounded(clientCpuPercent),
      ...roundedAll(brokerFigures(this.broker, sample)),
    })
    if (sample.residentMiB !== undefined) {
      this.largestResidentMiB = Math.max(this.largestResidentMiB ?? 0, sample.residentMiB)
    }
    this.lastMs = nowMs
    this.records = records
    this.latency = latency
    this.broker = sample
  }
}

function rounded(value: number): number {
  return Number(value.toFixed(figures))
}

function roundedAll<Figures extends object>(of: Figures): Figures {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, rounded(value as number)])) as Figures
}
