/**
 * The file of a metadata snapshot: an image with its place in the raft log and the members of the cluster.
 * Runs on: the metadata worker, `log dump`. Touches: the bytes it is given. Little-endian.
 *
 *  0         4          8                16               24            28           32         36         40
 *  +---------+----------+----------------+----------------+-------------+------------+----------+----------+
 *  | magic   | version  | index: u64     | term: u64      | conf length | data       | zeros    | crc32c   |
 *  | "SBMS"  | u32 = 1  | last entry held| of that entry  | u32         | length u32 |          |          |
 *  +---------+----------+----------------+----------------+-------------+------------+----------+----------+
 *  40
 *  +- - - - - - - - - - - - - - -+- - - - - - - - - - - - - - -+
 *  | conf state, JSON            | data: the image's bytes     |
 *  +- - - - - - - - - - - - - - -+- - - - - - - - - - - - - - -+
 *
 * The crc covers all bytes but its own.
 */
import { readUint64LE, writeUint64LE } from '../bytes/int64.js'
import { StreamBusError } from '../errors/streambus-error.js'
import type { Crc32c } from '../journal/commit-format.js'
import type { ConfState, RaftSnapshot } from './raft/raft-types.js'

export const snapshotVersion = 1
/** "SBMS" as a little-endian u32. */
export const snapshotMagic = 0x534d4253
export const snapshotHeaderBytes = 40
const crcAt = 36

/** Ascending names are ascending indexes. */
export function snapshotFileName(index: number): string {
  return `snapshot-${String(index).padStart(20, '0')}`
}

/** The index in a snapshot file's name; undefined for any other name. */
export function snapshotIndexOf(fileName: string): number | undefined {
  const digits = /^snapshot-(\d{20})$/.exec(fileName)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

export function writeSnapshot(snapshot: RaftSnapshot, crc: Crc32c): Uint8Array {
  const conf = new TextEncoder().encode(JSON.stringify(snapshot.confState))
  const bytes = new Uint8Array(snapshotHeaderBytes + conf.length + snapshot.data.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, snapshotMagic, true)
  view.setUint32(4, snapshotVersion, true)
  writeUint64LE(view, 8, snapshot.index)
  writeUint64LE(view, 16, snapshot.term)
  view.setUint32(24, conf.length, true)
  view.setUint32(28, snapshot.data.length, true)
  bytes.set(conf, snapshotHeaderBytes)
  bytes.set(snapshot.data, snapshotHeaderBytes + conf.length)
  view.setUint32(crcAt, crc(bytes, 0, bytes.length), true)
  return bytes
}

/** Throws DATA_FORMAT_TOO_NEW, or JOURNAL_DAMAGED with the path. Clears the crc field of `bytes` to check it. */
export function readSnapshot(bytes: Uint8Array, crc: Crc32c, path: string): RaftSnapshot {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < snapshotHeaderBytes || view.getUint32(0, true) !== snapshotMagic) {
    throw damaged(path, 'it is no metadata snapshot')
  }
  const version = view.getUint32(4, true)
  const stored = view.getUint32(crcAt, true)
  view.setUint32(crcAt, 0, true)
  if (crc(bytes, 0, bytes.length) !== stored) throw damaged(path, 'its checksum is wrong')
  if (version > snapshotVersion) {
    throw new StreamBusError(
      'DATA_FORMAT_TOO_NEW',
      `${path} has format ${version}; this version reads up to ${snapshotVersion}`,
    )
  }
  const confEnd = snapshotHeaderBytes + view.getUint32(24, true)
  const conf = new TextDecoder().decode(bytes.slice(snapshotHeaderBytes, confEnd))
  return {
    index: readUint64LE(view, 8),
    term: readUint64LE(view, 16),
    confState: JSON.parse(conf) as ConfState,
    data: bytes.slice(confEnd, confEnd + view.getUint32(28, true)),
  }
}

function damaged(path: string, what: string): StreamBusError {
  return new StreamBusError('JOURNAL_DAMAGED', `${path}: ${what}`)
}
