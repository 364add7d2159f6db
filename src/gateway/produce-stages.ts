/**
 * Main's part of the stage timing of a produce: which requests are followed, and when they passed here.
 * Runs on: main. Touches: its counters.
 *
 *   frame arrives -> in the ring        receive   (main)
 *   -> taken by the shard               ring      (shard)
 *   -> the commit's write begins        gather    (shard)
 *   -> it is on the disk                commit    (shard)
 *   -> taken off the reply ring         reply     (main)
 *   -> handed to the socket             send      (main)
 *
 * A request that is followed carries the time of its entry into the ring; its answer the time of the commit's end.
 * At most one in a millisecond is followed: 0.6 µs each on both threads together, 1 to 5 ns for the others (measured),
 * so 0.06 % of a core however many come.
 */
import { sharedClockOffsetMs } from '../../native-free-core/metrics/shared-clock.js'
import type { MetricsWriter } from '../../native-free-core/metrics/shared-metrics.js'
import { stageLabels } from '../../native-free-core/metrics/metric-table.js'

export const sampleIntervalMs = 1

export class ProduceStages {
  private readonly writer: MetricsWriter
  private readonly clockOffsetMs = sharedClockOffsetMs(process.hrtime, () => performance.now())
  private readonly receiveAt: number
  private readonly replyAt: number
  private readonly sendAt: number
  private readonly totalAt: number
  private nextMs = Number.NEGATIVE_INFINITY
  /**
   * Answers that were taken and wait for the end of the turn: when they were taken, and when their frames came. The
   * first `waiting` of each; arrays that were emptied would be made anew each turn.
   */
  private readonly takenMs: number[] = []
  private readonly startedMs: number[] = []
  private waiting = 0

  constructor(writer: MetricsWriter) {
    this.writer = writer
    const indexOf = (stage: (typeof stageLabels)[number]): number =>
      writer.index('streambus_produce_stage_seconds', stageLabels.indexOf(stage))
    this.receiveAt = indexOf('receive')
    this.replyAt = indexOf('reply')
    this.sendAt = indexOf('send')
    this.totalAt = indexOf('total')
  }

  /** Called for each request: the stamp that it carries into the ring, or 0, when it is not followed. */
  enter(startedMs: number): number {
    if (startedMs < this.nextMs) return 0
    this.nextMs = startedMs + sampleIntervalMs
    const nowMs = performance.now()
    this.writer.observe(this.receiveAt, (nowMs - startedMs) / 1000)
    return nowMs + this.clockOffsetMs
  }

  /** The answer to one that is followed was taken off the ring. */
  taken(startedMs: number, committedMs: number): void {
    const nowMs = performance.now()
    this.writer.observe(this.replyAt, Math.max(0, nowMs + this.clockOffsetMs - committedMs) / 1000)
    this.takenMs[this.waiting] = nowMs
    this.startedMs[this.waiting] = startedMs
    this.waiting++
  }

  /** All answers taken so far were handed to their sockets. */
  sent(): void {
    if (this.waiting === 0) return
    const nowMs = performance.now()
    for (let index = 0; index < this.waiting; index++) {
      this.writer.observe(this.sendAt, (nowMs - this.takenMs[index]!) / 1000)
      this.writer.observe(this.totalAt, (nowMs - this.startedMs[index]!) / 1000)
    }
    this.waiting = 0
  }
}
