/**
 * Reports to look at and to check: one as it should be, and one whose every text is hostile.
 * Runs on: the test process.
 */
import type { RunResult } from '../../src/bench/run-result.js'
import { judge, slownessOf } from '../../src/bench/slo/judge.js'
import type { Profile } from '../../src/bench/slo/profile.js'
import { parseProfile } from '../../src/bench/slo/profile-file.js'
import type { SloReport } from '../../src/bench/slo/slo-report.js'
import { latencyResult, plainLoad, runResult } from './run-results.js'

const profileText = `
name: A profile to look at
description: Latency at a fixed rate, throughput and fan-out of one broker.
calibrationMs: 11
loads:
  - name: end to end at 10,000/s
    kind: e2e
    rate: 10000
    objectives:
      endToEnd: { p50: 1ms, p99: 4ms, p99.9: 6ms, max: 100ms }
      produce: { p99: 2ms }
      brokerCpu: 15
      brokerMemory: 400MiB
  - name: produce, flat out
    kind: produce
    objectives: { recordsPerSecond: 500000, brokerCpu: 20 }
  - name: fan-out to 10
    kind: fanout
    objectives: { fanOut: { p99: 8ms, p99.9: 20ms } }
`

export function reportOf(profile: Profile, runs: readonly RunResult[]): SloReport {
  const { name, description, file, calibrationMs, loads } = profile
  const slowness = slownessOf(profile, runs)
  return {
    version: 1,
    profile: { name, description, file, loads, ...(calibrationMs === undefined ? {} : { calibrationMs }) },
    startedAt: '2026-11-24T18:03:00.000Z',
    seconds: 110,
    release: '0.3.0',
    runs,
    failures: [],
    objectives: loads.flatMap((load) =>
      judge(
        load,
        runs.filter((run) => run.name === load.name),
        slowness,
      ),
    ),
  }
}

/** Three loads of three runs: one misses an objective, one has a void run, one holds. */
export function exampleReport(): SloReport {
  const { rate: _rate, ...flatOut } = plainLoad
  const three = (name: string, seed: number, given: Partial<RunResult> = {}) =>
    [0, 1, 2].map((at) => runResult(seed + at * 31, { name, ...given }))
  const produce = three('produce, flat out', 500, {
    load: { ...flatOut, kind: 'produce' },
    latency: { produce: latencyResult(77, 24) },
    limitedBy: 'client',
  })
  const fanOut = three('fan-out to 10', 900, {
    load: { ...plainLoad, kind: 'fanout', subscribers: 10, partitions: 64, rate: 1000 },
    latency: { fanOut: latencyResult(78, 0.9), produce: latencyResult(79, 0.6), endToEnd: latencyResult(80, 0.7) },
  })
  const late = 'the load itself was late: P99 12.10 ms, and the bound is 5 ms'
  return reportOf(parseProfile(profileText, 'bench/profiles/short.yaml'), [
    ...three('end to end at 10,000/s', 3),
    ...produce.map((run, at) => ({
      ...run,
      recordsPerSecond: 600_000 + at * 7000,
      ...(at === 1 ? { void: late } : {}),
    })),
    ...fanOut,
  ])
}

const attack = "document.title='owned'"
const controls = '\u001b]0;x\u0007\u0000\ud800'
export const hostileText = `"><script>${attack}</script><img src=x onerror="${attack}">&lt;'${controls}]]>-->`

/** Whatever a broker or a file could say is hostile, and numbers are no numbers. */
export function hostileReport(): SloReport {
  const text = hostileText
  const good = runResult(9)
  const latency = { ...latencyResult(1, 1), p50Ms: text as unknown as number, histogram: text }
  const run = {
    ...good,
    name: text,
    subject: text,
    startedAt: text,
    void: text,
    load: { ...good.load, recordBytes: text, compression: text, flush: text },
    environment: { ...good.environment, node: text, release: text, frontEnd: text, processor: text, platform: text },
    latency: { endToEnd: latency },
    broker: { gc: [{ thread: text, pausesOver1Ms: 1, longestPauseMs: text as unknown as number, pausedPercent: 1 }] },
    timeline: [{ atSeconds: 1, records: text as unknown as number, p99Ms: Number.POSITIVE_INFINITY }],
  }
  const load = { name: text, options: { kind: 'e2e' }, repeat: 1, seconds: 1, warmUpSeconds: 0, bounds: [] } as const
  const report = reportOf({ name: text, description: text, file: text, broker: {}, loads: [load] }, [run])
  const objective = {
    load: text,
    figure: 'endToEnd.p99',
    title: text,
    unit: 'ms',
    wanted: 'at most',
    bound: 1,
  } as const
  return {
    ...report,
    release: text,
    failures: [{ load: text, message: text }],
    objectives: [
      ...report.objectives,
      { ...objective, verdict: 'missed', measured: 2, lowest: 1, highest: 3, runs: 3, marginPercent: -100 },
      { ...objective, verdict: 'void', reason: text, runs: 0 },
    ],
  }
}
