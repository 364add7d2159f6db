/**
 * What a shard counts, under names that its code reads well with.
 * Runs on: shard worker. Touches: its metrics memory.
 */
import { getHeapStatistics } from 'node:v8'
import { HeapAccount, heapLookIntervalMs } from '../../native-free-core/metrics/heap-account.js'
import { errandLabels, type MetricName, stageLabels } from '../../native-free-core/metrics/metric-table.js'
import { sharedClockOffsetMs } from '../../native-free-core/metrics/shared-clock.js'
import { MetricsWriter } from '../../native-free-core/metrics/shared-metrics.js'
import { SyncType } from '../../native-free-core/mailbox/sync-frames.js'
import type { Journal } from '../shared/journal.js'

export interface ShardGauges {
  readonly settledBytes: number
  readonly settleLagBytes: number
  readonly journalUsedBytes: number
  readonly freeDiskBytes: number
  readonly diskReserveBytes: number
  readonly partitionCount: number
}

const gaugeIntervalMs = 100

export class ShardMetrics {
  private readonly writer: MetricsWriter
  private readonly at: Readonly<Record<string, number>>
  private settledBefore = 0
  private nextGaugesMs = 0
  private nextHeapLookMs = 0
  private readonly heap = new HeapAccount(getHeapStatistics().used_heap_size)
  private readonly clockOffsetMs = sharedClockOffsetMs(process.hrtime, () => performance.now())
  private readonly stageAt: Readonly<Record<'ring' | 'gather' | 'commit', number>>
  /** By SyncType. */
  private readonly errandAt: number[] = []
  /** When requests that are timed were taken, of the open commit. */
  private readonly takenMs: number[] = []
  private commitStartedMs = 0
  /** When the last commit with a batch that is timed ended, on the clock of all threads. */
  committedMs = 0
  private windowStartedMs = performance.now()
  private sleptMs = 0

  constructor(memory: SharedArrayBuffer, journalCapacityBytes: number) {
    this.writer = new MetricsWriter(memory, 'shard')
    const index = (name: MetricName): number => this.writer.index(name)
    this.at = {
      requests: index('streambus_produce_requests_total'),
      records: index('streambus_produce_records_total'),
      bytes: index('streambus_produce_bytes_total'),
      errors: index('streambus_produce_errors_total'),
      duplicates: index('streambus_duplicate_batches_total'),
      hot: index('streambus_fetch_hot_total'),
      cold: index('streambus_fetch_cold_total'),
      parked: index('streambus_fetch_parked_total'),
      fetched: index('streambus_fetched_bytes_total'),
      commits: index('streambus_commits_total'),
      commitBytes: index('streambus_commit_bytes_total'),
      padding: index('streambus_commit_padding_bytes_total'),
      commitTime: index('streambus_commit_duration_seconds'),
      settled: index('streambus_settled_bytes_total'),
      settleLag: index('streambus_settle_lag_bytes'),
      used: index('streambus_journal_used_bytes'),
      capacity: index('streambus_journal_capacity_bytes'),
      free: index('streambus_disk_free_bytes'),
      reserve: index('streambus_disk_reserve_bytes'),
      partitions: index('streambus_partitions'),
      busy: index('streambus_shard_busy_ratio'),
      gc: index('streambus_gc_pause_seconds'),
      allocated: index('streambus_heap_allocated_bytes_total'),
      slice: index('streambus_settle_slice_seconds'),
    }
    const stage = (name: (typeof stageLabels)[number]): number =>
      this.writer.index('streambus_produce_stage_seconds', stageLabels.indexOf(name))
    this.stageAt = { ring: stage('ring'), gather: stage('gather'), commit: stage('commit') }
    for (const [label, name] of errandLabels.entries()) {
      this.errandAt[SyncType[name]] = this.writer.index('streambus_sync_errand_seconds', label)
    }
    this.writer.set(this.at['capacity']!, journalCapacityBytes)
  }

  appended(recordCount: number, lengthBytes: number): void {
    this.writer.add(this.at['requests']!, 1)
    this.writer.add(this.at['records']!, recordCount)
    this.writer.add(this.at['bytes']!, lengthBytes)
  }

  produceError(): void {
    this.writer.add(this.at['errors']!, 1)
  }

