/**
 * Records of the metadata worker's raft log: what the body of a commit holds. The commit format is the journals'.
 * Runs on: the metadata worker, `log dump`. Touches: the bytes it is given. Little-endian.
 *
 *  0         4        8                16               24               32
 *  +---------+--------+----------------+----------------+----------------+- - - - - -+- - - -+
 *  | length  | type   | index: u64     | term: u64      | extra: u64     | payload   | to a  |
 *  | u32     | u32    |                |                |                |           | multiple of 8
 *  +---------+--------+----------------+----------------+----------------+- - - - - -+- - - -+
 *   header and payload
 *
 * | type          | index                   | term           | extra           | payload        |
 * |---------------|-------------------------|----------------|-----------------|----------------|
 * | 1 entry       | of the entry            | of the entry   | raft entry type | the entry's    |
 * | 2 hard state  | committed up to         | current term   | vote; 0: none   | -              |
 * | 3 truncate    | first index taken away  | -              | -               | -              |
 * | 4 snapshot    | last index that it holds| of that entry  | -               | -              |
 */
import { readUint64LE, writeUint64LE } from '../bytes/int64.js'
import { StreamBusError } from '../errors/streambus-error.js'
import type { HardState, RaftEntry } from './raft/raft-types.js'

export const RaftRecordType = { entry: 1, hardState: 2, truncate: 3, snapshot: 4 } as const
export const raftRecordHeaderBytes = 32

export interface RaftRecord {
  readonly type: number
  readonly index: number
  readonly term: number
  readonly extra: number
  readonly payload: Uint8Array
}

const nothing = new Uint8Array(0)

export function entryRecord({ index, term, type, data }: RaftEntry): RaftRecord {
  return { type: RaftRecordType.entry, index, term, extra: type, payload: data }
}

export function hardStateRecord({ term, vote, commit }: HardState): RaftRecord {
  return { type: RaftRecordType.hardState, index: commit, term, extra: vote, payload: nothing }
}

export function truncateRecord(firstIndex: number): RaftRecord {
  return { type: RaftRecordType.truncate, index: firstIndex, term: 0, extra: 0, payload: nothing }
}

export function snapshotRecord({ index, term }: { index: number; term: number }): RaftRecord {
  return { type: RaftRecordType.snapshot, index, term, extra: 0, payload: nothing }
}

/** What a record takes in a commit. */
export function raftRecordBytes(payloadBytes: number): number {
  return (raftRecordHeaderBytes + payloadBytes + 7) & ~7
}

export function writeRaftRecord(bytes: Uint8Array, view: DataView, at: number, record: RaftRecord): void {
  const lengthBytes = raftRecordHeaderBytes + record.payload.length
  view.setUint32(at, lengthBytes, true)
  view.setUint32(at + 4, record.type, true)
  writeUint64LE(view, at + 8, record.index)
  writeUint64LE(view, at + 16, record.term)
  writeUint64LE(view, at + 24, record.extra)
  bytes.set(record.payload, at + raftRecordHeaderBytes)
  bytes.fill(0, at + lengthBytes, at + raftRecordBytes(record.payload.length))
}

/** Payloads are views. Throws JOURNAL_DAMAGED when lengths contradict the body. */
export function readRaftRecords(body: Uint8Array, count: number, onRecord: (record: RaftRecord) => void): void {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  let at = 0
  for (let record = 0; record < count; record++) {
    const lengthBytes = at + raftRecordHeaderBytes <= body.length ? view.getUint32(at, true) : 0
    if (lengthBytes < raftRecordHeaderBytes || at + lengthBytes > body.length) {
      throw new StreamBusError(
        'JOURNAL_DAMAGED',
        `record ${record} of a commit says ${lengthBytes} bytes at byte ${at} of a body of ${body.length}`,
      )
    }
    onRecord({
      type: view.getUint32(at + 4, true),
      index: readUint64LE(view, at + 8),
      term: readUint64LE(view, at + 16),
      extra: readUint64LE(view, at + 24),
      payload: body.subarray(at + raftRecordHeaderBytes, at + lengthBytes),
    })
    at += (lengthBytes + 7) & ~7
  }
}
