/**
 * What a person sees while a profile runs: a line for each run that is done, and on a terminal a bar for all of it.
 * Runs on: main. Touches: stderr.
 */
import { tell } from '../../cli/output.js'
import { visibleInLine } from '../../cli/safe-text.js'
import { type Progress, startProgress } from '../../cli/terminal/progress.js'
import { countText, uptimeText } from '../../cli/terminal/quantities.js'
import type { RunResult } from '../run-result.js'
import type { LoadProgress } from '../run-load.js'
import { figureOf, figureText, latencyKinds } from './figures.js'
import type { Profile, ProfileLoad } from './profile.js'
import { type ProfileListener, secondsOf } from './run-profile.js'

export class SloProgress {
  readonly listener: ProfileListener
  private bar: Progress | undefined
  /** Bars come late, since what draws them is loaded first: one that is not wanted any more is taken off. */
  private wanted = 0
  private readonly totalMs: number
  private doneMs = 0
  private what = ''

  constructor(profile: Profile) {
    const seconds = secondsOf(profile)
    this.totalMs = Math.round(seconds * 1000)
    const runs = profile.loads.reduce((sum, { repeat }) => sum + repeat, 0)
    const counts = `${profile.loads.length} loads, ${runs} runs`
    tell(
      visibleInLine(`${profile.name}: ${counts}, ${uptimeText(this.totalMs)} and what preparing and reading back take`),
    )
    void this.begin()
    this.listener = {
      onStart: ({ name }, index, total) => {
        this.what = `${index} of ${total}: ${visibleInLine(name)}`
      },
      onResult: (load, index, total, run) => {
        this.doneMs += load.seconds * 1000 + load.warmUpSeconds * 1000
        this.line(`${place(index, total)} ${load.name}: ${resultText(run)}`)
      },
      onFailure: (load: ProfileLoad, index, total, message) => {
        this.line(`${place(index, total)} ${load.name}: FAILED: ${message}`)
      },
    }
  }

  /** A run is part of the whole by its seconds; preparing and reading back are told by name. */
  show({ phase, seconds, records }: LoadProgress): void {
    const ofRun = phase === 'measuring' || phase === 'warming up' ? seconds * 1000 : 0
    const count = records === 0 ? '' : `, ${countText(records)} records`
    this.bar?.update(Math.min(this.totalMs, this.doneMs + ofRun), `${this.what}, ${phase}${count}`)
  }

  end(): void {
    this.wanted++
    this.bar?.end()
    this.bar = undefined
  }

  private async begin(): Promise<void> {
    const mine = ++this.wanted
    const bar = await startProgress({ title: 'measuring', total: this.totalMs })
    if (mine === this.wanted) this.bar = bar
    else bar.end()
  }

  /** Above the bar, which comes back below it. */
  private line(text: string): void {
    this.end()
    tell(visibleInLine(text))
    void this.begin()
  }
}

function place(index: number, total: number): string {
  return `[${String(index).padStart(String(total).length)}/${total}]`
}

/** `612,345/s, end to end P50 0.61 ms, P99 2.1 ms` */
export function resultText(run: RunResult): string {
  if (run.void !== undefined) return `void: ${run.void}`
  const parts = [figureText(run.recordsPerSecond, 'records/s')]
  // The last kind that it has is the one that it is about.
  const kind = latencyKinds.filter(({ id }) => run.latency[id] !== undefined).at(-1)
  if (kind !== undefined) {
    const at = (percentile: string) => figureText(figureOf(`${kind.id}.${percentile}`)!.read(run) ?? 0, 'ms')
    parts.push(`${kind.title} P50 ${at('p50')}, P99 ${at('p99')}, P99.9 ${at('p99.9')}`)
  }
  const bad = ['lost', 'duplicated', 'outOfOrder', 'failed'].map((id) => figureOf(id)!)
  for (const figure of bad) {
    const count = figure.read(run)
    if (count !== undefined && count > 0) parts.push(`${countText(count)} ${figure.title.toUpperCase()}`)
  }
  return parts.join(', ')
}
