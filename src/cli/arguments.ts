/**
 * What people write as arguments, made values; an error names the text and what is expected.
 * Runs on: main. Touches: the clock, for times ago.
 */
import { InvalidArgumentError } from 'commander'
import type { StartPoint } from '../client/index.js'

export function asCount(text: string): number {
  return wholeNumber(text, 1)
}

export function asPartition(text: string): number {
  return wholeNumber(text, 0)
}

function wholeNumber(text: string, min: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value
  throw new InvalidArgumentError(`Expected a whole number of at least ${min}.`)
}

export function asFraction(text: string): number {
  const value = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && value <= 1e9) return value
  throw new InvalidArgumentError('Expected a number of at least 0, such as 10 or 0.5.')
}

export function parseAcks(text: string): -1 | 0 | 1 {
  if (text === 'all' || text === '-1') return -1
  if (text === '1') return 1
  if (text === '0') return 0
  throw new InvalidArgumentError('Expected all, 1 or 0.')
}

/** Several texts with commas between. */
export function listOf(text: string): string[] {
  const items = text.split(',').map((item) => item.trim())
  if (items.every((item) => item !== '')) return items
  throw new InvalidArgumentError('Expected one or several, with commas between.')
}

/** For options that may be repeated. */
export function collectNames(text: string, before: readonly string[]): string[] {
  return [...before, text]
}

export function collectEntries(text: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Expected NAME=VALUE, such as retention.ms=3600000.')
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
}

const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Where to begin reading; see the help of `consume`. */
export function parseFrom(text: string, _before?: unknown, nowMs = Date.now()): StartPoint {
  if (text === 'earliest' || text === 'latest') return text
  if (/^\d+$/.test(text)) return wholeNumber(text, 0)
  const ago = /^-(\d+(?:\.\d+)?)([smhd])$/.exec(text)
  if (ago !== null) {
    return { timestampMs: Math.max(0, Math.round(nowMs - Number(ago[1]) * unitMs[ago[2] as keyof typeof unitMs])) }
  }
  const timestampMs = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN
  if (timestampMs >= 0) return { timestampMs }
  throw new InvalidArgumentError(
    'Expected earliest, latest, an offset (42), a time (2026-11-23T10:00) or a time ago (-90s, -5m, -2h, -1d).',
  )
}
