/**
 * Single values of a profile: what is written, made a number or a text, and what is expected in words.
 * Runs on: main. Touches: nothing.
 */
import { countText } from '../../cli/terminal/quantities.js'
import { parseQuantity } from '../../../native-free-core/config/quantity.js'
import type { FigureUnit } from './figures.js'
import type { ProfileRow } from './profile-table.js'

const msOf: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** `500us`, `1.5 ms`, `2s`; a plain number counts `unit`. Fractions are as they stand, unlike in a broker's keys. */
export function timeIn(given: unknown, unit: 'ms' | 's'): number | undefined {
  if (typeof given === 'number') return Number.isFinite(given) ? given : undefined
  const parts = typeof given === 'string' ? /^(\d+(?:\.\d+)?) ?([a-z]+)$/.exec(given) : null
  if (parts === null || !Object.hasOwn(msOf, parts[2]!)) return undefined
  return (Number(parts[1]) * msOf[parts[2]!]!) / msOf[unit]!
}

/** What a row makes of it; undefined when it is wrong. */
export function valueOf(given: unknown, row: ProfileRow): unknown {
  switch (row.type) {
    case 'text':
      return typeof given === 'string' && given.trim() !== '' ? given : undefined
    case 'switch':
      return typeof given === 'boolean' ? given : undefined
    case 'choice':
      return typeof given === 'string' && row.choices!.includes(given) ? given : undefined
    case 'time':
      return within(timeIn(given, row.unit === 's' ? 's' : 'ms'), row)
    case 'number':
      return within(typeof given === 'number' ? given : undefined, row)
    case 'count':
      return within(Number.isSafeInteger(given) ? (given as number) : undefined, row)
    case 'size': {
      if (typeof given === 'string' && row.orText?.form.test(given) === true) return given
      const bytes = typeof given === 'string' ? parseQuantity(given, 'bytes') : given
      return within(Number.isSafeInteger(bytes) ? (bytes as number) : undefined, row)
    }
  }
}

function within(value: number | undefined, { min, max }: ProfileRow): number | undefined {
  if (value === undefined || !Number.isFinite(value)) return undefined
  return value >= (min ?? 0) && value <= (max ?? Number.MAX_SAFE_INTEGER) ? value : undefined
}

/** In words, after "expected". */
export function expectationOf(row: ProfileRow): string {
  const range = `${grouped(row.min)} to ${grouped(row.max)}`
  switch (row.type) {
    case 'text':
      return 'a text'
    case 'switch':
      return 'true or false'
    case 'choice':
      return row.choices!.join(', ')
    case 'time':
      return `${range} ${row.unit}, or a time such as ${row.unit === 's' ? '5s or 2m' : '500us or 2ms'}`
    case 'number':
      return `a number of ${range}`
    case 'count':
      return `a whole number of ${range}`
    case 'size':
      return `${range} bytes, or a size such as 64KiB${row.orText === undefined ? '' : `, or ${row.orText.words}`}`
  }
}

function grouped(value = 0): string {
  return value < 10_000 ? String(value) : countText(value)
}

/** A bound of a figure of this unit; undefined when it is none. */
export function boundOf(given: unknown, unit: FigureUnit): number | undefined {
  const value = unit === 'ms' ? timeIn(given, 'ms') : unit === 'MiB' ? mebibytesOf(given) : given
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined
}

function mebibytesOf(given: unknown): unknown {
  if (typeof given !== 'string') return given
  const bytes = parseQuantity(given, 'bytes')
  return bytes === undefined ? undefined : bytes / (1024 * 1024)
}

export function boundWords(unit: FigureUnit): string {
  if (unit === 'ms') return 'milliseconds, or a time such as 500us or 2ms'
  if (unit === 'MiB') return 'MiB, or a size such as 400MiB'
  return `a number, at least 0 (${unit})`
}
