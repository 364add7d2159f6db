/**
 * What `top --json` prints: a line for each look at the broker. docs/cli.md describes the fields.
 * Runs on: main. Touches: nothing.
 */
import type { Flow, Latency } from './broker-model.js'
import type { TopView } from './poller.js'

/** NaN, which JSON does not have, becomes null: not known. */
export function topDocument({ broker, topics }: TopView, server: string, timeMs: number): object {
  const { status } = broker
  return {
    time: new Date(timeMs).toISOString(),
    server,
    version: status.version,
    brokerId: status.brokerId,
    uptimeMs: status.uptimeMs,
    in: flow(broker.in),
    out: flow(broker.out),
    produceLatencyMs: latency(broker.produce),
    commitLatencyMs: latency(broker.commit),
    commitsPerSecond: rounded(broker.commitsPerSecond),
    errorsPerSecond: rounded(broker.errorsPerSecond),
    throttledPerSecond: rounded(broker.throttledPerSecond),
    connections: status.connections,
    subscriptions: status.subscriptions,
    waitingRequestBytes: status.waitingRequestBytes,
    residentBytes: status.residentBytes,
    cpuShare: rounded(broker.cpuShare),
    gcShare: rounded(broker.gcShare),
    eventLoopUtilisation: rounded(status.eventLoopUtilisation),
    eventLoopDelayP99Ms: rounded(status.eventLoopDelayP99Ms),
    shards: broker.shards.map((shard) => ({
      ...shard,
      busyRatio: rounded(shard.busyRatio),
      recordsPerSecond: rounded(shard.recordsPerSecond),
    })),
    topics: topics.map((topic) => ({ ...topic, recordsPerSecond: rounded(topic.recordsPerSecond) })),
  }
}

function flow({ recordsPerSecond, bytesPerSecond }: Flow): object {
  return { recordsPerSecond: rounded(recordsPerSecond), bytesPerSecond: rounded(bytesPerSecond) }
}

function latency({ p50Ms, p99Ms }: Latency): object {
  return { p50: rounded(p50Ms), p99: rounded(p99Ms) }
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}
