/**
 * Knows up to which image all that was deleted is gone from this shard's journal and folders, for power cuts too: then
 * the ids of those topics need not be remembered.
 * Runs on: shard worker, after its turns. Touches: its journal's superblock, and that once in `clearAfterMs` at most.
 *
 * What can name a deleted topic, and when it can't any more:
 *
 * | names it                          | until                                                                  |
 * |-----------------------------------|------------------------------------------------------------------------|
 * | an entry of the journal           | both copies of the superblock have a head behind it                    |
 * | its folder, before it was renamed | the folder above is synced: before the head passes its delete entry    |
 * | what an earlier run left          | recovery is over: journals empty, folders renamed, names synced        |
 * | what a failed write or sync left  | the next start: a shard that is offline says nothing                   |
 */
import type { MetadataImage } from '../../native-free-core/metadata/metadata-image.js'
import type { Shard } from './shard.js'

/** A place behind every entry of topics that this image or an earlier one deleted. */
interface Mark {
  readonly version: number
  readonly position: number
  /** When to settle what little there is. */
  readonly dueMs: number
}

export class Clearing {
  private readonly shard: Shard
  private readonly clearAfterMs: number
  /** As was said. */
  private clearedVersion = -1
  /** The newest image applied, if it or one before deleted something that may be here yet. */
  private wantedVersion = -1
  /** One at a time: so the disk is written to for this alone once in `clearAfterMs`. */
  private mark: Mark | undefined

  constructor(shard: Shard, clearAfterMs: number) {
    this.shard = shard
    this.clearAfterMs = clearAfterMs
  }

  /** Call when every partition is closed here that `image` has not, and every other one open. */
  applied({ version, deletedTopics }: MetadataImage): void {
    const last = deletedTopics.at(-1)
    if (last !== undefined && last.version > this.clearedVersion) this.wantedVersion = version
  }

  /** Call after each turn, by a clock that never jumps. The version up to which all is gone; undefined: no news. */
  step(nowMs: number): number | undefined {
    if (this.wantedVersion <= this.clearedVersion || this.shard.failure !== undefined) return undefined
    this.mark ??= this.markNow(nowMs)
    if (this.mark === undefined) return undefined
    const { version, position, dueMs } = this.mark
    const { journal } = this.shard
    if (nowMs >= dueMs && journal.forgottenPosition < position) this.hurry(position)
    if (journal.forgottenPosition < position) return undefined
    this.mark = undefined
    this.clearedVersion = version
    return version
  }

  /** Undefined while an entry is not in a commit yet. */
  private markNow(nowMs: number): Mark | undefined {
    const { journal, hasMetadataEntries } = this.shard
    if (hasMetadataEntries || journal.hasOpenCommit) return undefined
    return { version: this.wantedVersion, position: journal.committedPosition, dueMs: nowMs + this.clearAfterMs }
  }

  private hurry(position: number): void {
    const { journal, settler } = this.shard
    if (journal.headPosition < position) return settler.settleUpTo(position)
    try {
      journal.repeatHead()
    } catch (error) {
      this.shard.takeOffline(error)
    }
  }
}
