/**
 * Judges what a soak saw of its broker: what must stay flat, and which files it must let go.
 * Runs on: the process of a long run.
 *
 * Flat means: the median of the last quarter is at most a little above that of the second quarter; the first is the
 * warm-up, in which journals are met for the first time and code is compiled.
 * The read thread keeps segments open while somebody reads them: how many depends on who reads just then, up to a bound
 * of its own. They are judged by that bound, and apart from what must stay flat.
 */
import { maxOpenSegments } from '../../workers/read/segment-reader.js'
import type { OpenFile } from '../support/open-files.js'

export interface Sample {
  readonly residentMiB: number
  /** Files, folders, sockets and all else that has a descriptor, but for `segmentsRead`. */
  readonly openFiles: number
  /** Segments that are open for reading only. */
  readonly segmentsRead: number
  readonly threads: number
  readonly p99Ms: number
}

/** A shard that looks for an offset and the job that proves segments open one for a moment, beside the read thread. */
const segmentsReadLimit = maxOpenSegments + 8
/** The read thread looks every two seconds for what was removed; on a busy machine later. */
const removedLimitMs = 30_000

/** Throws with what did not stay flat. Returns the figures as lines. `isTight`: as narrow as long runs allow. */
export function judgeFlat(samples: readonly Sample[], isTight: boolean): string {
  const quarter = samples.length / 4
  const early = samples.slice(quarter, 2 * quarter)
  const late = samples.slice(3 * quarter)
  const bounds = {
    residentMiB: (before: number) => before + (isTight ? 24 : 80),
    openFiles: (before: number) => before + 20,
    threads: (before: number) => before + 1,
    p99Ms: (before: number) => (isTight ? 3 * before + 10 : 10 * before + 200),
  } as const
  const lines: string[] = []
  const broken: string[] = []
  for (const name of Object.keys(bounds) as (keyof typeof bounds)[]) {
    const before = median(early.map((sample) => sample[name]))
    const after = median(late.map((sample) => sample[name]))
    const line = `${name}: ${before.toFixed(1)} in the second quarter, ${after.toFixed(1)} in the last`
    lines.push(line)
    if (after > bounds[name](before)) broken.push(`${line}; at most ${bounds[name](before).toFixed(1)}`)
  }
  const mostRead = Math.max(...samples.map(({ segmentsRead }) => segmentsRead))
  const line = `segmentsRead: ${mostRead} at most`
  lines.push(line)
  if (mostRead > segmentsReadLimit) broken.push(`${line}; ${segmentsReadLimit} are allowed`)
  if (broken.length > 0) throw new Error(`not flat: ${broken.join('; ')}`)
  return lines.join('\n')
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]!
}

/** Since when files are removed and still open, which keeps their space. */
export class RemovedFiles {
  private sinceMs = new Map<string, number>()

  /** Takes all that is open now. Throws with those that were let go by nobody for half a minute. */
  look(files: readonly OpenFile[], nowMs: number): void {
    const sinceMs = new Map<string, number>()
    for (const { descriptor, path, isRemoved } of files) {
      const key = `${path} (descriptor ${descriptor})`
      if (isRemoved) sinceMs.set(key, this.sinceMs.get(key) ?? nowMs)
    }
    this.sinceMs = sinceMs
    const kept = [...sinceMs].filter(([, since]) => nowMs - since > removedLimitMs).map(([key]) => key)
    if (kept.length > 0) throw new Error(`${kept.length} removed files are kept open: ${kept.slice(0, 5).join(', ')}`)
  }
}

/** Whether the read thread may have it open. */
export function isSegmentRead({ path, isReadOnly }: OpenFile): boolean {
  return isReadOnly && /\.log(\.deleted)?$/.test(path)
}
