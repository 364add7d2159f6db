/**
 * Fetches that wait for data: answered at the next commit that brings enough, or when their time is over.
 * Runs on: shard worker. Touches: nothing.
 */

export interface ParkedFetch {
  readonly frontEnd: number
  readonly requestId: number
  readonly partitionId: number
  readonly offset: number
  readonly maxBytes: number
  readonly minBytes: number
  readonly deadlineMs: number
  done: boolean
}

/** Deadlines of parked fetches: a binary heap, earliest first; answered ones are dropped when they surface. */
export class DeadlineHeap {
  private readonly items: ParkedFetch[] = []

  get nextMs(): number {
    this.dropDone()
    return this.items.length === 0 ? Number.POSITIVE_INFINITY : this.items[0]!.deadlineMs
  }

  push(fetch: ParkedFetch): void {
    const items = this.items
    items.push(fetch)
    let child = items.length - 1
    while (child > 0) {
      const parent = (child - 1) >> 1
      if (items[parent]!.deadlineMs <= fetch.deadlineMs) break
      items[child] = items[parent]!
      child = parent
    }
    items[child] = fetch
  }

  /** The earliest fetch whose deadline is at or before `nowMs`; undefined when there is none. */
  takeExpired(nowMs: number): ParkedFetch | undefined {
    this.dropDone()
    if (this.items.length === 0 || this.items[0]!.deadlineMs > nowMs) return undefined
    return this.pop()
  }

  private dropDone(): void {
    while (this.items.length > 0 && this.items[0]!.done) this.pop()
  }

  private pop(): ParkedFetch {
    const items = this.items
    const first = items[0]!
    const last = items.pop()!
    if (items.length === 0) return first
    let parent = 0
    for (;;) {
      let child = parent * 2 + 1
      if (child >= items.length) break
      if (child + 1 < items.length && items[child + 1]!.deadlineMs < items[child]!.deadlineMs) child++
      if (items[child]!.deadlineMs >= last.deadlineMs) break
      items[parent] = items[child]!
      parent = child
    }
    items[parent] = last
    return first
  }
}
