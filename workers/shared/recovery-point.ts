/**
 * The recovery point of a shard: up to where each partition's segments are known to be on disk and right.
 * Runs on: shards (write), recovery (read, write). Touches: data/journals/shard-N.recovery-point.
 * It is synced and renamed before the journal's head advances, and bounds what the next start has to scan.
 *
 *  0        4          8        12        16                                crc32c of all before it
 *  +--------+----------+--------+---------+- - - rows of 48 bytes - - -+---------+
 *  | magic  | version  | rows   | zeros   |                            | u32     |
 *  | "SBRP" | u32 = 1  | u32    |         |                            |         |
 *  +--------+----------+--------+---------+- - - - - - - - - - - - - - +---------+
 *
 * row: topic id 16 bytes, partition i32, zeros u32, log start offset u64, end offset u64, position u64 in the segment
 * that holds the end.
 */
import { readUint64LE, writeUint64LE } from '../../native-free-core/bytes/int64.js'
import { type Uuid, uuidFromBytes, uuidToBytes } from '../../native-free-core/bytes/uuid.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { Crc32c } from '../../native-free-core/journal/commit-format.js'

export interface RecoveryPoint {
  readonly topicId: Uuid
  readonly partition: number
  readonly logStartOffset: number
  /** The offset after the last synced record. */
  readonly endOffset: number
  /** Where that is in the file of the active segment. */
  readonly position: number
}

const magic = 0x50524253
const version = 1
const headerBytes = 16
const rowBytes = 48

export function encodeRecoveryPoints(points: readonly RecoveryPoint[], crc: Crc32c): Uint8Array {
  const bytes = new Uint8Array(headerBytes + points.length * rowBytes + 4)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, magic, true)
  view.setUint32(4, version, true)
  view.setUint32(8, points.length, true)
  let at = headerBytes
  for (const point of points) {
    uuidToBytes(point.topicId, bytes, at)
    view.setInt32(at + 16, point.partition, true)
    writeUint64LE(view, at + 24, point.logStartOffset)
    writeUint64LE(view, at + 32, point.endOffset)
    writeUint64LE(view, at + 40, point.position)
    at += rowBytes
  }
  view.setUint32(at, crc(bytes, 0, at), true)
  return bytes
}

/** Throws SEGMENT_DAMAGED when the file is not what was written, DATA_FORMAT_TOO_NEW for a newer version. */
export function decodeRecoveryPoints(bytes: Uint8Array, path: string, crc: Crc32c): RecoveryPoint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < headerBytes + 4 || view.getUint32(0, true) !== magic) throw damaged(path)
  if (view.getUint32(4, true) > version) {
    throw new StreamBusError(
      'DATA_FORMAT_TOO_NEW',
      `${path} has format ${view.getUint32(4, true)}; this version reads up to ${version}`,
    )
  }
  const rows = view.getUint32(8, true)
  const end = headerBytes + rows * rowBytes
  if (bytes.length !== end + 4 || view.getUint32(end, true) !== crc(bytes, 0, end)) throw damaged(path)
  const points: RecoveryPoint[] = []
  for (let at = headerBytes; at < end; at += rowBytes) {
    points.push({
      topicId: uuidFromBytes(bytes, at),
      partition: view.getInt32(at + 16, true),
      logStartOffset: readUint64LE(view, at + 24),
      endOffset: readUint64LE(view, at + 32),
      position: readUint64LE(view, at + 40),
    })
  }
  return points
}

function damaged(path: string): StreamBusError {
  return new StreamBusError('SEGMENT_DAMAGED', `${path} is damaged: its checksum does not match`, {
    remedy: 'Remove the file: the next start then verifies every segment from its beginning.',
  })
}

/** Key of a partition in maps. */
export function partitionKey(topicId: Uuid, partition: number): string {
  return `${topicId}-${partition}`
}
