/**
 * Holds what was read back against what was acknowledged: each record once, whole, in its producer's order.
 * Runs on: main. Touches: memory, one bit a record.
 *
 * Every value has its producer's tag and a number that the producer gave once, so a number that is missing at the
 * acknowledged offsets is a record that was lost, one that comes again is a duplicate, and one below an earlier one of
 * the same producer and partition is out of order.
 */
import type { Sent } from './thread/thread-data.js'

export interface Verified {
  readonly lost: number
  readonly duplicated: number
  readonly outOfOrder: number
}

class Source {
  readonly seen: Uint32Array
  readonly last: Float64Array
  /** By place: into its bounds, and the bounds sorted. */
  readonly cursors: Int32Array
  readonly bounds: readonly Float64Array[]
  acknowledgedCount = 0
  foundCount = 0

  constructor({ count, ranges }: Sent) {
    this.seen = new Uint32Array(Math.ceil(count / 32) + 1)
    this.last = new Float64Array(ranges.length).fill(-1)
    this.cursors = new Int32Array(ranges.length)
    this.bounds = ranges.map(sortedBounds)
    for (const bounds of ranges) {
      for (let at = 0; at < bounds.length; at += 2) this.acknowledgedCount += bounds[at + 1]! - bounds[at]!
    }
  }

  /** Offsets of a place come in order. */
  isAcknowledged(place: number, offset: number): boolean {
    const bounds = this.bounds[place]!
    let at = this.cursors[place]!
    while (at < bounds.length && bounds[at + 1]! <= offset) at += 2
    this.cursors[place] = at
    return at < bounds.length && bounds[at]! <= offset
  }
}

/** Answers on several connections come in any order; nothing to do when they came in the log's. */
function sortedBounds(bounds: readonly number[]): Float64Array {
  const pairs = Array.from({ length: bounds.length / 2 }, (_, index) => [bounds[2 * index]!, bounds[2 * index + 1]!])
  if (pairs.some(([start], index) => index > 0 && start! < pairs[index - 1]![0]!)) pairs.sort(([a], [b]) => a! - b!)
  return Float64Array.from(pairs.flat())
}

export class Verifier {
  private readonly sources: Map<number, Source>
  private lastTag = -1
  private lastSource: Source | undefined
  private duplicated = 0
  private outOfOrder = 0

  constructor(sent: readonly Sent[]) {
    this.sources = new Map(sent.map((one) => [one.tag, new Source(one)]))
  }

  /** A whole record, as it lies at an offset of a place; those of a place in the order of their offsets. */
  found(place: number, offset: number, tag: number, number: number): void {
    if (tag !== this.lastTag) {
      this.lastTag = tag
      this.lastSource = this.sources.get(tag)
    }
    const source = this.lastSource
    // Of somebody else, or of no number that was ever given.
    if (source === undefined || !(number >= 0 && number < source.seen.length * 32)) return
    const word = number >>> 5
    const bit = 1 << (number & 31)
    if ((source.seen[word]! & bit) !== 0) this.duplicated++
    else {
      source.seen[word]! |= bit
      if (number < source.last[place]!) this.outOfOrder++
      else source.last[place] = number
      if (source.isAcknowledged(place, offset)) source.foundCount++
    }
  }

  result(): Verified {
    let lost = 0
    for (const { acknowledgedCount, foundCount } of this.sources.values()) lost += acknowledgedCount - foundCount
    return { lost, duplicated: this.duplicated, outOfOrder: this.outOfOrder }
  }
}
