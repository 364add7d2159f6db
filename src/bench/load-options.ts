/**
 * What a load is: the options that people and profiles give, checked, with their defaults.
 * Runs on: main. Touches: nothing.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { codecNames } from '../../native-free-core/log/record-batch.js'
import type { CodecName } from '../client/index.js'
import type { Load } from './run-result.js'
import { ValueSizes } from './value-sizes.js'

/** All but `kind` have defaults, those of `streambus bench`. */
export interface LoadOptions {
  readonly kind: Load['kind']
  /** Of the row; made of the other options if absent. */
  readonly name?: string | undefined
  /** Default bench-P for P partitions; of several topics NAME-0, NAME-1 ... Those that are missing are created. */
  readonly topic?: string | undefined
  /** Default 1. */
  readonly topics?: number | undefined
  /** Of each topic that is created, default 1. */
  readonly partitions?: number | undefined
  /** Of each topic that is created: commit (default), interval or os. */
  readonly flush?: string | undefined
  /** Deletes the topics that the run created, default false. */
  readonly deleteTopics?: boolean | undefined
  /** Default 1; connections are spread over them. */
  readonly threads?: number | undefined
  /** That produce, or with `consume` and `fanout` that read; default one a thread. `e2e` has as many that read. */
  readonly connections?: number | undefined
  /** Of values: 100 (default), 50..200, or with weights 100:0.9,1000:0.1. */
  readonly recordBytes?: number | string | undefined
  /** So many keys in turn decide the partitions; default none. */
  readonly keys?: number | undefined
  /** Default 256 KiB. */
  readonly batchBytes?: number | undefined
  /** Default 1. */
  readonly lingerMs?: number | undefined
  /** Default none. With another codec values are words instead of random bytes. */
  readonly compression?: string | undefined
  /** Records a second over all connections, an open loop; absent: flat out, but 1000 for `e2e` and `fanout`. */
  readonly rate?: number | undefined
  /** Records fall due together in steps of this many milliseconds, default 1. */
  readonly stepMs?: number | undefined
  /** Of `e2e`: the next record is sent when the one before was delivered. */
  readonly oneAtATime?: boolean | undefined
  /** Of `fanout`, default 10. */
  readonly subscribers?: number | undefined
  /** Of `consume`: look at each record, not only at batches. */
  readonly decode?: boolean | undefined
  /** Of `consume`: records that are produced first to a topic that has fewer. */
  readonly fill?: number | undefined
  /** Default 10. */
  readonly seconds?: number | undefined
  /** Seconds of the same load before, which do not count; default 0. */
  readonly warmUpSeconds?: number | undefined
  /** Reads back every acknowledged offset afterwards, default true. */
  readonly verify?: boolean | undefined
  /** The run is void when the P99 of its own lateness is above; default 1 and half of the P99 that it measured. */
  readonly maxLatenessMs?: number | undefined
  /** Asks the broker for its metrics each second, default true. */
  readonly brokerMetrics?: boolean | undefined
}

/** The same, complete and checked. What threads are given. */
export interface LoadPlan {
  readonly kind: Load['kind']
  readonly name: string
  readonly topicNames: readonly string[]
  readonly partitions: number
  readonly flush: string
  readonly deleteTopics: boolean
  readonly threads: number
  readonly connections: number
  readonly recordBytes: number | string
  readonly keys: number
  readonly batchBytes: number
  readonly lingerMs: number
  readonly compression: CodecName
  readonly rate: number | undefined
  readonly stepMs: number
  readonly oneAtATime: boolean
  readonly subscribers: number
  readonly decode: boolean
  readonly fill: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly verify: boolean
  readonly maxLatenessMs: number | undefined
  readonly brokerMetrics: boolean
}

const defaultRate = 1000
const mostThreads = 64
const mostConnections = 10_000
const mostSubscribers = 100_000
const mostPartitions = 10_000

