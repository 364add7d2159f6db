/**
 * `bench slo`: runs a profile against a broker, or against one that it starts, and tells what held.
 * Runs on: main; loads on threads of their own. Touches: the profile, the files of the report, stdout, stderr, signals.
 */
import type { BrokerConfig } from '../../../native-free-core/config/broker-config.js'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import type { ConnectOptions } from '../../client/index.js'
import type { Invocation } from '../../cli/environment.js'
import { ExitCode } from '../../cli/exit-code.js'
import { tell } from '../../cli/output.js'
import { connectOptionsOf } from '../../cli/target.js'
import { runLoad } from '../run-load.js'
import { checkOutputs, type OutputFiles, writeOutputs } from './outputs.js'
import { OwnBroker } from './own-broker.js'
import { printReport } from './print-report.js'
import type { Profile, ProfileChanges, ProfileLoad } from './profile.js'
import { changed, readProfile } from './profile-file.js'
import { type RunOnce, runProfile } from './run-profile.js'
import { SloProgress } from './slo-progress.js'
import { isGood } from './slo-report.js'

export interface BenchSloOptions extends OutputFiles, ProfileChanges {
  readonly profile: string
  readonly ownBroker?: boolean
  readonly frontEnd?: BrokerConfig['frontEnd']
}

/** Resolves with the exit code: 1 when an objective is not held. Throws INVALID_CONFIG for a bad profile. */
export async function benchSlo(invocation: Invocation, options: BenchSloOptions): Promise<number> {
  const profile = changed(readProfile(options.profile), options)
  const target = options.ownBroker === true ? undefined : connectOptionsOf(invocation.target())
  if (target !== undefined && options.frontEnd !== undefined) {
    throw new StreamBusError('USAGE', '--front-end is for --own-broker', {
      remedy: 'A broker that runs already has its front end.',
    })
  }
  checkOutputs(options)
  const interrupted = new AbortController()
  const restore = endOnSignals(interrupted)
  let broker: OwnBroker | undefined
  try {
    if (target === undefined) broker = await OwnBroker.start(brokerConfigOf(profile, options))
    const progress = new SloProgress(profile)
    const report = await runProfile(profile, {
      runOnce: measuring(target ?? { servers: [broker!.server] }, progress),
      signal: interrupted.signal,
      ...progress.listener,
    })
    progress.end()
    printReport(invocation, report)
    for (const path of writeOutputs(options, report)) tell(`wrote ${path}`)
    return isGood(report) ? ExitCode.done : ExitCode.failed
  } finally {
    await broker?.end()
    restore()
  }
}

function brokerConfigOf({ broker }: Profile, { frontEnd }: BenchSloOptions): Partial<BrokerConfig> {
  return frontEnd === undefined ? broker : { ...broker, frontEnd }
}

/** Each load has topics of its own, which go when it ends: no run finds what another left. */
function measuring(target: ConnectOptions, progress: SloProgress): RunOnce {
  return (load: ProfileLoad, signal: AbortSignal) => {
    const { name, options, seconds, warmUpSeconds } = load
    const topic = `bench-slo-${process.pid}-${topicCount++}`
    return runLoad(
      target,
      { ...options, name, seconds, warmUpSeconds, topic, deleteTopics: true },
      { signal, onProgress: (state) => progress.show(state) },
    )
  }
}

let topicCount = 0

/** By convention: 128 and the signal's number. */
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** The first ends the run and keeps what was measured; the second ends the process, and its broker with it. */
function endOnSignals(interrupted: AbortController): () => void {
  const signals = Object.keys(exitCodes) as (keyof typeof exitCodes)[]
  const onSignal = (signal: NodeJS.Signals): void => {
    if (interrupted.signal.aborted) process.exit(exitCodes[signal as keyof typeof exitCodes])
    if (process.stderr.isTTY) process.stderr.write('\n')
    tell('ending the run under way; once more ends at once')
    interrupted.abort()
  }
  for (const signal of signals) process.on(signal, onSignal)
  return () => {
    for (const signal of signals) process.off(signal, onSignal)
  }
}
