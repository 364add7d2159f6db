/**
 * The signals of a broker's process: stop, stop at once, reload.
 * Runs on: main. Touches: the process's signal handlers, the controlling terminal's name.
 */
import { closeSync, openSync } from 'node:fs'

const stopSignals = ['SIGTERM', 'SIGINT'] as const
export type StopSignal = (typeof stopSignals)[number] | 'SIGHUP'

export interface SignalOptions {
  readonly onReload: () => void
  /** Of the process; another in tests. */
  readonly hasTerminal?: () => boolean
}

/**
 * The first signal stops cleanly, a second one at once: the journals keep what was acknowledged. SIGHUP reloads, unless
 * it comes because the terminal that the broker was started from is gone: nobody could stop it there any more.
 */
export function listenToSignals({ onReload, hasTerminal = terminalIsThere }: SignalOptions): Promise<StopSignal> {
  const hadTerminal = hasTerminal()
  return new Promise((resolve) => {
    let seen = 0
    const stop = (name: StopSignal): void => {
      seen++
      if (seen > 1) process.exit(130)
      resolve(name)
    }
    for (const name of stopSignals) process.on(name, () => stop(name))
    let isHungUp = false
    process.on('SIGHUP', () => {
      if (!hadTerminal || hasTerminal()) return onReload()
      // A terminal that goes says so twice: to the session's first process, and to those in front.
      if (!isHungUp) stop('SIGHUP')
      isHungUp = true
    })
  })
}

/** A process whose terminal was closed can't open it any more. */
function terminalIsThere(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}
