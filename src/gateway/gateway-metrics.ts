/**
 * The front end's counters, by name, in main's metrics.
 * Runs on: main. Touches: its counters.
 */
import {
  authenticationFailureLabels,
  refusalLabels,
  requestKinds,
} from '../../native-free-core/metrics/metric-table.js'
import { MetricsWriter } from '../../native-free-core/metrics/shared-metrics.js'
import { messageRows } from '../../native-free-core/protocol/message-table.js'

export class GatewayMetrics {
  readonly writer: MetricsWriter
  private readonly durationAt: number[]
  private readonly errorsAt: number[]
  private readonly at

  constructor(memory: SharedArrayBuffer) {
    const writer = new MetricsWriter(memory, 'main')
    this.writer = writer
    this.durationAt = requestKinds.map((_, label) => writer.index('streambus_request_duration_seconds', label))
    this.errorsAt = requestKinds.map((_, label) => writer.index('streambus_request_errors_total', label))
    this.at = {
      connections: writer.index('streambus_connections'),
      opened: writer.index('streambus_connections_opened_total'),
      refused: writer.index('streambus_connections_refused_total'),
      unauthenticated: writer.index('streambus_unauthenticated_connections'),
      authenticationFailures: writer.index('streambus_authentication_failures_total'),
      receivedFrames: writer.index('streambus_received_frames_total'),
      receivedBytes: writer.index('streambus_received_bytes_total'),
      sentFrames: writer.index('streambus_sent_frames_total'),
      sentBytes: writer.index('streambus_sent_bytes_total'),
      malformed: writer.index('streambus_malformed_frames_total'),
      throttled: writer.index('streambus_throttled_requests_total'),
      subscriptions: writer.index('streambus_subscriptions'),
      feeds: writer.index('streambus_tail_feeds'),
      deliveries: writer.index('streambus_deliveries_total'),
      deliveredBytes: writer.index('streambus_delivered_bytes_total'),
      deliveredRecords: writer.index('streambus_delivered_records_total'),
      fetchRecords: writer.index('streambus_fetch_records_total'),
      fetchBytes: writer.index('streambus_fetch_bytes_total'),
      overwritten: writer.index('streambus_overwritten_reads_total'),
      coldReads: writer.index('streambus_cold_reads_total'),
      coldBytes: writer.index('streambus_cold_read_bytes_total'),
      waitingBytes: writer.index('streambus_waiting_request_bytes'),
    }
  }

  opened(isJson: boolean): void {
    this.writer.add(this.at.connections + (isJson ? 1 : 0), 1)
    this.writer.add(this.at.opened + (isJson ? 1 : 0), 1)
  }

  closed(isJson: boolean): void {
    this.writer.add(this.at.connections + (isJson ? 1 : 0), -1)
  }

  refused(reason: (typeof refusalLabels)[number]): void {
    this.writer.add(this.at.refused + refusalLabels.indexOf(reason), 1)
  }

  authenticationFailed(reason: (typeof authenticationFailureLabels)[number]): void {
    this.writer.add(this.at.authenticationFailures + authenticationFailureLabels.indexOf(reason), 1)
  }

  setUnauthenticated(count: number): void {
    this.writer.set(this.at.unauthenticated, count)
  }

  received(sizeBytes: number): void {
    this.writer.add(this.at.receivedFrames, 1)
    this.writer.add(this.at.receivedBytes, sizeBytes)
  }

  sent(sizeBytes: number): void {
    this.writer.add(this.at.sentFrames, 1)
    this.writer.add(this.at.sentBytes, sizeBytes)
  }

  malformed(): void {
    this.writer.add(this.at.malformed, 1)
  }

  throttled(): void {
    this.writer.add(this.at.throttled, 1)
  }

  overwritten(): void {
    this.writer.add(this.at.overwritten, 1)
  }

  readCold(sizeBytes: number): void {
    this.writer.add(this.at.coldReads, 1)
    this.writer.add(this.at.coldBytes, sizeBytes)
  }

  /** A client's Fetch was answered. */
  fetched(recordCount: number, sizeBytes: number): void {
    this.writer.add(this.at.fetchRecords, recordCount)
    this.writer.add(this.at.fetchBytes, sizeBytes)
  }

  delivered(recordCount: number, sizeBytes: number): void {
    this.writer.add(this.at.deliveries, 1)
    this.writer.add(this.at.deliveredRecords, recordCount)
    this.writer.add(this.at.deliveredBytes, sizeBytes)
  }

  /** `kind`: see kindOf. */
  answered(kind: number, durationMs: number, isError: boolean): void {
    this.writer.observe(this.durationAt[kind]!, durationMs / 1000)
    if (isError) this.writer.add(this.errorsAt[kind]!, 1)
  }

  setLevels(subscriptions: number, feeds: number, waitingBytes: number): void {
    this.writer.set(this.at.subscriptions, subscriptions)
    this.writer.set(this.at.feeds, feeds)
    this.writer.set(this.at.waitingBytes, waitingBytes)
  }
}

const kindByApi: number[] = []
for (const [index, name] of requestKinds.entries()) kindByApi[messageRows[name]!.api] = index

/** The label index of an api's request. */
export function kindOf(api: number): number {
  return kindByApi[api] ?? 0
}
