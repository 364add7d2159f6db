/**
 * Counters of one thread, and how main reads them: plain numbers here, published whole into shared memory now and then.
 * Runs on: every thread (writer), main (reader). Touches: the shared memory of its thread.
 *
 *  byte 0                64
 *  +-----------+---------+--------------------------- - -
 *  | version   | unused  | slots: float64 each             version: odd while the slots are being written
 *  +-----------+---------+--------------------------- - -
 *
 * Plain fields cost 6 ns, Atomics.add 15-18 (measured): hence a copy every 100 ms, not an atomic for each count.
 */
import { assert } from '../errors/assert.js'
import { type MetricName, type MetricOwner, type MetricRow, metricRows, slotsPerLabel } from './metric-table.js'

const headerBytes = 64
export const publishIntervalMs = 100
const readAttempts = 64

interface OwnerLayout {
  readonly slotCount: number
  readonly firstSlots: ReadonlyMap<MetricName, number>
}

const layouts = new Map<MetricOwner, OwnerLayout>()

function layoutOf(owner: MetricOwner): OwnerLayout {
  const known = layouts.get(owner)
  if (known !== undefined) return known
  const firstSlots = new Map<MetricName, number>()
  let slotCount = 0
  for (const name of metricNamesOf(owner)) {
    firstSlots.set(name, slotCount)
    slotCount += slotsPerLabel(metricRows[name]) * (metricRows[name].labelValues?.length ?? 1)
  }
  const layout = { slotCount, firstSlots }
  layouts.set(owner, layout)
  return layout
}

/** The rows that threads of this kind count, in the order of their slots. */
export function metricNamesOf(owner: MetricOwner): MetricName[] {
  return (Object.keys(metricRows) as MetricName[]).filter((name) => metricRows[name].owners.includes(owner))
}

/** Bytes of shared memory for the metrics of one thread of this kind. */
export function metricsSizeBytes(owner: MetricOwner): number {
  return headerBytes + layoutOf(owner).slotCount * 8
}

export function createMetricsMemory(owner: MetricOwner): SharedArrayBuffer {
  return new SharedArrayBuffer(metricsSizeBytes(owner))
}

/** The index to give to add, set and observe; look it up once. `labelIndex`: which of the row's labelValues. */
export function metricIndex(owner: MetricOwner, name: MetricName, labelIndex = 0): number {
  const first = layoutOf(owner).firstSlots.get(name)
  assert(first !== undefined, 'a metric that is not of this thread')
  return first + labelIndex * slotsPerLabel(metricRows[name])
}

export class MetricsWriter {
  private readonly owner: MetricOwner
  private readonly version: Int32Array
  private readonly shared: Float64Array
  private readonly values: Float64Array
  private readonly bucketsAt: (readonly number[] | undefined)[] = []
  private publishedMs = Number.NEGATIVE_INFINITY

  constructor(memory: SharedArrayBuffer, owner: MetricOwner) {
    const { slotCount } = layoutOf(owner)
    assert(memory.byteLength === headerBytes + slotCount * 8, 'metrics memory of another size')
    this.owner = owner
    this.version = new Int32Array(memory, 0, 1)
    this.shared = new Float64Array(memory, headerBytes, slotCount)
    this.values = new Float64Array(slotCount)
    for (const name of metricNamesOf(owner)) this.placeBuckets(name, metricRows[name])
  }

  private placeBuckets(name: MetricName, row: MetricRow): void {
    if (row.buckets === undefined) return
    for (let label = 0; label < (row.labelValues?.length ?? 1); label++) {
      this.bucketsAt[metricIndex(this.owner, name, label)] = row.buckets
    }
  }

  /** The index of a metric of this thread. */
  index(name: MetricName, labelIndex = 0): number {
    return metricIndex(this.owner, name, labelIndex)
  }

  add(index: number, amount: number): void {
    this.values[index]! += amount
  }

  set(index: number, value: number): void {
    this.values[index] = value
  }

  get(index: number): number {
    return this.values[index]!
  }

  /** Counts `value` in the histogram whose first slot is `index`. */
  observe(index: number, value: number): void {
    this.observeMany(index, value, 1)
  }

  /** Counts `value` as often as `count` says, for many requests that ended together. */
  observeMany(index: number, value: number, count: number): void {
    const buckets = this.bucketsAt[index]!
    let low = 0
    let high = buckets.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (value <= buckets[middle]!) high = middle
      else low = middle + 1
    }
    this.values[index + low]! += count
    this.values[index + buckets.length + 1]! += value * count
  }

  /** Copies everything into shared memory, unless that was done less than 100 ms ago. Infinity: at once. */
  publish(nowMs: number): void {
    if (nowMs - this.publishedMs < publishIntervalMs) return
    this.publishedMs = nowMs
    Atomics.add(this.version, 0, 1)
    this.shared.set(this.values)
    Atomics.add(this.version, 0, 1)
  }
}

export class MetricsReader {
  private readonly version: Int32Array
  private readonly shared: Float64Array
  private readonly copy: Float64Array
  private readonly last: Float64Array

  constructor(memory: SharedArrayBuffer) {
    this.version = new Int32Array(memory, 0, 1)
    this.shared = new Float64Array(memory, headerBytes)
    this.copy = new Float64Array(this.shared.length)
    this.last = new Float64Array(this.shared.length)
  }

  /** All slots as they were at one moment; the moment before when the writer is in the way. Valid until the next. */
  read(): Float64Array {
    for (let attempt = 0; attempt < readAttempts; attempt++) {
      const before = Atomics.load(this.version, 0)
      if ((before & 1) === 1) continue
      this.copy.set(this.shared)
      // A read-modify-write, so that the plain loads before it can't come after it.
      if (Atomics.add(this.version, 0, 0) !== before) continue
      this.last.set(this.copy)
      return this.last
    }
    return this.last
  }
}
