/**
 * Whether what is timed by itself became slower: its processor time as a ratio to the calibration loop beside it,
 * against a baseline that is kept.
 * Runs on: a process of its own. Touches: nothing.
 */

/** Ratios by case. */
export type Ratios = Readonly<Record<string, number>>

export interface Baseline {
  /** Ratios depend on it: memory and arithmetic are not equally fast everywhere. */
  readonly processor: string
  /** By the major version of Node.js. */
  readonly nodes: Readonly<Record<string, Ratios>>
}

export interface GateLine {
  readonly name: string
  readonly ratio: number
  /** Undefined: it is new. */
  readonly before?: number
  /** How much slower in percent; negative: faster. */
  readonly slowerPercent?: number
  readonly verdict: 'same' | 'slower' | 'faster' | 'new'
}

/** A case that is gone is no line: taking one away is a change of this folder, which people see. */
export function gateLines(before: Ratios, now: Ratios, tolerancePercent: number): GateLine[] {
  return Object.entries(now).map(([name, ratio]) => {
    const known = Object.hasOwn(before, name) ? before[name] : undefined
    if (known === undefined) return { name, ratio, verdict: 'new' }
    const slowerPercent = (ratio / known - 1) * 100
    const isFaster = (known / ratio - 1) * 100 > tolerancePercent
    const verdict = slowerPercent > tolerancePercent ? 'slower' : isFaster ? 'faster' : 'same'
    return { name, ratio, before: known, slowerPercent, verdict }
  })
}

export function lineText({ name, ratio, before, slowerPercent, verdict }: GateLine): string {
  const was = before === undefined ? 'no baseline' : `baseline ${before.toFixed(3)}`
  const by =
    slowerPercent === undefined
      ? ''
      : `, ${Math.abs(slowerPercent).toFixed(1)} % ${slowerPercent >= 0 ? 'slower' : 'faster'}`
  const mark = verdict === 'same' ? '' : `  ${verdict.toUpperCase()}`
  return `${name.padEnd(54)} ${ratio.toFixed(3).padStart(8)}  (${was}${by})${mark}`
}

/** The middle one; of an even number the higher of the middle two. */
export function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!
}
