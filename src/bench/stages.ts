/**
 * Where the time of a produce went, stage by stage, out of the broker's own metrics over a run.
 * Runs on: main. Touches: nothing.
 */
import { stageLabels } from '../../native-free-core/metrics/metric-table.js'
import { type BrokerMetrics, bucketsSince } from './prometheus-text.js'
import type { StageResult } from './run-result.js'

const histogram = 'streambus_produce_stage_seconds'

type Bucket = { readonly le: number; readonly count: number }

/** In the order in which a request passes them; undefined: the broker does not tell, or timed no request. */
export function stageResults(
  before: BrokerMetrics | undefined,
  after: BrokerMetrics | undefined,
): StageResult[] | undefined {
  if (before === undefined || after === undefined) return undefined
  const results: StageResult[] = []
  for (const stage of stageLabels) {
    const isOfStage = (labels: Readonly<Record<string, string>>) => labels['stage'] === stage
    const counts = bucketsSince(before.buckets(histogram, isOfStage), after.buckets(histogram, isOfStage))
    const count = counts.at(-1)?.count ?? 0
    if (count === 0) continue
    const sum = sumOf(after, isOfStage) - sumOf(before, isOfStage)
    results.push({
      stage,
      count,
      meanMs: (sum / count) * 1000,
      p50Ms: percentileMs(counts, 50),
      p99Ms: percentileMs(counts, 99),
    })
  }
  return results.length === 0 ? undefined : results
}

function sumOf(metrics: BrokerMetrics, isOfStage: (labels: Readonly<Record<string, string>>) => boolean): number {
  const samples = metrics.all(`${histogram}_sum`).filter(({ labels }) => isOfStage(labels))
  return samples.reduce((sum, { value }) => sum + value, 0)
}

/** As Prometheus does: on a straight line within the bucket. Beyond the last bound: that bound. */
export function percentileMs(buckets: readonly Bucket[], percentile: number): number {
  const rank = ((buckets.at(-1)?.count ?? 0) * percentile) / 100
  let below: Bucket = { le: 0, count: 0 }
  for (const bucket of buckets) {
    if (bucket.count >= rank && bucket.count > below.count) {
      if (!Number.isFinite(bucket.le)) return below.le * 1000
      const part = (rank - below.count) / (bucket.count - below.count)
      return (below.le + (bucket.le - below.le) * part) * 1000
    }
    below = bucket
  }
  return below.le * 1000
}
