/**
 * One broker's part in the metadata quorum: a raft node, the state machine behind it, and the proposals that wait.
 * Runs on: the metadata worker, the simulator. Touches: its raft instance. Never: a clock, a disk, a socket.
 *
 * The host's loop, after every tick, message or proposal:
 *
 *   for (let work = node.takeWork(); work; work = node.takeWork()) {
 *     persist(work.snapshot, work.entries, work.hardState)      synced if work.mustSync
 *     send(work.messages)                                        may also be sent before persisting
 *     send(node.finish())                                        they answer for the disk; what is committed is applied
 *   }
 *   node.takeResults(), node.image
 *
 * Proposals made between two rounds become one append, and so one synced write.
 */
import { assert } from '../errors/assert.js'
import { type ErrorName, errorTable } from '../errors/error-table.js'
import { encodeCommand, type MetadataCommand } from './metadata-command.js'
import { readEnvelope, writeEnvelope } from './metadata-envelope.js'
import { MetadataImage } from './metadata-image.js'
import { type CommandResult, MetadataState } from './metadata-state.js'
import { RaftError, RaftErrorCode, type RaftInstance } from './raft/raft-instance.js'
import type { RaftNode } from './raft/raft-node.js'
import {
  type ConfState,
  EntryType,
  type HardState,
  type RaftEntry,
  type RaftMessage,
  RaftRole,
  type RaftSnapshot,
  type RaftStatus,
  type Ready,
  type SoftState,
  waitsForDisk,
} from './raft/raft-types.js'

/** What a node starts from. A new cluster's snapshot has index 0, the voters, and an empty image. */
export interface RestoredRaft {
  readonly snapshot: RaftSnapshot
  readonly hardState: HardState | undefined
  readonly entries: readonly RaftEntry[]
}

export interface MetadataNodeOptions {
  readonly instance: RaftInstance
  readonly brokerId: number
  /** Of this run, 16 hexadecimal digits, random: an answer never goes to a proposal of an earlier run. */
  readonly runId: string
  readonly restored: RestoredRaft
  /** How long a proposal waits for its answer. */
  readonly proposalTicks?: number
  readonly electionTicks?: number
}

export interface MetadataWork {
  /** From the leader; to persist BEFORE the entries: it replaces the log. */
  readonly snapshot: RaftSnapshot | undefined
  /** May overlap the log's end: what they overlap is taken away. */
  readonly entries: readonly RaftEntry[]
  /** To persist after the entries, in the same synced write. */
  readonly hardState: HardState | undefined
  readonly mustSync: boolean
  /** To send now. */
  readonly messages: readonly RaftMessage[]
}

export interface ProposalResult {
  readonly token: number
  readonly result: CommandResult
  /** Of the first image that shows the change, or of a newer one. */
  readonly version: number
}

/** Raft's ids must not be 0; brokers' may. */
export function raftIdOf(brokerId: number): number {
  return brokerId + 1
}

const defaultProposalTicks = 50
/** One append takes so much of the queue; the rest follows in the next round. */
const maxAppendBytes = 256 * 1024

interface Waiting {
  readonly token: number
  ticksLeft: number
}

export class MetadataNode {
  private readonly raft: RaftNode
  private readonly brokerId: number
  private readonly runId: string
  private readonly proposalTicks: number
  private state: MetadataState
  private confState: ConfState
  private softState: SoftState = { leader: 0, role: RaftRole.follower }
  private term: number
  private applied: number
  private appliedTerm: number
  private snapshotAt: number
  private open: Ready | undefined
  private queue: { readonly token: number; readonly data: Uint8Array }[] = []
  private readonly waiting = new Map<number, Waiting>()
  private nextSequence = 1
  private results: ProposalResult[] = []

