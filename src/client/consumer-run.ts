/**
 * The callback form of a consumer: several partitions at a time, one record or batch of each.
 * Runs on: main thread of clients, browsers. Touches: the consumer's feed.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { ConsumedBatch } from './consumed-batch.js'
import { ConsumedRecord } from './consumed-record.js'
import type { ConsumerFeed, Taken } from './consumer-feed.js'

/** Where a callback failed. */
export interface FailedAt {
  readonly topic: string
  readonly partition: number
  /** Of the record, or of the first of the batch. */
  readonly offset: number
}

/** What `run` calls: exactly one of `eachRecord` and `eachBatch`. */
export interface RunOptions {
  /** Gets every record; the next of its partition waits for the promise. */
  readonly eachRecord?: ((record: ConsumedRecord) => unknown) | undefined
  /** Gets every batch; the next of its partition waits for the promise. */
  readonly eachBatch?: ((batch: ConsumedBatch) => unknown) | undefined
  /** How many partitions are worked on at the same time, default 1. Order is kept within each. */
  readonly partitionConcurrency?: number | undefined
  /**
   * Decides what a failed callback means: 'stop' (as without this option) ends the run with the error, 'skip' goes on
   * with the next record or batch.
   */
  readonly onError?: ((error: unknown, at: FailedAt) => 'stop' | 'skip' | Promise<'stop' | 'skip'>) | undefined
}

export class ConsumerRun {
  private readonly feed: ConsumerFeed
  private readonly options: RunOptions
  private readonly concurrency: number
  private readonly working = new Set<Promise<void>>()
  private failure: { readonly error: unknown } | undefined

  /** Throws USAGE. */
  constructor(feed: ConsumerFeed, options: RunOptions) {
    const { eachRecord, eachBatch, partitionConcurrency = 1 } = options
    if ((eachRecord === undefined) === (eachBatch === undefined)) {
      throw new StreamBusError('USAGE', 'run expects one of eachRecord and eachBatch')
    }
    if (!(partitionConcurrency >= 1)) {
      throw new StreamBusError('USAGE', `partitionConcurrency is ${partitionConcurrency}; expected at least 1`)
    }
    this.feed = feed
    this.options = options
    this.concurrency = partitionConcurrency
  }

  async toEnd(): Promise<void> {
    try {
      for (;;) {
        const taken = await this.feed.take()
        if (taken === undefined) break
        this.begin(taken)
        if (this.working.size >= this.concurrency) await Promise.race(this.working)
      }
    } finally {
      await Promise.all(this.working)
    }
    if (this.failure !== undefined) throw this.failure.error
  }

  private begin(taken: Taken): void {
    const work = this.work(taken).finally(() => this.working.delete(work))
    this.working.add(work)
  }

  /** Never rejects. */
  private async work(taken: Taken): Promise<void> {
    try {
      await (this.options.eachBatch === undefined ? this.byRecord(taken) : this.byBatch(taken))
    } catch (error) {
      this.failure ??= { error }
      this.feed.close()
    } finally {
      this.feed.putBack(taken)
    }
  }

  private async byBatch(taken: Taken): Promise<void> {
    const { batch } = taken
    await this.call(taken, batch.baseOffset, () => this.options.eachBatch!(batch))
    this.feed.advance(taken, batch.lastOffset + 1)
  }

  private async byRecord(taken: Taken): Promise<void> {
    const { feed } = this
    const { batch } = taken
    const eachRecord = this.options.eachRecord!
    const reader = batch.reader()
    while (feed.isWanted(taken) && reader.next()) {
      const { offset } = reader
      if (offset < batch.baseOffset) continue
      const record = new ConsumedRecord(batch, reader)
      const called = this.call(taken, offset, () => eachRecord(record))
      // A callback that is done at once costs no turn.
      if (called !== undefined) await called
      feed.advance(taken, offset + 1)
    }
    if (feed.isWanted(taken)) feed.advance(taken, batch.lastOffset + 1)
  }

  /** Undefined: done already. */
  private call(taken: Taken, offset: number, callback: () => unknown): Promise<void> | undefined {
    try {
      const result = callback()
      if (typeof (result as Promise<unknown> | undefined)?.then !== 'function') return undefined
      return Promise.resolve(result).then(
        () => {},
        (error: unknown) => this.failed(taken, offset, error),
      )
    } catch (error) {
      return this.failed(taken, offset, error)
    }
  }

  private async failed({ part, batch }: Taken, offset: number, error: unknown): Promise<void> {
    const { onError } = this.options
    const { topic } = batch
    const decision = await onError?.(error, { topic, partition: part.partition, offset })
    if (decision !== 'skip') throw error
  }
}
