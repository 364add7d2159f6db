/**
 * The broker as a process: configuration, one screen when it is up, signals, exit codes.
 * Runs on: main. Touches: standard output and error, signals.
 */
import { constants } from 'node:os'
import type { BrokerConfig } from '../../native-free-core/config/broker-config.js'
import type { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { durationText, startScreen } from './start-screen.js'
import { loadConfig } from './load-config.js'
import { createLog, type Log } from './log.js'
import { type Broker, startBroker } from './start-broker.js'

export interface RunOptions {
  /** Undefined: defaults only. */
  readonly configFile: string | undefined
  readonly overrides?: Partial<BrokerConfig>
  /** What people type to reach the command line: for the commands on the screen. */
  readonly cliName?: string
  readonly workerFolder?: string
  readonly diskModule?: string
}

/** A worker died or the disk failed: the process ends, what was acknowledged is in the journals. */
export const fatalExitCode = 70

/** Runs until a signal; resolves with the exit code. Throws what kept the broker from starting. */
export async function runBroker(options: RunOptions): Promise<number> {
  const config = loadConfig(options.configFile, process.env, options.overrides)
  const log = createLog(config.logLevel)
  const ended = new Ended()
  const stopOn = listenToSignals()
  const { workerFolder, diskModule } = options
  const starting = startBroker({
    ...config,
    log,
    ...(workerFolder === undefined ? {} : { workerFolder }),
    ...(diskModule === undefined ? {} : { diskModule }),
    onFatal: (error) => ended.fail(error),
  })
  const broker = await Promise.race([starting, stopOn.signal])
  if (typeof broker === 'string') return endDuringStart(broker, log)
  process.stdout.write(startScreen(broker.facts, options.cliName ?? 'npx streambus-cli', process.pid))
  sayRecovery(broker, log)
  const outcome = await Promise.race([ended.promise, stopOn.signal])
  if (typeof outcome !== 'string') {
    log.error(`the broker ends: ${outcome.message} ${outcome.remedy}`)
    await broker.abandon()
    return fatalExitCode
  }
  return stop(broker, outcome, config.shutdownTimeoutMs, log)
}

const stopSignals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
type SignalName = (typeof stopSignals)[number]

class Ended {
  readonly promise: Promise<StreamBusError>
  fail: (error: StreamBusError) => void = () => undefined

  constructor() {
    this.promise = new Promise((resolve) => {
      this.fail = resolve
    })
  }
}

/** The first signal stops cleanly, a second one at once: the journals keep what was acknowledged. */
function listenToSignals(): { readonly signal: Promise<SignalName> } {
  const signal = new Promise<SignalName>((resolve) => {
    let seen = 0
    for (const name of stopSignals) {
      process.on(name, () => {
        seen++
        if (seen > 1) process.exit(130)
        resolve(name)
      })
    }
  })
  return { signal }
}

/** There is nothing to settle yet; a recovery that was under way starts over. */
function endDuringStart(signal: SignalName, log: Log): never {
  log.info(`${signal} during the start: ended; the next start goes on from what is on disk`)
  process.exit(128 + constants.signals[signal])
}

async function stop(broker: Broker, signal: string, timeoutMs: number, log: Log): Promise<number> {
  const started = performance.now()
  log.info(`${signal}: stopping; a second signal stops at once`)
  const timer = setTimeout(() => {
    log.error(`not settled after ${timeoutMs} ms (shutdownTimeoutMs): stopping all the same; the next start recovers`)
    process.exit(0)
  }, timeoutMs)
  await broker.close()
  clearTimeout(timer)
  log.info(`stopped cleanly after ${durationText(performance.now() - started)}`)
  return 0
}

function sayRecovery(broker: Broker, log: Log): void {
  const { entries, commits, appendedBytes, tornTails, durationMs } = broker.facts.recovery
  if (commits === 0 && tornTails === 0) return
  log.info(
    `recovered ${entries} entries of ${commits} commits in ${durationText(durationMs)}: ${appendedBytes} bytes ` +
      `moved to segments, ${tornTails} torn writes cut off`,
  )
}
