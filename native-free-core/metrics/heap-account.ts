/**
 * How many bytes a thread allocated on its heap, from looks at how much of it is in use: between two collections the
 * heap only grows, and by just what was allocated. What came between the last look before a collection and that
 * collection is not counted: of looks 10 ms apart some hundredths, for collections come a few times a second.
 * Runs on: every thread that counts itself. Touches: nothing.
 *
 * V8's profiler of collections (v8.GCProfiler) tells it exactly, and is not used: after it was stopped it goes on
 * writing each collection down, until a full one removes it (seen in Node.js 20). With 100 of them, and a shard made
 * one each second, a pause took 6 ms rather than 0.1; memory grew as well, which
 * test/unit/metrics/collections.test.ts holds.
 */

/** A look costs 0.8 µs and 400 bytes of heap. */
export const heapLookIntervalMs = 10

export class HeapAccount {
  private usedBytes: number

  /** `usedBytes`: of the heap, now. */
  constructor(usedBytes: number) {
    this.usedBytes = usedBytes
  }

  /** Bytes that were allocated since the last look; 0 when more was collected meanwhile. */
  look(usedBytes: number): number {
    const grownBytes = usedBytes - this.usedBytes
    this.usedBytes = usedBytes
    return Math.max(0, grownBytes)
  }
}
