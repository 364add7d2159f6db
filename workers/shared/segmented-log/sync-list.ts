/**
 * Which files and folders of a partition have changes that may not be on the medium yet.
 * Runs on: the shard that owns the partition. Touches: nothing; the sync thread does the syncs.
 *
 *   mark --> dirty --> take --> outstanding --> synced
 *              ^                     |
 *              +----- mark ----------+     what is marked while outstanding is dirty again
 */
import { assert } from '../../../native-free-core/errors/assert.js'

/** One sync for the sync thread. A path that no longer exists by then needs none and counts as synced. */
export interface SyncWork {
  readonly path: string
  readonly kind: 'file' | 'folder'
}

interface Item extends SyncWork {
  readonly whenSynced: (() => void)[]
}

export class SyncList {
  private dirty = new Map<string, Item>()
  private readonly outstanding = new Set<Item>()

  /** `whenSynced` runs once a sync that began after this call is reported. */
  mark(path: string, kind: 'file' | 'folder', whenSynced?: () => void): void {
    let item = this.dirty.get(path)
    if (item === undefined) {
      item = { path, kind, whenSynced: [] }
      this.dirty.set(path, item)
    }
    if (whenSynced !== undefined) item.whenSynced.push(whenSynced)
  }

  /** The file is gone or about to be: it needs no sync. */
  forget(path: string): void {
    this.dirty.delete(path)
  }

  isClean(path: string): boolean {
    if (this.dirty.has(path)) return false
    for (const item of this.outstanding) if (item.path === path) return false
    return true
  }

  get hasDirty(): boolean {
    return this.dirty.size > 0
  }

  get hasOutstanding(): boolean {
    return this.outstanding.size > 0
  }

  /** All that is dirty; each element must come back through `synced`. */
  take(): SyncWork[] {
    const items = [...this.dirty.values()]
    this.dirty = new Map()
    for (const item of items) this.outstanding.add(item)
    return items
  }

  synced(work: SyncWork): void {
    const item = work as Item
    assert(this.outstanding.delete(item), 'a sync is reported that was not taken, or twice')
    for (const call of item.whenSynced) call()
  }

  paths(): string[] {
    return [...new Set([...this.dirty.keys(), ...[...this.outstanding].map((item) => item.path)])]
  }
}
