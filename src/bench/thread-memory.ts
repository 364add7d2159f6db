/**
 * What one load thread counts, in shared memory: the thread writes, main reads while it runs and clears it in between.
 * Runs on: main and load threads. Touches: its memory.
 *
 *  0            64           then four histograms: produce, endToEnd, fanOut, lateness
 *  +------------+------------+-----------------+-----------------+-----------------+-----------------+
 *  | 8 counters | control    | u32 x buckets   | u32 x buckets   | u32 x buckets   | u32 x buckets   |
 *  | f64 each   | i32 x 16   |                 |                 |                 |                 |
 *  +------------+------------+-----------------+-----------------+-----------------+-----------------+
 */
import { bucketCount, LatencyHistogram } from './latency-histogram.js'

/** Where each counter is. */
export const Counter = { sent: 0, acknowledged: 1, failed: 2, delivered: 3, valueBytes: 4 } as const
const latencyNames = ['produce', 'endToEnd', 'fanOut', 'lateness'] as const

type CounterIndex = (typeof Counter)[keyof typeof Counter]
type LatencyName = (typeof latencyNames)[number]

const controlAt = 64
const histogramsAt = 128
const histogramBytes = bucketCount * 4
const memoryBytes = histogramsAt + latencyNames.length * histogramBytes

export class ThreadMemory implements Record<LatencyName, LatencyHistogram> {
  readonly buffer: SharedArrayBuffer
  readonly produce: LatencyHistogram
  readonly endToEnd: LatencyHistogram
  readonly fanOut: LatencyHistogram
  readonly lateness: LatencyHistogram
  /** The alarm of the thread's pace: grows when there may be something to send. */
  readonly alarm: Int32Array
  private readonly counters: Float64Array

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(memoryBytes)) {
    this.buffer = buffer
    this.counters = new Float64Array(buffer, 0, controlAt / 8)
    this.alarm = new Int32Array(buffer, controlAt, 1)
    const [produce, endToEnd, fanOut, lateness] = latencyNames.map((_, index) => histogramAt(buffer, index))
    this.produce = produce!
    this.endToEnd = endToEnd!
    this.fanOut = fanOut!
    this.lateness = lateness!
  }

  count(counter: CounterIndex): number {
    return this.counters[counter]!
  }

  /** Called by the thread alone. */
  add(counter: CounterIndex, count: number): void {
    this.counters[counter]! += count
  }

  /** While the thread is idle: what was counted so far was the warm-up. */
  clear(): void {
    this.counters.fill(0)
    for (const name of latencyNames) this[name].counts.fill(0)
  }
}

function histogramAt(buffer: SharedArrayBuffer, index: number): LatencyHistogram {
  return new LatencyHistogram(new Uint32Array(buffer, histogramsAt + index * histogramBytes, bucketCount))
}

/** Over all threads. */
export function totalOf(memories: readonly ThreadMemory[], counter: CounterIndex): number {
  return memories.reduce((sum, memory) => sum + memory.count(counter), 0)
}

/** Over all threads, as a copy. */
export function mergedOf(memories: readonly ThreadMemory[], name: LatencyName): LatencyHistogram {
  return memories.reduce((sum, memory) => sum.add(memory[name]), new LatencyHistogram())
}
