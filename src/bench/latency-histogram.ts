/**
 * A latency histogram in shared memory: the thread that measures adds, main reads as it goes, at no cost to the other.
 * Runs on: main and load threads; one of them adds. Touches: its memory.
 *
 * The buckets are those of an HDR histogram of three figures over microseconds, so that one can be made of it exactly:
 * 2,048 of one microsecond each, then for each further power of two 1,024, each twice as wide as those before.
 */
import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js'
import type { LatencyResult } from './run-result.js'

const halfBits = 10
const halfCount = 1 << halfBits
/** The least value with buckets wider than one. */
const subBucketMask = 2 * halfCount - 1
/** 35 minutes: longer ones count as that. */
export const longestUs = 0x7fff_ffff
export const bucketCount = bucketOf(longestUs) + 1

/** Of whole microseconds. */
export function bucketOf(valueUs: number): number {
  const power = 32 - Math.clz32(valueUs | subBucketMask) - halfBits - 1
  return (power << halfBits) + (valueUs >>> power)
}

/** The least value of a bucket, in microseconds. */
export function lowestOf(bucket: number): number {
  if (bucket <= subBucketMask) return bucket
  const power = (bucket >>> halfBits) - 1
  return (bucket - (power << halfBits)) * 2 ** power
}

/** The largest value of a bucket, in microseconds: what a percentile is said to be. */
function highestOf(bucket: number): number {
  return lowestOf(bucket + 1) - 1
}

export class LatencyHistogram {
  readonly counts: Uint32Array

  constructor(counts: Uint32Array = new Uint32Array(bucketCount)) {
    this.counts = counts
  }

  /** `count` records that all took this long. */
  record(latencyMs: number, count = 1): void {
    const valueUs = latencyMs <= 0.001 ? 1 : Math.round(latencyMs * 1000)
    this.counts[bucketOf(valueUs < longestUs ? valueUs : longestUs)]! += count
  }

  add(other: LatencyHistogram): this {
    for (let bucket = 0; bucket < bucketCount; bucket++) this.counts[bucket]! += other.counts[bucket]!
    return this
  }

  /** What came since `before`. */
  since(before: LatencyHistogram): LatencyHistogram {
    const since = new LatencyHistogram()
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      since.counts[bucket] = this.counts[bucket]! - before.counts[bucket]!
    }
    return since
  }

  get count(): number {
    let sum = 0
    for (let bucket = 0; bucket < bucketCount; bucket++) sum += this.counts[bucket]!
    return sum
  }

  /** In milliseconds; for a few points, cheaper than `result`. 0 when nothing was recorded. */
  percentileMs(percentile: number): number {
    let left = Math.max(1, Math.ceil((this.count * percentile) / 100))
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      left -= this.counts[bucket]!
      if (left <= 0) return highestOf(bucket) / 1000
    }
    return 0
  }

  /** Undefined when nothing was recorded. */
  result(): LatencyResult | undefined {
    const histogram = build({
      lowestDiscernibleValue: 1,
      highestTrackableValue: longestUs,
      numberOfSignificantValueDigits: 3,
    })
    this.counts.forEach((count, bucket) => {
      if (count > 0) histogram.recordValueWithCount(lowestOf(bucket), count)
    })
    if (histogram.totalCount === 0) return undefined
    const at = (percentile: number) => histogram.getValueAtPercentile(percentile) / 1000
    return {
      count: histogram.totalCount,
      meanMs: histogram.mean / 1000,
      p50Ms: at(50),
      p90Ms: at(90),
      p95Ms: at(95),
      p99Ms: at(99),
      p999Ms: at(99.9),
      p9999Ms: at(99.99),
      maxMs: at(100),
      histogram: encodeIntoCompressedBase64(histogram),
    }
  }
}
