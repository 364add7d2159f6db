/**
 * What ClusterStatus tells of the front end and the shards: levels, counters since the start, and histograms from which
 * rates and latencies of any time between two answers can be computed. docs/protocol.md describes it.
 * Runs on: main. Touches: the metrics of all threads, reading.
 * The answer must fit a string of the protocol: lists in it are bounded.
 */
import {
  type MetricName,
  metricRows,
  requestKinds,
  slotsPerLabel,
} from '../../native-free-core/metrics/metric-table.js'
import type { ThreadMetrics } from '../../native-free-core/metrics/prometheus.js'
import { metricIndex, metricNamesOf } from '../../native-free-core/metrics/shared-metrics.js'
import type { MainGauges } from './main-gauges.js'
import type { Session } from './session.js'
import type { ShardProxy } from './shard-proxy.js'

export interface StatusSources {
  readonly threads: readonly ThreadMetrics[]
  readonly proxies: readonly ShardProxy[]
  readonly sessions: ReadonlySet<Session>
  readonly subscriptionCount: number
  readonly waitingRequestBytes: number
  readonly damagedSegments: number
  readonly gauges: MainGauges
}

/** Looking at more subscriptions would keep main from its work. */
const mostSubscriptionsLookedAt = 10_000
const mostPartitionsTold = 400

const counterNames = [
  'streambus_produce_records_total',
  'streambus_produce_bytes_total',
  'streambus_produce_requests_total',
  'streambus_produce_errors_total',
  'streambus_delivered_records_total',
  'streambus_delivered_bytes_total',
  'streambus_deliveries_total',
  'streambus_fetch_records_total',
  'streambus_fetch_bytes_total',
  'streambus_commits_total',
  'streambus_commit_bytes_total',
  'streambus_settled_bytes_total',
  'streambus_connections_opened_total',
  'streambus_connections_refused_total',
  'streambus_throttled_requests_total',
] as const satisfies readonly MetricName[]

const produceKind = requestKinds.indexOf('Produce')

interface HistogramCounts {
  /** Upper bounds, without infinity. */
  readonly bounds: readonly number[]
  /** Not cumulative; the last is of what is above all bounds. */
  readonly counts: readonly number[]
  readonly sum: number
}

/** Publish main's own counters before. */
export function statusDocument(sources: StatusSources): Record<string, unknown> {
  const { threads, sessions, subscriptionCount, waitingRequestBytes, damagedSegments, gauges } = sources
  const values = threads.map((thread) => ({ thread, slots: Float64Array.from(thread.reader.read()) }))
  const counters: Record<string, number> = {}
  for (const name of counterNames) counters[name] = total(values, name)
  return {
    timeMs: Date.now(),
    connections: sessions.size,
    subscriptions: subscriptionCount,
    waitingRequestBytes,
    damagedSegments,
    main: gauges.recent(),
    shardDetails: shardDetails(values, sources.proxies),
    subscribedPartitions: subscribedPartitions(sessions, subscriptionCount),
    counters,
    histograms: {
      streambus_commit_duration_seconds: histogram(values, 'streambus_commit_duration_seconds'),
      streambus_produce_duration_seconds: histogram(values, 'streambus_request_duration_seconds', produceKind),
      streambus_gc_pause_seconds: histogram(values, 'streambus_gc_pause_seconds'),
    },
  }
}

interface ThreadValues {
  readonly thread: ThreadMetrics
  readonly slots: Float64Array
}

/** Over all threads that count it and all its labels. */
function total(values: readonly ThreadValues[], name: MetricName): number {
  let sum = 0
  for (const { thread, slots } of values) {
    if (!metricNamesOf(thread.owner).includes(name)) continue
    const first = metricIndex(thread.owner, name)
    for (let label = 0; label < (metricRows[name].labelValues?.length ?? 1); label++) sum += slots[first + label]!
  }
  return sum
}

/** Over all threads that count it. */
function histogram(values: readonly ThreadValues[], name: MetricName, label = 0): HistogramCounts {
  const row = metricRows[name]
  const counts = new Array<number>(row.buckets!.length + 1).fill(0)
  let sum = 0
  for (const { thread, slots } of values) {
    if (!metricNamesOf(thread.owner).includes(name)) continue
    const first = metricIndex(thread.owner, name, label)
    for (let bucket = 0; bucket < counts.length; bucket++) counts[bucket]! += slots[first + bucket]!
    sum += slots[first + slotsPerLabel(row) - 1]!
  }
  return { bounds: row.buckets!, counts, sum }
}

function shardDetails(values: readonly ThreadValues[], proxies: readonly ShardProxy[]): object[] {
  return values
    .filter(({ thread }) => thread.owner === 'shard')
    .map(({ thread, slots }) => {
      const value = (name: MetricName): number => slots[metricIndex('shard', name)]!
      const proxy = proxies[thread.shard!]!
      return {
        shard: thread.shard,
        partitions: value('streambus_partitions'),
        busyRatio: value('streambus_shard_busy_ratio'),
        producedRecords: value('streambus_produce_records_total'),
        journalUsedBytes: value('streambus_journal_used_bytes'),
        journalCapacityBytes: value('streambus_journal_capacity_bytes'),
        settleLagBytes: value('streambus_settle_lag_bytes'),
        ringUsedBytes: proxy.usedBytes,
        ringCapacityBytes: proxy.capacityBytes,
      }
    })
}

interface SubscribedPartition {
  readonly partitionId: number
  subscriptions: number
  /** Of what the subscription that is furthest behind gets next. */
  slowestOffset: number
}

/** Undefined, which is left out, when there are too many subscriptions to look at. */
function subscribedPartitions(
  sessions: ReadonlySet<Session>,
  subscriptionCount: number,
): readonly SubscribedPartition[] | undefined {
  if (subscriptionCount > mostSubscriptionsLookedAt) return undefined
  const found = new Map<number, SubscribedPartition>()
  for (const session of sessions) {
    for (const { partitionId, nextOffset } of session.subscriptions.values()) {
      const entry = found.get(partitionId)
      if (entry === undefined) {
        if (found.size < mostPartitionsTold) {
          found.set(partitionId, { partitionId, subscriptions: 1, slowestOffset: nextOffset })
        }
        continue
      }
      entry.subscriptions++
      entry.slowestOffset = Math.min(entry.slowestOffset, nextOffset)
    }
  }
  return [...found.values()]
}
