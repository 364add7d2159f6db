/**
 * Where the time of produces went during a run, stage by stage, as the broker's own metrics tell it.
 * Runs on: main. Touches: loopback.
 */
import { BrokerMetrics, bucketPercentile, bucketsSince } from '../../src/bench/prometheus-text.js'
import { stageLabels } from '../../native-free-core/metrics/metric-table.js'

const histogram = 'streambus_produce_stage_seconds'
const percentiles = { P50: 50, P99: 99 }

/** Undefined when the broker does not answer: a figure less, not a run less. */
export async function metricsAt(address: string): Promise<BrokerMetrics | undefined> {
  try {
    const answer = await fetch(`http://${address}/metrics`)
    return answer.ok ? new BrokerMetrics(await answer.text()) : undefined
  } catch {
    return undefined
  }
}

/** Figures such as `commitStageP99Ms`: bounds of the histogram's buckets, over the run with its warm-up. */
export function stageFigures(
  before: BrokerMetrics | undefined,
  after: BrokerMetrics | undefined,
): Record<string, number> {
  if (before === undefined || after === undefined) return {}
  const found: Record<string, number> = {}
  for (const stage of stageLabels) {
    const ofStage = (metrics: BrokerMetrics) => metrics.buckets(histogram, (labels) => labels['stage'] === stage)
    const buckets = bucketsSince(ofStage(before), ofStage(after))
    for (const [name, percentile] of Object.entries(percentiles)) {
      const seconds = bucketPercentile(buckets, percentile)
      if (seconds !== undefined) found[`${stage}Stage${name}Ms`] = seconds * 1000
    }
  }
  return found
}
