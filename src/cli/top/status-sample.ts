/**
 * The document of ClusterStatus as `top` uses it: what is not there, or of another kind, is NaN or empty.
 * Runs on: main. Touches: nothing.
 */
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { printable } from '../terminal/text-width.js'

export interface Histogram {
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
  readonly sum: number
}

export interface ShardSample {
  readonly shard: number
  readonly partitions: number
  readonly busyRatio: number
  readonly producedRecords: number
  readonly journalUsedBytes: number
  readonly journalCapacityBytes: number
  readonly settleLagBytes: number
}

export interface StatusSample {
  readonly version: string
  readonly node: string
  readonly frontEnd: string
  readonly brokerId: number
  readonly pid: number
  readonly uptimeMs: number
  /** The broker's clock for rates; it starts anew with the broker. */
  readonly atMs: number
  readonly cpuSeconds: number
  readonly eventLoopDelayP99Ms: number
  readonly eventLoopDelayMaxMs: number
  readonly eventLoopUtilisation: number
  readonly residentBytes: number
  readonly connections: number
  readonly subscriptions: number
  readonly waitingRequestBytes: number
  readonly topics: number
  readonly partitions: number
  readonly shards: readonly ShardSample[]
  /** By partition id; undefined: there are too many subscriptions for the broker to tell. */
  readonly subscribed:
    | ReadonlyMap<number, { readonly subscriptions: number; readonly slowestOffset: number }>
    | undefined
  counter(name: string): number
  histogram(name: string): Histogram
}

type Json = Readonly<Record<string, unknown>>

const noHistogram: Histogram = { bounds: [], counts: [], sum: 0 }

/** Throws UNSUPPORTED_VERSION when the broker is older than `top`. */
export function readStatus(document: Json): StatusSample {
  const main = objectAt(document, 'main')
  const counters = objectAt(document, 'counters')
  const histograms = objectAt(document, 'histograms')
  if (Object.keys(counters).length === 0) throw tooOld(textAt(document, 'version'))
  return {
    version: textAt(document, 'version'),
    node: textAt(document, 'node'),
    frontEnd: textAt(document, 'frontEnd'),
    brokerId: numberAt(document, 'brokerId'),
    pid: numberAt(document, 'pid'),
    uptimeMs: numberAt(document, 'uptimeMs'),
    atMs: numberAt(main, 'atMs'),
    cpuSeconds: numberAt(main, 'cpuSeconds'),
    eventLoopDelayP99Ms: numberAt(main, 'eventLoopDelayP99Ms'),
    eventLoopDelayMaxMs: numberAt(main, 'eventLoopDelayMaxMs'),
    eventLoopUtilisation: numberAt(main, 'eventLoopUtilisation'),
    residentBytes: numberAt(document, 'residentBytes'),
    connections: numberAt(document, 'connections'),
    subscriptions: numberAt(document, 'subscriptions'),
    waitingRequestBytes: numberAt(document, 'waitingRequestBytes'),
    topics: numberAt(document, 'topics'),
    partitions: numberAt(document, 'partitions'),
    shards: listAt(document, 'shardDetails').map(readShard),
    subscribed: readSubscribed(document['subscribedPartitions']),
    counter: (name) => numberAt(counters, name),
    histogram: (name) => readHistogram(objectAt(histograms, name)),
  }
}

function tooOld(version: string): StreamBusError {
  return new StreamBusError(
    'UNSUPPORTED_VERSION',
    `the broker is of version ${version} and does not tell its counters`,
    {
      remedy: 'top needs a broker of version 0.2.0 or later.',
    },
  )
}

function readShard(shard: Json): ShardSample {
  return {
    shard: numberAt(shard, 'shard'),
    partitions: numberAt(shard, 'partitions'),
    busyRatio: numberAt(shard, 'busyRatio'),
    producedRecords: numberAt(shard, 'producedRecords'),
    journalUsedBytes: numberAt(shard, 'journalUsedBytes'),
    journalCapacityBytes: numberAt(shard, 'journalCapacityBytes'),
    settleLagBytes: numberAt(shard, 'settleLagBytes'),
  }
}

function readSubscribed(list: unknown): StatusSample['subscribed'] {
  if (!Array.isArray(list)) return undefined
  return new Map(
    list.filter(isObject).map((entry) => {
      const [subscriptions, slowestOffset] = [numberAt(entry, 'subscriptions'), numberAt(entry, 'slowestOffset')]
      return [numberAt(entry, 'partitionId'), { subscriptions, slowestOffset }]
    }),
  )
}

function readHistogram(histogram: Json): Histogram {
  const [bounds, counts] = [numbersAt(histogram, 'bounds'), numbersAt(histogram, 'counts')]
  if (counts.length !== bounds.length + 1) return noHistogram
  return { bounds, counts, sum: numberAt(histogram, 'sum') }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null
}

function objectAt(object: Json, key: string): Json {
  const value = object[key]
  return isObject(value) ? value : {}
}

function listAt(object: Json, key: string): Json[] {
  const value = object[key]
  return Array.isArray(value) ? value.filter(isObject) : []
}

function numbersAt(object: Json, key: string): number[] {
  const value = object[key]
  return Array.isArray(value) && value.every((one) => typeof one === 'number') ? value : []
}

function numberAt(object: Json, key: string): number {
  const value = object[key]
  return typeof value === 'number' ? value : Number.NaN
}

function textAt(object: Json, key: string): string {
  const value = object[key]
  return typeof value === 'string' ? printable(value.slice(0, 100)) : '?'
}
