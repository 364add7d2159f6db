/**
 * Has the metadata forget deleted topics that nothing on this broker's disk names any more.
 * Runs on: main (a timer, and never before the broker is ready). Touches: nothing itself.
 */
import type { MetadataImage } from '../../native-free-core/metadata/metadata-image.js'

/** How long a deleted topic may be remembered though hardly anything is written. */
export const forgetAfterMs = 60_000
/** So many are forgotten sooner: each change of metadata is an image that every thread reads. */
const worthIt = 64
/** ... by this factor, but not at once: a start is over by then. */
const sooner = 60

export interface ForgettingOptions {
  readonly intervalMs: number
  image(): MetadataImage
  /** Rejects where metadata can't be changed now: it is asked again later. */
  propose(imageVersion: number): Promise<void>
}

export class Forgetting {
  private readonly options: ForgettingOptions
  private clearedVersion = -1
  /** Of the last proposal, or of the start; undefined: not started, or stopped. */
  private lastMs: number | undefined
  private isUnderWay = false
  private timer: NodeJS.Timeout | undefined

  constructor(options: ForgettingOptions) {
    this.options = options
  }

  /** Nothing here names a topic any more that images up to `version` have deleted. */
  cleared(version: number): void {
    this.clearedVersion = version
    this.plan()
  }

  start(): void {
    this.lastMs = performance.now()
    this.plan()
  }

  stop(): void {
    this.lastMs = undefined
    clearTimeout(this.timer)
  }

  private plan(): void {
    clearTimeout(this.timer)
    if (this.lastMs === undefined || this.isUnderWay) return
    const count = this.forgettableCount()
    if (count === 0) return
    const { intervalMs } = this.options
    const dueMs = this.lastMs + (count < worthIt ? intervalMs : intervalMs / sooner)
    this.timer = setTimeout(() => void this.forget(), Math.max(0, dueMs - performance.now()))
    this.timer.unref()
  }

  private forgettableCount(): number {
    const { brokers, deletedTopics } = this.options.image()
    // Of several brokers one can't speak for the others.
    if (brokers.length > 1) return 0
    const kept = deletedTopics.findIndex(({ version }) => version > this.clearedVersion)
    return kept < 0 ? deletedTopics.length : kept
  }

  private async forget(): Promise<void> {
    this.isUnderWay = true
    try {
      await this.options.propose(this.clearedVersion)
    } catch {
      // Nobody waits for it: the next time it is asked for the same, and more.
    }
    this.isUnderWay = false
    if (this.lastMs === undefined) return
    this.lastMs = performance.now()
    this.plan()
  }
}