  duplicate(): void {
    this.writer.add(this.at['duplicates']!, 1)
  }

  parked(): void {
    this.writer.add(this.at['parked']!, 1)
  }

  fetchedHot(lengthBytes: number): void {
    this.writer.add(this.at['hot']!, 1)
    this.writer.add(this.at['fetched']!, lengthBytes)
  }

  fetchedCold(): void {
    this.writer.add(this.at['cold']!, 1)
  }

  /** Writes the open commit, if there is one, and notes how long that took. */
  timeCommit(journal: Journal): void {
    if (!journal.hasOpenCommit) return
    const openBytes = journal.openBytes
    const started = performance.now()
    journal.commit()
    this.writer.observe(this.at['commitTime']!, (performance.now() - started) / 1000)
    this.writer.add(this.at['commits']!, 1)
    this.writer.add(this.at['commitBytes']!, journal.lastCommitBytes)
    this.writer.add(this.at['padding']!, Math.max(0, journal.lastCommitBytes - openBytes))
  }

  /** A batch whose request carries the time of its entry into the ring is in the open commit. */
  taken(enteredMs: number): void {
    const nowMs = performance.now()
    this.writer.observe(this.stageAt.ring, Math.max(0, nowMs + this.clockOffsetMs - enteredMs) / 1000)
    this.takenMs.push(nowMs)
  }

  /** Before the open commits of both rings are written. */
  beginCommit(): void {
    if (this.takenMs.length > 0) this.commitStartedMs = performance.now()
  }

  /** They are: what is timed in them is about to be answered. */
  endCommit(): void {
    if (this.takenMs.length === 0) return
    const endedMs = performance.now()
    this.committedMs = endedMs + this.clockOffsetMs
    for (const takenMs of this.takenMs) {
      this.writer.observe(this.stageAt.gather, (this.commitStartedMs - takenMs) / 1000)
      this.writer.observe(this.stageAt.commit, (endedMs - this.commitStartedMs) / 1000)
    }
    this.takenMs.length = 0
  }

  /** One slice of settling. */
  settledSlice(durationMs: number): void {
    this.writer.observe(this.at['slice']!, durationMs / 1000)
  }

  /** The sync thread has answered. */
  errandDone(type: number, durationMs: number): void {
    this.writer.observe(this.errandAt[type]!, durationMs / 1000)
  }

  slept(durationMs: number): void {
    this.sleptMs += durationMs
  }

  /** The thread stood still for a collection. */
  collected(pauseMs: number): void {
    this.writer.observe(this.at['gc']!, pauseMs / 1000)
  }

  /** Every turn. */
  lookAtHeap(nowMs: number): void {
    if (nowMs < this.nextHeapLookMs) return
    this.nextHeapLookMs = nowMs + heapLookIntervalMs
    this.writer.add(this.at['allocated']!, this.heap.look(getHeapStatistics().used_heap_size))
  }

  /** True when gauges are due: reading them every turn would cost more than they are worth. */
  gaugesDue(nowMs: number): boolean {
    return nowMs >= this.nextGaugesMs
  }

  gauges(nowMs: number, gauges: ShardGauges): void {
    this.nextGaugesMs = nowMs + gaugeIntervalMs
    this.writer.add(this.at['settled']!, gauges.settledBytes - this.settledBefore)
    this.settledBefore = gauges.settledBytes
    this.writer.set(this.at['settleLag']!, gauges.settleLagBytes)
    this.writer.set(this.at['used']!, gauges.journalUsedBytes)
    this.writer.set(this.at['free']!, Number.isFinite(gauges.freeDiskBytes) ? gauges.freeDiskBytes : 0)
    this.writer.set(this.at['reserve']!, gauges.diskReserveBytes)
    this.writer.set(this.at['partitions']!, gauges.partitionCount)
    this.noteBusy()
    this.writer.publish(nowMs)
  }

  private noteBusy(): void {
    const now = performance.now()
    const windowMs = now - this.windowStartedMs
    if (windowMs < gaugeIntervalMs) return
    this.writer.set(this.at['busy']!, Math.max(0, Math.min(1, 1 - this.sleptMs / windowMs)))
    this.windowStartedMs = now
    this.sleptMs = 0
  }
}
