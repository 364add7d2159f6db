/**
 * Sizes and durations as people write them: 64MiB, 1.5h, 30s. A plain number counts bytes or milliseconds.
 * Runs on: every thread, and browsers. Touches: nothing.
 * A letter alone (64M) is refused: it means 1000 to some and 1024 to others.
 */

export type QuantityUnit = 'bytes' | 'ms'

const KiB = 1024
const bytesOf: Readonly<Record<string, number>> = {
  TiB: KiB ** 4,
  GiB: KiB ** 3,
  MiB: KiB ** 2,
  KiB,
  TB: 1e12,
  GB: 1e9,
  MB: 1e6,
  kB: 1e3,
  B: 1,
}
const msOf: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 }
const sizesOf: Readonly<Record<QuantityUnit, Readonly<Record<string, number>>>> = { bytes: bytesOf, ms: msOf }

/** What is written with a unit uses these, the largest that leaves a whole number. */
const shownUnits: Readonly<Record<QuantityUnit, readonly string[]>> = {
  bytes: ['TiB', 'GiB', 'MiB', 'KiB'],
  ms: ['d', 'h', 'm', 's'],
}

export function isQuantityUnit(unit: string | undefined): unit is QuantityUnit {
  return unit === 'bytes' || unit === 'ms'
}

/** The number that a text with a unit means; undefined when it is none, or no whole number of bytes or milliseconds. */
export function parseQuantity(text: string, unit: QuantityUnit): number | undefined {
  const parts = /^(-?\d+(?:\.\d+)?) ?([A-Za-z]+)$/.exec(text)
  const sizes = sizesOf[unit]
  if (parts === null || !Object.hasOwn(sizes, parts[2]!)) return undefined
  const value = Number(parts[1]) * sizes[parts[2]!]!
  return Number.isSafeInteger(value) ? value : undefined
}

/** 65536 bytes as 64KiB, 90000 ms as 90s; a number that no unit fits stays as it is. */
export function formatQuantity(value: number, unit: QuantityUnit): string {
  if (value <= 0 || value === Number.MAX_SAFE_INTEGER) return String(value)
  const fitting = shownUnits[unit].find((name) => value % sizesOf[unit][name]! === 0)
  return fitting === undefined ? `${value}${unit === 'ms' ? 'ms' : ''}` : `${value / sizesOf[unit][fitting]!}${fitting}`
}
