/**
 * Control messages between main and the metadata worker: rare, structured, over the worker's own port.
 * Runs on: main and the metadata worker. Touches: types only.
 */
import type { Uuid } from '../bytes/uuid.js'
import type { MetadataCommand } from './metadata-command.js'
import type { CommandValue } from './metadata-state.js'

export interface MetadataSettings {
  /** Absolute. */
  readonly dataFolder: string
  readonly brokerId: number
  /** For a folder that has none yet: made by main at every start. */
  readonly clusterId: Uuid
  /** A module that exports createDisk(), in place of the real disk; tests only. */
  readonly diskModule: string | undefined
  /** Tells this start of a broker from others in the same process, in broker.lock. */
  readonly lockToken?: string
  /** Of brokers of this process of which no thread runs any more: what they left locked is free. */
  readonly endedLockTokens?: readonly string[]
}

export type ToMetadata =
  /** First, and once: until then the worker touches no file of anybody's. */
  | { readonly kind: 'open'; readonly settings: MetadataSettings }
  /** `token`: main's own number for the answer. */
  | { readonly kind: 'propose'; readonly token: number; readonly command: MetadataCommand }
  | { readonly kind: 'ping'; readonly token: number }
  | { readonly kind: 'stop' }

export type FromMetadata =
  /** Once: everything that was committed before the start is applied, and commands can be. */
  | {
      readonly kind: 'ready'
      readonly image: SharedArrayBuffer
      readonly version: number
      readonly clusterId: Uuid
    }
  /** After each change; always sent before the answers to the commands that made it. */
  | { readonly kind: 'image'; readonly image: SharedArrayBuffer; readonly version: number }
  | {
      readonly kind: 'result'
      readonly token: number
      readonly ok: true
      readonly value: CommandValue
      /** The image that shows the change, or a newer one. */
      readonly version: number
    }
  | {
      readonly kind: 'result'
      readonly token: number
      readonly ok: false
      readonly code: number
      readonly message: string
    }
  | { readonly kind: 'pong'; readonly token: number }
  | { readonly kind: 'log'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly message: string }
  /** The log is closed; the thread ends. */
  | { readonly kind: 'stopped' }
  /** The thread ends: it can neither vote nor apply any more. */
  | { readonly kind: 'fatal'; readonly code: number; readonly message: string; readonly remedy: string }
