/**
 * A record as one line of JSON, and back: what `consume --json` prints and `produce --format ndjson` reads. Nothing is
 * lost between them: bytes that are no UTF-8 are base64.
 * Runs on: main. Touches: the bytes it is given.
 *
 * {"topic":"t","partition":0,"offset":7,"timestamp":1795432009330,"key":"k","value":"v","encoding":"text",
 *  "headers":[{"name":"n","value":"v"}]}
 */
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import type { RecordHeader, RecordReader } from '../../../native-free-core/log/record-batch.js'
import { jsonText, visibleInLine } from '../safe-text.js'
import type { WriteRecord } from './record-template.js'
import type { ValueFormat } from './formats.js'
import { bufferOf, embeddableJson, textOf } from './value-format.js'

/** `valueFormat`: json puts a value that is JSON in as it is; base64 takes every value so. */
export function recordJsonWriter(valueFormat: ValueFormat): WriteRecord {
  return (sink, topic, partition, record) => {
    const fields = [
      `"topic":${jsonText(topic)}`,
      `"partition":${partition}`,
      `"offset":${record.offset}`,
      `"timestamp":${record.timestamp}`,
      keyFields(record),
      valueFields(record, valueFormat),
      `"headers":[${record.headers.map(headerJson).join(',')}]`,
    ]
    sink.text(`{${fields.join(',')}}\n`)
  }
}

function keyFields({ bytes, keyStart, keyEnd }: RecordReader): string {
  if (keyStart < 0) return '"key":null'
  const key = bufferOf(bytes, keyStart, keyEnd)
  const text = textOf(key)
  return text === undefined ? `"key":"${key.toString('base64')}","keyEncoding":"base64"` : `"key":${jsonText(text)}`
}

function valueFields({ bytes, valueStart, valueEnd }: RecordReader, format: ValueFormat): string {
  if (valueStart < 0) return '"value":null,"encoding":"text"'
  const value = bufferOf(bytes, valueStart, valueEnd)
  const text = format === 'base64' ? undefined : textOf(value)
  if (text === undefined) return `"value":"${value.toString('base64')}","encoding":"base64"`
  const json = format === 'json' ? embeddableJson(text) : undefined
  return json === undefined ? `"value":${jsonText(text)},"encoding":"text"` : `"value":${json},"encoding":"json"`
}

function headerJson({ key, value }: RecordHeader): string {
  const name = `{"name":${jsonText(key)},"value":`
  if (value === null) return `${name}null}`
  const bytes = bufferOf(value, 0, value.length)
  const text = textOf(bytes)
  return text === undefined ? `${name}"${bytes.toString('base64')}","encoding":"base64"}` : `${name}${jsonText(text)}}`
}

export interface InputHeader {
  readonly name: string
  readonly value: Buffer | null
}

/** A record as it was written by hand or by `consume --json`. */
export interface InputRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly InputHeader[]
  readonly partition: number | undefined
  readonly timestampMs: number | undefined
}

type Fields = Readonly<Record<string, unknown>>

const recordFields = ['topic', 'partition', 'offset', 'timestamp', 'key', 'keyEncoding', 'value', 'encoding', 'headers']

/** Throws INVALID_RECORD that names the field; topic and offset are read over. */
export function parseRecordJson(line: string): InputRecord {
  const fields = parseObject(line)
  const unknown = Object.keys(fields).find((name) => !recordFields.includes(name))
  if (unknown !== undefined) {
    throw invalid(`"${visibleInLine(unknown)}" is no field of a record`, `The fields are ${recordFields.join(', ')}.`)
  }
  return {
    key: keyOf(fields),
    value: valueOf(fields),
    headers: headersOf(fields['headers']),
    partition: wholeNumber(fields, 'partition', 2 ** 31 - 1),
    timestampMs: wholeNumber(fields, 'timestamp', Number.MAX_SAFE_INTEGER),
  }
}

function parseObject(line: string): Fields {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch (cause) {
    throw invalid(`no JSON: ${visibleInLine((cause as Error).message)}`)
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Fields
  throw invalid(`${shown(parsed)} is no JSON object`)
}

function keyOf({ key, keyEncoding }: Fields): Buffer | null {
  if (key === undefined || key === null) return null
  if (typeof key !== 'string') throw invalid(`key is ${shown(key)}; expected a text or null`)
  if (keyEncoding === undefined || keyEncoding === 'text') return Buffer.from(key)
  if (keyEncoding === 'base64') return fromBase64(key, 'key')
  throw invalid(`keyEncoding is ${shown(keyEncoding)}; expected text or base64`)
}

function valueOf({ value, encoding }: Fields): Buffer | null {
  if (value === undefined) throw invalid('value is missing', 'Give a text, other JSON, or null for a tombstone.')
  switch (encoding) {
    case undefined:
      if (value === null) return null
      return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
    case 'json':
      return Buffer.from(JSON.stringify(value))
    case 'text':
    case 'base64':
      if (value === null) return null
      if (typeof value !== 'string')
        throw invalid(`value is ${shown(value)}; expected a text with encoding ${encoding}`)
      return encoding === 'text' ? Buffer.from(value) : fromBase64(value, 'value')
    default:
      throw invalid(`encoding is ${shown(encoding)}; expected text, json or base64`)
  }
}

/** As `consume` prints them, or an object of texts and nulls. */
function headersOf(headers: unknown): InputHeader[] {
  if (headers === undefined || headers === null) return []
  if (Array.isArray(headers)) return headers.map((header: unknown) => headerOf(header))
  if (typeof headers !== 'object') throw invalid(`headers is ${shown(headers)}; expected a list or an object`)
  return Object.entries(headers).map(([name, value]: [string, unknown]) => headerOf({ name, value }))
}

function headerOf(header: unknown): InputHeader {
  const { name, value, encoding } = (header ?? {}) as Fields
  if (typeof name !== 'string') throw invalid(`a header is ${shown(header)}; expected {"name":"n","value":"v"}`)
  if (value === null) return { name, value: null }
  if (typeof value !== 'string') {
    throw invalid(`header ${visibleInLine(name)} is ${shown(value)}; expected a text or null`)
  }
  if (encoding === undefined || encoding === 'text') return { name, value: Buffer.from(value) }
  if (encoding === 'base64') return { name, value: fromBase64(value, `header ${visibleInLine(name)}`) }
  throw invalid(`header ${visibleInLine(name)} has the encoding ${shown(encoding)}; expected text or base64`)
}

function wholeNumber(fields: Fields, name: string, max: number): number | undefined {
  const value = fields[name]
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max) return value
  throw invalid(`${name} is ${shown(value)}; expected a whole number of 0 to ${max}`)
}

function fromBase64(text: string, field: string): Buffer {
  if (/^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0) return Buffer.from(text, 'base64')
  throw invalid(`${field} is ${shown(text)}, which is not base64`)
}

function shown(value: unknown): string {
  const text = jsonText(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

function invalid(message: string, remedy = 'docs/cli.md has the schema of a record.'): StreamBusError {
  return new StreamBusError('INVALID_RECORD', message, { remedy })
}
