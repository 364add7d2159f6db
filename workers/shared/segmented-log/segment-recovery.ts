/**
 * Brings a segment's figures and indexes in line with its file after a restart.
 * Runs on: recovery and shards, when a log is opened. Touches: the segment's files.
 *
 *      trusted: known to be on disk                 untrusted: CRC and offsets are verified
 *  |-----------------------------------------|----------------------------|~~~~~~~|
 *  0         last index entry that is sound   recovery point               torn: cut off
 *            |------ headers are walked ------|
 *
 * Index files are synced only at the seal, so their end may be lost or blank. An entry counts if all before it ascend.
 * The time index gets its entry in the same moment as the offset index, so the walk starts at the last offset entry
 * that the time index keeps up with: figures and entries then come out as if the process had never stopped.
 */
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { BatchScanner } from '../../../native-free-core/log/batch-scanner.js'
import { describeProblem, type RecordBatchView } from '../../../native-free-core/log/record-batch.js'
import type { Segment } from './segment.js'

export interface SegmentRecovery {
  /** Bytes that were read and verified above the trusted ones. */
  readonly verifiedBytes: number
  /** Bytes behind the last whole batch. */
  readonly tornBytes: number
  /** The index files are other than they were found: sync them, or old entries may come back after a crash. */
  readonly indexesChanged: boolean
  /** What was wrong with the first batch that was not taken. */
  readonly reason: string | undefined
}

let scanner: BatchScanner | undefined

/** The thread's scanner for walks that end before the call returns. */
export function sharedScanner(): BatchScanner {
  scanner ??= new BatchScanner(256 * 1024)
  return scanner
}

/**
 * Walks what is above the last sound index entry; cuts the file behind the last sound batch. Throws SEGMENT_DAMAGED
 * for damage in the first `trustedBytes`.
 */
export function recoverSegment(segment: Segment, trustedBytes: number, indexIntervalBytes: number): SegmentRecovery {
  const fileBytes = segment.fileBytes()
  if (fileBytes < trustedBytes) throw lostTail(segment, fileBytes, trustedBytes)
  const walk = new SegmentWalk(segment, indexIntervalBytes)
  walk.restart(trustedBytes)
  walk.trusted(trustedBytes)
  const reason = walk.untrusted(trustedBytes, fileBytes)
  return {
    indexesChanged: segment.indexes().rewrite(),
    verifiedBytes: segment.sizeBytes - trustedBytes,
    tornBytes: fileBytes - segment.sizeBytes,
    reason,
  }
}

class SegmentWalk {
  private readonly segment: Segment
  private readonly indexIntervalBytes: number

  constructor(segment: Segment, indexIntervalBytes: number) {
    this.segment = segment
    this.indexIntervalBytes = indexIntervalBytes
  }

  /** Sets the figures back to an index entry that can be relied on. */
  restart(trustedBytes: number): void {
    const { segment } = this
    const index = segment.indexes()
    let entry = Math.min(index.offsetEntryFor(index.lastTimeRelativeOffset), index.offsetEntryCount - 1)
    while (entry >= 0 && index.offsetEntry(entry).position >= trustedBytes) entry--
    if (entry >= 0 && !this.entryIsTrue(entry, trustedBytes)) entry = -1
    segment.rewindTo(entry)
    if (entry >= 0) this.readFirstTimestamp()
  }

  private entryIsTrue(entry: number, trustedBytes: number): boolean {
    const { segment } = this
    const { position, relativeOffset } = segment.indexes().offsetEntry(entry)
    return segment.withReader((read) => {
      const scan = sharedScanner().over(read, position, trustedBytes, 'headers')
      return scan.advance() && scan.batch.lastOffset === segment.baseOffset + relativeOffset
    })
  }

  private readFirstTimestamp(): void {
    const { segment } = this
    segment.withReader((read) => {
      const scan = sharedScanner().over(read, 0, segment.sizeBytes, 'headers')
      if (scan.advance()) segment.firstTimestamp = scan.batch.maxTimestamp
    })
  }

  trusted(trustedBytes: number): void {
    const { segment } = this
    const reason = this.walk(segment.sizeBytes, trustedBytes, 'headers')
    if (reason === undefined) return
    throw new StreamBusError(
      'SEGMENT_DAMAGED',
      `${segment.path}: the record batch at byte ${segment.sizeBytes} ${reason}, ` +
        `below the first ${trustedBytes} bytes, which were on disk`,
    )
  }

  /** Returns why it stopped before the end of the file. */
  untrusted(trustedBytes: number, fileBytes: number): string | undefined {
    const { segment } = this
    const reason = this.walk(trustedBytes, fileBytes, 'crc')
    if (segment.sizeBytes < fileBytes) segment.cutFile()
    return reason
  }

  private walk(start: number, end: number, depth: 'headers' | 'crc'): string | undefined {
    const { segment } = this
    return segment.withReader((read) => {
      const scan = sharedScanner().over(read, start, end, depth)
      while (scan.advance()) {
        if (!this.follows(scan.batch)) return `starts at offset ${scan.batch.baseOffset}, not ${segment.endOffset}`
        this.take(scan.batch)
      }
      return scan.problem === 'ok' ? undefined : describeProblem(scan.problem)
    })
  }

  /** Offsets are dense; where the walk begins in mid-file, the index entry vouches for the first batch. */
  private follows(batch: RecordBatchView): boolean {
    const { segment } = this
    const isFirst = segment.sizeBytes > 0 && segment.endOffset === segment.baseOffset
    return isFirst || batch.baseOffset === segment.endOffset
  }

  private take(batch: RecordBatchView): void {
    this.segment.note(batch.lastOffset, batch.sizeBytes, batch.maxTimestamp, this.indexIntervalBytes)
  }
}

function lostTail(segment: Segment, fileBytes: number, trustedBytes: number): StreamBusError {
  return new StreamBusError(
    'SEGMENT_DAMAGED',
    `${segment.path} has ${fileBytes} bytes, but ${trustedBytes} were on disk: its end was lost or cut off`,
  )
}
