/**
 * The folders of partitions: names, creation, deletion, and which topic id each belongs to.
 * Runs on: recovery (sync worker) and shards, never both at a time for one folder. Touches: data/topics.
 *
 * `NAME-PARTITION` as Kafka names them. A deleted one is renamed to `NAME-PARTITION.TOPICID-deleted` first: from then
 * on a topic made anew under the name finds the place free, and a crash in between leaves nothing half removed.
 */
import type { Uuid } from '../../native-free-core/bytes/uuid.js'
import { decodeUtf8 } from '../../native-free-core/bytes/utf8.js'
import type { TopicConfig } from '../../native-free-core/config/topic-config.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { parsePartitionMetadata } from '../../native-free-core/log/partition-metadata.js'
import { type Disk, systemErrorCode } from './disk.js'
import type { MetadataImage } from '../../native-free-core/metadata/metadata-image.js'
import type { RecoveryPoint } from './recovery-point.js'
import { SegmentedLog } from './segmented-log/segmented-log.js'

const deletedSuffix = '-deleted'

export class PartitionFolders {
  readonly root: string
  private readonly disk: Disk

  constructor(disk: Disk, root: string) {
    this.disk = disk
    this.root = root
    disk.makeFolder(root)
  }

  /** Whether any partition is here that was not deleted. */
  hasPartitions(): boolean {
    const names = this.disk.list(this.root).filter((name) => !name.endsWith(deletedSuffix))
    return names.some((name) => this.disk.exists(`${this.root}/${name}/partition.metadata`))
  }

  pathOf(topicName: string, partition: number): string {
    return `${this.root}/${topicName}-${partition}`
  }

  /**
   * Opens a partition's log, creating it where there is none. Throws SEGMENT_DAMAGED when the recovery point says
   * that there was something and it is gone: an empty log in its place would hide a loss.
   */
  openOrCreate(
    topicId: Uuid,
    topicName: string,
    partition: number,
    config: TopicConfig,
    point: RecoveryPoint | undefined,
  ): SegmentedLog {
    const folder = this.pathOf(topicName, partition)
    this.moveStrangerAway(folder, topicId, point)
    if (this.disk.exists(`${folder}/partition.metadata`)) {
      return SegmentedLog.open(this.disk, folder, config, point)
    }
    if (point !== undefined && point.endOffset > point.logStartOffset) {
      throw new StreamBusError(
        'SEGMENT_DAMAGED',
        `${folder} is missing; it held offsets ${point.logStartOffset} to ${point.endOffset - 1}`,
      )
    }
    return SegmentedLog.create(this.disk, folder, topicId, config, point?.logStartOffset ?? 0)
  }

  /** The folder of a topic deleted just before a crash may still have the name. */
  private moveStrangerAway(folder: string, topicId: Uuid, point: RecoveryPoint | undefined): void {
    if (!this.disk.exists(folder)) return
    const path = `${folder}/partition.metadata`
    const isRelied = point !== undefined && point.endOffset > point.logStartOffset
    if (isRelied && !this.disk.exists(path)) return
    const owner = isRelied ? this.ownerOf(path) : this.ownerIfKnown(path)
    // Made just before a crash and never synced: whatever it holds is in the journal.
    if (owner === undefined) return this.disk.removeFolder(folder)
    if (owner !== topicId) this.disk.rename(folder, `${folder}.${owner}${deletedSuffix}`)
  }

  /** Whose the folder with that name is; undefined when there is none, or nothing in it that tells. */
  ownerOfFolder(topicName: string, partition: number): Uuid | undefined {
    const path = `${this.pathOf(topicName, partition)}/partition.metadata`
    return this.ownerIfKnown(path)
  }

  private ownerIfKnown(path: string): Uuid | undefined {
    if (!this.disk.exists(path)) return undefined
    try {
      return this.ownerOf(path)
    } catch (error) {
      // What it holds may be wrong, and another shard may move it away just now; a disk that does not answer is another
      // matter.
      const code = systemErrorCode(error)
      if (!StreamBusError.is(error) || (code !== undefined && code !== 'ENOENT')) throw error
      return undefined
    }
  }

  private ownerOf(path: string): Uuid {
    const file = this.disk.open(path, 'read')
    try {
      const bytes = new Uint8Array(this.disk.size(file))
      this.disk.read(file, bytes, 0)
      return parsePartitionMetadata(decodeUtf8(bytes))
    } finally {
      this.disk.close(file)
    }
  }

  /** Takes the folder out of the way at once; `removeDeleted` frees its space. */
  markDeleted(topicId: Uuid, topicName: string, partition: number): void {
    const folder = this.pathOf(topicName, partition)
    if (this.disk.exists(folder)) this.disk.rename(folder, `${folder}.${topicId}${deletedSuffix}`)
  }

  /**
   * Marks folders of deleted topics whose renaming a crash undid. A topic that the image never knew is left alone: not
   * to know it is no deletion.
   */
  markDeletedTopics(image: MetadataImage): void {
    for (const [folder, owner] of this.unknownTo(image)) {
      if (image.isDeleted(owner)) this.disk.rename(folder, `${folder}.${owner}${deletedSuffix}`)
    }
  }

  /** Topics that are neither in the image nor deleted, and have folders. */
  strangersTo(image: MetadataImage): Set<Uuid> {
    const owners = this.unknownTo(image).map(([, owner]) => owner)
    return new Set(owners.filter((owner) => !image.isDeleted(owner)))
  }

  /** Folders under names that the image has not, and whose they are. */
  private unknownTo(image: MetadataImage): [folder: string, owner: Uuid][] {
    const known = new Set(
      image.topics.flatMap(({ name, partitions }) => partitions.map(({ partition }) => `${name}-${partition}`)),
    )
    const found: [string, Uuid][] = []
    for (const name of this.disk.list(this.root)) {
      if (name.endsWith(deletedSuffix) || known.has(name)) continue
      const folder = `${this.root}/${name}`
      const owner = this.ownerIfKnown(`${folder}/partition.metadata`)
      if (owner !== undefined) found.push([folder, owner])
    }
    return found
  }

  /** Removes up to `most` folders that were marked, and returns how many. */
  removeDeleted(most: number): number {
    const names = this.disk
      .list(this.root)
      .filter((name) => name.endsWith(deletedSuffix))
      .slice(0, most)
    for (const name of names) this.disk.removeFolder(`${this.root}/${name}`)
    return names.length
  }
}
