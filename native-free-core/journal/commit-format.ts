/**
 * The unit of recovery: a commit, one synced write of a journal.
 * Runs on: shards, the metadata worker, recovery, `log dump`. Touches: the bytes it is given. Little-endian.
 *
 * A commit starts on a 4,096-byte boundary and is padded to one, so that no write ever touches a block that holds
 * acknowledged bytes. A commit never wraps: where the lap has no room for the next entry, the commit ends and says
 * that the next one starts at the next lap (docs/decisions/0001).
 *
 *  0        4          8                16               24               32         36          40
 *  +--------+----------+----------------+----------------+----------------+----------+-----------+
 *  | magic  | version  | position: u64  | number: u64    | run id: u64    | total    | used      |
 *  | "SBCM" | u32 = 1  | absolute       | of the commit  | random         | length   | length    |
 *  +--------+----------+----------------+----------------+----------------+----------+-----------+
 *  40               48           52            56            60          64
 *  +----------------+------------+-------------+-------------+-----------+- - - - - -+- - - - -+
 *  | next position  | entries    | previous    | body crc32c | header    | body      | padding |
 *  | u64, absolute  | u32        | header crc  |             | crc32c    |           |         |
 *  +----------------+------------+-------------+-------------+-----------+- - - - - -+- - - - -+
 *
 * total: with padding, a multiple of 4,096. used: header + body. The body crc covers the body, the header crc the
 * header before it; as each header holds the header crc before it, the headers form a chain over all bytes.
 */
import { readUint64LE, writeUint64LE } from '../bytes/int64.js'

export const commitAlignment = 4096
export const commitHeaderBytes = 64
export const commitVersion = 1
/** "SBCM" as a little-endian u32. */
export const commitMagic = 0x4d434253

export const CommitLayout = {
  magicAt: 0,
  versionAt: 4,
  positionAt: 8,
  numberAt: 16,
  runIdAt: 24,
  totalBytesAt: 32,
  usedBytesAt: 36,
  nextPositionAt: 40,
  entryCountAt: 48,
  previousCrcAt: 52,
  bodyCrcAt: 56,
  headerCrcAt: 60,
} as const

/** CRC-32C of bytes[start, end), as an unsigned number. */
export type Crc32c = (bytes: Uint8Array, start: number, end: number) => number

export interface CommitHeader {
  readonly position: number
  readonly number: number
  readonly runId: RunId
  readonly totalBytes: number
  readonly usedBytes: number
  readonly nextPosition: number
  readonly entryCount: number
  readonly previousCrc: number
  readonly bodyCrc: number
  readonly headerCrc: number
}

/** 64 random bits as 16 hexadecimal digits: no number holds them. */
export type RunId = string

export function roundUpToCommit(lengthBytes: number): number {
  return Math.ceil(lengthBytes / commitAlignment) * commitAlignment
}

function writeRunId(view: DataView, at: number, runId: RunId): void {
  view.setUint32(at, Number.parseInt(runId.slice(0, 8), 16), true)
  view.setUint32(at + 4, Number.parseInt(runId.slice(8, 16), 16), true)
}

function readRunId(view: DataView, at: number): RunId {
  const word = (position: number): string => view.getUint32(position, true).toString(16).padStart(8, '0')
  return word(at) + word(at + 4)
}

export const runIds = { read: readRunId, write: writeRunId } as const

/** Writes a header at byte `at`; the body must be there already (its crc is given). Returns the header's crc. */
export function writeCommitHeader(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  header: Omit<CommitHeader, 'headerCrc'>,
  crc: Crc32c,
): number {
  view.setUint32(at + CommitLayout.magicAt, commitMagic, true)
  view.setUint32(at + CommitLayout.versionAt, commitVersion, true)
  writeUint64LE(view, at + CommitLayout.positionAt, header.position)
  writeUint64LE(view, at + CommitLayout.numberAt, header.number)
  writeRunId(view, at + CommitLayout.runIdAt, header.runId)
  view.setUint32(at + CommitLayout.totalBytesAt, header.totalBytes, true)
  view.setUint32(at + CommitLayout.usedBytesAt, header.usedBytes, true)
  writeUint64LE(view, at + CommitLayout.nextPositionAt, header.nextPosition)
  view.setUint32(at + CommitLayout.entryCountAt, header.entryCount, true)
  view.setUint32(at + CommitLayout.previousCrcAt, header.previousCrc, true)
  view.setUint32(at + CommitLayout.bodyCrcAt, header.bodyCrc, true)
  const headerCrc = crc(bytes, at, at + CommitLayout.headerCrcAt)
  view.setUint32(at + CommitLayout.headerCrcAt, headerCrc, true)
  return headerCrc
}

/** The header at byte `at`, or undefined when magic, version, lengths or header crc are not those of a commit. */
export function readCommitHeader(bytes: Uint8Array, view: DataView, at: number, crc: Crc32c): CommitHeader | undefined {
  if (bytes.length - at < commitHeaderBytes) return undefined
  if (view.getUint32(at + CommitLayout.magicAt, true) !== commitMagic) return undefined
  const headerCrc = view.getUint32(at + CommitLayout.headerCrcAt, true)
  if (crc(bytes, at, at + CommitLayout.headerCrcAt) !== headerCrc) return undefined
  const header: CommitHeader = {
    position: readUint64LE(view, at + CommitLayout.positionAt),
    number: readUint64LE(view, at + CommitLayout.numberAt),
    runId: readRunId(view, at + CommitLayout.runIdAt),
    totalBytes: view.getUint32(at + CommitLayout.totalBytesAt, true),
    usedBytes: view.getUint32(at + CommitLayout.usedBytesAt, true),
    nextPosition: readUint64LE(view, at + CommitLayout.nextPositionAt),
    entryCount: view.getUint32(at + CommitLayout.entryCountAt, true),
    previousCrc: view.getUint32(at + CommitLayout.previousCrcAt, true),
    bodyCrc: view.getUint32(at + CommitLayout.bodyCrcAt, true),
    headerCrc,
  }
  return hasSaneLengths(header) ? header : undefined
}

function hasSaneLengths(header: CommitHeader): boolean {
  return (
    header.usedBytes >= commitHeaderBytes &&
    header.totalBytes % commitAlignment === 0 &&
    header.usedBytes <= header.totalBytes &&
    header.nextPosition >= header.position + header.totalBytes
  )
}
