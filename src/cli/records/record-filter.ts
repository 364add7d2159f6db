/**
 * Which records `consume` prints: by key, header and value. All that is given must hold.
 * Runs on: main. Touches: the bytes it is given.
 */
import type { RecordReader } from '../../../native-free-core/log/record-batch.js'
import { bufferOf } from './value-format.js'

export interface HeaderFilter {
  readonly name: string
  /** Undefined: any. */
  readonly value: string | undefined
}

export interface FilterOptions {
  /** One of these. */
  readonly key?: readonly string[] | undefined
  readonly keyRegex?: RegExp | undefined
  /** All of these. */
  readonly header?: readonly HeaderFilter[] | undefined
  /** In the value. */
  readonly grep?: RegExp | undefined
}

export type RecordFilter = (record: RecordReader) => boolean

/** Undefined when there is nothing to filter by. */
export function recordFilter({ key = [], keyRegex, header = [], grep }: FilterOptions): RecordFilter | undefined {
  const tests: RecordFilter[] = []
  // The cheapest first.
  if (key.length > 0) tests.push(oneOf(key.map((text) => Buffer.from(text))))
  if (keyRegex !== undefined) tests.push(keyMatches(keyRegex))
  if (header.length > 0) tests.push(headersMatch(header.map(headerBytes)))
  if (grep !== undefined) tests.push(valueMatches(grep))
  return tests.length === 0 ? undefined : (record) => tests.every((test) => test(record))
}

function oneOf(keys: readonly Buffer[]): RecordFilter {
  return ({ bytes, keyStart, keyEnd }) =>
    keyStart >= 0 && keys.some((key) => key.compare(bytes, keyStart, keyEnd) === 0)
}

function keyMatches(regex: RegExp): RecordFilter {
  return ({ bytes, keyStart, keyEnd }) => keyStart >= 0 && regex.test(bufferOf(bytes, keyStart, keyEnd).toString())
}

function valueMatches(regex: RegExp): RecordFilter {
  return ({ bytes, valueStart, valueEnd }) =>
    valueStart >= 0 && regex.test(bufferOf(bytes, valueStart, valueEnd).toString())
}

interface WantedHeader {
  readonly name: string
  readonly value: Buffer | undefined
}

function headerBytes({ name, value }: HeaderFilter): WantedHeader {
  return { name, value: value === undefined ? undefined : Buffer.from(value) }
}

function headersMatch(wanted: readonly WantedHeader[]): RecordFilter {
  return (record) => {
    if (record.headerCount === 0) return false
    const { headers } = record
    return wanted.every(({ name, value }) =>
      headers.some((header) => {
        if (header.key !== name) return false
        return value === undefined || (header.value !== null && value.compare(header.value) === 0)
      }),
    )
  }
}
