/**
 * Partition logs for tests: batches with chosen offsets and times, small segments, and a model to compare with.
 * Runs on: the test process. Touches: the disk that it is given.
 */
import { RecordBatchView } from '../../native-free-core/log/record-batch.js'
import { RecordBatchBuilder } from '../../native-free-core/log/record-batch-builder.js'
import type { Disk } from '../../workers/shared/disk.js'
import { SegmentedLog, type SegmentedLogConfig } from '../../workers/shared/segmented-log/segmented-log.js'
import { MemoryDisk } from './memory-disk.js'
import { Random } from './random.js'

export const topicId = '0123456789abcdef0123456789abcdef'
export const logFolder = '/topics/t-0'

/** Small enough that a few hundred records fill several segments with several index entries each. */
export const smallConfig: SegmentedLogConfig = {
  indexIntervalBytes: 300,
  segmentBytes: 3000,
  segmentIndexBytes: 4096,
  segmentMs: 1e9,
  retentionBytes: -1,
  retentionMs: -1,
}

export function memoryDisk(seed = 1): MemoryDisk {
  return new MemoryDisk({ random: new Random(seed) })
}

export interface BatchSpec {
  readonly baseOffset: number
  readonly count?: number
  readonly timestamp?: number
  readonly valueBytes?: number
  readonly producer?: { readonly id: number; readonly epoch: number; readonly sequence: number }
  readonly leaderEpoch?: number
}

const builder = new RecordBatchBuilder()

/** One batch; record i has the time `timestamp` + i and the key `k` + its offset. */
export function makeBatch(spec: BatchSpec): Uint8Array {
  const { baseOffset, count = 1, timestamp = 1000 + baseOffset, valueBytes = 20, producer } = spec
  builder.reset()
  for (let index = 0; index < count; index++) {
    const key = new TextEncoder().encode(`k${baseOffset + index}`)
    builder.append(key, new Uint8Array(valueBytes).fill(baseOffset + index), timestamp + index)
  }
  const options =
    producer === undefined
      ? {}
      : { producerId: producer.id, producerEpoch: producer.epoch, baseSequence: producer.sequence }
  const bytes = builder.finish(options).slice()
  const batch = new RecordBatchView(bytes)
  batch.baseOffset = baseOffset
  batch.partitionLeaderEpoch = spec.leaderEpoch ?? 0
  return bytes
}

export function newLog(disk: Disk, config: SegmentedLogConfig = smallConfig): SegmentedLog {
  return SegmentedLog.create(disk, logFolder, topicId, config)
}

/** Appends `count` batches of one record each, as one call. */
export function appendSingles(log: SegmentedLog, count: number): Uint8Array[] {
  const first = log.endOffset
  const batches = Array.from({ length: count }, (_, index) => makeBatch({ baseOffset: first + index }))
  log.append(batches)
  return batches
}

export function fileBytes(disk: Disk, path: string): Uint8Array {
  const file = disk.open(path, 'read')
  try {
    const bytes = new Uint8Array(disk.size(file))
    disk.read(file, bytes, 0)
    return bytes
  } finally {
    disk.close(file)
  }
}

/** The content of all files of the folder whose names end so, by name. */
export function contents(disk: Disk, suffix: RegExp, folder = logFolder): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of disk.list(folder)) {
    if (suffix.test(name)) found[name] = Buffer.from(fileBytes(disk, `${folder}/${name}`)).toString('hex')
  }
  return found
}

/** Everything from the log's first segment to its end. */
export function readAll(log: SegmentedLog): Uint8Array {
  const parts: Uint8Array[] = []
  for (let offset = log.logStartOffset; offset < log.endOffset; ) {
    const bytes = log.read(offset, 700)
    parts.push(bytes)
    let at = 0
    const batch = new RecordBatchView(bytes)
    for (; at < bytes.length; at += batch.over(bytes, at).sizeBytes) offset = batch.over(bytes, at).lastOffset + 1
  }
  return Buffer.concat(parts)
}
