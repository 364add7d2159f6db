/**
 * How long a shard's thread stands still for each collection: an observer, to which the event loop gives its turn now
 * and then. A shard blocks and has no event loop else; nothing else waits for one there.
 * Runs on: shard worker. Touches: the event loop.
 */
import { PerformanceObserver, type PerformanceEntry } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'

/** A turn takes 0.02 ms. */
const intervalMs = 1000

export class CollectionWatch {
  private readonly onPause: (pauseMs: number) => void
  private readonly observer = new PerformanceObserver((list) => this.tell(list.getEntries()))
  private nextMs = 0

  /** `onPause` hears of each collection within a second or two, when `turn` is called as often as it asks for. */
  constructor(onPause: (pauseMs: number) => void) {
    this.onPause = onPause
    this.observer.observe({ entryTypes: ['gc'] })
  }

  isDue(nowMs: number): boolean {
    return nowMs >= this.nextMs
  }

  /** The event loop's turn. */
  async turn(nowMs: number): Promise<void> {
    this.nextMs = nowMs + intervalMs
    await setImmediate()
    this.tell(this.observer.takeRecords())
  }

  private tell(entries: readonly PerformanceEntry[]): void {
    for (const { duration } of entries) this.onPause(duration)
  }
}
