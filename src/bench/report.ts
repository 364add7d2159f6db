/**
 * Prints what a benchmark found: a table for people, or JSON.
 * Runs on: main. Touches: stdout.
 */
import { calibrationMs, environmentOf } from './environment.js'
import { type LatencyResult, type RunResult, runResultVersion } from './run-result.js'

/** What a driver knows; the rest is the same for all. */
export type Measured = Pick<
  RunResult,
  'name' | 'load' | 'warmUpSeconds' | 'seconds' | 'records' | 'latency' | 'cpu' | 'startedAt'
> & { readonly lateness?: LatencyResult | undefined; readonly valueBytes: number }

/** `status`: what ClusterStatus answered. */
export function resultOf(measured: Measured, status: Readonly<Record<string, unknown>>): RunResult {
  const { valueBytes, lateness, ...rest } = measured
  const { seconds, records } = rest
  return {
    version: runResultVersion,
    subject: 'StreamBus',
    ...rest,
    environment: environmentOf(status),
    recordsPerSecond: (records.delivered ?? records.acknowledged) / seconds,
    mebibytesPerSecond: valueBytes / seconds / (1024 * 1024),
    ...(lateness === undefined ? {} : { lateness }),
    broker: {},
    timeline: [],
    calibrationMs: calibrationMs(),
  }
}

export function printResult(result: RunResult, asJson: boolean): void {
  process.stdout.write(`${asJson ? JSON.stringify(result, undefined, 2) : linesOf(result).join('\n')}\n`)
}

function linesOf(result: RunResult): string[] {
  const { load, cpu, records, latency } = result
  const broker = cpu.brokerPercent === undefined ? '' : `, broker ${cpu.brokerPercent} %`
  const lines = [
    `bench ${result.name}: ${load.partitions} partitions, values of ${load.recordBytes} bytes`,
    `  records      ${records.delivered ?? records.acknowledged} in ${result.seconds.toFixed(2)} s`,
    `  throughput   ${grouped(result.recordsPerSecond)} records/s, ${result.mebibytesPerSecond.toFixed(1)} MiB/s`,
  ]
  if (records.failed > 0) lines.push(`  FAILED       ${records.failed} records`)
  const measured = latency.produce ?? latency.endToEnd
  if (measured !== undefined) lines.push(`  latency ms   ${percentiles(measured)}`)
  if (result.lateness !== undefined) lines.push(`  own lateness ${percentiles(result.lateness)}`)
  lines.push(`  CPU          this client ${cpu.clientPercent} %${broker} of one core`)
  return lines
}

function percentiles({ p50Ms, p90Ms, p99Ms, p999Ms, maxMs }: LatencyResult): string {
  const figure = (value: number) => value.toFixed(2)
  const parts = [`p50 ${figure(p50Ms)}`, `p90 ${figure(p90Ms)}`, `p99 ${figure(p99Ms)}`]
  return [...parts, `p99.9 ${figure(p999Ms)}`, `max ${figure(maxMs)}`].join('  ')
}

function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
