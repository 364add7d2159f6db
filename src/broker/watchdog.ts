/**
 * Tells a supervisor that the broker lives: only while every shard and the metadata worker answer.
 * Runs on: main (a timer). Touches: the workers, by a ping through each one's loop.
 *
 *   every third of the interval: ping all -> all have answered -> WATCHDOG=1
 * A round that is not answered sends nothing, and no other begins: a worker that is stuck for longer than the interval
 * brings the supervisor, one that comes back in time does not.
 */
import type { Log } from './log-sink.js'
import type { WorkerProbe } from './worker-fleet.js'

export interface WatchdogOptions {
  readonly intervalMs: number
  readonly probe: () => readonly WorkerProbe[]
  readonly tellAlive: () => void
  readonly log: Log
}

/** WATCHDOG_USEC, unless it is meant for another process; undefined: nobody watches. */
export function watchdogIntervalMs(
  environment: Readonly<Record<string, string | undefined>>,
  pid = process.pid,
): number | undefined {
  const intervalMs = Number(environment['WATCHDOG_USEC'] ?? '') / 1000
  const meant = environment['WATCHDOG_PID']
  if (!(intervalMs > 0) || (meant !== undefined && meant !== String(pid))) return undefined
  return intervalMs
}

export class Watchdog {
  private readonly options: WatchdogOptions
  private readonly timer: NodeJS.Timeout
  private silent = new Set<string>()
  private roundStartedMs = 0
  private isRoundOpen = false
  private isStopping = false
  private toldOf = ''

  constructor(options: WatchdogOptions) {
    this.options = options
    this.timer = setInterval(() => this.tick(), Math.max(1, options.intervalMs / 3))
    this.timer.unref()
    this.tick()
  }

  /** The workers settle and end now: the shutdown has a limit of its own. */
  beginStop(): void {
    this.isStopping = true
    this.options.tellAlive()
  }

  stop(): void {
    clearInterval(this.timer)
  }

  private tick(): void {
    if (this.isStopping) return this.options.tellAlive()
    if (this.isRoundOpen) return this.tellOfSilence()
    const probes = this.options.probe()
    this.isRoundOpen = true
    this.roundStartedMs = performance.now()
    this.silent = new Set(probes.map(({ worker }) => worker))
    for (const { worker, answered } of probes) {
      void answered.then(() => {
        this.silent.delete(worker)
        if (this.silent.size === 0) this.endRound()
      })
    }
  }

  private endRound(): void {
    this.isRoundOpen = false
    if (this.toldOf !== '') this.options.log.warn(`${this.toldOf} answers again`)
    this.toldOf = ''
    if (!this.isStopping) this.options.tellAlive()
  }

  private tellOfSilence(): void {
    const names = [...this.silent].join(', ')
    if (names === this.toldOf) return
    this.toldOf = names
    const sinceMs = Math.round(performance.now() - this.roundStartedMs)
    this.options.log.error(
      `${names} has not answered for ${sinceMs} ms: a disk that does not answer, or a loop that is stuck; ` +
        `without an answer within ${Math.round(this.options.intervalMs)} ms systemd ends the broker (WatchdogSec)`,
    )
  }
}
