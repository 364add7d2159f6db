/**
 * Whether a file system lets files be written past the page cache.
 * Runs on: the test process. Touches: one read of a file.
 */
import { pageAlignedMemory } from '../../native-free-core/bytes/page-aligned-memory.js'
import { RealDisk } from '../../workers/shared/disk.js'

/** Of a file with at least one block. */
export function canWriteDirectly(path: string): boolean {
  const disk = new RealDisk()
  const file = disk.openDirect(path, new Uint8Array(pageAlignedMemory(65_536)), 'read-write')
  if (file !== undefined) disk.close(file)
  return file !== undefined
}
