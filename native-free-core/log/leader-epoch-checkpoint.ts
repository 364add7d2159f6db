/**
 * Which leader epoch began at which offset, and Kafka's text file of it.
 * Runs on: shards, recovery, `log dump`. Touches: nothing.
 *
 *   0                  version
 *   2                  count
 *   0 0                epoch, start offset
 *   3 1204
 */
import { StreamBusError } from '../errors/streambus-error.js'

export interface EpochEntry {
  readonly epoch: number
  readonly startOffset: number
}

/** Ascending in epoch and offset. */
export class LeaderEpochs {
  private entries: EpochEntry[]

  constructor(entries: readonly EpochEntry[] = []) {
    this.entries = [...entries]
  }

  get all(): readonly EpochEntry[] {
    return this.entries
  }

  /** -1: none yet. */
  get latestEpoch(): number {
    return this.entries.length === 0 ? -1 : this.entries[this.entries.length - 1]!.epoch
  }

  /** Notes that records from `startOffset` on have `epoch`; returns whether that is new. */
  assign(epoch: number, startOffset: number): boolean {
    if (epoch <= this.latestEpoch) return false
    this.entries = this.entries.filter((entry) => entry.startOffset < startOffset)
    this.entries.push({ epoch, startOffset })
    return true
  }

  /** Forgets epochs that begin at or after `endOffset`; returns whether there were any. */
  truncateTo(endOffset: number): boolean {
    const before = this.entries.length
    this.entries = this.entries.filter((entry) => entry.startOffset < endOffset)
    return this.entries.length !== before
  }

  /** Forgets epochs that ended before the log's start, and moves the one in force there up to it. */
  truncateFrom(logStartOffset: number): boolean {
    const first = this.entries.filter((entry) => entry.startOffset <= logStartOffset).length - 1
    if (first < 0 || (first === 0 && this.entries[0]!.startOffset === logStartOffset)) return false
    const { epoch } = this.entries[first]!
    this.entries = [{ epoch, startOffset: logStartOffset }, ...this.entries.slice(first + 1)]
    return true
  }
}

export function formatLeaderEpochs(entries: readonly EpochEntry[]): string {
  return ['0', entries.length, ...entries.map((entry) => `${entry.epoch} ${entry.startOffset}`), ''].join('\n')
}

/** Throws CORRUPT_MESSAGE with the line that is wrong. */
export function parseLeaderEpochs(text: string): EpochEntry[] {
  const [version, count, ...lines] = text.trimEnd().split('\n')
  if (version !== '0') throw wrong(1, version, 'version 0')
  if (count !== String(lines.length)) throw wrong(2, count, `${lines.length}, as many as lines follow`)
  let before: EpochEntry = { epoch: -1, startOffset: -1 }
  return lines.map((line, index) => {
    const match = /^(\d{1,10}) (\d{1,16})$/.exec(line)
    const entry = { epoch: Number(match?.[1]), startOffset: Number(match?.[2]) }
    const ascends = entry.epoch > before.epoch && entry.startOffset > before.startOffset
    if (!ascends) throw wrong(index + 3, line, 'an epoch and an offset above those before')
    before = entry
    return entry
  })
}

function wrong(line: number, text: string | undefined, expected: string): StreamBusError {
  return new StreamBusError(
    'CORRUPT_MESSAGE',
    `line ${line} of a leader-epoch-checkpoint is "${text ?? ''}"; expected ${expected}`,
  )
}
