/**
 * Replaces a small file so that it is whole after any crash.
 * Runs on: sync worker, recovery. Touches: the file and its folder.
 */
import type { Disk } from './disk.js'
import { folderOf } from './journal-file.js'

/** Puts `path`.new in the place of `path` so that after any crash one of the two is there whole. */
export function publishFile(disk: Disk, path: string): void {
  const file = disk.open(`${path}.new`, 'read-write')
  try {
    disk.sync(file)
  } finally {
    disk.close(file)
  }
  disk.rename(`${path}.new`, path)
  disk.syncFolder(folderOf(path))
}
