/**
 * Templates such as '%k %v\n' that say how a record is printed, with kcat's letters.
 * Runs on: main. Touches: nothing.
 */
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import type { RecordReader } from '../../../native-free-core/log/record-batch.js'
import { visible, visibleInLine } from '../safe-text.js'
import type { ByteSink } from './byte-sink.js'
import type { WriteValue } from './value-format.js'

/** Prints one record. */
export type WriteRecord = (sink: ByteSink, topic: string, partition: number, record: RecordReader) => void

export interface TemplateOptions {
  readonly writeKey: WriteValue
  readonly writeValue: WriteValue
  readonly isForTerminal: boolean
}

type LetterWriter = (options: TemplateOptions) => WriteRecord

interface Letter {
  readonly meaning: string
  readonly writer: LetterWriter
}

const value: LetterWriter =
  ({ writeValue }) =>
  (sink, _topic, _partition, record) => {
    if (record.valueStart >= 0) writeValue(sink, record.bytes, record.valueStart, record.valueEnd)
  }

/** -1 for null. */
function valueBytes({ valueStart, valueEnd }: RecordReader): number {
  return valueStart < 0 ? -1 : valueEnd - valueStart
}

/** kcat's letters mean what they mean there; v and d are ours. */
const letters: Readonly<Record<string, Letter>> = {
  v: { meaning: 'value', writer: value },
  s: { meaning: 'value, too', writer: value },
  k: {
    meaning: 'key',
    writer:
      ({ writeKey }) =>
      (sink, _topic, _partition, record) => {
        if (record.keyStart >= 0) writeKey(sink, record.bytes, record.keyStart, record.keyEnd)
      },
  },
  t: { meaning: 'topic', writer: () => (sink, topic) => sink.text(topic) },
  p: { meaning: 'partition', writer: () => (sink, _topic, partition) => sink.text(String(partition)) },
  o: { meaning: 'offset', writer: () => (sink, _topic, _partition, record) => sink.text(String(record.offset)) },
  T: {
    meaning: 'time in milliseconds since 1970',
    writer: () => (sink, _topic, _partition, record) => sink.text(String(record.timestamp)),
  },
  d: {
    meaning: 'time as 2026-11-23T10:00:00.000Z',
    writer: () => (sink, _topic, _partition, record) => sink.text(isoTime(record.timestamp)),
  },
  h: {
    meaning: 'headers as NAME=VALUE,NAME=VALUE',
    writer:
      ({ isForTerminal }) =>
      (sink, _topic, _partition, record) =>
        headers(sink, record, isForTerminal),
  },
  S: {
    meaning: 'size of the value in bytes, -1 for null',
    writer: () => (sink, _topic, _partition, record) => sink.text(String(valueBytes(record))),
  },
  K: {
    meaning: 'size of the key in bytes, -1 for null',
    writer: () => (sink, _topic, _partition, record) => {
      sink.text(String(record.keyStart < 0 ? -1 : record.keyEnd - record.keyStart))
    },
  },
  R: {
    meaning: 'size of the value as four bytes, big endian',
    writer: () => (sink, _topic, _partition, record) => {
      const count = valueBytes(record)
      for (let shift = 24; shift >= 0; shift -= 8) sink.byte((count >> shift) & 0xff)
    },
  },
}

export const templateLetters = [
  ...Object.entries(letters).map(([letter, { meaning }]) => `%${letter} ${meaning}`),
  '%% a percent sign',
].join(', ')

const escapes: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, '0': 0, '\\': 0x5c }

/** Times far from ours are what some producers send: they have no calendar date. */
export function isoTime(timestampMs: number): string {
  return Math.abs(timestampMs) <= 8.64e15 ? new Date(timestampMs).toISOString() : String(timestampMs)
}

function headers(sink: ByteSink, record: RecordReader, isForTerminal: boolean): void {
  let isFirst = true
  for (const { key, value: bytes } of record.headers) {
    if (!isFirst) sink.byte(0x2c)
    isFirst = false
    sink.text(`${isForTerminal ? visibleInLine(key) : key}=`)
    if (bytes === null) sink.text('NULL')
    else if (isForTerminal) sink.text(visible(Buffer.from(bytes).toString()))
    else sink.append(bytes)
  }
}

/** Throws USAGE for a letter or an escape that means nothing. */
export function recordTemplate(template: string, options: TemplateOptions): WriteRecord {
  const writers: WriteRecord[] = []
  let literal: Buffer[] = []
  const flush = () => {
    if (literal.length === 0) return
    const bytes = Buffer.concat(literal)
    literal = []
    writers.push((sink) => sink.append(bytes))
  }
  // A piece: a letter, an escape, or text up to the next of them.
  for (const [piece] of template.matchAll(/%[^]?|\\x[0-9a-fA-F]{1,2}|\\[^]?|[^%\\]+/gu)) {
    if (piece.startsWith('%') && piece !== '%%') {
      flush()
      writers.push(letterOf(piece, template).writer(options))
    } else literal.push(literalOf(piece, template))
  }
  flush()
  return (sink, topic, partition, record) => {
    for (const write of writers) write(sink, topic, partition, record)
  }
}

function letterOf(piece: string, template: string): Letter {
  const letter = Object.hasOwn(letters, piece.slice(1)) ? letters[piece.slice(1)] : undefined
  if (letter !== undefined) return letter
  throw new StreamBusError(
    'USAGE',
    `the template "${visibleInLine(template)}" has ${piece}, which stands for nothing`,
    {
      remedy: `There are ${templateLetters}.`,
    },
  )
}

function literalOf(piece: string, template: string): Buffer {
  if (piece === '%%') return Buffer.from('%')
  if (!piece.startsWith('\\')) return Buffer.from(piece)
  if (/^\\x[0-9a-fA-F]/.test(piece)) return Buffer.from([Number.parseInt(piece.slice(2), 16)])
  const code = escapes[piece.slice(1)]
  if (code !== undefined) return Buffer.from([code])
  throw new StreamBusError(
    'USAGE',
    `the template "${visibleInLine(template)}" has ${piece}, which stands for nothing`,
    {
      remedy: 'There are \\n, \\r, \\t, \\0, \\\\ and \\x with two hex digits, such as \\x1f.',
    },
  )
}
