/**
 * What recovery does with an append entry, given what the segments hold.
 * Runs on: recovery. Touches: the bytes it is given.
 *
 * | the batch lies                                  | in the segments there is     | case     | what is done             |
 * |-------------------------------------------------|------------------------------|----------|--------------------------|
 * | at the segments' end                            | -                            | append   | it is appended           |
 * | wholly below their end, at or above the point   | anything, or nothing         | rewrite  | cut there, appended      |
 * | wholly below their end, below the point         | nothing: removed by retention| skip     | nothing                  |
 * | wholly below their end, below the point         | the same bytes               | skip     | nothing                  |
 * | wholly below their end, below the point         | other bytes, or no batch     | conflict | refused: damage          |
 * | across their end                                | part of it                   | rewrite  | cut there, appended      |
 * | above their end                                 | a gap                        | gap      | refused: something is missing |
 *
 * Above the recovery point segments are only what the page cache happened to keep: the journal is right. Even the same
 * bytes are written again: after a sync that failed the cache holds them, and no later sync brings them to the disk.
 * Nor is a segment that is missing there a removed one to be believed: a power cut may have taken its name alone.
 * Below the point they were synced, and a difference is damage. Every combination matches exactly one row
 * (test/unit/journal).
 */
import { readInt64 } from '../bytes/int64.js'

export type ReplayCase = 'append' | 'skip' | 'rewrite' | 'conflict' | 'gap'

/**
 * `segmentEnd`: the offset after the segments' last record. `readBatch` returns the bytes of the batch that begins at
 * an offset, 'absent' when the log starts above it, undefined when no batch begins there.
 */
export function decideReplay(
  batch: Uint8Array, segmentEnd: number, recoveryPoint: number,
  readBatch: (offset: number, lengthBytes: number) => Uint8Array | 'absent' | undefined,
): ReplayCase {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength)
  const baseOffset = readInt64(view, 0)
  const endOffset = baseOffset + view.getInt32(23) + 1
  if (baseOffset === segmentEnd) return 'append'
  if (baseOffset > segmentEnd) return 'gap'
  if (endOffset > segmentEnd) return 'rewrite'
  if (baseOffset >= recoveryPoint) return 'rewrite'
  const stored = readBatch(baseOffset, batch.length)
  if (stored === 'absent') return 'skip'
  return stored !== undefined && equal(stored, batch) ? 'skip' : 'conflict'
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false
  return true
}
