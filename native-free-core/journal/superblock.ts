/**
 * The superblock of a journal file: two copies of 4,096 bytes at its start, written in turn.
 * Runs on: shards, the metadata worker, recovery, `log dump`. Touches: the bytes it is given. Little-endian.
 *
 *  0        4          8                16               32          36         40               48
 *  +--------+----------+----------------+----------------+-----------+----------+----------------+
 *  | magic  | version  | sequence: u64  | cluster id     | broker    | journal  | capacity: u64  |
 *  | "SBJS" | u32 = 1  | of this write  | 16 bytes       | id: u32   | u32      | bytes of ring  |
 *  +--------+----------+----------------+----------------+-----------+----------+----------------+
 *  48               56               64               72          76       80 ... 4092       4096
 *  +----------------+----------------+----------------+-----------+--------+------------+---------+
 *  | head: u64      | head commit    | run id: u64    | crc before| clean: | zeros      | crc32c  |
 *  | position       | number: u64    |                | the head  | u32    |            |         |
 *  +----------------+----------------+----------------+-----------+--------+------------+---------+
 *
 * Everything below the head is settled. The chain of valid commits starts at the head with the given number and
 * previous crc, and belongs to one run: recovery empties a journal before a new run writes to it, and the run's id is
 * synced here before its first commit, so that what one crash gave up can never come back after the next.
 */
import { readUint64LE, writeUint64LE } from '../bytes/int64.js'
import { type Uuid, uuidFromBytes, uuidToBytes } from '../bytes/uuid.js'
import { type Crc32c, type RunId, runIds } from './commit-format.js'

export const superblockBytes = 4096
/** The ring starts behind both copies. */
export const ringFilePosition = 2 * superblockBytes
export const superblockVersion = 1
/** "SBJS" as a little-endian u32. */
export const superblockMagic = 0x534a4253
/** The journal number of the metadata log. */
export const metadataJournal = 0xffff_ffff

export interface Superblock {
  readonly sequence: number
  readonly clusterId: Uuid
  readonly brokerId: number
  /** The shard's number, or `metadataJournal`. */
  readonly journal: number
  readonly capacityBytes: number
  readonly headPosition: number
  readonly headCommitNumber: number
  readonly runId: RunId
  readonly previousCrc: number
  /** Written at a clean stop: the chain is empty, nothing needs to be probed. */
  readonly clean: boolean
}

export type SuperblockState =
  | { readonly kind: 'valid'; readonly superblock: Superblock }
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'invalid' }

const crcAt = superblockBytes - 4

export function writeSuperblock(superblock: Superblock, crc: Crc32c): Uint8Array {
  const bytes = new Uint8Array(superblockBytes)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, superblockMagic, true)
  view.setUint32(4, superblockVersion, true)
  writeUint64LE(view, 8, superblock.sequence)
  uuidToBytes(superblock.clusterId, bytes, 16)
  view.setUint32(32, superblock.brokerId, true)
  view.setUint32(36, superblock.journal, true)
  writeUint64LE(view, 40, superblock.capacityBytes)
  writeUint64LE(view, 48, superblock.headPosition)
  writeUint64LE(view, 56, superblock.headCommitNumber)
  runIds.write(view, 64, superblock.runId)
  view.setUint32(72, superblock.previousCrc, true)
  view.setUint32(76, superblock.clean ? 1 : 0, true)
  view.setUint32(crcAt, crc(bytes, 0, crcAt), true)
  return bytes
}

export function readSuperblock(bytes: Uint8Array, at: number, crc: Crc32c): SuperblockState {
  if (bytes.length - at < superblockBytes) return { kind: 'invalid' }
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, superblockBytes)
  if (view.getUint32(0, true) !== superblockMagic) return { kind: 'invalid' }
  if (view.getUint32(crcAt, true) !== crc(bytes, at, at + crcAt)) return { kind: 'invalid' }
  const version = view.getUint32(4, true)
  if (version > superblockVersion) return { kind: 'newer', version }
  return {
    kind: 'valid',
    superblock: {
      sequence: readUint64LE(view, 8),
      clusterId: uuidFromBytes(bytes, at + 16),
      brokerId: view.getUint32(32, true),
      journal: view.getUint32(36, true),
      capacityBytes: readUint64LE(view, 40),
      headPosition: readUint64LE(view, 48),
      headCommitNumber: readUint64LE(view, 56),
      runId: runIds.read(view, 64),
      previousCrc: view.getUint32(72, true),
      clean: view.getUint32(76, true) === 1,
    },
  }
}

/** The valid copy with the higher sequence; `newer` if either is of a newer version; `invalid` if none is valid. */
export function newestSuperblock(first: SuperblockState, second: SuperblockState): SuperblockState {
  if (first.kind === 'newer') return first
  if (second.kind === 'newer') return second
  if (first.kind === 'invalid') return second
  if (second.kind === 'invalid') return first
  return second.superblock.sequence > first.superblock.sequence ? second : first
}
