/**
 * Record batches, version 2, byte for byte Kafka's: header fields, validation, and the walk over records.
 * Runs on: every thread, and browsers. Touches: the bytes it is given. Big-endian.
 *
 *  0             8         12             16      17     21           23              27
 *  +-------------+---------+--------------+-------+------+------------+---------------+
 *  | base offset | length  | leader epoch | magic | crc  | attributes | last offset   |
 *  | i64         | i32     | i32          | i8 = 2| u32  | i16        | delta: i32    |
 *  +-------------+---------+--------------+-------+------+------------+---------------+
 *  27               35              43            51             53              57             61
 *  +----------------+---------------+-------------+--------------+---------------+--------------+- - - -+
 *  | base timestamp | max timestamp | producer id | producer     | base sequence | record count | records
 *  | i64            | i64           | i64         | epoch: i16   | i32           | i32          |
 *  +----------------+---------------+-------------+--------------+---------------+--------------+- - - -+
 *
 * length: of what follows it. crc: CRC-32C from byte 21 to the end, so that the broker may set base offset and leader
 * epoch without touching it. attributes: bits 0-2 codec, 3 timestamp type, 4 transactional, 5 control, 6 delete
 * horizon.
 *
 * record: length varint | attributes i8 | timestamp delta varlong | offset delta varint | key length varint, key |
 * value length varint, value | header count varint, then each: key length varint, key, value length varint, value.
 * A length of -1 is null. The least record takes seven bytes.
 */
import { readInt64, writeInt64 } from '../bytes/int64.js'
import { decodeUtf8 } from '../bytes/utf8.js'
import type { ErrorName } from '../errors/error-table.js'
import { StreamBusError } from '../errors/streambus-error.js'
import { crc32cOf } from './crc32c.js'
import { VarintCursor } from './varint.js'

export const BatchLayout = {
  baseOffsetAt: 0,
  lengthAt: 8,
  leaderEpochAt: 12,
  magicAt: 16,
  crcAt: 17,
  attributesAt: 21,
  lastOffsetDeltaAt: 23,
  baseTimestampAt: 27,
  maxTimestampAt: 35,
  producerIdAt: 43,
  producerEpochAt: 51,
  baseSequenceAt: 53,
  recordCountAt: 57,
  recordsAt: 61,
} as const

export const batchHeaderBytes = 61
/** Base offset and length: what the length field does not count. */
export const batchPrefixBytes = 12
export const batchMagic = 2
export const minRecordBytes = 7

/** Compression codecs by their wire id; the id is the position in the list. */
export const codecNames = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
/** A way to pack a batch. */
export type CodecName = (typeof codecNames)[number]

export const BatchAttribute = {
  codecMask: 7,
  logAppendTime: 8,
  transactional: 16,
  control: 32,
  deleteHorizon: 64,
  unusedMask: 0xff80,
} as const

// Free functions for hot paths: one DataView over a ring or buffer serves all batches in it. Positions are those of
// the batch's first byte; the header must lie within the view.

export function batchSizeBytes(view: DataView, position: number): number {
  return view.getInt32(position + BatchLayout.lengthAt) + batchPrefixBytes
}

export function batchBaseOffset(view: DataView, position: number): number {
  return readInt64(view, position)
}

export function batchLastOffset(view: DataView, position: number): number {
  return readInt64(view, position) + view.getInt32(position + BatchLayout.lastOffsetDeltaAt)
}

export function batchRecordCount(view: DataView, position: number): number {
  return view.getInt32(position + BatchLayout.recordCountAt)
}

export function batchMaxTimestamp(view: DataView, position: number): number {
  return readInt64(view, position + BatchLayout.maxTimestampAt)
}

export function batchProducerId(view: DataView, position: number): number {
  return readInt64(view, position + BatchLayout.producerIdAt)
}

/** Sets what the broker assigns; neither field is inside the CRC. */
export function assignBatch(view: DataView, position: number, baseOffset: number, leaderEpoch: number): void {
  writeInt64(view, position, baseOffset)
  view.setInt32(position + BatchLayout.leaderEpochAt, leaderEpoch)
}

