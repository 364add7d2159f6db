/**
 * The rate that a row asks for: its own, or a share of what the same load did flat out just before.
 * Runs on: main, and tests. Touches: nothing.
 */
import type { Sample } from './results.js'
import type { Row, SubjectId } from './rows.js'

/** Rates that depend on a measurement are whole thousands. */
const stepOfRate = 1000

/**
 * Records a second; undefined: flat out. Half is of the maximum of the same round and subject, because the machine's
 * speed moves from one round to the next. Throws when there is none: a guess would measure another load.
 */
export function rateOf(row: Row, round: number, subject: SubjectId, samples: readonly Sample[]): number | undefined {
  const rate = row.load.kind === 'produce' ? row.load.rate : undefined
  if (typeof rate !== 'object') return rate
  const { halfOf } = rate
  const sample = samples.find((one) => one.row === halfOf && one.round === round && one.subject === subject)
  const { recordsPerSecond = 0, void: isVoid } = sample?.result ?? {}
  if (recordsPerSecond === 0 || isVoid !== undefined) {
    throw new Error(`${row.id} asks for half of what ${halfOf} did, which has no figure in round ${round}`)
  }
  return Math.round(recordsPerSecond / 2 / stepOfRate) * stepOfRate
}
