/**
 * How much all shards of a broker have appended: one counter for all of them, in shared memory.
 * Runs on: main (makes the memory), shards. Touches: that memory.
 */

/** What it counts, each append rounded up, so that its 32 bits do not come round (at 256 GiB) between two looks. */
const unitBytes = 64

export function createAppendCounter(): SharedArrayBuffer {
  return new SharedArrayBuffer(4)
}

export class AppendCounter {
  private readonly words: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory)
  }

  add(lengthBytes: number): void {
    Atomics.add(this.words, 0, Math.ceil(lengthBytes / unitBytes))
  }

  /** Where it stands, for `bytesSince`. */
  get mark(): number {
    return Atomics.load(this.words, 0)
  }

  bytesSince(mark: number): number {
    return ((this.mark - mark) >>> 0) * unitBytes
  }
}