  constructor(options: MetadataNodeOptions) {
    const { snapshot, hardState, entries } = options.restored
    this.brokerId = options.brokerId
    this.runId = options.runId
    this.proposalTicks = options.proposalTicks ?? defaultProposalTicks
    this.state = new MetadataState(MetadataImage.parse(snapshot.data))
    this.confState = snapshot.confState
    this.term = hardState?.term ?? 0
    this.applied = this.snapshotAt = snapshot.index
    this.appliedTerm = snapshot.term
    this.raft = options.instance.createNode({
      id: raftIdOf(options.brokerId),
      electionTicks: options.electionTicks ?? 10,
      heartbeatTicks: 1,
      checkQuorum: true,
      preVote: true,
      maxUncommittedBytes: 4 * maxAppendBytes,
      maxMessageBytes: maxAppendBytes,
      // A round's entries must fit into the log beside what is there: few messages at a time, which is enough here.
      maxInflightMessages: 4,
      applied: snapshot.index,
      hardState,
      snapshot,
      entries,
    })
    // Nobody else could win: without this the first leader would take an election timeout.
    const { voters, votersOutgoing } = snapshot.confState
    if (voters.length === 1 && voters[0] === this.raft.id && votersOutgoing.length === 0) this.raft.campaign()
  }

  get image(): MetadataImage {
    return this.state.image
  }

  get appliedIndex(): number {
    return this.applied
  }

  get entriesSinceSnapshot(): number {
    return this.applied - this.snapshotAt
  }

  get isLeader(): boolean {
    return this.softState.role === RaftRole.leader
  }

  /** An entry of the current leader's term is applied: everything that was committed before that term is. */
  get isCaughtUp(): boolean {
    return this.softState.leader !== 0 && this.appliedTerm === this.term
  }

  get pendingCount(): number {
    return this.queue.length + this.waiting.size
  }

  status(): RaftStatus {
    return this.raft.status()
  }

  /** One unit of time: elections, heartbeats, and proposals that waited too long. */
  tick(): void {
    this.raft.tick()
    for (const [sequence, waiting] of this.waiting) {
      if (--waiting.ticksLeft > 0) continue
      this.waiting.delete(sequence)
      this.answerError(waiting.token, 'REQUEST_TIMED_OUT', 'the metadata quorum did not answer; the outcome is unknown')
    }
  }

  /** Messages from other nodes. */
  step(messages: readonly Uint8Array[]): void {
    if (messages.length > 0) this.raft.step(messages)
  }

  /** Stands for election now. */
  campaign(): void {
    this.raft.campaign()
  }

  transferLeader(brokerId: number): void {
    this.raft.transferLeader(raftIdOf(brokerId))
  }

  reportSnapshot(brokerId: number, arrived: boolean): void {
    this.raft.reportSnapshot(raftIdOf(brokerId), arrived)
  }

  /** Throws StreamBusError for a command that is wrong by itself; all else is in the result of `token`. */
  propose(token: number, command: MetadataCommand): void {
    const sequence = this.nextSequence++
    const data = writeEnvelope({ brokerId: this.brokerId, runId: this.runId, sequence }, encodeCommand(command))
    this.queue.push({ token, data })
    this.waiting.set(sequence, { token, ticksLeft: this.proposalTicks })
  }

  /** Answers everything that waits with SHUTTING_DOWN. */
  abandon(): void {
    const tokens = [...this.waiting.values()].map(({ token }) => token)
    this.queue = []
    this.waiting.clear()
    for (const token of tokens) {
      this.answerError(token, 'SHUTTING_DOWN', 'the broker stopped before the metadata quorum answered')
    }
  }

  /** The next round's work; undefined when there is none. `finish` must be called before the next. */
  takeWork(): MetadataWork | undefined {
    assert(this.open === undefined, 'a round begins before the last one was finished')
    this.appendQueue()
    const ready = this.raft.ready()
    if (ready === undefined) return undefined
    this.open = ready
    const { snapshot, entries, hardState, mustSync } = ready
    return { snapshot, entries, hardState, mustSync, messages: ready.messages.filter((m) => !waitsForDisk(m)) }
  }