/** Why a batch is refused: the row of the error table and the sentence for its message. */
const batchProblems = {
  header: ['CORRUPT_MESSAGE', 'has fewer bytes than a header'],
  length: ['CORRUPT_MESSAGE', 'says a length that its bytes contradict'],
  magic: ['UNSUPPORTED_FOR_MESSAGE_FORMAT', 'has a format other than version 2'],
  crc: ['CORRUPT_MESSAGE', 'fails its CRC-32C'],
  attributes: ['INVALID_RECORD', 'sets attribute bits that have no meaning'],
  codec: ['UNSUPPORTED_COMPRESSION_TYPE', 'names a codec other than none, gzip, snappy, lz4 and zstd'],
  count: ['INVALID_RECORD', 'says a record count that its last offset delta or its size contradicts'],
  number: ['INVALID_RECORD', 'holds an offset, a time or a producer id beyond 2^53 - 1'],
  producer: ['INVALID_RECORD', 'has a producer id without epoch and sequence, or the reverse'],
  timestampType: ['INVALID_TIMESTAMP', 'claims log-append time, which only a broker may set'],
  control: ['INVALID_RECORD', 'is a control batch, which only a broker may write'],
  transactional: ['INVALID_RECORD', 'is transactional, which this version does not take'],
  records: ['INVALID_RECORD', 'holds records whose lengths or offset deltas contradict its header'],
} as const satisfies Record<string, readonly [ErrorName, string]>

export type BatchProblem = keyof typeof batchProblems

/** The error for a refused batch; `where` names it: "batch at byte 4096 of FILE". */
export function batchError(problem: BatchProblem, where: string): StreamBusError {
  const [name, text] = batchProblems[problem]
  return new StreamBusError(name, `${where} ${text}`)
}

/** The sentence alone, for reports. */
export function describeProblem(problem: BatchProblem): string {
  return batchProblems[problem][1]
}

/** Header fields against each other and against `availableBytes`; all but the CRC. */
export function checkBatchHeader(view: DataView, position: number, availableBytes: number): BatchProblem | 'ok' {
  if (availableBytes < batchHeaderBytes) return 'header'
  const size = view.getInt32(position + BatchLayout.lengthAt) + batchPrefixBytes
  if (size < batchHeaderBytes || size > availableBytes) return 'length'
  if (view.getInt8(position + BatchLayout.magicAt) !== batchMagic) return 'magic'
  const attributes = view.getUint16(position + BatchLayout.attributesAt)
  if ((attributes & BatchAttribute.unusedMask) !== 0) return 'attributes'
  if ((attributes & BatchAttribute.codecMask) >= codecNames.length) return 'codec'
  const count = view.getInt32(position + BatchLayout.recordCountAt)
  if (count < 1 || view.getInt32(position + BatchLayout.lastOffsetDeltaAt) !== count - 1) return 'count'
  const least = (attributes & BatchAttribute.codecMask) === 0 ? count * minRecordBytes : 1
  if (size - batchHeaderBytes < least) return 'count'
  return checkNumbers(view, position)
}

function checkNumbers(view: DataView, position: number): BatchProblem | 'ok' {
  const isSafe =
    isSafeInt64(view, position) &&
    isSafeInt64(view, position + BatchLayout.baseTimestampAt) &&
    isSafeInt64(view, position + BatchLayout.maxTimestampAt) &&
    isSafeInt64(view, position + BatchLayout.producerIdAt)
  if (!isSafe) return 'number'
  // Without a producer id epoch and sequence are -1; control batches carry an id without a sequence.
  const hasProducer = view.getInt32(position + BatchLayout.producerIdAt) >= 0
  const isControl = (view.getUint16(position + BatchLayout.attributesAt) & BatchAttribute.control) !== 0
  const hasEpoch = view.getInt16(position + BatchLayout.producerEpochAt) >= 0
  const hasSequence = view.getInt32(position + BatchLayout.baseSequenceAt) >= 0
  return hasProducer === hasEpoch && (isControl || hasProducer === hasSequence) ? 'ok' : 'producer'
}

