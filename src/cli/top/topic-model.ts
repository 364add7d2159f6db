/**
 * What `top` shows of topics: rates from the differences of high watermarks, and how far subscriptions are behind.
 * Runs on: main. Touches: nothing.
 */
import type { TopicDescription } from '../../client/index.js'
import type { StatusSample } from './status-sample.js'

export interface TopicView {
  readonly name: string
  readonly partitions: number
  /** NaN before the second look. */
  readonly recordsPerSecond: number
  /** That can be read. */
  readonly records: number
  readonly sizeBytes: number
  readonly subscriptions: number
  /** Records that the slowest subscription of each partition has not got yet; NaN: nobody subscribed, or unknown. */
  readonly lag: number
}

/** How much may be asked in a second, so that a broker with many topics is not busy with being looked at. */
const mostTopicsAtOnce = 16
const mostPartitionsAtOnce = 1000

interface Known {
  readonly partitionCount: number
  watermark: number
  atMs: number
  view: TopicView | undefined
}

export class TopicModel {
  private readonly known = new Map<string, Known>()
  private turn: string[] = []

  /** The topics that there are. */
  setNames(topics: readonly { readonly name: string; readonly partitionCount: number }[]): void {
    const names = new Set(topics.map(({ name }) => name))
    for (const name of this.known.keys()) if (!names.has(name)) this.known.delete(name)
    for (const { name, partitionCount } of topics) {
      if (this.known.get(name)?.partitionCount === partitionCount) continue
      this.known.set(name, { partitionCount, watermark: Number.NaN, atMs: 0, view: undefined })
    }
  }

  /** Whose turn it is to be described: all of them when they are few, else in rotation. */
  nextNames(): string[] {
    if (this.turn.length === 0) this.turn = [...this.known.keys()]
    const names: string[] = []
    let partitions = 0
    while (this.turn.length > 0 && names.length < mostTopicsAtOnce) {
      const known = this.known.get(this.turn[0]!)
      if (known !== undefined) {
        if (names.length > 0 && partitions + known.partitionCount > mostPartitionsAtOnce) break
        partitions += known.partitionCount
        names.push(this.turn[0]!)
      }
      this.turn.shift()
    }
    return names
  }

  /** `status` came after the description: no subscription is then ahead of its watermark by mistake. */
  add({ name, partitions }: TopicDescription, { subscribed }: StatusSample, nowMs: number): void {
    const known = this.known.get(name)
    if (known === undefined) return
    let [watermark, records, sizeBytes, subscriptions, lag] = [0, 0, 0, 0, Number.NaN]
    for (const partition of partitions) {
      watermark += partition.highWatermark
      records += partition.highWatermark - partition.logStartOffset
      sizeBytes += partition.sizeBytes
      const reader = subscribed?.get(partition.partitionId)
      if (reader === undefined) continue
      subscriptions += reader.subscriptions
      lag = (Number.isNaN(lag) ? 0 : lag) + Math.max(0, partition.highWatermark - reader.slowestOffset)
    }
    const recordsPerSecond = Math.max(0, ((watermark - known.watermark) / (nowMs - known.atMs)) * 1000)
    known.watermark = watermark
    known.atMs = nowMs
    known.view = {
      name,
      partitions: partitions.length,
      recordsPerSecond,
      records,
      sizeBytes,
      subscriptions: subscribed === undefined ? Number.NaN : subscriptions,
      lag,
    }
  }

  /** It was deleted meanwhile. */
  remove(name: string): void {
    this.known.delete(name)
  }

  view(): readonly TopicView[] {
    return [...this.known.values()].flatMap(({ view }) => view ?? [])
  }
}
