/**
 * The broker as a process: configuration, one screen when it is up, signals, exit codes, what systemd is told.
 * Runs on: main. Touches: standard output and error, signals.
 */
import { constants } from 'node:os'
import type { BrokerConfig } from '../../native-free-core/config/broker-config.js'
import type { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { durationText, startScreen } from './start-screen.js'
import { type LoadedConfig, readSurroundings } from './config-layers.js'
import { createLog, formatFor, type LateLog } from './log.js'
import type { Log } from './log-sink.js'
import type { MetadataThread } from './metadata-thread.js'
import { monotonicMicroseconds, SystemdNotifier } from './notify-systemd.js'
import { listenToSignals, type StopSignal } from './signals.js'
import { type Broker, startLoaded } from './start-broker.js'
import { Watchdog, watchdogIntervalMs } from './watchdog.js'

export interface RunOptions {
  /** Undefined: defaults only. */
  readonly configFile: string | undefined
  readonly overrides?: Partial<BrokerConfig>
  /** What people type to reach the command line: for the commands on the screen. */
  readonly cliName?: string
  /** One that was started ahead. */
  readonly metadataThread?: MetadataThread
  readonly workerFolder?: string
  readonly diskModule?: string
}

/** A worker died or the disk failed: the process ends, what was acknowledged is in the journals. */
export const fatalExitCode = 70

/** Runs until a signal; resolves with the exit code. Throws what kept the broker from starting. */
export async function runBroker(options: RunOptions): Promise<number> {
  const read = await configReader(options)
  const loaded = read()
  const log = logFor(loaded.config)
  const systemd = SystemdNotifier.from(process.env, log)
  const ended = new Ended()
  const reloads = new Reloads()
  const stopped = listenToSignals({ onReload: () => reloads.ask() })
  const { workerFolder, diskModule, metadataThread } = options
  const starting = startLoaded(loaded, {
    log,
    workerFolder,
    diskModule,
    metadataThread,
    onFatal: (error) => ended.fail(error),
    meanwhile: () => log.load(),
  })
  const broker = await Promise.race([starting, stopped])
  if (typeof broker === 'string') return endDuringStart(broker, log)
  process.stdout.write(startScreen(broker.facts, options.cliName ?? 'npx streambus-cli', process.pid))
  sayRecovery(broker, log)
  broker.onReload.add('configuration', () => broker.reloadConfig(read()))
  broker.onReload.add('certificates and tokens', () => broker.reload('SIGHUP'))
  const readyStatus = `ready on ${broker.url}, ${broker.facts.shardCount} shards`
  systemd?.tell({ READY: 1, STATUS: readyStatus })
  const watchdog = watch(broker, systemd, log)
  reloads.begin(() => void reload(broker, log, systemd, readyStatus))
  const outcome = await Promise.race([ended.promise, stopped])
  reloads.end()
  if (typeof outcome !== 'string') {
    log.error(`the broker ends: ${outcome.message} ${outcome.remedy}`)
    systemd?.tell({ STOPPING: 1, STATUS: `ends: ${outcome.message}` })
    await broker.abandon()
    return fatalExitCode
  }
  const { shutdownTimeoutMs } = broker.config
  systemd?.tell({
    STOPPING: 1,
    STATUS: `${outcome}: finishing what was acknowledged`,
    EXTEND_TIMEOUT_USEC: (shutdownTimeoutMs + stopSlackMs) * 1000,
  })
  watchdog?.beginStop()
  const exitCode = await stop(broker, outcome, log)
  watchdog?.stop()
  return exitCode
}

/** What the process may take beyond shutdownTimeoutMs to end. */
const stopSlackMs = 10_000

function watch(broker: Broker, systemd: SystemdNotifier | undefined, log: Log): Watchdog | undefined {
  const intervalMs = watchdogIntervalMs(process.env)
  if (systemd === undefined || intervalMs === undefined) return undefined
  const tellAlive = (): void => systemd.tell({ WATCHDOG: 1 })
  return new Watchdog({ intervalMs, probe: () => broker.probe(), tellAlive, log })
}

/** YAML is loaded for a file alone: it takes 7 ms. */
async function configReader({ configFile, overrides }: RunOptions): Promise<() => LoadedConfig> {
  if (configFile === undefined) return () => readSurroundings(process.env, overrides)
  const { readConfig } = await import('./load-config.js')
  return () => readConfig(configFile, process.env, overrides)
}

function logFor({ logLevel, logFormat }: BrokerConfig): LateLog {
  const isColoured = process.stderr.isTTY === true && (process.env['NO_COLOR'] ?? '') === ''
  return createLog(logLevel, formatFor(logFormat), isColoured)
}

class Ended {
  readonly promise: Promise<StreamBusError>
  fail: (error: StreamBusError) => void = () => undefined

  constructor() {
    this.promise = new Promise((resolve) => {
      this.fail = resolve
    })
  }
}

/** A reload that is asked for during the start waits for its end. */
class Reloads {
  private isAsked = false
  private act: (() => void) | undefined

  ask(): void {
    if (this.act === undefined) this.isAsked = true
    else this.act()
  }

  begin(act: () => void): void {
    this.act = act
    if (this.isAsked) act()
  }

  end(): void {
    this.act = () => undefined
  }
}

async function reload(
  broker: Broker,
  log: Log,
  systemd: SystemdNotifier | undefined,
  readyStatus: string,
): Promise<void> {
  log.info('SIGHUP: reloading')
  systemd?.tell({ RELOADING: 1, MONOTONIC_USEC: monotonicMicroseconds() })
  const isWell = await broker.onReload.run(log)
  if (isWell) log.info('SIGHUP: reloaded')
  systemd?.tell({ READY: 1, STATUS: isWell ? readyStatus : `${readyStatus}; the last reload failed: see the log` })
}

/** There is nothing to settle yet; a recovery that was under way starts over. */
function endDuringStart(signal: StopSignal, log: Log): never {
  log.info(`${signal} during the start: ended; the next start goes on from what is on disk`)
  process.exit(128 + constants.signals[signal])
}

async function stop(broker: Broker, signal: StopSignal, log: Log): Promise<number> {
  const started = performance.now()
  const { shutdownTimeoutMs } = broker.config
  log.info(`${signal}: stopping; a second signal stops at once`)
  const timer = setTimeout(() => {
    log.error(
      `not settled after ${shutdownTimeoutMs} ms (shutdownTimeoutMs): stopping all the same; the next start recovers`,
    )
    process.exit(0)
  }, shutdownTimeoutMs)
  await broker.close()
  clearTimeout(timer)
  const duration = durationText(performance.now() - started)
  const reason = broker.offlineReason
  if (reason === undefined) log.info(`stopped cleanly after ${duration}`)
  else {
    const next = 'the next start settles what its journal holds'
    log.warn(`stopped after ${duration} with a shard offline, ${next}: ${reason.message}`)
  }
  if (signal === 'SIGHUP') endAsHungUp()
  return 0
}

/** As a process without a handler: at its usual end Node.js aborts when it can't restore the terminal that is gone. */
function endAsHungUp(): void {
  process.removeAllListeners('SIGHUP')
  process.kill(process.pid, 'SIGHUP')
}

function sayRecovery(broker: Broker, log: Log): void {
  const { entries, commits, appendedBytes, tornTails, durationMs } = broker.facts.recovery
  if (commits === 0 && tornTails === 0) return
  log.info(
    `recovered ${entries} entries of ${commits} commits in ${durationText(durationMs)}: ${appendedBytes} bytes ` +
      `moved to segments, ${tornTails} torn writes cut off`,
  )
}
