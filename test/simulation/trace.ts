/**
 * What happened in a simulation, in order: a hash of everything, and the last events as text for people.
 * Runs on: the process that simulates. Touches: nothing.
 */

interface TraceEvent {
  readonly timeMs: number
  readonly who: string
  readonly what: string
}

const primeOfFnv = 0x0100_0193

export class Trace {
  private readonly limit: number
  private events: TraceEvent[] = []
  private state = 0x811c_9dc5
  /** Of all events since the beginning. */
  count = 0

  /** Keeps at least `limit` events. */
  constructor(limit: number) {
    this.limit = limit
  }

  add(timeMs: number, who: string, what: string): void {
    this.count++
    this.mix(Math.round(timeMs * 1000))
    this.mixText(who)
    this.mixText(what)
    if (this.limit === 0) return
    this.events.push({ timeMs, who, what })
    if (this.events.length >= 2 * this.limit) this.events = this.events.slice(-this.limit)
  }

  /** A number that belongs to the course of things though nobody reads it. */
  mix(value: number): void {
    this.state = Math.imul(this.state ^ (value | 0), primeOfFnv)
  }

  private mixText(text: string): void {
    let { state } = this
    for (let index = 0; index < text.length; index++) state = Math.imul(state ^ text.charCodeAt(index), primeOfFnv)
    this.state = state
  }

  get hash(): string {
    return (this.state >>> 0).toString(16).padStart(8, '0')
  }

  /** The last events, one a line: time since the beginning, who, what. */
  lines(most: number): string[] {
    const shown = this.events.slice(-most)
    const whoWidth = Math.max(0, ...shown.map(({ who }) => who.length))
    return shown.map(
      ({ timeMs, who, what }) => `${timeMs.toFixed(2).padStart(10)} ms  ${who.padEnd(whoWidth)}  ${what}`,
    )
  }
}
