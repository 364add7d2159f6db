/**
 * Runs as a benchmark would have measured them, made of a seed: for reports, objectives and comparisons.
 * Runs on: the test process.
 */
import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js'
import type { LatencyResult, Load, RunResult, TimelinePoint } from '../../src/bench/run-result.js'
import { Random } from './random.js'

/** From 0 to 1. */
function seededRandom(seed: number): () => number {
  const random = new Random(seed)
  return () => random.word() / 2 ** 32
}

export const plainLoad: Load = {
  kind: 'e2e',
  topics: 1,
  partitions: 1,
  connections: 1,
  threads: 1,
  recordBytes: 100,
  batchBytes: 262_144,
  lingerMs: 1,
  compression: 'none',
  rate: 10_000,
  flush: 'commit',
}

/** Latencies around `p50Ms`, with a tail. */
export function latencyResult(seed: number, p50Ms: number, count = 20_000): LatencyResult {
  const random = seededRandom(seed)
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 3.6e9,
    numberOfSignificantValueDigits: 3,
  })
  for (let at = 0; at < count; at++) {
    const spread = Math.exp((random() + random() + random() - 1.5) * 0.9)
    const tail = random() < 0.012 ? 2 + random() * 8 : 1
    histogram.recordValue(Math.max(1, Math.round(p50Ms * 1000 * spread * tail)))
  }
  const at = (percent: number) => histogram.getValueAtPercentile(percent) / 1000
  return {
    count,
    meanMs: histogram.mean / 1000,
    p50Ms: at(50),
    p90Ms: at(90),
    p95Ms: at(95),
    p99Ms: at(99),
    p999Ms: at(99.9),
    p9999Ms: at(99.99),
    maxMs: histogram.maxValue / 1000,
    histogram: encodeIntoCompressedBase64(histogram),
  }
}

function timelineOf(seed: number, seconds: number, rate: number, p50Ms: number): TimelinePoint[] {
  const random = seededRandom(seed)
  return Array.from({ length: seconds }, (_, at) => ({
    atSeconds: at + 1,
    records: Math.round(rate * (0.96 + random() * 0.08)),
    p50Ms: p50Ms * (0.9 + random() * 0.3),
    p99Ms: p50Ms * (2.5 + random() * 2),
    maxMs: p50Ms * (6 + random() * 9),
    brokerCpuPercent: 34 + random() * 12,
    clientCpuPercent: 28 + random() * 9,
    brokerResidentMiB: 128 + at * 2 + random() * 6,
    commitP99Ms: 0.6 + random() * 0.7,
    journalUsedPercent: 4 + ((at * 3) % 17) + random(),
    gcPauseMs: random() < 0.3 ? 1 + random() * 2 : random() * 0.6,
  }))
}

/** A run of a seed; what is given prevails. */
export function runResult(seed: number, given: Partial<RunResult> = {}): RunResult {
  const load = given.load ?? plainLoad
  const rate = load.rate ?? 600_000
  const p50Ms = 0.6 * (0.92 + seededRandom(seed)() * 0.16)
  const seconds = given.seconds ?? 10
  const sent = rate * seconds
  return {
    version: 1,
    name: 'end to end at 10,000/s',
    subject: 'StreamBus',
    startedAt: `2026-11-24T18:${String(seed % 60).padStart(2, '0')}:00.000Z`,
    load,
    environment: {
      node: 'v20.20.2',
      release: '0.3.0',
      frontEnd: 'uws',
      processor: 'AMD EPYC',
      cores: 2,
      platform: 'linux x64',
    },
    warmUpSeconds: 2,
    seconds,
    records: { sent, acknowledged: sent, failed: 0, delivered: sent, lost: 0, duplicated: 0, outOfOrder: 0 },
    recordsPerSecond: rate * (0.99 + seededRandom(seed + 7)() * 0.02),
    mebibytesPerSecond: (rate * 100) / 1024 ** 2,
    latency: { produce: latencyResult(seed + 1, p50Ms), endToEnd: latencyResult(seed + 2, p50Ms * 1.3) },
    lateness: latencyResult(seed + 3, 0.08),
    cpu: {
      clientSecondsPerMillion: 9 + seededRandom(seed + 9)(),
      brokerSecondsPerMillion: 11 + seededRandom(seed + 11)(),
      clientPercent: 33,
      brokerPercent: 41,
    },
    broker: {
      residentMiB: 140,
      largestResidentMiB: 148,
      gc: [
        { thread: 'main', pausesOver1Ms: 2, longestPauseMs: 1.9, pausedPercent: 0.12, heapBytesPerRecord: 3.4 },
        { thread: 'shard 0', pausesOver1Ms: 0, longestPauseMs: 0.7, pausedPercent: 0.02, heapBytesPerRecord: 0.8 },
      ],
    },
    timeline: timelineOf(seed + 4, Math.round(seconds), rate, p50Ms),
    limitedBy: 'rate',
    calibrationMs: 12.1,
    ...given,
  }
}
