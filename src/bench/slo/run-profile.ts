/**
 * Runs the loads of a profile, in turns, as often as each says. What measures a load is given: a test gives its own.
 * Runs on: main. Touches: nothing itself.
 */
import { releaseVersion } from '../../../native-free-core/version.js'
import type { RunResult } from '../run-result.js'
import { judge, slownessOf } from './judge.js'
import type { Profile, ProfileLoad } from './profile.js'
import { type SloReport, sloReportVersion } from './slo-report.js'

/** Measures one load once. Throws what kept it from that; ends early when the signal is aborted, with an error. */
export type RunOnce = (load: ProfileLoad, signal: AbortSignal) => Promise<RunResult>

/** What is told on the way. `index` counts from 1; a run that is done again keeps its number. */
export interface ProfileListener {
  onStart?(load: ProfileLoad, index: number, total: number): void
  onResult?(load: ProfileLoad, index: number, total: number, run: RunResult): void
  onFailure?(load: ProfileLoad, index: number, total: number, message: string): void
}

export interface ProfileRunOptions extends ProfileListener {
  readonly runOnce: RunOnce
  /** Aborted: the run under way is given up, what was measured before is judged. */
  readonly signal: AbortSignal
  readonly now?: () => Date
}

/** A void run is done once more; what is void again stays void. */
const attempts = 2

export async function runProfile(profile: Profile, options: ProfileRunOptions): Promise<SloReport> {
  const { signal, now = () => new Date() } = options
  const startedAt = now()
  const runs: RunResult[] = []
  const failures = new Map<string, string>()
  const plan = inTurns(profile.loads)
  let done = 0
  for (const [at, load] of plan.entries()) {
    if (signal.aborted) break
    if (failures.has(load.name)) {
      done++
      continue
    }
    options.onStart?.(load, at + 1, plan.length)
    try {
      for (let attempt = 1; attempt <= attempts; attempt++) {
        const run = { ...(await options.runOnce(load, signal)), name: load.name }
        runs.push(run)
        options.onResult?.(load, at + 1, plan.length, run)
        if (run.void === undefined || signal.aborted) break
      }
      done++
    } catch (error) {
      if (signal.aborted) break
      const message = error instanceof Error ? error.message : String(error)
      failures.set(load.name, message)
      options.onFailure?.(load, at + 1, plan.length, message)
      done++
    }
  }
  const isStopped = done < plan.length
  const slowness = slownessOf(profile, runs)
  const { name, description, file, calibrationMs } = profile
  return {
    version: sloReportVersion,
    profile: {
      name,
      description,
      file,
      ...(calibrationMs === undefined ? {} : { calibrationMs }),
      loads: profile.loads.map((load) => ({
        name: load.name,
        repeat: load.repeat,
        seconds: load.seconds,
        warmUpSeconds: load.warmUpSeconds,
      })),
    },
    startedAt: startedAt.toISOString(),
    seconds: (now().getTime() - startedAt.getTime()) / 1000,
    release: releaseVersion,
    runs,
    objectives: profile.loads.flatMap((load) => {
      const own = runs.filter((run) => run.name === load.name)
      return judge(load, own, slowness, { failure: failures.get(load.name), isStopped })
    }),
    failures: [...failures].map(([load, message]) => ({ load, message })),
    ...(isStopped ? { stopped: { runs: done, planned: plan.length } } : {}),
  }
}

/** One run of each, then the next of each: what the machine does at a time meets all of them. */
function inTurns(loads: readonly ProfileLoad[]): ProfileLoad[] {
  const most = Math.max(0, ...loads.map(({ repeat }) => repeat))
  const turns = Array.from({ length: most }, (_, turn) => loads.filter(({ repeat }) => turn < repeat))
  return turns.flat()
}

/** What running it takes at least, without void runs and connecting. */
export function secondsOf({ loads }: Pick<Profile, 'loads'>): number {
  return loads.reduce((sum, { repeat, seconds, warmUpSeconds }) => sum + repeat * (seconds + warmUpSeconds), 0)
}
