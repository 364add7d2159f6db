/**
 * What the runner asks of everything that it measures, and what all of them share.
 * Runs on: main. Touches: nothing but the clock.
 */
import { availableParallelism, cpus } from 'node:os'
import { type LatencyResult, type Load, type RunResult, runResultVersion } from '../../src/bench/run-result.js'
import type { LoadSpec, Row } from './rows.js'
import type { SubjectDescription } from './results.js'

/** One run that is asked for. */
export interface Request {
  readonly row: Row
  /** A topic that no other run uses. */
  readonly topic: string
  readonly seconds: number
  readonly warmUpSeconds: number
  /** Records a second; undefined: flat out. */
  readonly rate: number | undefined
  readonly round: number
}

export interface Subject {
  describe(): SubjectDescription
  /** Brings it up and warms it. Called again after it went down. */
  start(): Promise<void>
  readonly isUp: boolean
  measure(request: Request): Promise<RunResult>
  /** From now on the most memory counts. */
  beginRound(): void
  stop(): Promise<void>
}

/** A subject is asked for what it has no way to do. */
export class CannotMeasure extends Error {}

export function cannotMeasure(load: LoadSpec): never {
  throw new CannotMeasure(`there is no way to measure ${load.kind} here`)
}

interface Found {
  readonly request: Request
  readonly subject: string
  readonly release: string
  readonly startedAt: string
  readonly seconds: number
  readonly records?: RunResult['records']
  readonly recordsPerSecond?: number
  readonly latency?: LatencyResult | undefined
  readonly cpu?: Partial<RunResult['cpu']>
  readonly figures?: Readonly<Record<string, number>>
  readonly calibrationMs?: number
}

/** A run in the shape that all have, of who is no StreamBus. */
export function runResultOf(found: Found): RunResult {
  const { request, seconds, latency, figures, recordsPerSecond = 0 } = found
  const load = loadOf(request)
  const isEndToEnd = request.row.load.kind === 'one-at-a-time'
  const recordBytes = typeof load.recordBytes === 'number' ? load.recordBytes : 0
  return {
    version: runResultVersion,
    name: request.row.name,
    subject: found.subject,
    startedAt: found.startedAt,
    load,
    environment: {
      node: process.version,
      release: found.release,
      processor: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
      platform: `${process.platform} ${process.arch}`,
    },
    warmUpSeconds: request.warmUpSeconds,
    seconds,
    records: found.records ?? { sent: 0, acknowledged: 0, failed: 0 },
    recordsPerSecond,
    mebibytesPerSecond: (recordsPerSecond * recordBytes) / (1 << 20),
    latency: latency === undefined ? {} : isEndToEnd ? { endToEnd: latency } : { produce: latency },
    cpu: { clientSecondsPerMillion: 0, clientPercent: 0, ...found.cpu },
    broker: {},
    ...(figures === undefined ? {} : { figures }),
    timeline: [],
    calibrationMs: found.calibrationMs ?? 0,
  }
}

function loadOf({ row, rate }: Request): Load {
  const { load } = row
  const base = { topics: 1, connections: 1, threads: 1, compression: 'none', partitions: 1, recordBytes: 100 }
  const none = { ...base, batchBytes: 0, lingerMs: 0, flush: 'commit' }
  switch (load.kind) {
    case 'produce':
    case 'replay': {
      const { kind, recordBytes, partitions, batchBytes, lingerMs, flush } = load
      const shape = { ...base, kind, recordBytes, partitions, batchBytes, lingerMs, flush }
      return rate === undefined ? shape : { ...shape, rate }
    }
    case 'one-at-a-time':
      return { ...none, kind: 'e2e', recordBytes: load.recordBytes }
    case 'consume':
      return { ...none, kind: 'consume' }
    case 'start':
    case 'crash-start':
    case 'more-shards':
    case 'memory':
    case 'limit':
      return { ...none, kind: 'produce', topics: 0 }
  }
}
