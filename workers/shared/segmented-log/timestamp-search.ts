/**
 * Finds records by their time in one segment, as Kafka's ListOffsets means it.
 * Runs on: shards, the read thread. Touches: the segment's files, reading.
 */
import { batchHeaderBytes, type Decompress, RecordReader } from '../../../native-free-core/log/record-batch.js'
import type { BatchScanner } from '../../../native-free-core/log/batch-scanner.js'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import type { Segment } from './segment.js'
import { sharedScanner } from './segment-recovery.js'

export interface TimestampOffset {
  readonly offset: number
  readonly timestamp: number
}

/** The first record at or above `startOffset` that is not older than `timestamp`. */
export function findByTimestamp(
  segment: Segment,
  timestamp: number,
  startOffset: number,
  decompress: Decompress | undefined,
): TimestampOffset | undefined {
  const index = segment.indexes()
  const from = Math.max(index.relativeOffsetForTimestamp(timestamp), startOffset - segment.baseOffset)
  return segment.withReader((read) => {
    const scan = sharedScanner().over(read, index.positionForOffset(from), segment.sizeBytes, 'headers')
    while (scan.advance()) {
      if (scan.batch.maxTimestamp < timestamp || scan.batch.lastOffset < startOffset) continue
      const found = firstRecord(scan, decompress, (offset, time) => offset >= startOffset && time >= timestamp)
      if (found !== undefined) return found
    }
    failIfDamaged(segment, scan)
    return undefined
  })
}

/** The first record that has the segment's largest timestamp. */
export function findLargestTimestamp(
  segment: Segment,
  decompress: Decompress | undefined,
): TimestampOffset | undefined {
  return findByTimestamp(segment, segment.maxTimestamp, segment.baseOffset, decompress)
}

/**
 * The first record of the current batch that `accepts`. A packed batch that can't be unpacked here counts with its
 * first offset and its largest time: the reader then starts a little before what it asked for, never behind it.
 */
function firstRecord(
  scan: BatchScanner,
  decompress: Decompress | undefined,
  accepts: (offset: number, timestamp: number) => boolean,
): TimestampOffset | undefined {
  const batch = scan.readBatch()
  if (batch.codec !== 0 && decompress === undefined) {
    return { offset: batch.baseOffset, timestamp: batch.maxTimestamp }
  }
  const reader = new RecordReader().over(batch, decompress)
  while (reader.next()) {
    if (accepts(reader.offset, reader.timestamp)) {
      return { offset: reader.offset, timestamp: reader.timestamp }
    }
  }
  return undefined
}

function failIfDamaged(segment: Segment, scan: BatchScanner): void {
  if (scan.problem === 'ok') return
  throw damaged(segment, scan.position)
}

/** A header in the middle of a segment can't be read. */
export function damaged(segment: Segment, position: number): StreamBusError {
  return new StreamBusError(
    'SEGMENT_DAMAGED',
    `${segment.path}: no record batch of at least ${batchHeaderBytes} sound bytes starts at byte ${position}`,
  )
}