  /** The work is on disk: applies what is committed, and returns the messages that may be sent only now. */
  finish(): readonly RaftMessage[] {
    const ready = this.open
    assert(ready !== undefined, 'finish without a round')
    this.open = undefined
    if (ready.hardState !== undefined) this.term = ready.hardState.term
    if (ready.softState !== undefined) this.softState = ready.softState
    if (ready.snapshot !== undefined) this.install(ready.snapshot)
    for (const entry of ready.committed) this.applyEntry(entry)
    this.raft.advance()
    return ready.messages.filter(waitsForDisk)
  }

  takeResults(): ProposalResult[] {
    const results = this.results
    this.results = []
    return results
  }

  /** The state after the last applied entry; persist it, then call `compact`. */
  makeSnapshot(): RaftSnapshot {
    assert(this.open === undefined && this.entriesSinceSnapshot > 0, 'a snapshot at the wrong moment')
    const snapshot = this.raft.createSnapshot(this.applied, this.confState, this.image.encode())
    this.snapshotAt = snapshot.index
    return snapshot
  }

  /** The last snapshot is persisted: the entries that it holds, but for the last `kept`, leave memory. */
  compact(kept: number): void {
    const { firstIndex } = this.raft.status()
    const upTo = this.snapshotAt - kept
    if (upTo >= firstIndex) this.raft.compact(upTo)
  }

  private appendQueue(): void {
    if (this.queue.length === 0) return
    const batch = this.takeBatch()
    try {
      this.raft.propose(batch.map(({ data }) => data))
    } catch (error) {
      if (!(error instanceof RaftError) || error.code !== RaftErrorCode.dropped) throw error
      this.refuseBatch(batch)
    }
  }

  private takeBatch(): { readonly token: number; readonly data: Uint8Array }[] {
    let bytes = 0
    let count = 0
    while (count < this.queue.length && (count === 0 || bytes + this.queue[count]!.data.length <= maxAppendBytes)) {
      bytes += this.queue[count++]!.data.length
    }
    return this.queue.splice(0, count)
  }

  /** Nothing of it entered a log: no leader is known, or too much waits for the quorum. */
  private refuseBatch(batch: readonly { readonly token: number; readonly data: Uint8Array }[]): void {
    for (const { token, data } of batch) {
      this.waiting.delete(readEnvelope(data).sequence)
      const why = this.softState.leader === 0 ? 'no leader is known' : 'too many changes wait for the quorum'
      this.answerError(token, 'NOT_CONTROLLER', `metadata can't be changed now: ${why}`)
    }
  }

  private install(snapshot: RaftSnapshot): void {
    this.state = new MetadataState(MetadataImage.parse(snapshot.data))
    this.confState = snapshot.confState
    this.applied = this.snapshotAt = snapshot.index
    this.appliedTerm = snapshot.term
  }

  private applyEntry(entry: RaftEntry): void {
    assert(entry.index === this.applied + 1, 'committed entries have a gap')
    this.applied = entry.index
    this.appliedTerm = entry.term
    if (entry.type !== EntryType.normal) this.confState = this.raft.applyConfChange(entry)
    // A new leader's first entry is empty.
    else if (entry.data.length > 0) this.applyCommand(entry)
  }

  private applyCommand({ index, data }: RaftEntry): void {
    const { brokerId, runId, sequence, command } = readEnvelope(data)
    const result = this.state.apply(command, index)
    if (brokerId !== this.brokerId || runId !== this.runId) return
    const waiting = this.waiting.get(sequence)
    if (waiting === undefined) return
    this.waiting.delete(sequence)
    this.results.push({ token: waiting.token, result, version: this.state.image.version })
  }

  private answerError(token: number, error: ErrorName, message: string): void {
    const result = { ok: false, error, code: errorTable[error].code, message } as const
    this.results.push({ token, result, version: this.state.image.version })
  }
}
