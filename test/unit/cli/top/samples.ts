/**
 * Answers of a broker, made up, for the tests of `top`.
 * Runs on: the test process.
 */
import type { TopicDescription } from '../../../../src/client/index.js'
import { readStatus, type StatusSample } from '../../../../src/cli/top/status-sample.js'

const bounds = [0.001, 0.002, 0.005, 0.01]

export interface SampleOptions {
  readonly pid?: number
  readonly shards?: number
  readonly subscribed?: readonly { partitionId: number; subscriptions: number; slowestOffset: number }[]
  readonly version?: string
}

/** After `seconds` of 10,000 records in and 30,000 out a second. */
export function sampleAt(
  seconds: number,
  { pid = 4711, shards = 2, subscribed, version }: SampleOptions = {},
): StatusSample {
  const count = (perSecond: number) => Math.round(perSecond * seconds)
  const histogram = (perSecond: readonly number[]) => ({ bounds, counts: perSecond.map(count), sum: seconds * 0.004 })
  return readStatus({
    version: version ?? '0.2.0',
    node: 'v20.20.2',
    frontEnd: 'uws',
    brokerId: 0,
    pid,
    uptimeMs: 8_100_000 + seconds * 1000,
    residentBytes: 150 * 2 ** 20,
    connections: 12,
    subscriptions: 40,
    waitingRequestBytes: 0,
    topics: 3,
    partitions: 20,
    main: {
      atMs: 1000 * seconds,
      cpuSeconds: seconds * 0.34,
      eventLoopDelayP99Ms: 1.234,
      eventLoopDelayMaxMs: 3,
      eventLoopUtilisation: 0.12,
    },
    shardDetails: Array.from({ length: shards }, (_, shard) => ({
      shard,
      partitions: 10,
      busyRatio: shard === 0 ? 0.93 : 0.71 / (shard + 1),
      producedRecords: count(10_000 / shards),
      journalUsedBytes: (shard + 1) * 4 * 2 ** 20,
      journalCapacityBytes: 64 * 2 ** 20,
      settleLagBytes: 1_300_000,
    })),
    subscribedPartitions: subscribed ?? [],
    counters: {
      streambus_produce_records_total: count(10_000),
      streambus_produce_bytes_total: count(1_200_000),
      streambus_produce_errors_total: 0,
      streambus_delivered_records_total: count(29_000),
      streambus_fetch_records_total: count(1000),
      streambus_delivered_bytes_total: count(3_500_000),
      streambus_fetch_bytes_total: count(100_000),
      streambus_commits_total: count(812),
      streambus_throttled_requests_total: 0,
    },
    histograms: {
      streambus_commit_duration_seconds: histogram([600, 200, 10, 2, 0]),
      streambus_produce_duration_seconds: histogram([0, 700, 200, 100, 0]),
      streambus_gc_pause_seconds: histogram([1, 0, 0, 0, 0]),
    },
  })
}

export function topicAt(name: string, partitionCount: number, highWatermark: number, firstId = 1): TopicDescription {
  const partitions = Array.from({ length: partitionCount }, (_, partition) => ({
    partition,
    partitionId: firstId + partition,
    leader: 0,
    logStartOffset: 0,
    highWatermark,
    sizeBytes: highWatermark * 100,
    segmentCount: 1,
    shard: 0,
  }))
  return { name, topicId: '', configs: {}, partitions }
}
