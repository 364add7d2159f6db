/**
 * Which offset a point in time stands for: in segments by their time indexes, in the journal by a walk.
 * Runs on: shard worker. Touches: segments and their indexes (reads; rare requests only).
 * Segments hold nothing above the high watermark, but for batches that were refused when a write failed: no answer
 * tells of those.
 * Meaning as Kafka's ListOffsets: the first record whose time is at or after the one asked for.
 */
import { batchHeaderBytes, RecordBatchView, RecordReader } from '../../native-free-core/log/record-batch.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { Journal } from '../shared/journal.js'
import type { Partition } from './partition.js'

export interface OffsetAndTime {
  readonly offset: number
  readonly timestamp: number
}

const latest = -1
const earliest = -2
const largestTime = -3
const none: OffsetAndTime = { offset: -1, timestamp: -1 }

export function offsetForTime(partition: Partition, timestamp: number): OffsetAndTime {
  if (timestamp === latest) return { offset: partition.highWatermark, timestamp: -1 }
  if (timestamp === earliest) return { offset: partition.logStartOffset, timestamp: -1 }
  partition.extents.dropBelow(partition.ring.floorPosition)
  if (timestamp === largestTime) return withLargestTime(partition)
  const found = partition.log.offsetForTimestamp(timestamp) ?? inRing(partition, timestamp) ?? none
  return found.offset < partition.highWatermark ? found : none
}

/** The first record at or after `timestamp` in what is not settled yet. */
function inRing(partition: Partition, timestamp: number): OffsetAndTime | undefined {
  const { extents, highWatermark, ring } = partition
  for (let index = extents.settledCount; index < extents.count; index++) {
    if (extents.endOffsetAt(index) > highWatermark) return undefined
    if (extents.maxTimestampAt(index) < timestamp) continue
    const found = inBatch(ring, extents.positionAt(index), timestamp, partition.logStartOffset)
    if (found !== undefined) return found
  }
  return undefined
}

function withLargestTime(partition: Partition): OffsetAndTime {
  const { extents, highWatermark, ring } = partition
  let best = partition.log.largestTimestamp()
  if (best !== undefined && best.offset >= highWatermark) {
    const what = `the largest time of ${partition.name} is that of a record that was refused when a write failed`
    throw new StreamBusError('KAFKA_STORAGE_ERROR', `${what}; restart the broker when its disk is in order`)
  }
  for (let index = extents.settledCount; index < extents.count; index++) {
    if (extents.endOffsetAt(index) > highWatermark) break
    const time = extents.maxTimestampAt(index)
    if (best !== undefined && time <= best.timestamp) continue
    best = inBatch(ring, extents.positionAt(index), time, partition.logStartOffset) ?? best
  }
  return best ?? none
}

/** A compressed batch answers with its first offset: the shard decodes nothing. */
function inBatch(ring: Journal, position: number, timestamp: number, from: number): OffsetAndTime | undefined {
  const batch = new RecordBatchView(ring.bytes, ring.indexOf(position))
  if (batch.codec !== 0 || batch.sizeBytes <= batchHeaderBytes) {
    return { offset: Math.max(batch.baseOffset, from), timestamp: batch.maxTimestamp }
  }
  const records = new RecordReader().over(batch)
  while (records.next()) {
    if (records.timestamp >= timestamp && records.offset >= from) {
      return { offset: records.offset, timestamp: records.timestamp }
    }
  }
  return undefined
}
