/**
 * Where the batches of one partition lie in the journal's memory: one extent a batch, in offset order.
 * Runs on: shard worker. Touches: nothing but its own arrays.
 * Circular typed arrays, because a shard holds up to some hundred thousand of them and adds one per batch.
 */
import { assert } from '../../native-free-core/errors/assert.js'

const initialSize = 16

export class ExtentIndex {
  private baseOffsets = new Float64Array(initialSize)
  private positions = new Float64Array(initialSize)
  private maxTimestamps = new Float64Array(initialSize)
  private lengths = new Uint32Array(initialSize)
  private counts = new Uint32Array(initialSize)
  private first = 0
  /** Extents, resident and perhaps settled. */
  count = 0
  /** The first `settledCount` of them are settled. */
  settledCount = 0

  /**
   * `recordCount` is what the batch takes of the offsets. What lies below the floor goes when its place is needed: of a
   * partition that nobody reads nothing else would drop it.
   */
  push(
    baseOffset: number,
    recordCount: number,
    position: number,
    lengthBytes: number,
    maxTimestamp: number,
    floorPosition: number,
  ): void {
    if (this.count === this.lengths.length) this.dropBelow(floorPosition)
    if (this.count === this.lengths.length) this.grow()
    const slot = (this.first + this.count) & (this.lengths.length - 1)
    this.baseOffsets[slot] = baseOffset
    this.counts[slot] = recordCount
    this.positions[slot] = position
    this.lengths[slot] = lengthBytes
    this.maxTimestamps[slot] = maxTimestamp
    this.count++
  }

  private slot(index: number): number {
    return (this.first + index) & (this.lengths.length - 1)
  }

  baseOffsetAt(index: number): number {
    return this.baseOffsets[this.slot(index)]!
  }

  /** The offset after the batch's last. */
  endOffsetAt(index: number): number {
    const slot = this.slot(index)
    return this.baseOffsets[slot]! + this.counts[slot]!
  }

  positionAt(index: number): number {
    return this.positions[this.slot(index)]!
  }

  lengthAt(index: number): number {
    return this.lengths[this.slot(index)]!
  }

  maxTimestampAt(index: number): number {
    return this.maxTimestamps[this.slot(index)]!
  }

  /** Index of the extent that holds `offset`, or -1 when the oldest one is above it or the newest below. */
  find(offset: number): number {
    if (this.count === 0 || offset < this.baseOffsetAt(0)) return -1
    let low = 0
    let high = this.count - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.baseOffsetAt(middle) <= offset) low = middle
      else high = middle - 1
    }
    return offset < this.endOffsetAt(low) ? low : -1
  }

  /** Forgets the extents whose memory is below the floor. */
  dropBelow(floorPosition: number): void {
    while (this.count > 0 && this.positionAt(0) < floorPosition) {
      // What the floor has passed is settled: the journal's head went first.
      assert(this.settledCount > 0, 'an unsettled extent is overwritten')
      this.first = (this.first + 1) & (this.lengths.length - 1)
      this.count--
      this.settledCount--
    }
  }

  clear(): void {
    this.count = 0
    this.settledCount = 0
  }

  /** All slots are taken: copied whole, because a closure for each element takes milliseconds (measured: 20 times). */
  private grow(): void {
    const size = this.lengths.length * 2
    this.baseOffsets = unrolled(this.baseOffsets, this.first, new Float64Array(size))
    this.positions = unrolled(this.positions, this.first, new Float64Array(size))
    this.maxTimestamps = unrolled(this.maxTimestamps, this.first, new Float64Array(size))
    this.lengths = unrolled(this.lengths, this.first, new Uint32Array(size))
    this.counts = unrolled(this.counts, this.first, new Uint32Array(size))
    this.first = 0
  }
}

/** Puts a full circle that begins at `first` at the beginning of `into`, which it returns. */
function unrolled<Elements extends Float64Array | Uint32Array>(
  from: Elements,
  first: number,
  into: Elements,
): Elements {
  into.set(from.subarray(first))
  into.set(from.subarray(0, first), from.length - first)
  return into
}
