/**
 * Kafka's sparse indexes and the names of a partition's files.
 * Runs on: shards, recovery, jobs, `log dump`. Touches: the bytes it is given. Big-endian.
 *
 * offset index: 8 bytes an entry          time index: 12 bytes an entry
 *  0                 4          8          0             8                 12
 *  +-----------------+----------+          +-------------+-----------------+
 *  | relative offset | position |          | timestamp   | relative offset |
 *  | i32             | i32      |          | i64         | i32             |
 *  +-----------------+----------+          +-------------+-----------------+
 *
 * Offset entry: the last offset of a batch, relative to the segment's base offset, and the position of that batch.
 * Time entry: no record up to and including the offset is newer than the timestamp; the batch ending with that offset
 * holds a record of that time. Offsets and timestamps strictly ascend.
 */
import { readInt64 } from '../bytes/int64.js'

export const offsetEntryBytes = 8
export const timeEntryBytes = 12

export function relativeOffsetAt(view: DataView, index: number): number {
  return view.getInt32(index * offsetEntryBytes)
}

export function positionAt(view: DataView, index: number): number {
  return view.getInt32(index * offsetEntryBytes + 4)
}

export function timestampAt(view: DataView, index: number): number {
  return readInt64(view, index * timeEntryBytes)
}

/** As `timestampAt(...) === timestamp`, and false instead of an error for a damaged entry. */
export function hasTimestamp(view: DataView, index: number, timestamp: number): boolean {
  const at = index * timeEntryBytes
  return view.getInt32(at) === Math.floor(timestamp / 0x1_0000_0000) && view.getInt32(at + 4) === (timestamp | 0)
}

export function timeRelativeOffsetAt(view: DataView, index: number): number {
  return view.getInt32(index * timeEntryBytes + 8)
}

/** The last of `count` ascending entries whose `valueOf` is at most `wanted`; -1 if none is. */
function lastAtMost(
  view: DataView,
  count: number,
  wanted: number,
  valueOf: (view: DataView, index: number) => number,
): number {
  let low = -1
  let high = count - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (valueOf(view, middle) <= wanted) low = middle
    else high = middle - 1
  }
  return low
}

/** The entry to start from when looking for an offset; -1: the segment's start. */
export function lookUpOffset(view: DataView, count: number, relativeOffset: number): number {
  return lastAtMost(view, count, relativeOffset, relativeOffsetAt)
}

/** The last entry at or before a position; -1: none. */
export function lookUpPosition(view: DataView, count: number, position: number): number {
  return lastAtMost(view, count, position, positionAt)
}

/** The last entry that is not newer than a timestamp; -1: none. */
export function lookUpTimestamp(view: DataView, count: number, timestamp: number): number {
  return lastAtMost(view, count, timestamp, timestampAt)
}

/** The last time entry whose offset is at most `relativeOffset`; -1: none. */
export function lookUpTimeOffset(view: DataView, count: number, relativeOffset: number): number {
  return lastAtMost(view, count, relativeOffset, timeRelativeOffsetAt)
}

/**
 * How many entries from the start on ascend strictly, as they must; what follows was torn. A first entry of zeros is a
 * blank: no entry names the batch at position 0.
 */
export function soundOffsetEntries(view: DataView): number {
  const count = Math.floor(view.byteLength / offsetEntryBytes)
  let offset = -1
  let position = 0
  for (let index = 0; index < count; index++) {
    const nextOffset = relativeOffsetAt(view, index)
    const nextPosition = positionAt(view, index)
    if (nextOffset <= offset || nextPosition <= position) return index
    offset = nextOffset
    position = nextPosition
  }
  return count
}

/**
 * How many entries from the start on ascend strictly, as they must; what follows was torn. A first entry for the time 0
 * can't be told from a blank and counts as one: indexes may be sparser than they could be, never wrong.
 */
export function soundTimeEntries(view: DataView): number {
  const count = Math.floor(view.byteLength / timeEntryBytes)
  let offset = -1
  let timestamp = 0
  for (let index = 0; index < count; index++) {
    const highWord = view.getInt32(index * timeEntryBytes)
    if (highWord < 0 || highWord >= 0x20_0000) return index
    const nextOffset = timeRelativeOffsetAt(view, index)
    const nextTimestamp = timestampAt(view, index)
    if (nextOffset <= offset || nextTimestamp <= timestamp) return index
    offset = nextOffset
    timestamp = nextTimestamp
  }
  return count
}

const suffixes = ['log', 'index', 'timeindex', 'snapshot'] as const
export type SegmentFileKind = (typeof suffixes)[number]

/** `00000000000000000042.log` */
export function segmentFileName(baseOffset: number, kind: SegmentFileKind): string {
  return `${String(baseOffset).padStart(20, '0')}.${kind}`
}

/** Offset and kind of a file name, or undefined for a name that is none of ours. */
export function parseSegmentFileName(name: string): { baseOffset: number; kind: SegmentFileKind } | undefined {
  const match = /^(\d{20})\.(log|index|timeindex|snapshot)$/.exec(name)
  if (match === null) return undefined
  const baseOffset = Number(match[1])
  return Number.isSafeInteger(baseOffset) ? { baseOffset, kind: match[2] as SegmentFileKind } : undefined
}

export const partitionMetadataFileName = 'partition.metadata'
export const leaderEpochFileName = 'leader-epoch-checkpoint'
