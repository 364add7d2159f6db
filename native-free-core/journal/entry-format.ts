/**
 * Entries of a shard's journal: every change of a log, in order.
 * Runs on: shards, recovery, `log dump`. Touches: the bytes it is given. Little-endian.
 *
 *  0         4      5       8                24            28         32
 *  +---------+------+-------+----------------+-------------+----------+- - - - - -+- - - -+
 *  | length  | type | zeros | topic id       | partition   | leader   | payload   | to a  |
 *  | u32     | u8   |       | 16 bytes       | i32         | epoch i32|           | multiple of 8
 *  +---------+------+-------+----------------+-------------+----------+- - - - - -+- - - -+
 *   header and payload
 *
 * payload of append: one record batch with its final base offset; truncate and logStart: offset u64;
 * create: metadata version u64, partition id u32, the topic's name in UTF-8; delete: metadata version u64.
 */
import { StreamBusError } from '../errors/streambus-error.js'
import { type Uuid, uuidFromBytes } from '../bytes/uuid.js'

export const EntryType = {
  append: 1,
  truncate: 2,
  logStart: 3,
  create: 4,
  delete: 5,
  directAppend: 6,
  movedOut: 7,
} as const

export const entryHeaderBytes = 32
export const EntryLayout = { lengthAt: 0, typeAt: 4, topicIdAt: 8, partitionAt: 24, leaderEpochAt: 28 } as const

export function entryBytes(payloadBytes: number): number {
  return (entryHeaderBytes + payloadBytes + 7) & ~7
}

/** Writes an entry's header at byte `at`; the payload follows it. `topicId`: the 16 bytes. */
export function writeEntryHeader(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  type: number,
  topicId: Uint8Array,
  partition: number,
  leaderEpoch: number,
  payloadBytes: number,
): void {
  view.setUint32(at, entryHeaderBytes + payloadBytes, true)
  view.setUint32(at + EntryLayout.typeAt, type, true)
  bytes.set(topicId, at + EntryLayout.topicIdAt)
  view.setInt32(at + EntryLayout.partitionAt, partition, true)
  view.setInt32(at + EntryLayout.leaderEpochAt, leaderEpoch, true)
}

export interface JournalEntry {
  readonly type: number
  readonly topicId: Uuid
  readonly partition: number
  readonly leaderEpoch: number
  /** A view on the payload. */
  readonly payload: Uint8Array
}

/** Calls `onEntry` for each entry of a commit's body. Throws JOURNAL_DAMAGED when lengths contradict the body. */
export function readEntries(body: Uint8Array, entryCount: number, onEntry: (entry: JournalEntry) => void): void {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  let at = 0
  for (let index = 0; index < entryCount; index++) {
    const length = at + entryHeaderBytes <= body.length ? view.getUint32(at, true) : 0
    if (length < entryHeaderBytes || at + length > body.length) {
      throw new StreamBusError(
        'JOURNAL_DAMAGED',
        `entry ${index} of a commit says ${length} bytes at byte ${at} of a body of ${body.length}`,
      )
    }
    onEntry({
      type: view.getUint8(at + EntryLayout.typeAt),
      topicId: uuidFromBytes(body, at + EntryLayout.topicIdAt),
      partition: view.getInt32(at + EntryLayout.partitionAt, true),
      leaderEpoch: view.getInt32(at + EntryLayout.leaderEpochAt, true),
      payload: body.subarray(at + entryHeaderBytes, at + length),
    })
    at += (length + 7) & ~7
  }
}
