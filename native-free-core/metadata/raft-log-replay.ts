/**
 * What the records of a raft log add up to: the last snapshot's place, the entries after it, the hard state.
 * Runs on: the metadata worker, at its start. Touches: nothing but its own lists.
 *
 * | record                | compared with the log so far              | what is done                                |
 * |-----------------------|-------------------------------------------|---------------------------------------------|
 * | entry                 | index is last + 1                         | appended                                    |
 * | entry                 | index known, same term                    | nothing: it was written again               |
 * | entry                 | index in the snapshot                     | nothing                                     |
 * | entry                 | index known, other term                   | refused: a truncation must come first       |
 * | entry                 | index beyond last + 1                     | refused: entries are missing                |
 * | truncate              | index above the snapshot                  | entries from there on are taken away        |
 * | truncate              | index in the snapshot                     | refused: committed entries are never taken  |
 * | snapshot              | its last entry is known, same term        | entries up to it are dropped                |
 * | snapshot              | its last entry is unknown, or other term  | all entries are dropped: it replaces them   |
 * | snapshot              | not newer than the one before             | nothing                                     |
 * | hard state            | -                                         | replaces the one before                     |
 * | any other             | -                                         | refused: of a newer release                 |
 */
import { StreamBusError } from '../errors/streambus-error.js'
import type { HardState, RaftEntry } from './raft/raft-types.js'
import { type RaftRecord, RaftRecordType } from './raft-log-format.js'

export class RaftLogReplay {
  /** Of the last snapshot; undefined before the first record names one. */
  snapshot: { readonly index: number; readonly term: number } | undefined
  hardState: HardState | undefined
  private readonly kept: RaftEntry[] = []

  /** After the snapshot, in order, without gaps. */
  get entries(): readonly RaftEntry[] {
    return this.kept
  }

  get lastIndex(): number {
    return this.kept.at(-1)?.index ?? this.snapshot?.index ?? 0
  }

  /** Throws JOURNAL_DAMAGED or DATA_FORMAT_TOO_NEW by the table above. Payloads are copied. */
  take(record: RaftRecord): void {
    switch (record.type) {
      case RaftRecordType.entry:
        return this.takeEntry(record)
      case RaftRecordType.truncate:
        return this.takeTruncate(record)
      case RaftRecordType.snapshot:
        return this.takeSnapshot(record)
      case RaftRecordType.hardState:
        this.hardState = { term: record.term, vote: record.extra, commit: record.index }
        return
      default:
        throw new StreamBusError('DATA_FORMAT_TOO_NEW', `the raft log holds a record of type ${record.type}`)
    }
  }

  private takeEntry({ index, term, extra, payload }: RaftRecord): void {
    if (index <= (this.snapshot?.index ?? 0)) return
    if (index > this.lastIndex + 1) throw damaged(`entry ${index} follows entry ${this.lastIndex}`)
    if (index === this.lastIndex + 1) {
      this.kept.push({ index, term, type: extra, data: payload.slice() })
      return
    }
    const known = this.kept[index - this.kept[0]!.index]!
    if (known.term !== term) throw damaged(`entry ${index} has terms ${known.term} and ${term}`)
  }

  private takeTruncate({ index }: RaftRecord): void {
    const snapshotIndex = this.snapshot?.index ?? 0
    if (index <= snapshotIndex) throw damaged(`a truncation at entry ${index} cuts into snapshot ${snapshotIndex}`)
    this.kept.length = Math.min(this.kept.length, index - snapshotIndex - 1)
  }

  private takeSnapshot({ index, term }: RaftRecord): void {
    if (this.snapshot !== undefined && index <= this.snapshot.index) return
    const last = this.kept.findIndex((entry) => entry.index === index)
    const isPrefix = last >= 0 && this.kept[last]!.term === term
    this.kept.splice(0, isPrefix ? last + 1 : this.kept.length)
    this.snapshot = { index, term }
  }
}

function damaged(what: string): StreamBusError {
  return new StreamBusError('JOURNAL_DAMAGED', `the raft log contradicts itself: ${what}`)
}
