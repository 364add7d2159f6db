/**
 * What `top` shows of a broker: answers of ClusterStatus made rates, latencies and their history.
 * Runs on: main. Touches: nothing.
 */
import { countsBetween, percentileMs } from './latency-window.js'
import type { ShardSample, StatusSample } from './status-sample.js'

/** Shards publish ten times a second: over two seconds a rate is right to 5 %. */
const rateWindowMs = 2000
/** Enough requests for a P99 that is more than one of them. */
const latencyWindowMs = 5000
const historyStepMs = 1000
const historyLength = 240

export interface Flow {
  readonly recordsPerSecond: number
  readonly bytesPerSecond: number
  /** One value a second, newest last. */
  readonly history: readonly number[]
}

export interface Latency {
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of P99, one value a second, newest last. */
  readonly history: readonly number[]
}

export interface ShardView extends ShardSample {
  readonly recordsPerSecond: number
}

/** A snapshot: it does not change when more answers come. */
export interface BrokerView {
  readonly status: StatusSample
  readonly in: Flow
  readonly out: Flow
  readonly produce: Latency
  readonly commit: Latency
  readonly commitsPerSecond: number
  readonly errorsPerSecond: number
  readonly throttledPerSecond: number
  /** Of one core. */
  readonly cpuShare: number
  /** Of the time, over all threads. */
  readonly gcShare: number
  readonly shards: readonly ShardView[]
}

const commitTime = 'streambus_commit_duration_seconds'
const produceTime = 'streambus_produce_duration_seconds'

class History {
  private readonly values: number[] = []

  push(value: number): void {
    this.values.push(Number.isFinite(value) ? value : 0)
    if (this.values.length > historyLength) this.values.shift()
  }

  get(): readonly number[] {
    return [...this.values]
  }
}

export class BrokerModel {
  private samples: StatusSample[] = []
  private historyAtMs = Number.NEGATIVE_INFINITY
  private histories = newHistories()

  /** Whether there are two answers to make rates of. */
  get hasRates(): boolean {
    return this.samples.length > 1
  }

  add(sample: StatusSample): void {
    const last = this.samples.at(-1)
    // A broker that was started again counts from 0, on a clock that does as well.
    const isAnother = last !== undefined && (sample.pid !== last.pid || !(sample.atMs > last.atMs))
    if (isAnother) {
      this.samples = []
      this.historyAtMs = Number.NEGATIVE_INFINITY
      this.histories = newHistories()
    }
    this.samples.push(sample)
    while (this.samples.length > 2 && sample.atMs - this.samples[1]!.atMs >= latencyWindowMs) this.samples.shift()
    if (sample.atMs - this.historyAtMs < historyStepMs) return
    if (this.hasRates) this.remember()
    this.historyAtMs = sample.atMs
  }

  private remember(): void {
    const before = this.sampleBefore(historyStepMs)
    const { histories } = this
    histories.in.push(this.rate(before, recordsIn))
    histories.out.push(this.rate(before, recordsOut))
    histories.produce.push(this.percentile(before, produceTime, 99))
    histories.commit.push(this.percentile(before, commitTime, 99))
  }

  /** What is known now; undefined before the first answer. */
  view(): BrokerView | undefined {
    const status = this.samples.at(-1)
    if (status === undefined) return undefined
    const before = this.sampleBefore(rateWindowMs)
    const counterRate = (name: string): number => this.rate(before, (sample) => sample.counter(name))
    const { histories } = this
    return {
      status,
      in: {
        recordsPerSecond: this.rate(before, recordsIn),
        bytesPerSecond: counterRate('streambus_produce_bytes_total'),
        history: histories.in.get(),
      },
      out: {
        recordsPerSecond: this.rate(before, recordsOut),
        bytesPerSecond: this.rate(before, bytesOut),
        history: histories.out.get(),
      },
      produce: this.latency(produceTime, histories.produce),
      commit: this.latency(commitTime, histories.commit),
      commitsPerSecond: counterRate('streambus_commits_total'),
      errorsPerSecond: counterRate('streambus_produce_errors_total'),
      throttledPerSecond: counterRate('streambus_throttled_requests_total'),
      cpuShare: this.rate(before, (sample) => sample.cpuSeconds),
      gcShare: this.rate(before, (sample) => sample.histogram('streambus_gc_pause_seconds').sum),
      shards: status.shards.map((shard) => ({ ...shard, recordsPerSecond: this.shardRate(before, shard) })),
    }
  }

  /** The newest answer that is at least so much older than the last one, or the oldest. */
  private sampleBefore(windowMs: number): StatusSample {
    const { samples } = this
    const last = samples.at(-1)!
    for (let index = samples.length - 2; index >= 0; index--) {
      if (last.atMs - samples[index]!.atMs >= windowMs) return samples[index]!
    }
    return samples[0]!
  }

  private rate(before: StatusSample, value: (sample: StatusSample) => number): number {
    const last = this.samples.at(-1)!
    if (before === last) return Number.NaN
    return Math.max(0, ((value(last) - value(before)) / (last.atMs - before.atMs)) * 1000)
  }

  private shardRate(before: StatusSample, { shard }: ShardSample): number {
    const records = ({ shards }: StatusSample) =>
      shards.find((one) => one.shard === shard)?.producedRecords ?? Number.NaN
    return this.rate(before, records)
  }

  private latency(name: string, history: History): Latency {
    const before = this.sampleBefore(latencyWindowMs)
    const [p50Ms, p99Ms] = [this.percentile(before, name, 50), this.percentile(before, name, 99)]
    return { p50Ms, p99Ms, history: history.get() }
  }

  private percentile(before: StatusSample, name: string, percentile: number): number {
    const last = this.samples.at(-1)!
    if (before === last) return Number.NaN
    return percentileMs(countsBetween(before.histogram(name), last.histogram(name)), percentile)
  }
}

function newHistories() {
  return { in: new History(), out: new History(), produce: new History(), commit: new History() }
}

const recordsIn = (sample: StatusSample) => sample.counter('streambus_produce_records_total')
const recordsOut = (sample: StatusSample) =>
  sample.counter('streambus_delivered_records_total') + sample.counter('streambus_fetch_records_total')
const bytesOut = (sample: StatusSample) =>
  sample.counter('streambus_delivered_bytes_total') + sample.counter('streambus_fetch_bytes_total')
