/**
 * Describes a journal file in lines of text: superblocks, then every commit of the chain with its entries.
 * Runs on: `log dump`. Touches: the bytes it is given.
 */
import { readUint64LE } from '../bytes/int64.js'
import { decodeUtf8 } from '../bytes/utf8.js'
import { uuidToBase64 } from '../bytes/uuid.js'
import { StreamBusError } from '../errors/streambus-error.js'
import { readEnvelope } from '../metadata/metadata-envelope.js'
import { type RaftRecord, RaftRecordType, readRaftRecords } from '../metadata/raft-log-format.js'
import { EntryType as RaftEntryType } from '../metadata/raft/raft-types.js'
import { walkChain } from './chain.js'
import type { Crc32c } from './commit-format.js'
import { EntryType, type JournalEntry, readEntries } from './entry-format.js'
import {
  metadataJournal,
  newestSuperblock,
  readSuperblock,
  ringFilePosition,
  type Superblock,
  superblockBytes,
  superblockMagic,
  type SuperblockState,
} from './superblock.js'

/** A command is shown up to here. */
const maxCommandLength = 400

/** True when the file begins like a journal. */
export function isJournal(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === superblockMagic
}

/** Throws JOURNAL_DAMAGED or DATA_FORMAT_TOO_NEW when there is nothing that can be shown. */
export function dumpJournal(bytes: Uint8Array, path: string, crc: Crc32c, say: (line: string) => void): void {
  const copies = [readSuperblock(bytes, 0, crc), readSuperblock(bytes, superblockBytes, crc)] as const
  for (const [index, copy] of copies.entries()) say(`superblock ${index}: ${describeSuperblock(copy)}`)
  const newest = newestSuperblock(copies[0], copies[1])
  if (newest.kind !== 'valid') {
    throw new StreamBusError(
      newest.kind === 'newer' ? 'DATA_FORMAT_TOO_NEW' : 'JOURNAL_DAMAGED',
      `${path}: no superblock that this version can read`,
    )
  }
  dumpChain(newest.superblock, bytes, path, crc, say)
}

function describeSuperblock(state: SuperblockState): string {
  if (state.kind === 'newer') return `format ${state.version}, newer than this program`
  if (state.kind === 'invalid') return 'invalid'
  const { superblock: block } = state
  const journal = block.journal === metadataJournal ? 'metadata' : `shard ${block.journal}`
  return (
    `sequence ${block.sequence}, ${journal}, broker ${block.brokerId}, cluster ${uuidToBase64(block.clusterId)}, ` +
    `capacity ${block.capacityBytes}, head ${block.headPosition}, next commit ${block.headCommitNumber}, ` +
    `run ${block.runId}, ${block.clean ? 'clean' : 'in use or not stopped cleanly'}`
  )
}

function dumpChain(
  superblock: Superblock,
  bytes: Uint8Array,
  path: string,
  crc: Crc32c,
  say: (line: string) => void,
): void {
  const ring = bytes.subarray(ringFilePosition)
  const source = {
    path,
    crc,
    readAt: (position: number, lengthBytes: number) => ring.subarray(position, position + lengthBytes),
  }
  const end = walkChain(superblock, source, ({ header, body }) => {
    say(
      `commit ${header.number}: position ${header.position}, ${header.usedBytes} of ${header.totalBytes} bytes, ` +
        `${header.entryCount} entries`,
    )
    // The metadata log keeps raft's records in its commits, which have a form of their own.
    if (superblock.journal === metadataJournal) {
      readRaftRecords(body, header.entryCount, (record) => say(`  ${describeRaftRecord(record)}`))
    } else readEntries(body, header.entryCount, (entry) => say(`  ${describeEntry(entry)}`))
  })
  say(`end: position ${end.position}, ${end.commitCount} commits${end.torn ? ', then a torn one' : ''}`)
}

function describeEntry(entry: JournalEntry): string {
  const where = `${uuidToBase64(entry.topicId)}-${entry.partition}`
  const view = new DataView(entry.payload.buffer, entry.payload.byteOffset, entry.payload.byteLength)
  switch (entry.type) {
    case EntryType.append: {
      const baseOffset = readBigEndian(view)
      const count = view.getInt32(57)
      return (
        `append ${where}: offsets ${baseOffset} to ${baseOffset + view.getInt32(23)}, ${count} records, ` +
        `${entry.payload.length} bytes`
      )
    }
    case EntryType.truncate:
      return `truncate ${where} to ${readUint64LE(view, 0)}`
    case EntryType.logStart:
      return `log start of ${where} is ${readUint64LE(view, 0)}`
    case EntryType.create:
      return (
        `create ${where}: topic ${decodeUtf8(entry.payload, 12)}, partition id ${view.getUint32(8, true)}, ` +
        `metadata version ${readUint64LE(view, 0)}`
      )
    case EntryType.delete:
      return `delete ${where}: metadata version ${readUint64LE(view, 0)}`
    default:
      return `type ${entry.type} of ${where}, ${entry.payload.length} bytes`
  }
}

function describeRaftRecord({ type, index, term, extra, payload }: RaftRecord): string {
  switch (type) {
    case RaftRecordType.entry:
      return `entry ${index} of term ${term}: ${describeRaftEntry(extra, payload)}`
    case RaftRecordType.hardState:
      return `state: term ${term}, ${extra === 0 ? 'no vote' : `vote for node ${extra}`}, committed up to ${index}`
    case RaftRecordType.truncate:
      return `entries from ${index} on are taken away`
    case RaftRecordType.snapshot:
      return `snapshot up to entry ${index} of term ${term}`
    default:
      return `record of type ${type}, ${payload.length} bytes`
  }
}

/** Commands are JSON; a new leader begins its term with an empty entry. */
function describeRaftEntry(type: number, payload: Uint8Array): string {
  if (type !== RaftEntryType.normal) return `change of members, ${payload.length} bytes`
  if (payload.length === 0) return 'nothing (a new term)'
  const { brokerId, command } = readEnvelope(payload)
  const text = decodeUtf8(command)
  const shown = text.length <= maxCommandLength ? text : `${text.slice(0, maxCommandLength)} ... (${text.length})`
  return `of broker ${brokerId}: ${shown}`
}

function readBigEndian(view: DataView): number {
  return view.getInt32(0) * 0x1_0000_0000 + view.getUint32(4)
}
