/**
 * Files of this process that are open past the page cache, and whether a file system can do that.
 * Runs on: the test process. Touches: /proc, and one read of a file.
 */
import { constants, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { pageAlignedMemory } from '../../native-free-core/bytes/page-aligned-memory.js'
import { RealDisk } from '../../workers/shared/disk.js'

/** Of a file with at least one block. */
export function canWriteDirectly(path: string): boolean {
  const disk = new RealDisk()
  const file = disk.openDirect(path, new Uint8Array(pageAlignedMemory(65_536)), 'read-write')
  if (file !== undefined) disk.close(file)
  return file !== undefined
}

/** Descriptors of files at which `isWanted` looks by path; of this process with all its threads. Linux alone. */
export function openFilesOf(isWanted: (path: string) => boolean): { path: string; isDirect: boolean }[] {
  return readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${name}`)
      if (!isWanted(path)) return []
      const flags = Number.parseInt(/flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${name}`, 'utf8'))![1]!, 8)
      return [{ path, isDirect: (flags & constants.O_DIRECT) !== 0 }]
    } catch {
      // Closed between the look at the folder and this one.
      return []
    }
  })
}
