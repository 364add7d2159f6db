/**
 * Notices that the wall clock was set, or that the machine slept: retention by time then waits, so that a clock that is
 * wrong for a moment takes no records for good. For less than a minute nothing waits: retention goes on by the clock as
 * it was, and takes over the step little by little.
 * Runs on: shard worker. Touches: nothing; both clocks are arguments.
 */

/** Clocks that are kept by slewing drift apart by far less between two looks. */
const leastJumpMs = 60_000
/** For whoever set the clock wrong to see it and set it right. */
export const distrustMs = 600_000
/** How fast a smaller step ahead is believed, of the time that passes: a record keeps that much less of its time. */
const beliefRate = 0.001

export class ClockWatch {
  private offsetMs: number
  private lookedMs: number
  /** Small steps ahead that are not believed yet. */
  private leadMs = 0
  private trustedFromMs = Number.NEGATIVE_INFINITY

  constructor(wallMs: number, steadyMs: number) {
    this.offsetMs = wallMs - steadyMs
    this.lookedMs = steadyMs
  }

  /** Returns by how much the wall clock was set since the last look, or in small steps ahead; 0: not by much. */
  look(wallMs: number, steadyMs: number): number {
    const jumpMs = wallMs - steadyMs - this.offsetMs
    this.offsetMs += jumpMs
    this.leadMs = Math.max(0, this.leadMs + jumpMs - (steadyMs - this.lookedMs) * beliefRate)
    this.lookedMs = steadyMs
    const setByMs = Math.abs(jumpMs) >= leastJumpMs ? jumpMs : this.leadMs
    if (Math.abs(setByMs) < leastJumpMs) return 0
    this.leadMs = 0
    this.trustedFromMs = steadyMs + distrustMs
    return setByMs
  }

  /** `wallMs` where it is to be trusted, less what is not believed yet; else a time at which no record is old. */
  trustedMs(wallMs: number, steadyMs: number): number {
    return steadyMs >= this.trustedFromMs ? wallMs - this.leadMs : Number.NEGATIVE_INFINITY
  }
}

export function jumpText(jumpMs: number): string {
  const units = [
    [86_400_000, 'days'],
    [3_600_000, 'hours'],
    [60_000, 'minutes'],
  ] as const
  const [unitMs, name] = units.find(([size]) => Math.abs(jumpMs) >= size) ?? units[2]
  const amount = `${(Math.abs(jumpMs) / unitMs).toFixed(1)} ${name}`
  const waits = `retention by time waits ${distrustMs / 60_000} minutes`
  return `the clock was set ${jumpMs > 0 ? 'ahead' : 'back'} by ${amount}, or the machine slept: ${waits}`
}
