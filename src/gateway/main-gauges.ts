/**
 * What main knows of itself: delay of its event loop, garbage collection, memory, CPU.
 * Runs on: main. Touches: its metrics.
 */
import { monitorEventLoopDelay, performance, type EventLoopUtilization, type IntervalHistogram } from 'node:perf_hooks'
import { GCProfiler, getHeapStatistics } from 'node:v8'
import { allocatedBytes } from '../../native-free-core/metrics/heap-account.js'
import { quantileLabels } from '../../native-free-core/metrics/metric-table.js'
import type { ScrapedSample } from '../../native-free-core/metrics/prometheus.js'
import type { MetricsWriter } from '../../native-free-core/metrics/shared-metrics.js'

const resolutionMs = 20
const collectionsIntervalMs = 5000
/** How long what `recent` tells is of. */
const windowMs = 1000

/** Of about the last second. */
export interface RecentGauges {
  /** When these were taken, on a clock that only grows: for rates between two answers. */
  readonly atMs: number
  readonly eventLoopDelayP50Ms: number
  readonly eventLoopDelayP99Ms: number
  readonly eventLoopDelayMaxMs: number
  readonly eventLoopUtilisation: number
  readonly cpuSeconds: number
}

export class MainGauges {
  private readonly writer: MetricsWriter
  private readonly delay = monitorEventLoopDelay({ resolution: resolutionMs })
  private collections = new GCProfiler()
  private usedHeapBytes = 0
  private collectionsTimer: NodeJS.Timeout | undefined
  private utilisation: EventLoopUtilization = performance.eventLoopUtilization()
  // A monitor of its own: the other counts since the last scrape, whoever asks for the status meanwhile.
  private readonly recentDelay = monitorEventLoopDelay({ resolution: resolutionMs })
  private recentUtilisation: EventLoopUtilization = performance.eventLoopUtilization()
  private windowStartMs = Number.NEGATIVE_INFINITY
  private window = { eventLoopDelayP50Ms: 0, eventLoopDelayP99Ms: 0, eventLoopDelayMaxMs: 0, eventLoopUtilisation: 0 }

  constructor(writer: MetricsWriter) {
    this.writer = writer
  }

  start(): void {
    this.delay.enable()
    this.usedHeapBytes = getHeapStatistics().used_heap_size
    this.collections.start()
    // Asked or not: what the profiler remembers grows with every collection.
    this.collectionsTimer = setInterval(() => this.noteCollections(), collectionsIntervalMs).unref()
  }

  stop(): void {
    this.delay.disable()
    this.recentDelay.disable()
    clearInterval(this.collectionsTimer)
    this.collections.stop()
  }

  /** Pauses, and what was allocated between them. */
  private noteCollections(): void {
    const collections = this.collections.stop()?.statistics ?? []
    const { used_heap_size: usedHeapBytes } = getHeapStatistics()
    const pauseAt = this.writer.index('streambus_gc_pause_seconds')
    for (const { cost } of collections) this.writer.observe(pauseAt, cost / 1e6)
    const allocatedAt = this.writer.index('streambus_heap_allocated_bytes_total')
    this.writer.add(allocatedAt, allocatedBytes(this.usedHeapBytes, collections, usedHeapBytes))
    this.usedHeapBytes = usedHeapBytes
    this.collections = new GCProfiler()
    this.collections.start()
  }

  /** Writes what is known since the last call, and what is true now. */
  scrape(): ScrapedSample[] {
    this.noteCollections()
    const delayAt = this.writer.index('streambus_event_loop_delay_seconds')
    for (const [index, label] of quantileLabels.entries()) {
      this.writer.set(delayAt + index, delayMs(this.delay, Number(label) * 100) / 1000)
    }
    this.delay.reset()
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, this.utilisation)
    this.utilisation = now
    this.writer.set(this.writer.index('streambus_event_loop_utilisation_ratio'), utilization)
    const { user, system } = process.cpuUsage()
    return [
      { name: 'streambus_process_resident_memory_bytes', value: process.memoryUsage.rss() },
      { name: 'streambus_process_cpu_seconds_total', value: (user + system) / 1e6 },
      { name: 'streambus_process_start_time_seconds', value: performance.timeOrigin / 1000 },
    ]
  }

  /** Costs nothing until it is called first; what is of a window is new once a second, however many ask. */
  recent(): RecentGauges {
    const atMs = performance.now()
    if (atMs - this.windowStartMs >= windowMs) this.closeWindow(atMs)
    const { user, system } = process.cpuUsage()
    return { atMs, ...this.window, cpuSeconds: (user + system) / 1e6 }
  }

  private closeWindow(nowMs: number): void {
    const { recentDelay } = this
    recentDelay.enable()
    const now = performance.eventLoopUtilization()
    this.window = {
      eventLoopDelayP50Ms: delayMs(recentDelay, 50),
      eventLoopDelayP99Ms: delayMs(recentDelay, 99),
      eventLoopDelayMaxMs: delayMs(recentDelay, 100),
      eventLoopUtilisation: performance.eventLoopUtilization(now, this.recentUtilisation).utilization,
    }
    this.recentUtilisation = now
    this.windowStartMs = nowMs
    recentDelay.reset()
  }
}

/** A monitor counts the time between its own timer's ticks: what is beyond the interval is the delay. */
function delayMs(monitor: IntervalHistogram, percentile: number): number {
  const ms = monitor.percentile(percentile) / 1e6
  return Number.isFinite(ms) ? Math.max(0, ms - resolutionMs) : 0
}
