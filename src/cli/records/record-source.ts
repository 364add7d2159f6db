/**
 * Where `produce` gets its records: lines, lines of JSON, or one record for all of the input.
 * Runs on: main. Touches: the stream it is given.
 */
import type { Readable } from 'node:stream'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import type { ProducerRecord } from '../../client/index.js'
import type { HeaderArgument } from '../arguments.js'
import { LineSplitter } from '../lines.js'
import type { InputFormat } from './formats.js'
import { parseRecordJson } from './record-json.js'

export interface SourceOptions {
  readonly topic: string
  readonly format: InputFormat
  readonly keySeparator?: string | undefined
  readonly key?: string | undefined
  readonly headers: readonly HeaderArgument[]
  readonly partition?: number | undefined
  /** An empty value is sent as null: it deletes a key where topics are compacted. */
  readonly nullIfEmpty: boolean
  /** The partition of a line of JSON is read over. */
  readonly ignorePartition: boolean
}

/** No broker takes a record of this size; without a bound, input without line ends would fill the memory. */
const maxRecordBytes = 64 * 1024 * 1024

export interface RecordTaker {
  /** `number`: from 1. What it returns is waited for. */
  record(record: ProducerRecord, number: number): Promise<void> | undefined
  /** After the records of each chunk of the input; waited for: a wait for each record takes as long as sending it. */
  chunk(): Promise<void>
}

export async function readRecords(input: Readable, options: SourceOptions, taker: RecordTaker): Promise<void> {
  if (options.format === 'raw') {
    const value = await readWhole(input)
    return taker.record(plainRecord(value, options), 1)
  }
  const makeRecord = options.format === 'ndjson' ? jsonRecord : lineRecord
  const splitter = new LineSplitter(maxRecordBytes)
  let number = 0
  const take = async (lines: Iterable<Buffer>) => {
    for (const line of lines) {
      number++
      const record = makeRecord(line, number, options)
      const wait = record === undefined ? undefined : taker.record(record, number)
      if (wait !== undefined) await wait
    }
    await taker.chunk()
  }
  for await (const chunk of untilInterrupted(input)) await take(splitter.push(chunk))
  await take(splitter.finish())
}

/** Ctrl-C destroys the stream: what was read so far counts. */
async function* untilInterrupted(input: Readable): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of input) yield chunk as Buffer
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
  }
}

async function readWhole(input: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of untilInterrupted(input)) {
    chunks.push(chunk)
    sizeBytes += chunk.length
    if (sizeBytes > maxRecordBytes) {
      throw new StreamBusError('MESSAGE_TOO_LARGE', `the input is larger than ${maxRecordBytes} bytes`, {
        remedy: 'Send it in pieces, or a reference to it.',
      })
    }
  }
  if (input.readableEnded) return Buffer.concat(chunks)
  throw new StreamBusError('INVALID_RECORD', 'the input was interrupted: nothing was sent', { remedy: '' })
}

function lineRecord(line: Buffer, number: number, options: SourceOptions): ProducerRecord {
  const { keySeparator } = options
  if (keySeparator === undefined) return plainRecord(line, options)
  const at = line.indexOf(keySeparator)
  if (at < 0) {
    throw new StreamBusError('INVALID_RECORD', `line ${number} has no key separator "${keySeparator}"`, {
      remedy: 'Give each line as KEY, separator, VALUE. The lines before it were sent.',
    })
  }
  const record = plainRecord(line.subarray(at + Buffer.byteLength(keySeparator)), options)
  return { ...record, key: line.subarray(0, at) }
}

function plainRecord(value: Buffer, { topic, key, headers, partition, nullIfEmpty }: SourceOptions): ProducerRecord {
  return { topic, key, value: nullIfEmpty && value.length === 0 ? null : value, headers, partition }
}

/** What options say holds where the line says nothing; headers are added. Empty lines are read over. */
function jsonRecord(line: Buffer, number: number, options: SourceOptions): ProducerRecord | undefined {
  const text = line.toString()
  if (text.trim() === '') return undefined
  const given = parsed(text, number)
  const headers = given.headers.map(({ name, value }) => [name, value] as const)
  return {
    topic: options.topic,
    key: given.key ?? options.key,
    value: given.value,
    headers: [...headers, ...options.headers],
    partition: options.partition ?? (options.ignorePartition ? undefined : given.partition),
    timestampMs: given.timestampMs,
  }
}

function parsed(text: string, number: number): ReturnType<typeof parseRecordJson> {
  try {
    return parseRecordJson(text)
  } catch (error) {
    const { name, message, remedy } = StreamBusError.from(error)
    throw new StreamBusError(name, `line ${number}: ${message}`, {
      remedy: `${remedy} The lines before it were sent.`,
      cause: error,
    })
  }
}
