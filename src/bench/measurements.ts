/**
 * What a benchmark measures with: latencies in an HDR histogram, CPU time of this process and of the broker.
 * Runs on: main. Touches: /proc, reading.
 */
import { readFileSync } from 'node:fs'
import { build, type Histogram } from 'hdr-histogram-js'
import type { LatencyResult, RunResult } from './run-result.js'

/** Microseconds from 1 to an hour, three figures. */
export class Latencies {
  private readonly histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 3_600_000_000,
    numberOfSignificantValueDigits: 3,
  })

  /** `count` records that all took this long. */
  record(latencyMs: number, count = 1): void {
    const latencyUs = Math.max(1, Math.round(latencyMs * 1000))
    this.histogram.recordValueWithCount(latencyUs, count)
  }

  get count(): number {
    return this.histogram.totalCount
  }

  /** In milliseconds; undefined when nothing was recorded. */
  summary(): LatencyResult | undefined {
    if (this.count === 0) return undefined
    const at = (percentile: number) => this.histogram.getValueAtPercentile(percentile) / 1000
    return {
      count: this.count,
      meanMs: this.histogram.mean / 1000,
      p50Ms: at(50),
      p90Ms: at(90),
      p95Ms: at(95),
      p99Ms: at(99),
      p999Ms: at(99.9),
      p9999Ms: at(99.99),
      maxMs: this.histogram.maxValue / 1000,
    }
  }
}

/** CPU time since it was made, as a share of one core. */
export class CpuMeter {
  private readonly brokerPid: number | undefined
  private readonly startMs = performance.now()
  private readonly start = process.cpuUsage()
  private readonly brokerStartMs: number | undefined

  /** The broker's is known only when its process is on this machine. */
  constructor(brokerPid: unknown) {
    const pid = typeof brokerPid === 'number' && brokerPid !== process.pid ? brokerPid : undefined
    this.brokerStartMs = pid === undefined ? undefined : cpuMsOf(pid)
    this.brokerPid = this.brokerStartMs === undefined ? undefined : pid
  }

  /** In percent of one core, and for each million of so many records. */
  read(recordCount: number): RunResult['cpu'] {
    const elapsedMs = performance.now() - this.startMs
    const { user, system } = process.cpuUsage(this.start)
    const clientMs = (user + system) / 1000
    const perMillion = (cpuMs: number) => (recordCount === 0 ? 0 : (cpuMs * 1000) / recordCount)
    const client = { clientSecondsPerMillion: perMillion(clientMs), clientPercent: percentOf(clientMs, elapsedMs) }
    const brokerEndMs = this.brokerPid === undefined ? undefined : cpuMsOf(this.brokerPid)
    if (brokerEndMs === undefined) return client
    const brokerMs = brokerEndMs - this.brokerStartMs!
    return { ...client, brokerSecondsPerMillion: perMillion(brokerMs), brokerPercent: percentOf(brokerMs, elapsedMs) }
  }
}

function percentOf(partMs: number, elapsedMs: number): number {
  return Math.round((partMs / elapsedMs) * 100)
}

/** Linux counts CPU time in hundredths of a second. */
const msPerTick = 10
const userTimeField = 13

/** User and system time of a process; undefined when there is no such process here. */
function cpuMsOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold spaces: fields count from after it, the third is first.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[userTimeField - 2]) + Number(fields[userTimeField - 1])) * msPerTick
  } catch {
    return undefined
  }
}