function isSafeInt64(view: DataView, position: number): boolean {
  const high = view.getInt32(position)
  return high < 0x20_0000 && (high > -0x20_0000 || (high === -0x20_0000 && view.getUint32(position + 4) > 0))
}

export function batchCrcMatches(bytes: Uint8Array, view: DataView, position: number, sizeBytes: number): boolean {
  const computed = crc32cOf(bytes, position + BatchLayout.attributesAt, position + sizeBytes)
  return computed === view.getUint32(position + BatchLayout.crcAt)
}

/** Header and CRC of the batch at `position`, of which `availableBytes` are there. `view` covers `bytes`. */
export function validateBatch(
  bytes: Uint8Array,
  view: DataView,
  position: number,
  availableBytes: number,
): BatchProblem | 'ok' {
  const problem = checkBatchHeader(view, position, availableBytes)
  if (problem !== 'ok') return problem
  return batchCrcMatches(bytes, view, position, batchSizeBytes(view, position)) ? 'ok' : 'crc'
}

/** What a producer may send, beyond `validateBatch`: nothing that only a broker writes. */
export function checkProducedBatch(view: DataView, position: number): BatchProblem | 'ok' {
  const attributes = view.getUint16(position + BatchLayout.attributesAt)
  if ((attributes & BatchAttribute.logAppendTime) !== 0) return 'timestampType'
  if ((attributes & (BatchAttribute.control | BatchAttribute.deleteHorizon)) !== 0) return 'control'
  return (attributes & BatchAttribute.transactional) !== 0 ? 'transactional' : 'ok'
}

/** A reusable cursor on one batch. Field reads throw CORRUPT_MESSAGE beyond 2^53 - 1; `validate` first. */
export class RecordBatchView {
  bytes: Uint8Array
  view: DataView
  /** Of the batch's first byte in `bytes`. */
  position: number

  constructor(bytes: Uint8Array = new Uint8Array(0), position = 0) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.position = position
  }

  /** Moves to a batch; other bytes cost one DataView. */
  over(bytes: Uint8Array, position: number): this {
    if (bytes !== this.bytes) {
      this.bytes = bytes
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    }
    this.position = position
    return this
  }

  get baseOffset(): number {
    return readInt64(this.view, this.position)
  }

  set baseOffset(offset: number) {
    writeInt64(this.view, this.position, offset)
  }

  /** Of the whole batch. */
  get sizeBytes(): number {
    return batchSizeBytes(this.view, this.position)
  }

  get partitionLeaderEpoch(): number {
    return this.view.getInt32(this.position + BatchLayout.leaderEpochAt)
  }

  set partitionLeaderEpoch(epoch: number) {
    this.view.setInt32(this.position + BatchLayout.leaderEpochAt, epoch)
  }

  get magic(): number {
    return this.view.getInt8(this.position + BatchLayout.magicAt)
  }

  /** Whether all of it is what its producer sealed. */
  crcMatches(): boolean {
    return batchCrcMatches(this.bytes, this.view, this.position, this.sizeBytes)
  }

  get crc(): number {
    return this.view.getUint32(this.position + BatchLayout.crcAt)
  }

  get attributes(): number {
    return this.view.getUint16(this.position + BatchLayout.attributesAt)
  }

  get codec(): number {
    return this.attributes & BatchAttribute.codecMask
  }

  get isControl(): boolean {
    return (this.attributes & BatchAttribute.control) !== 0
  }

  get isTransactional(): boolean {
    return (this.attributes & BatchAttribute.transactional) !== 0
  }

  get lastOffsetDelta(): number {
    return this.view.getInt32(this.position + BatchLayout.lastOffsetDeltaAt)
  }

  get lastOffset(): number {
    return this.baseOffset + this.lastOffsetDelta
  }

  get baseTimestamp(): number {
    return readInt64(this.view, this.position + BatchLayout.baseTimestampAt)
  }

  get maxTimestamp(): number {
    return readInt64(this.view, this.position + BatchLayout.maxTimestampAt)
  }

  get producerId(): number {
    return readInt64(this.view, this.position + BatchLayout.producerIdAt)
  }

  get producerEpoch(): number {
    return this.view.getInt16(this.position + BatchLayout.producerEpochAt)
  }

  get baseSequence(): number {
    return this.view.getInt32(this.position + BatchLayout.baseSequenceAt)
  }

  get recordCount(): number {
    return this.view.getInt32(this.position + BatchLayout.recordCountAt)
  }

  /** Header and CRC, with `availableBytes` from the batch's first byte on. */
  validate(availableBytes = this.bytes.length - this.position): BatchProblem | 'ok' {
    return validateBatch(this.bytes, this.view, this.position, availableBytes)
  }
}

