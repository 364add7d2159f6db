/**
 * How many bytes a thread allocated on its heap between two moments, from the collections between them: between two
 * collections the heap only grows, and by just what was allocated. What was allocated outside of it is not counted.
 * Runs on: every thread that counts itself. Touches: nothing.
 */

/** As v8.GCProfiler tells it; cost in microseconds. */
export interface Collection {
  readonly cost: number
  readonly beforeGC: { readonly heapStatistics: { readonly usedHeapSize: number } }
  readonly afterGC: { readonly heapStatistics: { readonly usedHeapSize: number } }
}

/** `usedBefore`, `usedAfter`: the heap in use at the two moments. What sweeping frees between counts as nothing. */
export function allocatedBytes(usedBefore: number, collections: readonly Collection[], usedAfter: number): number {
  let allocated = 0
  let used = usedBefore
  for (const { beforeGC, afterGC } of collections) {
    allocated += Math.max(0, beforeGC.heapStatistics.usedHeapSize - used)
    used = afterGC.heapStatistics.usedHeapSize
  }
  return allocated + Math.max(0, usedAfter - used)
}
