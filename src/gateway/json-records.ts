/**
 * Records as JSON: how values, keys and headers are written and read, and batches decoded for readers of JSON.
 * Runs on: main. Touches: the bytes it is given.
 */
import { gunzipSync } from 'node:zlib'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { batchError, codecNames, RecordBatchView, RecordReader } from '../../native-free-core/log/record-batch.js'
import { type HeaderBytes, RecordBatchBuilder } from '../../native-free-core/log/record-batch-builder.js'

/** auto, for reading only: json where the value is JSON, else text where it is UTF-8, else base64. */
export type Encoding = 'json' | 'text' | 'base64'
export type ReadEncoding = Encoding | 'auto'

export interface JsonRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  /** Left out when it is text. */
  readonly keyEncoding?: 'base64'
  readonly value: unknown
  readonly encoding: Encoding
  readonly headers: Readonly<Record<string, string | null>>
}

/** In place of the records of a batch that can't be decoded here. */
export interface JsonUnreadable {
  readonly offset: number
  readonly lastOffset: number
  readonly error: { readonly code: number; readonly name: string; readonly message: string }
}

export interface GivenRecord {
  readonly key?: string | null
  readonly keyEncoding?: 'text' | 'base64'
  readonly value?: unknown
  readonly encoding?: Encoding
  readonly headers?: Readonly<Record<string, string | null>>
  readonly timestamp?: number
}

const gzipCodec = 1
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const builder = new RecordBatchBuilder(16 * 1024)
const batch = new RecordBatchView()
const reader = new RecordReader()

/** A batch of these records; a view that is valid until the next call. Throws INVALID_REQUEST. */
export function buildBatch(records: readonly GivenRecord[], nowMs: number): Uint8Array {
  builder.reset()
  for (const record of records) {
    const timestampMs = record.timestamp ?? nowMs
    builder.append(keyBytes(record), valueBytes(record), timestampMs, headerBytes(record.headers))
  }
  return builder.finish()
}

export function keyBytes(record: GivenRecord): Uint8Array | null {
  const { key } = record
  if (key === undefined || key === null) return null
  return record.keyEncoding === 'base64' ? fromBase64(key, 'key') : Buffer.from(key)
}

function valueBytes({ value, encoding }: GivenRecord): Uint8Array | null {
  if (value === null && encoding !== 'json') return null
  if (value === undefined) throw new StreamBusError('INVALID_REQUEST', 'value is missing; null makes a tombstone')
  switch (encoding ?? 'json') {
    case 'json':
      return Buffer.from(JSON.stringify(value))
    case 'text':
      return Buffer.from(textOf(value, 'text'))
    case 'base64':
      return fromBase64(textOf(value, 'base64'), 'value')
  }
}

function textOf(value: unknown, encoding: string): string {
  if (typeof value === 'string') return value
  throw new StreamBusError('INVALID_REQUEST', `value is a ${typeof value}; expected a text with encoding ${encoding}`)
}

function fromBase64(text: string, field: string): Uint8Array {
  if (/^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0) return Buffer.from(text, 'base64')
  throw new StreamBusError('INVALID_REQUEST', `${field} is "${text.slice(0, 40)}", which is not base64`)
}

function headerBytes(headers: GivenRecord['headers']): HeaderBytes[] {
  return Object.entries(headers ?? {}).map(([key, value]) => ({
    key: Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
  }))
}

/**
 * Calls `onBatch` with the records from `firstOffset` on of each batch in bytes[start, end). `maxBytes`: what one batch
 * may unpack to.
 */
export function readBatches(
  bytes: Uint8Array,
  start: number,
  end: number,
  firstOffset: number,
  encoding: ReadEncoding,
  maxBytes: number,
  onBatch: (records: readonly (JsonRecord | JsonUnreadable)[]) => void,
): void {
  for (let at = start; at < end; ) {
    batch.over(bytes, at)
    if (!batch.isControl) onBatch(recordsOf(firstOffset, encoding, maxBytes))
    at += batch.sizeBytes
  }
}

function recordsOf(firstOffset: number, encoding: ReadEncoding, maxBytes: number): (JsonRecord | JsonUnreadable)[] {
  const records: JsonRecord[] = []
  try {
    // Others check it themselves; a reader of JSON never sees the batch, and would take a damaged value for good.
    if (!batch.crcMatches()) throw batchError('crc', `the batch at offset ${batch.baseOffset}`)
    reader.over(batch, unpack, maxBytes)
    while (reader.next()) if (reader.offset >= firstOffset) records.push(recordOf(encoding))
    return records
  } catch (error) {
    const { code, name, message } = StreamBusError.from(error)
    return [...records, { offset: batch.baseOffset, lastOffset: batch.lastOffset, error: { code, name, message } }]
  }
}

function unpack(codec: number, bytes: Uint8Array, start: number, end: number, maxBytes: number): Uint8Array {
  if (codec !== gzipCodec) {
    throw new StreamBusError(
      'UNSUPPORTED_COMPRESSION_TYPE',
      `the batch at offset ${batch.baseOffset} is packed with ${codecNames[codec] ?? `codec ${codec}`}; ` +
        'JSON readers get none and gzip',
    )
  }
  try {
    return gunzipSync(bytes.subarray(start, end), { maxOutputLength: maxBytes })
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new StreamBusError(
        'MESSAGE_TOO_LARGE',
        `the batch at offset ${batch.baseOffset} unpacks to more than ${maxBytes} bytes`,
        { cause: error },
      )
    }
    throw new StreamBusError('CORRUPT_MESSAGE', `the batch at offset ${batch.baseOffset} is no gzip`, { cause: error })
  }
}

function recordOf(encoding: ReadEncoding): JsonRecord {
  const { key, value, offset, timestamp } = reader
  const keyText = key === null ? null : utf8Of(key)
  // From entries: a header called __proto__ is one like any other.
  const headers = Object.fromEntries(
    reader.headers.map(({ key: name, value: bytes }): [string, string | null] => [
      name,
      bytes === null ? null : (utf8Of(bytes) ?? base64Of(bytes)),
    ]),
  )
  const written = valueOf(value, encoding)
  if (keyText !== undefined) {
    return { offset, timestamp, key: keyText, headers, value: written.value, encoding: written.encoding }
  }
  const keyBase64 = base64Of(key!)
  return {
    offset,
    timestamp,
    key: keyBase64,
    headers,
    keyEncoding: 'base64',
    value: written.value,
    encoding: written.encoding,
  }
}

/** What was asked for, where the value allows it; base64 takes everything. */
function valueOf(value: Uint8Array | null, encoding: ReadEncoding): { value: unknown; encoding: Encoding } {
  if (value === null) return { value: null, encoding: encoding === 'auto' || encoding === 'json' ? 'text' : encoding }
  const text = encoding === 'base64' ? undefined : utf8Of(value)
  if (text === undefined) return { value: base64Of(value), encoding: 'base64' }
  if (encoding === 'text') return { value: text, encoding: 'text' }
  try {
    return { value: JSON.parse(text) as unknown, encoding: 'json' }
  } catch {
    return { value: text, encoding: 'text' }
  }
}

function utf8Of(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