/**
 * Calls `onBatch` with a cursor on each whole batch of bytes[start, end), CRCs unchecked; returns where the last whole
 * one ends. Throws when a header is not one of version 2.
 */
export function forEachBatch(
  bytes: Uint8Array,
  start: number,
  end: number,
  onBatch: (batch: RecordBatchView) => void,
): number {
  const batch = new RecordBatchView(bytes, start)
  while (end - batch.position >= batchHeaderBytes) {
    const { position } = batch
    const problem = checkBatchHeader(batch.view, position, end - position)
    if (problem === 'length' && batch.sizeBytes >= batchHeaderBytes) break
    if (problem !== 'ok') throw batchError(problem, `the record batch at byte ${position}`)
    const { sizeBytes } = batch
    onBatch(batch)
    batch.over(bytes, position + sizeBytes)
  }
  return batch.position
}

/** Decodes bytes[start, end) of a codec; must throw rather than return more than `maxBytes`. */
export type Decompress = (codec: number, bytes: Uint8Array, start: number, end: number, maxBytes: number) => Uint8Array

/** A header of a record as it came. */
export interface RecordHeader {
  readonly key: string
  readonly value: Uint8Array | null
}

/** `count` headers of a record that a reader has stood on; values are views. */
export function readHeaders(bytes: Uint8Array, start: number, count: number): RecordHeader[] {
  const cursor = new VarintCursor().over(bytes, start, bytes.length)
  const headers: RecordHeader[] = []
  for (let index = 0; index < count; index++) {
    const keyBytes = cursor.int32()
    const keyStart = cursor.skip(keyBytes)
    const key = decodeUtf8(bytes, keyStart, keyStart + keyBytes)
    const valueBytes = cursor.int32()
    const valueStart = valueBytes < 0 ? -1 : cursor.skip(valueBytes)
    headers.push({ key, value: valueStart < 0 ? null : bytes.subarray(valueStart, valueStart + valueBytes) })
  }
  return headers
}

/** A decoded batch may be this large unless the caller says otherwise. */
export const defaultMaxDecompressedBytes = 64 * 1024 * 1024

/**
 * Iterates over the records of one batch, lazily and reusable: `over`, then `next` until it returns false. Fields
 * describe the current record; `key`, `value` and `headers` are views on the batch (or on its decoded form).
 */
export class RecordReader {
  offset = 0
  timestamp = 0
  /** Where key and value lie in `bytes`; a start of -1 is null. */
  keyStart = -1
  keyEnd = -1
  valueStart = -1
  valueEnd = -1
  headerCount = 0
  /** Where the headers lie in `bytes`, for `readHeaders`. */
  headersStart = 0
  private readonly cursor = new VarintCursor()
  private baseOffset = 0
  private baseTimestamp = 0
  private appendTimestamp: number | undefined
  private recordCount = 0
  private index = 0

  /**
   * Throws CORRUPT_MESSAGE or UNSUPPORTED_COMPRESSION_TYPE; the batch's header must have been validated.
   * @internal
   */
  over(batch: RecordBatchView, decompress?: Decompress, maxBytes = defaultMaxDecompressedBytes): this {
    const start = batch.position + batchHeaderBytes
    const end = batch.position + batch.sizeBytes
    if (batch.codec === 0) this.cursor.over(batch.bytes, start, end)
    else {
      const records = decodeRecords(batch, start, end, decompress, maxBytes)
      this.cursor.over(records, 0, records.length)
    }
    this.baseOffset = batch.baseOffset
    this.baseTimestamp = batch.baseTimestamp
    this.appendTimestamp = (batch.attributes & BatchAttribute.logAppendTime) !== 0 ? batch.maxTimestamp : undefined
    this.recordCount = batch.recordCount
    this.index = 0
    return this
  }

