/**
 * Reads a segment from its first to its last byte and says what is damaged.
 * Runs on: jobs (the scrubber), the command line. Touches: the segment's files, reading.
 */
import { BatchScanner, type ReadAt } from '../../../native-free-core/log/batch-scanner.js'
import {
  hasTimestamp,
  offsetEntryBytes,
  positionAt,
  relativeOffsetAt,
  segmentFileName,
  timeEntryBytes,
  timeRelativeOffsetAt,
} from '../../../native-free-core/log/index-format.js'
import { describeProblem, type RecordBatchView } from '../../../native-free-core/log/record-batch.js'
import type { Disk } from '../disk.js'
import { readWhole } from './replaced-files.js'

export interface Damage {
  readonly path: string
  readonly position: number
  readonly what: string
}

export interface SegmentToVerify {
  readonly folder: string
  readonly baseOffset: number
  readonly endOffset: number
  readonly sizeBytes: number
  /** It takes no more, and its indexes are complete. */
  readonly isSealed: boolean
}

/** Returns the first damage of each file. `pause` runs after each read with its bytes, to go easy on the disk. */
export function verifySegment(disk: Disk, segment: SegmentToVerify, pause?: (bytes: number) => void): Damage[] {
  const path = `${segment.folder}/${segmentFileName(segment.baseOffset, 'log')}`
  const checks = segment.isSealed ? [offsetIndexCheck(disk, segment), timeIndexCheck(disk, segment)] : []
  const file = disk.open(path, 'read')
  try {
    const read: ReadAt = (into, position) => {
      const count = disk.read(file, into, position)
      pause?.(count)
      return count
    }
    const damage = verifyLog(path, segment, read, checks)
    return damage === undefined ? checks.flatMap((check) => check.finish()) : [damage]
  } finally {
    disk.close(file)
  }
}

function verifyLog(
  path: string,
  segment: SegmentToVerify,
  read: ReadAt,
  checks: readonly IndexCheck[],
): Damage | undefined {
  const scan = new BatchScanner(256 * 1024).over(read, 0, segment.sizeBytes, 'crc')
  let expected = segment.baseOffset
  while (scan.advance()) {
    const { batch, position } = scan
    if (batch.baseOffset !== expected) {
      return { path, position, what: `starts at offset ${batch.baseOffset}, not ${expected}` }
    }
    expected = batch.lastOffset + 1
    for (const check of checks) check.take(batch, position)
  }
  if (scan.problem !== 'ok') return { path, position: scan.position, what: describeProblem(scan.problem) }
  if (expected === segment.endOffset) return undefined
  return { path, position: scan.soundEnd, what: `ends at offset ${expected}, not ${segment.endOffset}` }
}

/** Follows the entries of an index while the batches pass by: each must name one of them, in order. */
class IndexCheck {
  private readonly path: string
  private readonly view: DataView
  private readonly entryBytes: number
  private readonly offsetOf: (view: DataView, index: number) => number
  private readonly agrees: (view: DataView, index: number, batch: RecordBatchView, position: number) => boolean
  private index = 0

  constructor(
    path: string,
    view: DataView,
    entryBytes: number,
    offsetOf: (view: DataView, index: number) => number,
    agrees: (view: DataView, index: number, batch: RecordBatchView, position: number) => boolean,
  ) {
    this.path = path
    this.view = view
    this.entryBytes = entryBytes
    this.offsetOf = offsetOf
    this.agrees = agrees
  }

  take(batch: RecordBatchView, position: number): void {
    if ((this.index + 1) * this.entryBytes > this.view.byteLength) return
    if (this.offsetOf(this.view, this.index) !== batch.lastOffset) return
    if (this.agrees(this.view, this.index, batch, position)) this.index++
  }

  /** An entry that no batch agreed with stopped the walk through the index. */
  finish(): Damage[] {
    const position = this.index * this.entryBytes
    if (position === this.view.byteLength) return []
    return [{ path: this.path, position, what: 'holds an entry that no record batch agrees with' }]
  }
}

function offsetIndexCheck(disk: Disk, segment: SegmentToVerify): IndexCheck {
  const path = `${segment.folder}/${segmentFileName(segment.baseOffset, 'index')}`
  return new IndexCheck(
    path,
    wholeView(disk, path),
    offsetEntryBytes,
    (view, index) => segment.baseOffset + relativeOffsetAt(view, index),
    (view, index, _batch, position) => positionAt(view, index) === position,
  )
}

function timeIndexCheck(disk: Disk, segment: SegmentToVerify): IndexCheck {
  const path = `${segment.folder}/${segmentFileName(segment.baseOffset, 'timeindex')}`
  return new IndexCheck(
    path,
    wholeView(disk, path),
    timeEntryBytes,
    (view, index) => segment.baseOffset + timeRelativeOffsetAt(view, index),
    (view, index, batch) => hasTimestamp(view, index, batch.maxTimestamp),
  )
}

function wholeView(disk: Disk, path: string): DataView {
  const bytes = readWhole(disk, path)
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
