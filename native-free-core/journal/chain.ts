/**
 * Walks a journal's chain of commits at recovery and decides what its end means.
 * Runs on: recovery, `log dump`. Touches: what `readAt` returns.
 *
 * | the commit where the chain goes on | a valid later commit of this run elsewhere | meaning             | what is done |
 * |------------------------------------|--------------------------------------------|---------------------|--------------|
 * | valid                              | -                                          | it was written      | taken        |
 * | not valid                          | none                                       | the end, or a tear  | cut here     |
 * | not valid                          | one                                        | damage: the bad one had been acknowledged | refused |
 * | superblock says clean              | -                                          | nothing to recover  | nothing is read |
 *
 * Commits are strictly serial: a later one is only written after the one before it was on disk. Damage to the very
 * last commit therefore looks like a tear; only a copy on another broker can tell.
 */
import { StreamBusError } from '../errors/streambus-error.js'
import {
  commitAlignment,
  type CommitHeader,
  commitHeaderBytes,
  type Crc32c,
  readCommitHeader,
} from './commit-format.js'
import type { Superblock } from './superblock.js'

export interface ChainSource {
  /** Bytes of the ring from `ringPosition` (0 to capacity) on; fewer where the file ends. */
  readAt(ringPosition: number, lengthBytes: number): Uint8Array
  readonly crc: Crc32c
  /** For messages. */
  readonly path: string
}

export interface ChainCommit {
  readonly header: CommitHeader
  /** A view, valid until the next commit is read. */
  readonly body: Uint8Array
}

export interface ChainEnd {
  readonly position: number
  readonly nextNumber: number
  readonly previousCrc: number
  readonly commitCount: number
  /** The last accepted commit, to be written again; undefined when there is none. */
  readonly last: CommitHeader | undefined
  /** True when a commit had been begun at the end: its first block is not what was there before. */
  readonly torn: boolean
}

/** Calls `onCommit` for each commit in order. Throws JOURNAL_DAMAGED by the table above. */
export function walkChain(
  superblock: Superblock,
  source: ChainSource,
  onCommit: (commit: ChainCommit) => void,
): ChainEnd {
  let position = superblock.headPosition
  let number = superblock.headCommitNumber
  let previousCrc = superblock.previousCrc
  let last: CommitHeader | undefined
  let commitCount = 0
  if (!superblock.clean) {
    for (;;) {
      const commit = readCommitAt(superblock, source, position, number, previousCrc)
      if (commit === undefined) break
      onCommit(commit)
      last = commit.header
      position = last.nextPosition
      number = last.number + 1
      previousCrc = last.headerCrc
      commitCount++
    }
    refuseLaterCommit(superblock, source, position, number)
  }
  const torn = !superblock.clean && looksBegun(superblock, source, position)
  return { position, nextNumber: number, previousCrc, commitCount, last, torn }
}

function readCommitAt(
  superblock: Superblock,
  source: ChainSource,
  position: number,
  number: number,
  previousCrc: number,
): ChainCommit | undefined {
  if (position >= superblock.headPosition + superblock.capacityBytes) return undefined
  const ringPosition = position % superblock.capacityBytes
  const block = source.readAt(ringPosition, commitAlignment)
  const header = headerOf(block, source)
  if (header === undefined || header.position !== position || header.number !== number) return undefined
  if (header.previousCrc !== previousCrc || header.runId !== superblock.runId) return undefined
  return bodyMatches(header, ringPosition, superblock, source)
}

function headerOf(block: Uint8Array, source: ChainSource): CommitHeader | undefined {
  return readCommitHeader(block, new DataView(block.buffer, block.byteOffset, block.byteLength), 0, source.crc)
}

function bodyMatches(
  header: CommitHeader,
  ringPosition: number,
  superblock: Superblock,
  source: ChainSource,
): ChainCommit | undefined {
  if (ringPosition + header.totalBytes > superblock.capacityBytes) return undefined
  const bytes = source.readAt(ringPosition, header.usedBytes)
  if (bytes.length < header.usedBytes) return undefined
  if (source.crc(bytes, commitHeaderBytes, header.usedBytes) !== header.bodyCrc) return undefined
  return { header, body: bytes.subarray(commitHeaderBytes, header.usedBytes) }
}

const probeBytes = 1 << 20

/** Looks at every 4 KiB boundary for a commit of this run that comes after the chain's end. */
function refuseLaterCommit(superblock: Superblock, source: ChainSource, end: number, number: number): void {
  for (let start = 0; start < superblock.capacityBytes; start += probeBytes) {
    const bytes = source.readAt(start, Math.min(probeBytes, superblock.capacityBytes - start))
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let at = 0; at + commitHeaderBytes <= bytes.length; at += commitAlignment) {
      const header = readCommitHeader(bytes, view, at, source.crc)
      if (header === undefined || header.runId !== superblock.runId || header.number < number) continue
      if (header.position < end || header.position % superblock.capacityBytes !== start + at) continue
      if (bodyMatches(header, start + at, superblock, source) === undefined) continue
      throw new StreamBusError(
        'JOURNAL_DAMAGED',
        `${source.path}: commit ${number} at ring byte ${end % superblock.capacityBytes} can't be read, ` +
          `but commit ${header.number} after it can: commit ${number} had been on disk and is damaged`,
      )
    }
    if (bytes.length < probeBytes) return
  }
}

/** A tear is worth a word in the log; the end of a lap that was never written is not. */
function looksBegun(superblock: Superblock, source: ChainSource, position: number): boolean {
  const block = source.readAt(position % superblock.capacityBytes, commitAlignment)
  const header = headerOf(block, source)
  return header !== undefined && header.position === position && header.runId === superblock.runId
}
