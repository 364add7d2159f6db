/**
 * What a load thread is told at its start and later, and what it answers.
 * Runs on: main and load threads. Touches: nothing.
 */
import type { ErrorName } from '../../../native-free-core/errors/error-table.js'
import type { ConnectOptions } from '../../client/index.js'
import type { LoadPlan } from '../load-options.js'

/** What can be handed to another thread: no functions. */
export type ThreadTarget = Pick<ConnectOptions, 'server' | 'servers' | 'tls'> & { readonly token?: string | undefined }

/** A partition of one of the topics; the list of all is the same in every thread. */
export interface Place {
  readonly topic: string
  readonly partition: number
  readonly partitionCount: number
  readonly partitionId: number
  /** The end of the partition before the run. */
  readonly startOffset: number
}

export interface LoadThreadData {
  readonly role: 'load'
  readonly index: number
  readonly target: ThreadTarget
  readonly plan: LoadPlan
  readonly places: readonly Place[]
  /** Of the values of connection 0; the other connections' follow. */
  readonly firstTag: number
  /** See ThreadMemory. */
  readonly memory: SharedArrayBuffer
  /** Of `fanout`: how many subscribers each record has reached, by its number. */
  readonly reached: SharedArrayBuffer | undefined
}

export interface PacerData {
  readonly role: 'pacer'
  /** Of the load threads: their alarms are in there. */
  readonly memories: readonly SharedArrayBuffer[]
  /** One i32: 1 ends it. */
  readonly control: SharedArrayBuffer
  readonly startMs: number
  readonly intervalMs: number
}

export type ThreadData = LoadThreadData | PacerData

/** By the shared clock. */
export interface Phase {
  readonly startMs: number
  readonly seconds: number
}

export type ThreadRequest = { readonly type: 'run'; readonly phase: Phase } | { readonly type: 'stop' | 'finish' }

/** What one producing connection had acknowledged over all phases: what must be there when it is read back. */
export interface Sent {
  readonly tag: number
  /** Numbers below were written. */
  readonly count: number
  /** By place, see OffsetRanges. */
  readonly ranges: readonly (readonly number[])[]
}

/** What a driver knows in the end. */
export interface Finished {
  readonly sent: readonly Sent[]
  /** Of `fanout`, by subscribers. */
  readonly duplicated: number
  readonly outOfOrder: number
}

/** An error as it crosses threads. */
export interface ThreadError {
  readonly name: ErrorName
  readonly message: string
  readonly remedy: string
}

export type ThreadAnswer =
  | { readonly type: 'ready'; readonly threadId: number | undefined }
  | { readonly type: 'done'; readonly firstError: string | undefined }
  | { readonly type: 'finished'; readonly finished: Finished }
  | { readonly type: 'error'; readonly error: ThreadError }