  /** What positions of the current record refer to. */
  get bytes(): Uint8Array {
    return this.cursor.bytes
  }

  /** Of the current record. */
  get key(): Uint8Array | null {
    return this.keyStart < 0 ? null : this.bytes.subarray(this.keyStart, this.keyEnd)
  }

  /** Of the current record. */
  get value(): Uint8Array | null {
    return this.valueStart < 0 ? null : this.bytes.subarray(this.valueStart, this.valueEnd)
  }

  /** The headers, made anew on each call. */
  get headers(): RecordHeader[] {
    return readHeaders(this.bytes, this.headersStart, this.headerCount)
  }

  /** Moves to the next record. Throws CORRUPT_MESSAGE where lengths, counts or offsets contradict each other. */
  next(): boolean {
    const { cursor } = this
    if (this.index === this.recordCount) {
      if (cursor.position !== cursor.end) throw this.corrupt(`${cursor.end - cursor.position} bytes after the last`)
      return false
    }
    const lengthBytes = cursor.int32()
    const end = cursor.skip(lengthBytes) + lengthBytes
    cursor.position = end - lengthBytes
    cursor.skip(1)
    const timestampDelta = cursor.int64()
    if (cursor.int32() !== this.index) throw this.corrupt('an offset delta out of order')
    this.offset = this.baseOffset + this.index
    this.timestamp = this.appendTimestamp ?? this.baseTimestamp + timestampDelta
    this.readKeyAndValue(end)
    this.index++
    return true
  }

  private readKeyAndValue(end: number): void {
    const { cursor } = this
    const keyBytes = cursor.int32()
    this.keyStart = keyBytes < 0 ? -1 : cursor.skip(keyBytes)
    this.keyEnd = this.keyStart + keyBytes
    const valueBytes = cursor.int32()
    this.valueStart = valueBytes < 0 ? -1 : cursor.skip(valueBytes)
    this.valueEnd = this.valueStart + valueBytes
    this.headerCount = cursor.int32()
    this.headersStart = cursor.position
    this.skipHeaders()
    if (cursor.position !== end) throw this.corrupt(`a length that its fields miss by ${end - cursor.position} bytes`)
  }

  private skipHeaders(): void {
    const { cursor } = this
    if (this.headerCount < 0) throw this.corrupt(`${this.headerCount} headers`)
    for (let index = 0; index < this.headerCount; index++) {
      cursor.skip(cursor.int32())
      const valueBytes = cursor.int32()
      if (valueBytes >= 0) cursor.skip(valueBytes)
    }
  }

  private corrupt(what: string): StreamBusError {
    return new StreamBusError(
      'CORRUPT_MESSAGE',
      `record ${this.index} of ${this.recordCount} of the batch at offset ${this.baseOffset} has ${what}`,
    )
  }
}

function decodeRecords(
  batch: RecordBatchView,
  start: number,
  end: number,
  decompress: Decompress | undefined,
  maxBytes: number,
): Uint8Array {
  const name = codecNames[batch.codec] ?? `codec ${batch.codec}`
  if (decompress === undefined) {
    throw new StreamBusError(
      'UNSUPPORTED_COMPRESSION_TYPE',
      `the batch at offset ${batch.baseOffset} is packed with ${name}, and no decoder for it is at hand`,
    )
  }
  const records = decompress(batch.codec, batch.bytes, start, end, maxBytes)
  if (records.length <= maxBytes) return records
  throw new StreamBusError(
    'MESSAGE_TOO_LARGE',
    `the batch at offset ${batch.baseOffset} unpacks to ${records.length} bytes; at most ${maxBytes} are allowed`,
  )
}

/** Whether every record of an uncompressed batch has the lengths and the offset delta that it must have. */
export function recordsAreSound(batch: RecordBatchView, reader = new RecordReader()): boolean {
  try {
    reader.over(batch)
    while (reader.next());
    return true
  } catch (error) {
    if (StreamBusError.is(error)) return false
    throw error
  }
}
