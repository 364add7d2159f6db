/**
 * The little-endian buffers of the raft module's boundary; tools/raft/go/main.go is the other side.
 * Runs on: the metadata worker, the simulator. Touches: the bytes it is given.
 */
import { readUint64LE, writeUint64LE } from '../../bytes/int64.js'
import type {
  ConfState,
  RaftConfig,
  RaftEntry,
  RaftMessage,
  RaftProgress,
  RaftSnapshot,
  RaftStatus,
  Ready,
} from './raft-types.js'

export class RaftReader {
  private at = 0
  private readonly bytes: Uint8Array
  private readonly view: DataView

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  u32(): number {
    const value = this.view.getUint32(this.at, true)
    this.at += 4
    return value
  }

  u64(): number {
    const value = readUint64LE(this.view, this.at)
    this.at += 8
    return value
  }

  blob(): Uint8Array {
    const length = this.u32()
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  list<T>(readOne: () => T): T[] {
    const count = this.u32()
    const items: T[] = []
    for (let index = 0; index < count; index++) items.push(readOne())
    return items
  }

  entries(): RaftEntry[] {
    return this.list(() => ({ index: this.u64(), term: this.u64(), type: this.u32(), data: this.blob() }))
  }

  messages(): RaftMessage[] {
    return this.list(() => ({ to: this.u64(), type: this.u32(), bytes: this.blob() }))
  }

  confState(): ConfState {
    const ids = (): number[] => this.list(() => this.u64())
    const voters = ids()
    const learners = ids()
    const votersOutgoing = ids()
    return { voters, learners, votersOutgoing, learnersNext: ids(), autoLeave: this.u32() !== 0 }
  }

  snapshot(): RaftSnapshot {
    return { index: this.u64(), term: this.u64(), confState: this.confState(), data: this.blob() }
  }

  ready(): Ready {
    const flags = this.u32()
    const softState = flags & 1 ? { leader: this.u64(), role: this.u32() } : undefined
    const hardState = flags & 2 ? { term: this.u64(), vote: this.u64(), commit: this.u64() } : undefined
    const snapshot = flags & 4 ? this.snapshot() : undefined
    const entries = this.entries()
    const messages = this.messages()
    return { softState, hardState, snapshot, mustSync: (flags & 8) !== 0, entries, messages, committed: this.entries() }
  }

  status(): RaftStatus {
    const u64s = Array.from({ length: 9 }, () => this.u64())
    const [id, term, vote, commit, leader, applied, transferee, firstIndex, lastIndex] = u64s as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    const role = this.u32()
    const progress = this.list(() => this.progress())
    return { id, term, vote, commit, leader, applied, transferee, firstIndex, lastIndex, role, progress }
  }

  private progress(): RaftProgress {
    const place = { id: this.u64(), match: this.u64(), next: this.u64(), pendingSnapshot: this.u64() }
    const state = this.u32()
    const flags = this.u32()
    return {
      ...place,
      state,
      isLearner: (flags & 1) !== 0,
      isRecentlyActive: (flags & 2) !== 0,
      isPaused: (flags & 4) !== 0,
    }
  }
}

export class RaftWriter {
  private bytes = new Uint8Array(256)
  private view = new DataView(this.bytes.buffer)
  private at = 0

  /** Call before `bytes` and `view` are used: it may replace both. */
  private room(lengthBytes: number): number {
    const start = this.at
    if (start + lengthBytes > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.bytes.length * 2, start + lengthBytes))
      larger.set(this.bytes)
      this.bytes = larger
      this.view = new DataView(larger.buffer)
    }
    this.at = start + lengthBytes
    return start
  }

  u32(value: number): this {
    const at = this.room(4)
    this.view.setUint32(at, value, true)
    return this
  }

  u64(value: number): this {
    const at = this.room(8)
    writeUint64LE(this.view, at, value)
    return this
  }

  blob(value: Uint8Array): this {
    this.u32(value.length)
    const at = this.room(value.length)
    this.bytes.set(value, at)
    return this
  }

  ids(values: readonly number[]): this {
    this.u32(values.length)
    for (const value of values) this.u64(value)
    return this
  }

  confState(state: ConfState): this {
    this.ids(state.voters).ids(state.learners).ids(state.votersOutgoing).ids(state.learnersNext)
    return this.u32(state.autoLeave ? 1 : 0)
  }

  config(config: RaftConfig): this {
    this.u64(config.id)
      .u64(config.applied)
      .u64(config.maxMessageBytes ?? 1 << 20)
      .u64(0)
    this.u64(config.maxUncommittedBytes ?? 0).u64(0)
    this.u32(config.electionTicks ?? 10)
      .u32(config.heartbeatTicks ?? 1)
      .u32(config.maxInflightMessages ?? 256)
    this.u32((config.checkQuorum ? 1 : 0) | (config.preVote ? 2 : 0)).u32(config.logLevel ?? 2)
    const { hardState, snapshot, entries } = config
    this.u64(hardState?.term ?? 0)
      .u64(hardState?.vote ?? 0)
      .u64(hardState?.commit ?? 0)
    this.ids([]).ids([]).ids([]).ids([]).u32(0)
    this.u64(snapshot.index).u64(snapshot.term).confState(snapshot.confState).blob(snapshot.data)
    this.u32(entries.length)
    for (const entry of entries) this.u64(entry.index).u64(entry.term).u32(entry.type).blob(entry.data)
    return this
  }

  /** A view on what was written. */
  done(): Uint8Array {
    return this.bytes.subarray(0, this.at)
  }
}
