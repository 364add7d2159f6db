/**
 * What main knows of itself: delay of its event loop, garbage collection, memory, CPU.
 * Runs on: main. Touches: its metrics.
 */
import {
  type EventLoopUtilization,
  type IntervalHistogram,
  monitorEventLoopDelay,
  performance,
  PerformanceObserver,
} from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import { HeapAccount, heapLookIntervalMs } from '../../native-free-core/metrics/heap-account.js'
import { quantileLabels } from '../../native-free-core/metrics/metric-table.js'
import type { ScrapedSample } from '../../native-free-core/metrics/prometheus.js'
import type { MetricsWriter } from '../../native-free-core/metrics/shared-metrics.js'

const resolutionMs = 20
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
  private readonly collections = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) this.writer.observe(this.pauseAt, duration / 1000)
  })
  private readonly heap = new HeapAccount(getHeapStatistics().used_heap_size)
  private nextHeapLookMs = 0
  private readonly pauseAt: number
  private readonly allocatedAt: number
  private utilisation: EventLoopUtilization = performance.eventLoopUtilization()
  // A monitor of its own: the other counts since the last scrape, whoever asks for the status meanwhile.
  private readonly recentDelay = monitorEventLoopDelay({ resolution: resolutionMs })
  private recentUtilisation: EventLoopUtilization = performance.eventLoopUtilization()
  private windowStartMs = Number.NEGATIVE_INFINITY
  private window = { eventLoopDelayP50Ms: 0, eventLoopDelayP99Ms: 0, eventLoopDelayMaxMs: 0, eventLoopUtilisation: 0 }

  constructor(writer: MetricsWriter) {
    this.writer = writer
    this.pauseAt = writer.index('streambus_gc_pause_seconds')
    this.allocatedAt = writer.index('streambus_heap_allocated_bytes_total')
  }

  start(): void {
    this.delay.enable()
    this.collections.observe({ entryTypes: ['gc'] })
  }

  stop(): void {
    this.delay.disable()
    this.recentDelay.disable()
    this.collections.disconnect()
  }

  /** Now and then, the more often the more is allocated. */
  lookAtHeap(nowMs: number): void {
    if (nowMs < this.nextHeapLookMs) return
    this.nextHeapLookMs = nowMs + heapLookIntervalMs
    this.noteHeap()
  }

  private noteHeap(): void {
    this.writer.add(this.allocatedAt, this.heap.look(getHeapStatistics().used_heap_size))
  }

  /** Writes what is known since the last call, and what is true now. */
  scrape(): ScrapedSample[] {
    this.noteHeap()
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
