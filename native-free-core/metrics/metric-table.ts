/**
 * Every metric that a broker publishes, as rows: what GET /metrics returns and docs/metrics.md explains.
 * Runs on: every thread. Touches: nothing.
 * A row names the threads that count it. Threads of which there are several add their own label when read (shard="0").
 * A row with `labelValues` has one value for each of them; its first label is the one that they are values of.
 */
import { messageRows } from '../protocol/message-table.js'

export type MetricType = 'counter' | 'gauge' | 'histogram'
/** scrape: main computes it when it is asked. */
export type MetricOwner = 'main' | 'shard' | 'scrape'

export interface MetricRow {
  readonly type: MetricType
  readonly unit: 'seconds' | 'bytes' | 'count' | 'ratio'
  readonly owners: readonly MetricOwner[]
  /** Names of labels, the owner's own included. */
  readonly labels: readonly string[]
  /** Values of the first label, in the order of their slots. */
  readonly labelValues?: readonly string[]
  /** Upper bounds of a histogram's buckets, ascending, without infinity. */
  readonly buckets?: readonly number[]
  readonly help: string
}

const fine = [
  0.00005, 0.0001, 0.00015, 0.0002, 0.0003, 0.0004, 0.0006, 0.0008, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075, 0.01,
  0.02, 0.05, 0.1, 0.2, 0.5, 1,
]
const coarse = [
  0.00025, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
]
/** From some microseconds on main to a disk that is in trouble. */
const stages = [
  0.000005, 0.00001, 0.00002, 0.00005, 0.0001, 0.00015, 0.0002, 0.0003, 0.0004, 0.0005, 0.0006, 0.0008, 0.001, 0.0015,
  0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.5,
]
const pauses = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5]

export const requestKinds: readonly string[] = Object.keys(messageRows).filter(
  (name) => messageRows[name]!.kind === 'request',
)
export const subprotocolLabels = ['binary', 'json'] as const
export const refusalLabels = ['host', 'origin', 'subprotocol', 'connections'] as const
export const authenticationFailureLabels = ['token', 'missing', 'mechanism'] as const
export const stageLabels = ['receive', 'ring', 'gather', 'commit', 'reply', 'send', 'total'] as const
export const errandLabels = ['file', 'folder', 'publish', 'fill'] as const
export const quantileLabels = ['0.5', '0.99', '1'] as const

type Rest = Partial<Omit<MetricRow, 'type' | 'unit' | 'owners' | 'help'>>

function row(type: MetricType, unit: MetricRow['unit'], owners: readonly MetricOwner[], help: string, rest: Rest = {}):
  MetricRow {
  return { type, unit, owners, help, ...rest, labels: rest.labels ?? [] }
}

function shardRow(type: MetricType, unit: MetricRow['unit'], help: string, rest: Rest = {}): MetricRow {
  return row(type, unit, ['shard'], help, { ...rest, labels: [...(rest.labels ?? []), 'shard'] })
}

