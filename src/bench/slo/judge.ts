/**
 * Judges runs by the objectives of their loads.
 * Runs on: main. Touches: nothing.
 *
 * The median of the runs is judged, but what must never happen (loss, duplicates, order, refusals) by the worst run,
 * void ones included. An objective whose figure nobody measured is not held: silence is no success.
 */
import type { RunResult } from '../run-result.js'
import { type Figure, figureOf, implied } from './figures.js'
import type { Bound, Profile, ProfileLoad } from './profile.js'
import type { ObjectiveResult } from './slo-report.js'
import { median } from './statistics.js'

/** How much slower the machine was than where the bounds were set; never below 1. */
export function slownessOf({ calibrationMs }: Pick<Profile, 'calibrationMs'>, runs: readonly RunResult[]): number {
  const now = median(runs.map((run) => run.calibrationMs))
  return calibrationMs === undefined || now === undefined ? 1 : Math.max(1, now / calibrationMs)
}

/** `runs`: those of this load. `failure`: what ended them. `isStopped`: fewer than planned is nobody's fault. */
export function judge(
  load: ProfileLoad,
  runs: readonly RunResult[],
  slowness: number,
  { failure, isStopped = false }: { failure?: string | undefined; isStopped?: boolean } = {},
): ObjectiveResult[] {
  return boundsOf(load, runs).map((bound) => {
    const figure = figureOf(bound.figure)!
    const usable = figure.judgedBy === 'worst' ? runs : runs.filter((run) => run.void === undefined)
    const values = usable.map((run) => figure.read(run)).filter((value) => value !== undefined)
    // A rate that is asked for is kept or not, however slow the machine.
    const isAskedFor = figure.wanted === 'at least' && load.options.rate !== undefined
    const widened = isAskedFor ? bound.bound : widen(figure, bound.bound, slowness)
    const fields = {
      load: load.name,
      figure: figure.id,
      title: figure.title,
      unit: figure.unit,
      wanted: figure.wanted,
      bound: widened,
      ...(widened === bound.bound ? {} : { stated: bound.bound }),
      runs: values.length,
    }
    if (values.length === 0 && failure !== undefined) return { ...fields, verdict: 'not measured', reason: failure }
    if (figure.judgedBy === 'median' && !isStopped && failure === undefined && usable.length < load.repeat) {
      return { ...fields, ...spread(values), verdict: 'void', reason: voidReason(runs, usable.length, load.repeat) }
    }
    if (values.length === 0) {
      const reason = runs.length === 0 ? 'no run was done' : 'the runs do not have this figure'
      return { ...fields, verdict: 'not measured', reason }
    }
    const measured = figure.judgedBy === 'worst' ? Math.max(...values) : median(values)!
    const isHeld = figure.wanted === 'at most' ? measured <= widened : measured >= widened
    return {
      ...fields,
      verdict: isHeld ? 'held' : 'missed',
      measured,
      ...spread(values),
      ...marginOf(figure, measured, widened),
    }
  })
}

/** What is stated, and what holds for every load that measures it. */
function boundsOf({ bounds }: ProfileLoad, runs: readonly RunResult[]): Bound[] {
  const stated = new Set(bounds.map(({ figure }) => figure))
  const isMeasured = (id: string) => runs.some((run) => figureOf(id)!.read(run) !== undefined)
  const also = implied.filter((id) => !stated.has(id) && isMeasured(id))
  return [...bounds, ...also.map((figure) => ({ figure, bound: 0 }))]
}

function widen({ onSlowMachine }: Figure, bound: number, slowness: number): number {
  if (onSlowMachine === 'same') return bound
  return onSlowMachine === 'more' ? bound * slowness : bound / slowness
}

function spread(values: readonly number[]): { lowest?: number; highest?: number } {
  return values.length === 0 ? {} : { lowest: Math.min(...values), highest: Math.max(...values) }
}

/** Nothing to say where the bound is 0. */
function marginOf({ wanted }: Figure, measured: number, bound: number): { marginPercent?: number } {
  if (bound === 0) return {}
  return { marginPercent: ((wanted === 'at most' ? bound - measured : measured - bound) / bound) * 100 }
}

function voidReason(runs: readonly RunResult[], usable: number, planned: number): string {
  const last = runs.filter((run) => run.void !== undefined).at(-1)?.void ?? 'runs are missing'
  return `${usable} of ${planned} runs can be used: ${last}`
}
