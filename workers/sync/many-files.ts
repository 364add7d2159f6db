/**
 * Decides when many files are synced by one sync of their file system, and does that.
 * Runs on: sync worker. Touches: the data folder's file system.
 *
 * One sync of a file costs a flush of the drive and, for a file that grew, writes of its inode, one after another; for
 * 64 files they cost more than what was written. A whole sync also writes what other programs left unwritten there: one
 * that took long is not repeated for a while. One that failed is never repeated: its error may be about any file, and
 * is told once. Each file then has to say for itself.
 */
import type { Disk } from '../shared/disk.js'
import type { WholeFileSystem } from '../shared/whole-file-system.js'

/** From so many files on. */
export const defaultManyFiles = 12
/** Somebody else's writes were in it: files of a settling round are written in less. */
const longMs = 1000
/** Then files are synced one by one for so long. */
const pauseMs = 60_000

export interface ManyFilesOptions {
  readonly disk: Disk
  readonly folder: string
  readonly isAllowed: boolean
  readonly fromCount: number
  /** A clock that never jumps. */
  readonly clock: () => number
}

export class ManyFiles {
  private readonly options: ManyFilesOptions
  private fileSystem: WholeFileSystem | undefined
  private isOpen = false
  private isSpent: boolean
  private pausedUntilMs = Number.NEGATIVE_INFINITY

  constructor(options: ManyFilesOptions) {
    this.options = options
    this.isSpent = !options.isAllowed
  }

  /** True: all of it is on the medium. False: each has to be synced by itself. A path that is gone needs no sync. */
  sync(paths: readonly string[]): boolean {
    const { disk, clock, fromCount } = this.options
    const startedMs = clock()
    if (this.isSpent || paths.length < fromCount || startedMs < this.pausedUntilMs) return false
    const fileSystem = this.open()
    if (fileSystem === undefined) return false
    // A part of the folder may be mounted from elsewhere.
    if (!paths.every((path) => fileSystem.holds(path) || !disk.exists(path))) return false
    try {
      fileSystem.sync()
    } catch {
      this.isSpent = true
      return false
    }
    const endedMs = clock()
    if (endedMs - startedMs > longMs) this.pausedUntilMs = endedMs + pauseMs
    return true
  }

  private open(): WholeFileSystem | undefined {
    if (!this.isOpen) this.fileSystem = this.options.disk.wholeFileSystem(this.options.folder)
    this.isOpen = true
    return this.fileSystem
  }
}
