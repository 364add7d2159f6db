/**
 * Says in lines what a file of a partition holds, reading it through the disk.
 * Runs on: jobs, the command line. Touches: the file, reading.
 */
import { type DumpOptions, dumpFile } from '../../../native-free-core/log/dump.js'
import type { Disk } from '../disk.js'

/** Calls `onLine` for each line. Throws USAGE for a file that is none of a partition's. */
export function dumpPath(disk: Disk, path: string, onLine: (line: string) => void, options: DumpOptions = {}): void {
  const file = disk.open(path, 'read')
  try {
    const source = {
      name: path.slice(path.lastIndexOf('/') + 1),
      sizeBytes: disk.size(file),
      read: (into: Uint8Array, position: number) => disk.read(file, into, position),
    }
    for (const line of dumpFile(source, options)) onLine(line)
  } finally {
    disk.close(file)
  }
}
