/**
 * A disk on which each durable write takes as long as STREAMBUS_TEST_BYTES_PER_SECOND says: a broker whose capacity is
 * known, and small enough for one machine to offer many times of it.
 * Runs on: every worker of a broker that is given it as diskModule.
 */
import { type DirectMode, type Disk, type FileHandle, type OpenMode, RealDisk } from '../../workers/shared/disk.js'

const bytesPerSecond = Number(process.env['STREAMBUS_TEST_BYTES_PER_SECOND'] ?? Number.POSITIVE_INFINITY)
const word = new Int32Array(new SharedArrayBuffer(4))

class SlowDisk extends RealDisk {
  private readonly durable = new Set<FileHandle>()

  override open(path: string, mode: OpenMode): FileHandle {
    const file = super.open(path, mode)
    if (mode === 'durable-write') this.durable.add(file)
    return file
  }

  override openDirect(path: string, memory: Uint8Array, mode: DirectMode): FileHandle | undefined {
    const file = super.openDirect(path, memory, mode)
    if (file !== undefined && mode === 'durable-write') this.durable.add(file)
    return file
  }

  override close(file: FileHandle): void {
    this.durable.delete(file)
    super.close(file)
  }

  protected override rawWrite(file: FileHandle, views: readonly Uint8Array[], position: number): number {
    const count = super.rawWrite(file, views, position)
    if (this.durable.has(file)) Atomics.wait(word, 0, 0, (count / bytesPerSecond) * 1000)
    return count
  }
}

export function createDisk(): Disk {
  return new SlowDisk()
}
