/**
 * Up to which wall time a broker may have gone when it took what is old: what it promises about clocks that are set
 * (`workers/shard/clock-watch.ts`), as a bound.
 * Runs on: the process that simulates. Touches: nothing.
 *
 * | the wall clock                     | is believed                                                  |
 * |------------------------------------|--------------------------------------------------------------|
 * | as it was when the broker started  | at once                                                      |
 * | set while it runs                  | ten minutes later, or at a thousandth of the time that passes |
 *
 * An offset is the wall clock minus the world's time, in ms.
 */

const distrustMs = 600_000
const beliefRate = 0.001

export class BelievedClock {
  private startedMs = 0
  /** The largest that is believed. */
  private offsetMs = Number.NEGATIVE_INFINITY
  /** Set, and not believed yet, oldest first. */
  private waiting: { readonly offsetMs: number; readonly fromMs: number }[] = []
  /** Since the broker started: else nothing is to be believed little by little. */
  private wasSet = false

  /** A broker starts. */
  start(offsetMs: number, nowMs: number): void {
    this.startedMs = nowMs
    this.offsetMs = offsetMs
    this.waiting = []
    this.wasSet = false
  }

  /** `isStarting`: the broker may not have looked yet, and takes this one for right. */
  set(offsetMs: number, nowMs: number, isStarting: boolean): void {
    this.wasSet = true
    if (isStarting) this.offsetMs = Math.max(this.offsetMs, offsetMs)
    this.waiting.push({ offsetMs, fromMs: nowMs + distrustMs })
  }

  /** No time above this was believed by the broker that runs. */
  latestMs(nowMs: number): number {
    while (this.waiting.length > 0 && this.waiting[0]!.fromMs <= nowMs) {
      this.offsetMs = Math.max(this.offsetMs, this.waiting.shift()!.offsetMs)
    }
    return nowMs + this.offsetMs + (this.wasSet ? (nowMs - this.startedMs) * beliefRate : 0)
  }
}
