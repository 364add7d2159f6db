/**
 * Says in lines what a file of a partition holds, for `streambus-cli log dump`.
 * Runs on: the command line, jobs. Touches: what its source gives it.
 */
import { decodeUtf8 } from '../bytes/utf8.js'
import { StreamBusError } from '../errors/streambus-error.js'
import { BatchScanner, type ReadAt } from './batch-scanner.js'
import {
  leaderEpochFileName,
  offsetEntryBytes,
  parseSegmentFileName,
  partitionMetadataFileName,
  positionAt,
  relativeOffsetAt,
  timeEntryBytes,
  timeRelativeOffsetAt,
  timestampAt,
} from './index-format.js'
import { parseLeaderEpochs } from './leader-epoch-checkpoint.js'
import { parsePartitionMetadata } from './partition-metadata.js'
import { ProducerState, readSnapshotEntry, SnapshotLayout, snapshotEntryBytes } from './producer-state.js'
import {
  codecNames,
  type Decompress,
  describeProblem,
  type RecordBatchView,
  type RecordHeader,
  RecordReader,
} from './record-batch.js'

export interface DumpSource {
  /** The file's name without its folder. */
  readonly name: string
  readonly sizeBytes: number
  readonly read: ReadAt
}

export interface DumpOptions {
  /** Also each record, with key, value and headers. */
  readonly withRecords?: boolean
  readonly decompress?: Decompress
}

/** The lines for a file, by its name. Throws USAGE for a name that is none of a partition's files. */
export function dumpFile(source: DumpSource, options: DumpOptions = {}): Generator<string> {
  const segment = parseSegmentFileName(source.name)
  if (segment?.kind === 'log') return dumpSegment(source, options)
  if (segment?.kind === 'index') return dumpOffsetIndex(source, segment.baseOffset)
  if (segment?.kind === 'timeindex') return dumpTimeIndex(source, segment.baseOffset)
  if (segment?.kind === 'snapshot') return dumpProducerSnapshot(source)
  if (source.name === leaderEpochFileName) return dumpLeaderEpochs(source)
  if (source.name === partitionMetadataFileName) return dumpPartitionMetadata(source)
  throw new StreamBusError(
    'USAGE',
    `${source.name} is no file of a partition; expected N.log, N.index, N.timeindex, N.snapshot with an offset of ` +
      `20 digits for N, ${leaderEpochFileName} or ${partitionMetadataFileName}`,
  )
}

function* dumpSegment(source: DumpSource, options: DumpOptions): Generator<string> {
  const scanner = new BatchScanner(256 * 1024).over(source.read, 0, source.sizeBytes, 'crc')
  let batches = 0
  let records = 0
  while (scanner.advance()) {
    batches++
    records += scanner.batch.recordCount
    yield describeBatch(scanner.batch, scanner.position)
    if (options.withRecords === true) yield* describeRecords(scanner.readBatch(), options.decompress)
  }
  if (scanner.problem !== 'ok') {
    yield `DAMAGED: the batch at byte ${scanner.position} ${describeProblem(scanner.problem)}; ` +
      `${source.sizeBytes - scanner.position} bytes are unread`
  }
  yield `${source.name}: ${batches} batches, ${records} records, ${scanner.soundEnd} of ${source.sizeBytes} bytes sound`
}

function describeBatch(batch: RecordBatchView, position: number): string {
  const producer =
    batch.producerId < 0
      ? ''
      : ` producerId: ${batch.producerId} epoch: ${batch.producerEpoch} baseSequence: ${batch.baseSequence}`
  return (
    `baseOffset: ${batch.baseOffset} lastOffset: ${batch.lastOffset} count: ${batch.recordCount} ` +
    `position: ${position} size: ${batch.sizeBytes} leaderEpoch: ${batch.partitionLeaderEpoch} ` +
    `timestamps: ${batch.baseTimestamp} to ${batch.maxTimestamp} codec: ${codecNames[batch.codec]}${producer} ` +
    `crc: ${batch.crc} valid`
  )
}

