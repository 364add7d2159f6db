/**
 * Where values lie on an axis, and which of them are named there.
 * Runs on: main. Touches: nothing.
 */
import { shortCountText } from '../../../cli/terminal/quantities.js'

export interface Tick {
  readonly at: number
  readonly text: string
}

export interface Axis {
  readonly title: string
  readonly ticks: readonly Tick[]
  /** From 0 to 1 along the axis. */
  place(value: number): number
}

/** From 0 to a round number at or above the highest value. */
export function linearAxis(title: string, highest: number, textOf = numberText, wanted = 4): Axis {
  const step = roundStep((highest > 0 ? highest : 1) / wanted)
  const end = step * Math.max(1, Math.ceil((highest > 0 ? highest : 1) / step - 1e-9))
  const ticks: Tick[] = []
  for (let at = 0; at <= end + step / 2; at += step) ticks.push({ at, text: textOf(at) })
  return { title, ticks, place: (value) => clamp(value / end) }
}

/** 1, 2 or 5 times a power of ten. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= least - power * 1e-9) ?? 10
  return factor * power
}

/** Over whole decades or halves of them that hold all values. */
export function logAxis(title: string, values: readonly number[], textOf = numberText): Axis {
  const above = values.filter((value) => value > 0)
  const [lowest, highest] = above.length === 0 ? [1, 10] : [minOf(above), maxOf(above)]
  const start = roundedDown(lowest)
  const end = Math.max(roundedUp(highest), start * 10)
  const decades = Math.log10(end / start)
  const factors = decades > 3.2 ? [1] : [1, 2, 5]
  const ticks: Tick[] = []
  for (let power = Math.floor(Math.log10(start) + 1e-9); power <= Math.ceil(Math.log10(end)); power++) {
    for (const factor of factors) {
      const at = factor * 10 ** power
      if (at >= start * 0.999 && at <= end * 1.001) ticks.push({ at, text: textOf(at) })
    }
  }
  return { title, ticks, place: (value) => clamp(Math.log10(Math.max(value, start) / start) / Math.log10(end / start)) }
}

function roundedDown(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return ([5, 2, 1].find((factor) => factor * power <= value) ?? 1) * power
}

function roundedUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10) * power
}

/** Percent by its nines: 90, 99 and 99.9 are as far from one another as the last counts. */
export function ninesAxis(title: string, highestNines: number): Axis {
  const named = [0, 50, 90, 99, 99.9, 99.99, 99.999, 99.9999]
  const ticks = named.map((percent) => ({ at: percent, text: `${percent}` }))
  const end = Math.max(2, highestNines)
  return {
    title,
    ticks: ticks.filter(({ at }) => ninesOf(at) <= end + 1e-9),
    place: (percent) => clamp(ninesOf(percent) / end),
  }
}

/** 1 for 90 %, 2 for 99 %. */
export function ninesOf(percent: number): number {
  return -Math.log10(Math.max(1e-9, 1 - percent / 100))
}

export function percentOfNines(nines: number): number {
  return 100 * (1 - 10 ** -nines)
}

export function numberText(value: number): string {
  if (!Number.isFinite(value)) return '-'
  if (value >= 1000) return shortCountText(value)
  return String(Number(value.toPrecision(3)))
}

function clamp(share: number): number {
  return Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0
}

/** Of any number of values; a spread of them into Math.max has a limit. */
export function maxOf(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
}

export function minOf(values: readonly number[]): number {
  return values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY)
}
