/**
 * What people write as arguments, made values; an error names the text and what is expected.
 * Runs on: main. Touches: the clock, for times ago.
 */
import { InvalidArgumentError } from 'commander'
import type { StartPoint } from '../client/index.js'
import { millisecondsAgo } from '../client/start-point.js'
import type { HeaderFilter } from './records/record-filter.js'

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

const maxPartitions = 10_000

/** `0,2,5-7`; may be repeated. */
export function collectPartitions(text: string, before: readonly number[] = []): number[] {
  const found = new Set(before)
  for (const piece of text.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(piece.trim())
    const first = Number(match?.[1])
    const last = Number(match?.[2] ?? first)
    if (match === null || last < first || last >= maxPartitions) {
      throw new InvalidArgumentError('Expected partitions such as 3, 0,2 or 0-5.')
    }
    for (let partition = first; partition <= last; partition++) found.add(partition)
  }
  return [...found].sort((a, b) => a - b)
}

export function asFraction(text: string): number {
  const value = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && value <= 1e9) return value
  throw new InvalidArgumentError('Expected a number of at least 0, such as 10 or 0.5.')
}

export function asRate(text: string): number {
  const value = asFraction(text)
  if (value > 0) return value
  throw new InvalidArgumentError('Expected a number above 0, such as 10 or 0.5.')
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
export function collectNames(text: string, before: readonly string[] = []): string[] {
  return [...before, text]
}

export function collectEntries(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Expected NAME=VALUE, such as retention.ms=3600000.')
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
}

export type HeaderArgument = readonly [name: string, value: string]

export function collectHeaders(text: string, before: readonly HeaderArgument[] = []): HeaderArgument[] {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Expected NAME=VALUE, such as trace=4711.')
  return [...before, [text.slice(0, at), text.slice(at + 1)]]
}

/** NAME=VALUE, or NAME alone for any value. */
export function collectHeaderFilters(text: string, before: readonly HeaderFilter[] = []): HeaderFilter[] {
  const at = text.indexOf('=')
  if (at === 0 || text === '') throw new InvalidArgumentError('Expected NAME or NAME=VALUE, such as trace=4711.')
  return [...before, at < 0 ? { name: text, value: undefined } : { name: text.slice(0, at), value: text.slice(at + 1) }]
}

/** Checks it; it is built when it is known whether case counts. */
export function asRegex(text: string): string {
  try {
    new RegExp(text, 'u')
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message.replace(/\.$/, '')}.`)
  }
  return text
}

const offsetList = /^\d+:\d+(,\d+:\d+)*$/

/** Where to begin reading; see the help of `consume`. */
export function parseFrom(text: string, _before?: unknown, nowMs = Date.now()): StartPoint {
  if (text === 'earliest' || text === 'beginning') return 'earliest'
  if (text === 'latest' || text === 'end') return 'latest'
  if (/^\d+$/.test(text)) return wholeNumber(text, 0)
  if (/^-\d+$/.test(text)) return { last: wholeNumber(text.slice(1), 1) }
  if (offsetList.test(text)) return { offsets: offsetsOf(text) }
  const timestampMs = timeOf(text, nowMs)
  if (timestampMs !== undefined) return { timestampMs }
  throw new InvalidArgumentError(
    'Expected earliest, latest, an offset (42), the last records (-10), a time (2026-11-23T10:00), a time ago ' +
      '(-90s, -5m, -2h, -1d, -1h30m), or an offset for each partition (0:42,1:7).',
  )
}

function offsetsOf(text: string): Record<number, number> {
  const pairs = text.split(',').map((pair) => pair.split(':').map((number) => wholeNumber(number, 0)))
  return Object.fromEntries(pairs) as Record<number, number>
}

/** A time or a time ago; undefined: neither. A time without a zone is in this machine's. */
export function timeOf(text: string, nowMs: number): number | undefined {
  const agoMs = millisecondsAgo(text)
  if (agoMs !== undefined) return Math.max(0, nowMs - agoMs)
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return undefined
  // A date alone would be read as UTC.
  const timestampMs = Date.parse(text.length === 10 ? `${text}T00:00` : text)
  return timestampMs >= 0 ? timestampMs : undefined
}