function* describeRecords(batch: RecordBatchView, decompress: Decompress | undefined): Generator<string> {
  const reader = new RecordReader()
  try {
    reader.over(batch, decompress)
    while (reader.next()) {
      const headers = reader.headerCount === 0 ? '' : ` headers: ${describeHeaders(reader.headers)}`
      yield `| offset: ${reader.offset} timestamp: ${reader.timestamp} key: ${showBytes(reader.key)} ` +
        `value: ${showBytes(reader.value)}${headers}`
    }
  } catch (error) {
    if (!StreamBusError.is(error)) throw error
    yield `| ${error.message}`
  }
}

function describeHeaders(headers: readonly RecordHeader[]): string {
  return headers.map((header) => `${header.key}=${showBytes(header.value)}`).join(', ')
}

/** Text as JSON; what is no UTF-8 as hexadecimal digits. */
function showBytes(bytes: Uint8Array | null): string {
  if (bytes === null) return 'null'
  try {
    return JSON.stringify(decodeUtf8(bytes))
  } catch {
    return `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
  }
}

function readAll(source: DumpSource): DataView {
  const bytes = new Uint8Array(source.sizeBytes)
  return new DataView(bytes.buffer, 0, source.read(bytes, 0))
}

function readText(source: DumpSource): string {
  const view = readAll(source)
  return decodeUtf8(new Uint8Array(view.buffer, 0, view.byteLength))
}

function* dumpOffsetIndex(source: DumpSource, baseOffset: number): Generator<string> {
  const view = readAll(source)
  const count = Math.floor(view.byteLength / offsetEntryBytes)
  for (let index = 0; index < count; index++) {
    yield `offset: ${baseOffset + relativeOffsetAt(view, index)} position: ${positionAt(view, index)}`
  }
  yield* summary(source, count, view.byteLength % offsetEntryBytes)
}

function* dumpTimeIndex(source: DumpSource, baseOffset: number): Generator<string> {
  const view = readAll(source)
  const count = Math.floor(view.byteLength / timeEntryBytes)
  for (let index = 0; index < count; index++) {
    yield `timestamp: ${timestampAt(view, index)} offset: ${baseOffset + timeRelativeOffsetAt(view, index)}`
  }
  yield* summary(source, count, view.byteLength % timeEntryBytes)
}

function* dumpProducerSnapshot(source: DumpSource): Generator<string> {
  const view = readAll(source)
  ProducerState.parseSnapshot(new Uint8Array(view.buffer, 0, view.byteLength))
  let count = 0
  for (let at: number = SnapshotLayout.entriesAt; at < view.byteLength; at += snapshotEntryBytes) {
    const { producerId, epoch, batch } = readSnapshotEntry(view, at)
    yield `producerId: ${producerId} epoch: ${epoch} sequences: ${batch.baseSequence} to ${batch.lastSequence} ` +
      `offsets: ${batch.baseOffset} to ${batch.lastOffset} timestamp: ${batch.timestamp}`
    count++
  }
  yield* summary(source, count, 0)
}

function* dumpLeaderEpochs(source: DumpSource): Generator<string> {
  const entries = parseLeaderEpochs(readText(source))
  for (const { epoch, startOffset } of entries) yield `leaderEpoch: ${epoch} startOffset: ${startOffset}`
  yield* summary(source, entries.length, 0)
}

function* dumpPartitionMetadata(source: DumpSource): Generator<string> {
  yield `topicId: ${parsePartitionMetadata(readText(source))}`
}

function* summary(source: DumpSource, count: number, leftoverBytes: number): Generator<string> {
  const torn = leftoverBytes === 0 ? '' : `, TORN: ${leftoverBytes} bytes after the last`
  yield `${source.name}: ${count} entries${torn}`
}