export const metricTable = {
  streambus_connections: row('gauge', 'count', ['main'], 'Open WebSocket connections.',
    { labels: ['subprotocol'], labelValues: subprotocolLabels }),
  streambus_connections_opened_total: row('counter', 'count', ['main'], 'WebSocket connections accepted.',
    { labels: ['subprotocol'], labelValues: subprotocolLabels }),
  streambus_connections_refused_total: row('counter', 'count', ['main'], 'WebSocket connections refused, by reason.',
    { labels: ['reason'], labelValues: refusalLabels }),
  streambus_unauthenticated_connections: row('gauge', 'count', ['main'],
    'Open WebSocket connections that have not authenticated yet.'),
  streambus_authentication_failures_total: row('counter', 'count', ['main'],
    'Failed authentications over WebSocket and HTTP: a wrong token, no token, an unknown mechanism.',
    { labels: ['reason'], labelValues: authenticationFailureLabels }),
  streambus_tls_certificate_expiry_seconds: row('gauge', 'seconds', ['scrape'],
    'Time until the TLS certificate expires; negative: it has expired. Absent without TLS.'),
  streambus_received_frames_total: row('counter', 'count', ['main'], 'WebSocket frames received.'),
  streambus_received_bytes_total: row('counter', 'bytes', ['main'], 'Bytes of WebSocket frames received.'),
  streambus_sent_frames_total: row('counter', 'count', ['main'], 'WebSocket frames sent.'),
  streambus_sent_bytes_total: row('counter', 'bytes', ['main'], 'Bytes of WebSocket frames sent.'),
  streambus_malformed_frames_total: row('counter', 'count', ['main'], 'Frames that ended their connection.'),
  streambus_request_duration_seconds: row('histogram', 'seconds', ['main'],
    'From a request\'s arrival at the front end to its answer, long poll included.',
    { labels: ['kind'], labelValues: requestKinds, buckets: coarse }),
  streambus_produce_stage_seconds: row('histogram', 'seconds', ['main', 'shard'],
    'Where the time of a produce goes, of at most one request in a millisecond: receive (frame to ring), ring (until '
    + 'the shard takes it), gather (until its commit is written), commit (synced write), reply (until main takes the '
    + 'answer), send (until the socket has it), total.',
    { labels: ['stage', 'thread'], labelValues: stageLabels, buckets: stages }),
  streambus_request_errors_total: row('counter', 'count', ['main'], 'Requests answered with an error, by kind.',
    { labels: ['kind'], labelValues: requestKinds }),
  streambus_throttled_requests_total: row('counter', 'count', ['main'],
    'Requests answered with THROTTLING_QUOTA_EXCEEDED.'),
  streambus_subscriptions: row('gauge', 'count', ['main'], 'Subscriptions.'),
  streambus_tail_feeds: row('gauge', 'count', ['main'],
    'Partitions that subscribers follow; each is fetched once for all of them.'),
  streambus_deliveries_total: row('counter', 'count', ['main'], 'Deliveries sent to subscriptions.'),
  streambus_delivered_records_total: row('counter', 'count', ['main'], 'Records delivered to subscriptions.'),
  streambus_delivered_bytes_total: row('counter', 'bytes', ['main'], 'Bytes delivered to subscriptions.'),
  streambus_fetch_records_total: row('counter', 'count', ['main'], 'Records in answers to Fetch.'),
  streambus_fetch_bytes_total: row('counter', 'bytes', ['main'], 'Bytes of record batches in answers to Fetch.'),
  streambus_overwritten_reads_total: row('counter', 'count', ['main'],
    'Reads from a journal that came too late and were fetched again.'),
  streambus_cold_reads_total: row('counter', 'count', ['main'], 'Reads of segment files by the read thread.'),
  streambus_cold_read_bytes_total: row('counter', 'bytes', ['main'], 'Bytes that they brought.'),
  streambus_waiting_request_bytes: row('gauge', 'bytes', ['main'], 'Requests that wait outside the rings.'),
  streambus_ring_used_bytes: row('gauge', 'bytes', ['scrape'], 'Bytes of requests that wait in a ring.',
    { labels: ['shard'] }),
  streambus_ring_capacity_bytes: row('gauge', 'bytes', ['scrape'], 'Size of the ring of requests to a shard.',
    { labels: ['shard'] }),

  streambus_produce_requests_total: shardRow('counter', 'count', 'Record batches accepted.'),
  streambus_produce_records_total: shardRow('counter', 'count', 'Records accepted.'),
  streambus_produce_bytes_total: shardRow('counter', 'bytes', 'Bytes of record batches accepted.'),
  streambus_produce_errors_total: shardRow('counter', 'count', 'Record batches refused.'),
  streambus_duplicate_batches_total: shardRow('counter', 'count', 'Batches that an idempotent producer sent again.'),
  streambus_fetch_hot_total: shardRow('counter', 'count', 'Fetches answered from the journal\'s memory.'),
  streambus_fetch_cold_total: shardRow('counter', 'count', 'Fetches answered with a segment file.'),
  streambus_fetch_parked_total: shardRow('counter', 'count', 'Fetches that had to wait for data.'),
  streambus_fetched_bytes_total: shardRow('counter', 'bytes', 'Bytes fetched from the journal\'s memory.'),
  streambus_commits_total: shardRow('counter', 'count', 'Synced writes of the journal.'),
  streambus_commit_bytes_total: shardRow('counter', 'bytes', 'Bytes of them, padding included.'),
  streambus_commit_padding_bytes_total: shardRow('counter', 'bytes', 'Padding in them, up to the next 4 KiB.'),
  streambus_commit_duration_seconds: shardRow('histogram', 'seconds', 'Time of one synced write of the journal.',
    { buckets: fine }),
  streambus_settle_slice_seconds: shardRow('histogram', 'seconds',
    'Time of one slice of settling, in which the shard does nothing else.', { buckets: stages }),
  streambus_sync_errand_seconds: shardRow('histogram', 'seconds',
    'From a sync that the shard asked for to its answer: a segment\'s data, a folder\'s names, a file\'s replacement, '
    + 'zeros ahead of the journal\'s first lap.', { labels: ['errand'], labelValues: errandLabels, buckets: coarse }),
  streambus_settled_bytes_total: shardRow('counter', 'bytes', 'Bytes moved from the journal to segments.'),
  streambus_settle_lag_bytes: shardRow('gauge', 'bytes', 'Committed bytes that are not in synced segments yet.'),
  streambus_journal_used_bytes: shardRow('gauge', 'bytes', 'Bytes of the journal that are in use.'),
  streambus_journal_capacity_bytes: shardRow('gauge', 'bytes', 'Size of the journal.'),
  streambus_disk_free_bytes: shardRow('gauge', 'bytes', 'What is free on the disk of the data folder.'),
  streambus_disk_reserve_bytes: shardRow('gauge', 'bytes', 'Writes stop when less than this is free.'),
  streambus_shard_offline: row('gauge', 'count', ['scrape'], '1: the shard takes no writes any more; 0: it does.',
    { labels: ['shard'] }),
  streambus_damaged_segments: row('gauge', 'count', ['scrape'],
    'Segments that the last scrub found damaged, with their indexes; 0 until one has ended.'),
  streambus_partitions: shardRow('gauge', 'count', 'Partitions.'),
  streambus_shard_busy_ratio: shardRow('gauge', 'ratio', 'Share of the time that the shard did not sleep.'),

  streambus_event_loop_delay_seconds: row('gauge', 'seconds', ['main'],
    'Delay of the event loop since the last scrape: median, P99 and maximum.',
    { labels: ['quantile', 'thread'], labelValues: quantileLabels }),
  streambus_event_loop_utilisation_ratio: row('gauge', 'ratio', ['main'],
    'Share of the time that the event loop was busy since the last scrape.', { labels: ['thread'] }),
  streambus_gc_pause_seconds: row('histogram', 'seconds', ['main', 'shard'],
    'Pauses for garbage collection.', { labels: ['thread'], buckets: pauses }),
  streambus_heap_allocated_bytes_total: row('counter', 'bytes', ['main', 'shard'],
    'Bytes that a thread allocated on its heap of JavaScript objects: what garbage collection has to clear away.',
    { labels: ['thread'] }),

  streambus_process_resident_memory_bytes: row('gauge', 'bytes', ['scrape'], 'Resident memory of the broker process.'),
  streambus_process_cpu_seconds_total: row('counter', 'seconds', ['scrape'], 'CPU time of the broker process.'),
  streambus_process_start_time_seconds: row('gauge', 'seconds', ['scrape'], 'When the broker started, in Unix time.'),
} as const satisfies Record<string, MetricRow>

export type MetricName = keyof typeof metricTable
export const metricRows: Readonly<Record<MetricName, MetricRow>> = metricTable

/** The slots of one row: a value, or the buckets (the last is infinity) and the sum. */
export function slotsPerLabel(row: MetricRow): number {
  return row.type === 'histogram' ? row.buckets!.length + 2 : 1
}
