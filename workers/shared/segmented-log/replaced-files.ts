/**
 * Small files that are replaced as a whole: written under a temporary name, synced, then renamed.
 * Runs on: the shard that owns the partition. Touches: the partition's small files; the sync thread does the sync.
 *
 * The rename happens when the sync is reported, so that a name never stands for bytes that may be lost.
 */
import type { Disk } from '../disk.js'
import type { SyncList } from './sync-list.js'

export const temporarySuffix = '.tmp'

export class ReplacedFiles {
  private readonly disk: Disk
  private readonly folder: string
  private readonly syncs: SyncList
  /** Of those that are not there yet. */
  private readonly latest = new Map<string, number>()
  private counter = 0

  constructor(disk: Disk, folder: string, syncs: SyncList) {
    this.disk = disk
    this.folder = folder
    this.syncs = syncs
  }

  /** Replaces `name`; the new content appears once it is synced. `whenThere` runs then. */
  replace(name: string, bytes: Uint8Array, whenThere?: () => void): void {
    const version = ++this.counter
    const temporary = `${this.folder}/${name}.${version}${temporarySuffix}`
    const file = this.disk.open(temporary, 'create')
    try {
      this.disk.write(file, bytes, 0)
    } finally {
      this.disk.close(file)
    }
    this.latest.set(name, version)
    this.syncs.mark(temporary, 'file', () => {
      if (!this.disk.exists(temporary)) return
      if (this.latest.get(name) !== version) {
        this.disk.remove(temporary)
        return
      }
      this.latest.delete(name)
      this.disk.rename(temporary, `${this.folder}/${name}`)
      this.syncs.mark(this.folder, 'folder', whenThere)
    })
  }

  /** What was to replace `name` is not to appear any more. */
  cancel(name: string): void {
    this.latest.delete(name)
  }
}

/** The whole content of a small file. */
export function readWhole(disk: Disk, path: string): Uint8Array {
  const file = disk.open(path, 'read')
  try {
    const bytes = new Uint8Array(disk.size(file))
    return bytes.subarray(0, disk.read(file, bytes, 0))
  } finally {
    disk.close(file)
  }
}

/**
 * A small file made at once and synced by the sync thread later; for names that nothing relied on before. An empty file
 * is not emptied: ext4 writes a truncated file to the disk when it is closed, which blocks for a millisecond or two.
 */
export function writeWhole(disk: Disk, path: string, bytes: Uint8Array): void {
  const file = disk.open(path, 'create')
  try {
    if (disk.size(file) > 0) disk.truncate(file, 0)
    disk.write(file, bytes, 0)
  } finally {
    disk.close(file)
  }
}
