/**
 * Mistakes that the simulation must find: each puts one into the product, or into the disk below it, for as long as a
 * simulation runs.
 * Runs on: the process that simulates. Touches: prototypes of the product's classes. They are patched from here and
 * put back afterwards, so that nothing of this is in what ships.
 */
import { JournalReader } from '../../native-free-core/journal/journal-reader.js'
import { ringFilePosition } from '../../native-free-core/journal/superblock.js'
import { ProducerState } from '../../native-free-core/log/producer-state.js'
import { Subscription } from '../../src/gateway/subscriptions.js'
import { Settler } from '../../workers/shard/settler.js'
import { Shard } from '../../workers/shard/shard.js'
import { SyncPort } from '../../workers/shard/sync-port.js'
import { Journal } from '../../workers/shared/journal.js'
import type { MemoryDiskOptions } from '../support/memory-disk.js'
import type { Hints } from './plan.js'

export interface Canary {
  readonly name: string
  /** What it does wrong. */
  readonly about: string
  /** What the disk does wrong. */
  readonly disk?: Partial<MemoryDiskOptions>
  /** Puts the mistake in; returns what takes it out. */
  readonly apply?: () => () => void
  /** What a short search is narrowed to; the long one takes plans as they come. */
  readonly hints: Hints
  /** Within so many narrowed seeds from 1 on it must be found. */
  readonly within: number
}

// Private parts of other files' classes: what a canary changes is no business of the classes.
type Patched = Record<string, (...args: never[]) => unknown>

/** Replaces a method; `make` gets the real one. */
export function patch(owner: object, name: string, make: (real: (...args: never[]) => unknown) => unknown): () => void {
  const holder = owner as Patched
  const before = Object.getOwnPropertyDescriptor(holder, name)
  if (before === undefined) throw new Error(`a canary patches ${name}, which is not there any more`)
  const real = before.value as (...args: never[]) => unknown
  Object.defineProperty(holder, name, { value: make(real), configurable: true, writable: true })
  return () => Object.defineProperty(holder, name, before)
}

/** Replaces a getter. */
export function patchGetter(owner: object, name: string, get: (this: never) => unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(owner, name)
  if (before === undefined) throw new Error(`a canary patches ${name}, which is not there any more`)
  Object.defineProperty(owner, name, { get, configurable: true })
  return () => Object.defineProperty(owner, name, before)
}

interface ShardParts {
  readonly pending: { answerAll(ports: unknown): void }
  readonly ports: unknown
  readonly journal: Journal
  readonly partitions: Map<number, { logEndOffset: number; highWatermark: number; logStartOffset: number }>
  serveParked(partition: object): void
  answerProduce(port: unknown, acks: number, requestId: number, code: number, base: number, logStart: number): void
}