/** Throws USAGE for what can't be. */
export function planOf(options: LoadOptions): LoadPlan {
  const { kind, keys = 0, fill = 0, oneAtATime = false, verify = true, decode = false } = options
  const threads = whole('threads', options.threads ?? 1, 1, mostThreads)
  const partitions = whole('partitions', options.partitions ?? 1, 1, mostPartitions)
  const topics = whole('topics', options.topics ?? 1, 1, mostPartitions)
  const topic = options.topic ?? `bench-${partitions}`
  const isPaced = kind === 'e2e' || kind === 'fanout'
  const rate = options.rate ?? (isPaced && !oneAtATime ? defaultRate : undefined)
  if (oneAtATime && kind !== 'e2e') throw usage('--one-at-a-time is for e2e alone', 'Leave it out.')
  if (oneAtATime && (threads > 1 || (options.connections ?? 1) > 1)) {
    throw usage('--one-at-a-time has one thread and one connection', 'Leave --threads and --connections out.')
  }
  if (kind === 'replay' && rate !== undefined) throw usage('--replay is flat out', 'Leave --rate out.')
  if (oneAtATime && options.rate !== undefined) {
    throw usage('--rate and --one-at-a-time contradict each other', 'Leave one of them out.')
  }
  const givenBytes = options.recordBytes ?? 100
  ValueSizes.parse(givenBytes)
  // One size is told as a number, however it was given.
  const recordBytes = Number.isFinite(Number(givenBytes)) ? Number(givenBytes) : givenBytes
  const plan = {
    kind,
    topicNames: topics === 1 ? [topic] : Array.from({ length: topics }, (_, index) => `${topic}-${index}`),
    partitions,
    flush: options.flush ?? 'commit',
    deleteTopics: options.deleteTopics ?? false,
    threads,
    connections: whole('connections', options.connections ?? threads, threads, mostConnections),
    recordBytes,
    keys: whole('keys', keys, 0, 10_000_000),
    batchBytes: options.batchBytes ?? 262_144,
    lingerMs: options.lingerMs ?? (oneAtATime ? 0 : 1),
    compression: codecOf(options.compression ?? 'none'),
    rate: rate === undefined ? undefined : inRange('rate', rate, 0.001, 1e9),
    stepMs: inRange('step', options.stepMs ?? 1, 0.05, 1000),
    oneAtATime,
    subscribers: whole('subscribers', options.subscribers ?? 10, 1, mostSubscribers),
    decode,
    fill: whole('fill', fill, 0, 1e10),
    seconds: inRange('seconds', options.seconds ?? 10, 0.001, 1e6),
    warmUpSeconds: inRange('warm-up', options.warmUpSeconds ?? 0, 0, 1e6),
    verify,
    maxLatenessMs: options.maxLatenessMs,
    brokerMetrics: options.brokerMetrics ?? true,
  }
  return { name: options.name ?? nameOf(plan), ...plan }
}

function nameOf(plan: Omit<LoadPlan, 'name'>): string {
  const { kind, rate, oneAtATime, subscribers, decode } = plan
  if (kind === 'consume') return decode ? 'consume, each record' : 'consume, by batch'
  const what = kind === 'fanout' ? `fanout to ${subscribers} subscribers` : kind
  return `${what}, ${oneAtATime ? 'one at a time' : rate === undefined ? 'flat out' : `${rate} records/s`}`
}

/** What is kept with the result. `partitions`, `flush`: of the topics as they are. */
export function loadOf(plan: LoadPlan, partitions: number, flush: string): Load {
  const { kind, topicNames, connections, threads, recordBytes, batchBytes, lingerMs, compression } = plan
  return {
    kind,
    topics: topicNames.length,
    partitions,
    connections,
    threads,
    recordBytes,
    ...(plan.keys === 0 ? {} : { keys: plan.keys }),
    batchBytes,
    lingerMs,
    compression,
    ...(plan.rate === undefined ? {} : { rate: plan.rate, stepMs: plan.stepMs }),
    ...(kind === 'fanout' ? { subscribers: plan.subscribers } : {}),
    ...(plan.oneAtATime ? { oneAtATime: true } : {}),
    ...(kind === 'consume' ? { decode: plan.decode } : {}),
    flush,
  }
}

function codecOf(name: string): CodecName {
  const found = codecNames.find((known) => known === name)
  if (found !== undefined) return found
  throw usage(`--compression is "${name}"`, `Expected one of ${codecNames.join(', ')}.`)
}

function whole(name: string, value: number, min: number, max: number): number {
  if (Number.isSafeInteger(value)) return inRange(name, value, min, max)
  throw usage(`--${name} is ${value}`, `Expected a whole number from ${min} to ${max}.`)
}

function inRange(name: string, value: number, min: number, max: number): number {
  if (value >= min && value <= max) return value
  throw usage(`--${name} is ${value}`, `Expected ${min} to ${max}.`)
}

export function usage(message: string, remedy: string): StreamBusError {
  return new StreamBusError('USAGE', message, { remedy })
}
