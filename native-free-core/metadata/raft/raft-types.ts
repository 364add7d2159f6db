/**
 * What crosses the boundary of the raft module: entries, states, messages, as etcd's raft names them.
 * Runs on: the metadata worker, the simulator. Touches: types and constants only.
 */

export const EntryType = { normal: 0, confChange: 1, confChangeV2: 2 } as const
export const RaftRole = { follower: 0, candidate: 1, leader: 2, preCandidate: 3 } as const
export const MessageType = { appendReply: 4, voteReply: 6, snapshot: 7, preVoteReply: 18 } as const
export const ConfChangeType = { addNode: 0, removeNode: 1, updateNode: 2, addLearner: 3 } as const

export interface RaftEntry {
  readonly index: number
  readonly term: number
  /** Of EntryType. */
  readonly type: number
  readonly data: Uint8Array
}

export interface HardState {
  readonly term: number
  /** The node that got this node's vote in the term; 0: none. */
  readonly vote: number
  readonly commit: number
}

export interface SoftState {
  /** 0: none is known. */
  readonly leader: number
  /** Of RaftRole. */
  readonly role: number
}

export interface ConfState {
  readonly voters: readonly number[]
  readonly learners: readonly number[]
  readonly votersOutgoing: readonly number[]
  readonly learnersNext: readonly number[]
  readonly autoLeave: boolean
}

export interface RaftSnapshot {
  /** The last entry that it holds. */
  readonly index: number
  readonly term: number
  readonly confState: ConfState
  readonly data: Uint8Array
}

export interface RaftMessage {
  readonly to: number
  readonly type: number
  /** raftpb.Message in protobuf. */
  readonly bytes: Uint8Array
}

export interface Ready {
  readonly softState: SoftState | undefined
  /** To persist together with the entries. */
  readonly hardState: HardState | undefined
  /** From the leader: replaces the log and the state. */
  readonly snapshot: RaftSnapshot | undefined
  /** False: nothing in it must be on disk before the messages leave. */
  readonly mustSync: boolean
  /** To persist BEFORE the messages that `waitsForDisk` names are sent. */
  readonly entries: readonly RaftEntry[]
  readonly messages: readonly RaftMessage[]
  /** To apply, after persisting. */
  readonly committed: readonly RaftEntry[]
}

/** These answer for the sender's disk; all others, a leader's appends among them, may be sent at once. */
export function waitsForDisk(message: RaftMessage): boolean {
  const { type } = message
  return type === MessageType.appendReply || type === MessageType.voteReply || type === MessageType.preVoteReply
}

export interface ConfChange {
  readonly changes: readonly { readonly type: number; readonly id: number }[]
}

export interface RaftProgress {
  readonly id: number
  readonly match: number
  readonly next: number
  readonly pendingSnapshot: number
  readonly state: number
  readonly isLearner: boolean
  readonly isRecentlyActive: boolean
  readonly isPaused: boolean
}

export interface RaftStatus {
  readonly id: number
  readonly term: number
  readonly vote: number
  readonly commit: number
  readonly leader: number
  readonly applied: number
  readonly transferee: number
  readonly firstIndex: number
  readonly lastIndex: number
  readonly role: number
  /** On the leader only. */
  readonly progress: readonly RaftProgress[]
}

/** What a node is started with; limits in bytes, 0 or undefined: none. */
export interface RaftConfig {
  /** Not 0. */
  readonly id: number
  readonly electionTicks?: number
  readonly heartbeatTicks?: number
  readonly maxMessageBytes?: number
  readonly maxUncommittedBytes?: number
  readonly maxInflightMessages?: number
  readonly checkQuorum?: boolean
  readonly preVote?: boolean
  /** 0 debug, 1 info, 2 warning, 3 error. */
  readonly logLevel?: number
  /** What the host has persisted. */
  readonly applied: number
  readonly hardState: HardState | undefined
  readonly snapshot: RaftSnapshot
  readonly entries: readonly RaftEntry[]
}

export function confStateOf(voters: readonly number[]): ConfState {
  return { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false }
}
