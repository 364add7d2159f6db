/**
 * Follows the metadata image: opens, creates and deletes the partitions that belong to this shard.
 * Runs on: shard worker. Touches: partition folders, the journal (create and delete entries).
 */
import { encodeUtf8 } from '../../native-free-core/bytes/utf8.js'
import type { Uuid } from '../../native-free-core/bytes/uuid.js'
import { writeUint64LE } from '../../native-free-core/bytes/int64.js'
import { type TopicConfig, topicConfigOf } from '../../native-free-core/config/topic-config.js'
import { errorTable } from '../../native-free-core/errors/error-table.js'
import { EntryType } from '../../native-free-core/journal/entry-format.js'
import { shardOf } from '../../native-free-core/mailbox/control.js'
import { ProducerState } from '../../native-free-core/log/producer-state.js'
import type { MetadataImage, TopicImage } from '../../native-free-core/metadata/metadata-image.js'
import type { Disk } from '../shared/disk.js'
import { PartitionFolders } from '../shared/partition-folders.js'
import { partitionKey, type RecoveryPoint } from '../shared/recovery-point.js'
import { Partition } from './partition.js'
import type { Shard } from './shard.js'

export interface PlacementOptions {
  readonly disk: Disk
  readonly topicsFolder: string
  readonly shard: number
  readonly shardCount: number
  /** What recovery left, by partitionKey. */
  readonly recoveryPoints: ReadonlyMap<string, RecoveryPoint>
}

export class Placement {
  private readonly options: PlacementOptions
  private readonly folders: PartitionFolders
  /** Topics that had folders at the start although no image knows them. */
  private strangers: ReadonlySet<Uuid> = new Set()

  constructor(options: PlacementOptions) {
    this.options = options
    this.folders = new PartitionFolders(options.disk, options.topicsFolder)
  }

  /** At the start: everything the image says is here is opened; what is missing is created. */
  start(image: MetadataImage, shard: Shard): void {
    this.strangers = this.folders.strangersTo(image)
    this.openAll(image, shard, () => true)
    this.folders.removeDeleted(Number.POSITIVE_INFINITY)
  }

  /**
   * Deletes what is gone, then opens what is new and takes over changed configurations. False when a new partition's
   * folder is that of another topic: a deleted one, which another shard has open and is about to move away, or one that
   * another shard knows from a newer image, in which the partition is no more. Call it again soon.
   * A disk that refuses takes the shard offline; it tries again at the next change.
   */
  apply(image: MetadataImage, shard: Shard): boolean {
    try {
      return this.follow(image, shard)
    } catch (error) {
      shard.takeOffline(error)
      return true
    }
  }

  private follow(image: MetadataImage, shard: Shard): boolean {
    const wanted = new Set<number>()
    for (const { partitions } of image.topics) for (const { partitionId } of partitions) wanted.add(partitionId)
    for (const [partitionId, partition] of shard.partitions) {
      if (!wanted.has(partitionId)) this.delete(shard, image, partition)
    }
    return this.openAll(image, shard, (topic, partition) => {
      const owner = this.folders.ownerOfFolder(topic.name, partition)
      return owner === undefined || owner === topic.topicId || this.strangers.has(owner)
    })
  }

  /** False when some had to be left out, because their place is not free yet. */
  private openAll(
    image: MetadataImage,
    shard: Shard,
    isFree: (topic: TopicImage, partition: number) => boolean,
  ): boolean {
    let isDone = true
    for (const topic of image.topics) {
      const config = topicConfigOf(topic.configs)
      for (const { partition, partitionId, leaderEpoch } of topic.partitions) {
        if (shardOf(partitionId, this.options.shardCount) !== this.options.shard) continue
        const known = shard.partitions.get(partitionId)
        if (known !== undefined) this.reconfigure(shard, known, config)
        else if (!isFree(topic, partition)) isDone = false
        else this.open(shard, image, topic, { partition, partitionId, leaderEpoch }, config)
      }
    }
    return isDone
  }

  private open(
    shard: Shard,
    image: MetadataImage,
    topic: TopicImage,
    ids: { partition: number; partitionId: number; leaderEpoch: number },
    config: TopicConfig,
  ): void {
    const point = this.options.recoveryPoints.get(partitionKey(topic.topicId, ids.partition))
    const log = this.folders.openOrCreate(topic.topicId, topic.name, ids.partition, config, point)
    // Records that only the page cache holds: recovery left them, because they are in no journal.
    const { isUnproven, isNew } = log
    log.writeAgain()
    const ring = shard.ringFor(config)
    const partition = new Partition(
      { ...ids, topicId: topic.topicId, topicName: topic.name },
      config,
      log,
      new ProducerState().copyFrom(log.producers),
      isUnproven ? shard.volatileRing : ring,
    )
    shard.partitions.set(ids.partitionId, partition)
    shard.settler.adopt(partition, isUnproven)
    // The topic was altered just before the end: nothing is acknowledged as synced on top of what is not.
    if (ring !== partition.ring) shard.settler.switchRing(partition, ring)
    if (!isNew) return
    shard.settler.touchFolder(this.folders.root)
    shard.writeMetadataEntry(partition, EntryType.create, createPayload(image.version, ids.partitionId, topic.name))
  }

  private reconfigure(shard: Shard, partition: Partition, config: TopicConfig): void {
    partition.config = config
    partition.log.configure(config)
    const ring = shard.ringFor(config)
    if (ring !== partition.ring || partition.isSwitching) shard.settler.switchRing(partition, ring)
  }

  private delete(shard: Shard, image: MetadataImage, partition: Partition): void {
    const { topicId, topicName, partition: number, partitionId } = partition.identity
    shard.dropParked(partition, errorTable.UNKNOWN_TOPIC_ID.code)
    shard.partitions.delete(partitionId)
    shard.writeMetadataEntry(partition, EntryType.delete, versionPayload(image.version))
    // At once, and not when the sync thread is done with its files: a topic made anew may take the name before that.
    this.folders.markDeleted(topicId, topicName, number)
    shard.settler.touchFolder(this.folders.root)
    shard.settler.retire(partition, () => partition.log.close())
  }

  /** Frees the space of deleted partitions, a few at a time. */
  removeDeleted(): number {
    return this.folders.removeDeleted(4)
  }
}

function versionPayload(version: number): Uint8Array {
  const bytes = new Uint8Array(8)
  writeUint64LE(new DataView(bytes.buffer), 0, version)
  return bytes
}

function createPayload(version: number, partitionId: number, name: string): Uint8Array {
  const text = encodeUtf8(name)
  const bytes = new Uint8Array(12 + text.length)
  const view = new DataView(bytes.buffer)
  writeUint64LE(view, 0, version)
  view.setUint32(8, partitionId, true)
  bytes.set(text, 12)
  return bytes
}
