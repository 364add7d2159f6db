/**
 * What is done again when the broker is told to reload (SIGHUP): configuration, and files that others keep up to date.
 * Runs on: main. Touches: nothing itself.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { Log } from './log-sink.js'

export type Reload = () => void | Promise<void>

export class ReloadList {
  private readonly entries: { readonly name: string; readonly reload: Reload }[] = []
  private running: Promise<boolean> = Promise.resolve(true)

  /** `name` is for the log: "certificates". A reload that throws leaves in force what was. */
  add(name: string, reload: Reload): void {
    this.entries.push({ name, reload })
  }

  /** All of them, in order, one round after the other; false when one failed. Each failure is logged, none ends it. */
  run(log: Log): Promise<boolean> {
    this.running = this.running.then(() => this.runOnce(log))
    return this.running
  }

  private async runOnce(log: Log): Promise<boolean> {
    let isWell = true
    for (const { name, reload } of this.entries) {
      try {
        await reload()
      } catch (error) {
        isWell = false
        const { message, remedy } = StreamBusError.from(error)
        log.error(`reload: the ${name} can't be read; what was in force stays: ${message}. ${remedy}`)
      }
    }
    return isWell
  }
}
