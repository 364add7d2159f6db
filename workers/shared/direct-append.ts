/**
 * Appends to files past the page cache: whole blocks go straight to the medium, what is left at both ends through the
 * cache, into pages of its own.
 * Runs on: the shard that writes segments. Touches: files, by the calls that it is given; memory of its own.
 *
 *        position                                            end
 *   |.......####|########|########|########|########|####......|     blocks of 4 KiB
 *          cache|              past it              |cache
 *
 * Nothing is synced by it. docs/decisions/0018 has the reasons and the figures.
 */
import { pageAlignedMemory } from '../../native-free-core/bytes/page-aligned-memory.js'

/** No drive or file system asks for more of a write past the page cache. */
export const directAlignment = 4096
/** For less the cache costs less, even with new pages: a call costs 0.1 ms (0018), a page of the cache up to 8 µs. */
export const leastDirectBytes = 32 * 1024
const stagingBytes = 1024 * 1024

/** Writes of which a count that is too small is not continued; returns how many bytes were taken. */
type WriteOnce = (bytes: Uint8Array, position: number) => number

export interface AppendCalls {
  /** Past the page cache; position and length are multiples of `directAlignment`. */
  readonly direct: WriteOnce
  /** Through it, all of the bytes. */
  cached(bytes: Uint8Array, position: number): void
}

export class DirectAppend {
  private staging: Uint8Array | undefined

  /** Begins at a page and is used by all files, one after the other. */
  get memory(): Uint8Array {
    this.staging ??= new Uint8Array(pageAlignedMemory(stagingBytes))
    return this.staging
  }

  /** Writes all views one after the other from `position` on. */
  append(views: readonly Uint8Array[], position: number, calls: AppendCalls): void {
    // What is staged lies in memory as it lies in its first block.
    let start = position % directAlignment
    let filled = start
    let from = position
    for (const view of views) {
      for (let taken = 0; taken < view.length; ) {
        const count = Math.min(view.length - taken, stagingBytes - filled)
        this.memory.set(view.subarray(taken, taken + count), filled)
        taken += count
        filled += count
        if (filled < stagingBytes) continue
        this.write(start, filled, from, calls)
        from += filled - start
        start = filled = 0
      }
    }
    this.write(start, filled, from, calls)
  }

  /** Writes memory[start, end) at `position`. */
  private write(start: number, end: number, position: number, calls: AppendCalls): void {
    const { memory } = this
    const firstBlock = Math.min(end, Math.ceil(start / directAlignment) * directAlignment)
    const lastBlock = Math.max(firstBlock, Math.floor(end / directAlignment) * directAlignment)
    if (start < firstBlock) calls.cached(memory.subarray(start, firstBlock), position)
    let at = firstBlock
    while (at < lastBlock) {
      const count = calls.direct(memory.subarray(at, lastBlock), position + at - start)
      const blocks = Math.floor(count / directAlignment) * directAlignment
      // A count that ends within a block can't be continued past the cache.
      if (blocks === 0) break
      at += blocks
    }
    if (at < end) calls.cached(memory.subarray(at, end), position + at - start)
  }
}
