/**
 * Prints what a benchmark found: a table for people, or JSON.
 * Runs on: main. Touches: stdout.
 */
import type { CpuShares, LatencySummary } from './measurements.js'

export interface BenchReport {
  readonly bench: string
  readonly topic: string
  readonly partitions: number
  readonly recordBytes?: number
  readonly seconds: number
  readonly records: number
  readonly recordsPerSecond: number
  readonly mebibytesPerSecond: number
  readonly failedRecords?: number
  /** From when a record was due. */
  readonly latency?: LatencySummary | undefined
  /** How late the benchmark itself was; it is part of the latency. */
  readonly lateness?: LatencySummary | undefined
  readonly cpu: CpuShares
}

export function printReport(report: BenchReport, asJson: boolean): void {
  process.stdout.write(`${asJson ? JSON.stringify(report, undefined, 2) : linesOf(report).join('\n')}\n`)
}

function linesOf(report: BenchReport): string[] {
  const { cpu, failedRecords } = report
  const size = report.recordBytes === undefined ? '' : `, values of ${report.recordBytes} bytes`
  const broker = cpu.brokerPercent === undefined ? '' : `, broker ${cpu.brokerPercent} %`
  const lines = [
    `bench ${report.bench}: topic ${report.topic}, ${report.partitions} partitions${size}`,
    `  records      ${report.records} in ${report.seconds.toFixed(2)} s`,
    `  throughput   ${grouped(report.recordsPerSecond)} records/s, ${report.mebibytesPerSecond.toFixed(1)} MiB/s`,
  ]
  if (failedRecords !== undefined && failedRecords > 0) lines.push(`  FAILED       ${failedRecords} records`)
  if (report.latency !== undefined) lines.push(`  latency ms   ${percentiles(report.latency)}`)
  if (report.lateness !== undefined) lines.push(`  own lateness ${percentiles(report.lateness)}`)
  lines.push(`  CPU          this client ${cpu.clientPercent} %${broker} of one core`)
  return lines
}

function percentiles({ p50Ms, p90Ms, p99Ms, p999Ms, maxMs }: LatencySummary): string {
  const figure = (value: number) => value.toFixed(2)
  const parts = [`p50 ${figure(p50Ms)}`, `p90 ${figure(p90Ms)}`, `p99 ${figure(p99Ms)}`]
  return [...parts, `p99.9 ${figure(p999Ms)}`, `max ${figure(maxMs)}`].join('  ')
}

function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