export const canaries: readonly Canary[] = [
  {
    name: 'durable-writes-are-not',
    about: 'a commit is acknowledged that only the page cache has',
    disk: { durableWritesAreNot: true },
    hints: { with: ['crashes', 'power'] },
    within: 20,
  },
  {
    name: 'folders-are-not-synced',
    about: 'names of new files are not brought to the disk',
    disk: { folderSyncsAreNot: true },
    hints: { with: ['crashes', 'power'] },
    within: 40,
  },
  {
    name: 'superblock-is-not-synced',
    about: 'a run begins, and the head moves, in the page cache only',
    disk: { isVolatile: (path, position) => path.endsWith('.journal') && position < ringFilePosition },
    hints: { with: ['crashes', 'power'] },
    within: 40,
  },
  {
    name: 'short-writes-are-ignored',
    about: 'a write that took a part counts as whole',
    disk: { shortWritesAreIgnored: true },
    hints: { with: ['short writes'] },
    within: 20,
  },
  {
    name: 'acknowledges-before-commit',
    about: 'a batch is acknowledged when it is in memory',
    apply: () =>
      patch(Shard.prototype, 'commit', (real) => {
        return function (this: ShardParts): void {
          this.pending.answerAll(this.ports)
          Reflect.apply(real, this, [])
        }
      }),
    hints: { with: ['crashes', 'power'], crashesInCommits: true, batchesPerProducer: 200, consumers: 3 },
    within: 150,
  },
  {
    name: 'watermark-before-commit',
    about: 'readers see a batch before its commit',
    apply: () =>
      patch(Shard.prototype, 'append', (real) => {
        return function (this: ShardParts, ...args: never[]): unknown {
          const result = Reflect.apply(real, this, args)
          for (const partition of this.partitions.values()) {
            partition.highWatermark = partition.logEndOffset
            this.serveParked(partition)
          }
          return result
        }
      }),
    hints: { with: ['crashes', 'power'], crashesInCommits: true, batchesPerProducer: 200, consumers: 3 },
    within: 150,
  },
  {
    name: 'duplicate-acknowledged-early',
    about: 'a duplicate is acknowledged though the original is not on disk yet',
    apply: () =>
      patch(Shard.prototype, 'answerDuplicate', () => {
        return function (this: ShardParts, ...args: unknown[]): void {
          const [port, , acks, requestId, partition, baseOffset] = args as [
            unknown,
            number,
            number,
            number,
            never,
            number,
          ]
          this.answerProduce(port, acks, requestId, 0, baseOffset, 0)
          void partition
        }
      }),
    hints: { with: ['crashes', 'power'], crashesInCommits: true, batchesPerProducer: 200, consumers: 3 },
    within: 150,
  },
  {
    name: 'sequences-are-not-kept',
    about: 'after a restart the broker does not know what producers had sent',
    apply: () =>
      patch(
        ProducerState.prototype,
        'copyFrom',
        () =>
          function (this: ProducerState) {
            return this
          },
      ),
    hints: { with: ['crashes', 'power'] },
    within: 20,
  },
  {
    name: 'head-passes-unsettled',
    about: 'the journal forgets entries that no segment holds yet',
    apply: () =>
      patch(Settler.prototype, 'finish', (real) => {
        return function (this: { target: number; options: { journal: Journal } }): void {
          this.target = this.options.journal.committedPosition
          Reflect.apply(real, this, [])
        }
      }),
    hints: { with: ['crashes', 'power'] },
    within: 20,
  },
  {
    name: 'sync-errors-are-ignored',
    about: 'a segment whose sync failed counts as synced',
    apply: () =>
      patch(Settler.prototype, 'onSynced', (real) => {
        return function (this: Settler, token: number): unknown {
          return Reflect.apply(real, this, [token as never, 0 as never])
        }
      }),
    hints: { with: ['crashes', 'power', 'errors'], failing: ['sync'], errorChance: 0.1 },
    within: 60,
  },
  {
    name: 'syncs-are-not-awaited',
    about: 'a recovery point covers files whose sync is under way',
    apply: () =>
      patch(SyncPort.prototype, 'sync', (real) => {
        const isFolder = (work: { kind: string }): boolean => work.kind === 'folder'
        return function (
          this: SyncPort & { publish(path: string): number },
          work: { kind: string; path: string },
        ): unknown {
          return isFolder(work)
            ? Reflect.apply(real, this, [work as never])
            : Reflect.apply(real, this, [{ ...work, path: '/nowhere' } as never])
        }
      }),
    hints: { with: ['crashes', 'power'] },
    within: 20,
  },
  {
    name: 'tail-reads-are-not-validated',
    about: 'a batch is sent whose bytes the journal may have overwritten meanwhile',
    apply: () => patch(JournalReader.prototype, 'isIntact', () => () => true),
    hints: {
      journalBytesPerShard: 32 * 1024,
      networkFirst: 15,
      shardCounts: [1],
      batchesPerProducer: 200,
      steps: 1000,
    },
    within: 60,
  },
  {
    name: 'log-start-is-not-written',
    about: 'records that were deleted come back',
    apply: () =>
      patch(Shard.prototype, 'writeLogStart', () => {
        return function (this: { settler: Settler }, partition: { logStartOffset: number }, offset: number): boolean {
          partition.logStartOffset = offset
          return true
        }
      }),
    hints: { with: ['crashes', 'power', 'deletions'] },
    within: 40,
  },
  {
    name: 'forgotten-too-early',
    about: 'the metadata forgets a deleted topic that the journal still names',
    apply: () =>
      patchGetter(Journal.prototype, 'forgottenPosition', function (this: Journal) {
        return this.committedPosition
      }),
    hints: { with: ['crashes', 'churn'], steps: 1000, settleStartPercent: 40, journalBytesPerShard: 256 * 1024 },
    within: 150,
  },
  {
    name: 'credit-is-ignored',
    about: 'a subscription gets what its socket can take',
    apply: () =>
      patchGetter(Subscription.prototype, 'mayReceive', function (this: Subscription) {
        return this.subscriber.hasRoom()
      }),
    hints: {},
    within: 20,
  },
  {
    name: 'lost-wake-up',
    about: 'the sync thread is not woken',
    apply: () =>
      patch(SyncPort.prototype, 'send', (real) => {
        return function (this: { doorbell: { ring(): void } }, ...args: never[]): unknown {
          const { doorbell } = this
          Object.defineProperty(this, 'doorbell', {
            value: { ring: () => undefined },
            configurable: true,
            writable: true,
          })
          const token = Reflect.apply(real, this, args)
          Object.defineProperty(this, 'doorbell', { value: doorbell, configurable: true, writable: true })
          return token
        }
      }),
    hints: {},
    within: 20,
  },
]

export function canaryNamed(name: string): Canary {
  const canary = canaries.find((one) => one.name === name)
  if (canary === undefined) {
    throw new Error(`there is no canary ${name}; there are ${canaries.map((one) => one.name).join(', ')}`)
  }
  return canary
}
