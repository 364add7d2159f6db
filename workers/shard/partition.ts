/**
 * One partition on its shard: offsets, producers, where its batches are, and who waits for more.
 * Runs on: shard worker (the single writer). Touches: its segmented log.
 *
 *   log start      settled end                high watermark          log end
 *      |  segments      |  journal, on disk        |  journal, open commit  |
 */
import { type Uuid, uuidToBytes } from '../../native-free-core/bytes/uuid.js'
import type { TopicConfig } from '../../native-free-core/config/topic-config.js'
import type { ProducerState } from '../../native-free-core/log/producer-state.js'
import type { Journal } from '../shared/journal.js'
import type { SegmentedLog } from '../shared/segmented-log/segmented-log.js'
import { ExtentIndex } from './extent-index.js'
import type { ParkedFetch } from './parked-fetches.js'

export interface PartitionIdentity {
  readonly partitionId: number
  readonly topicId: Uuid
  readonly topicName: string
  readonly partition: number
  readonly leaderEpoch: number
}

export class Partition {
  readonly identity: PartitionIdentity
  readonly topicIdBytes = new Uint8Array(16)
  readonly extents = new ExtentIndex()
  readonly log: SegmentedLog
  /** Decides on sequences; ahead of the log's own producer state by what is not settled yet. */
  readonly producers: ProducerState
  config: TopicConfig
  /** Where its batches go: the shard's journal, or its ring of memory alone. */
  ring: Journal
  /** The ring is about to change: nothing is appended until all that is in it is settled and synced. */
  isSwitching = false
  logStartOffset: number
  /** The offset after the last record that may be read: everything below is on disk. */
  highWatermark: number
  logEndOffset: number
  /** Oldest first. */
  parked: ParkedFetch[] = []
  /** In the list of partitions that the open commit touches. */
  dirty = false
  /** Segments that the read thread may be reading: base offsets by lease. */
  readonly leases = new Map<number, number>()

  constructor(
    identity: PartitionIdentity,
    config: TopicConfig,
    log: SegmentedLog,
    producers: ProducerState,
    ring: Journal,
  ) {
    this.ring = ring
    this.identity = identity
    this.config = config
    this.log = log
    this.producers = producers
    this.logStartOffset = log.logStartOffset
    this.highWatermark = this.logEndOffset = log.endOffset
    uuidToBytes(identity.topicId, this.topicIdBytes)
  }

  /** No segment from here on may be removed. */
  get leasedFrom(): number {
    let lowest = Number.POSITIVE_INFINITY
    for (const baseOffset of this.leases.values()) lowest = Math.min(lowest, baseOffset)
    return lowest
  }

  get name(): string {
    return `${this.identity.topicName}-${this.identity.partition}`
  }
}
