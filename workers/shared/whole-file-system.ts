/**
 * One sync for everything on a file system, where Linux tells reliably whether it worked.
 * Runs on: sync worker. Touches: a descriptor of the folder, libc through the optional package koffi.
 *
 * What may be relied upon (docs/decisions/0012): the manual promises the same as fsync on every file, and since Linux
 * 5.8 an error if anything was not written since the descriptor was opened or since it was last asked. Older kernels
 * report nothing, and other file systems promise less: there, files are synced one by one.
 */
import { closeSync, constants, fsyncSync, openSync, statfsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { release } from 'node:os'

/** A file system that can be synced as a whole. */
export interface WholeFileSystem {
  /** Whether `path` lies on it; false too for what is not there. */
  holds(path: string): boolean
  /**
   * Everything written to it before, data and names, is on the medium when this returns. Throws when something was not
   * written, perhaps another program's. Never call it again then: the error is told once, and a file that it was about
   * may be one that nobody has asked to be synced yet.
   */
  sync(): void
}

/** f_type of ext2 to ext4, XFS and Btrfs. */
const reliableTypes = new Set([0xef53, 0x58465342, 0x9123683e])

interface Koffi {
  load(name: string): { func(signature: string): (file: number) => number }
  errno(): number
}

/** Undefined where a whole sync can't be relied upon. */
export function openWholeFileSystem(folder: string): WholeFileSystem | undefined {
  if (process.platform !== 'linux' || !reportsErrors(release())) return undefined
  try {
    if (!reliableTypes.has(statfsSync(folder).type)) return undefined
    const koffi = createRequire(import.meta.url)('koffi') as Koffi
    const syncfs = koffi.load('libc.so.6').func('int syncfs(int)')
    return new LinuxFileSystem(folder, (file) => (syncfs(file) === 0 ? 0 : koffi.errno()))
  } catch {
    return undefined
  }
}

/** Whether this version of Linux reports what syncfs could not write. */
export function reportsErrors(version: string): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? []
  return Number(major) > 5 || (Number(major) === 5 && Number(minor) >= 8)
}

class LinuxFileSystem implements WholeFileSystem {
  private readonly folder: string
  private readonly file: number
  private readonly device: number
  private readonly syncfs: (file: number) => number

  constructor(folder: string, syncfs: (file: number) => number) {
    this.folder = folder
    // It stays open as long as the process: errors are told to the descriptor that was open when they happened.
    this.file = openSync(folder, constants.O_RDONLY)
    this.device = statSync(folder).dev
    this.syncfs = syncfs
    // Where there is no such call, or it is forbidden (seccomp), that shows now.
    const errno = this.syncfs(this.file)
    if (errno === 0) return
    closeSync(this.file)
    throw new Error(`syncfs of ${folder} failed with error ${errno}`)
  }

  holds(path: string): boolean {
    return statSync(path, { throwIfNoEntry: false })?.dev === this.device
  }

  sync(): void {
    const errno = this.syncfs(this.file)
    if (errno !== 0) throw new Error(`syncfs of ${this.folder} failed with error ${errno}`)
    // ext4 without a journal flushes the drive before it writes inodes and bitmaps; this flushes it once more.
    fsyncSync(this.file)
  }
}
