/**
 * What main knows of itself: delay of its event loop, garbage collection, memory, CPU.
 * Runs on: main. Touches: its metrics.
 */
import { monitorEventLoopDelay, performance, PerformanceObserver, type EventLoopUtilization } from 'node:perf_hooks'
import { quantileLabels } from '../../native-free-core/metrics/metric-table.js'
import type { ScrapedSample } from '../../native-free-core/metrics/prometheus.js'
import type { MetricsWriter } from '../../native-free-core/metrics/shared-metrics.js'

const resolutionMs = 20

export class MainGauges {
  private readonly writer: MetricsWriter
  private readonly delay = monitorEventLoopDelay({ resolution: resolutionMs })
  private readonly pauses: PerformanceObserver
  private utilisation: EventLoopUtilization = performance.eventLoopUtilization()

  constructor(writer: MetricsWriter) {
    this.writer = writer
    const pauseAt = writer.index('streambus_gc_pause_seconds')
    this.pauses = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) writer.observe(pauseAt, entry.duration / 1000)
    })
  }

  start(): void {
    this.delay.enable()
    this.pauses.observe({ entryTypes: ['gc'] })
  }

  stop(): void {
    this.delay.disable()
    this.pauses.disconnect()
  }

  /** Writes what is known since the last call, and what is true now. */
  scrape(): ScrapedSample[] {
    const delayAt = this.writer.index('streambus_event_loop_delay_seconds')
    for (const [index, label] of quantileLabels.entries()) {
      this.writer.set(delayAt + index, this.delayMs(Number(label) * 100) / 1000)
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

  /** The monitor counts the time between its own timer's ticks: what is beyond the interval is the delay. */
  private delayMs(percentile: number): number {
    const ms = this.delay.percentile(percentile) / 1e6
    return Number.isFinite(ms) ? Math.max(0, ms - resolutionMs) : 0
  }
}
