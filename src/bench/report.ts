/**
 * Prints what a benchmark found: a table for people, or JSON.
 * Runs on: main. Touches: stdout.
 */
import { countText } from '../cli/terminal/quantities.js'
import type { LatencyResult, RunResult, StageResult } from './run-result.js'

export function printResult(result: RunResult, asJson: boolean): void {
  process.stdout.write(`${asJson ? JSON.stringify(result, undefined, 2) : linesOf(result).join('\n')}\n`)
}

/** In the order in which they matter: a figure that must not be used says so first. */
function linesOf(result: RunResult): string[] {
  const { records, lateness, cpu } = result
  const lines = [`bench ${result.name}: ${shapeOf(result)}`]
  if (result.void !== undefined) lines.push(`  VOID         ${result.void}`)
  lines.push(
    `  records      ${countText(records.delivered ?? records.acknowledged)} in ${result.seconds.toFixed(2)} s`,
    `  throughput   ${grouped(result.recordsPerSecond)} records/s, ${result.mebibytesPerSecond.toFixed(1)} MiB/s`,
  )
  if (records.failed > 0) lines.push(`  FAILED       ${records.failed} records: ${result.firstError ?? ''}`)
  lines.push(...verifiedLine(result))
  const { produce, endToEnd, fanOut } = result.latency
  if (produce !== undefined) lines.push(`  to the ack   ${percentiles(produce)}`)
  if (endToEnd !== undefined) lines.push(`  to delivery  ${percentiles(endToEnd)}`)
  if (fanOut !== undefined) lines.push(`  to the last  ${percentiles(fanOut)}`)
  if (lateness !== undefined) lines.push(`  own lateness ${percentiles(lateness)}`)
  if (result.broker.stages !== undefined) lines.push(...stageLines(result.broker.stages))
  const perMillion = (seconds: number) => `${seconds.toPrecision(2)} s per million`
  const broker =
    cpu.brokerPercent === undefined
      ? ''
      : `, broker ${cpu.brokerPercent} % (${perMillion(cpu.brokerSecondsPerMillion ?? 0)})`
  lines.push(
    `  CPU          client ${cpu.clientPercent} % (${perMillion(cpu.clientSecondsPerMillion)})${broker} of one core`,
  )
  const { residentMiB, largestResidentMiB } = result.broker
  if (residentMiB !== undefined) {
    lines.push(
      `  memory       broker ${residentMiB.toFixed(0)} MiB, at most ${(largestResidentMiB ?? residentMiB).toFixed(0)}`,
    )
  }
  if (result.limitedBy !== undefined) lines.push(`  limit        ${limits[result.limitedBy]}`)
  lines.push(`  machine      ${result.calibrationMs.toFixed(1)} ms for the calibration loop`)
  return lines
}

const limits = {
  rate: 'the rate that was asked for; it was kept',
  client: 'this client: a thread of it used up its core, the broker did not',
  broker: 'the broker: a thread of it used up its core',
} as const

function shapeOf({ load }: RunResult): string {
  const several = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`
  const parts = [several(load.topics, 'topic'), several(load.partitions, 'partition')]
  if (load.connections > 1) parts.push(`${load.connections} connections`)
  if (load.threads > 1) parts.push(`${load.threads} threads`)
  if (load.flush !== 'commit') parts.push(`flush: ${load.flush}`)
  if (load.kind !== 'consume') parts.push(`values of ${load.recordBytes} bytes`)
  return parts.join(', ')
}

function verifiedLine({ records: { lost, duplicated, outOfOrder } }: RunResult): string[] {
  if (lost === undefined || duplicated === undefined || outOfOrder === undefined) return []
  if (lost + duplicated + outOfOrder === 0) return ['  read back    all there, once and in order']
  return [`  READ BACK    ${lost} lost, ${duplicated} duplicated, ${outOfOrder} out of order`]
}

function percentiles({ p50Ms, p90Ms, p99Ms, p999Ms, maxMs }: LatencyResult): string {
  const figure = (value: number) => value.toFixed(2)
  const parts = [`p50 ${figure(p50Ms)}`, `p90 ${figure(p90Ms)}`, `p99 ${figure(p99Ms)}`]
  return [...parts, `p99.9 ${figure(p999Ms)}`, `max ${figure(maxMs)} ms`].join('  ')
}

/** Where the broker's part of the time went. */
function stageLines(stages: readonly StageResult[]): string[] {
  const line = (title: string, cells: readonly string[]) =>
    `  ${title.padEnd(12)} ${cells.map((cell) => cell.padStart(7)).join(' ')}`
  return [
    line(
      'stage',
      stages.map(({ stage }) => stage),
    ),
    line(
      '  p50, ms',
      stages.map(({ p50Ms }) => p50Ms.toFixed(3)),
    ),
    line(
      '  p99, ms',
      stages.map(({ p99Ms }) => p99Ms.toFixed(3)),
    ),
  ]
}

function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
