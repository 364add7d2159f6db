/**
 * Reads committed batches out of a shard's journal memory from another thread, without locks.
 * Runs on: front-end threads. Touches: the journal's memory (reads), its shared floor.
 *
 * The shard raises the floor (by Atomics.add) BEFORE it overwrites what is below. A reader copies, then reads the
 * floor with a read-modify-write; only if the floor has not passed the copy's start was nothing overwritten while it
 * copied. The read-modify-write orders the plain loads before it on every processor; a plain atomic load would not.
 *
 *  shared positions, Int32:   word 0: floor in units of 64 bytes, wrapping; compared by difference
 */

export const journalPositionsBytes = 256
export const floorIndex = 0
export const floorUnitBytes = 64

export class JournalReader {
  private readonly memory: Uint8Array
  private readonly positions: Int32Array
  private readonly capacityBytes: number

  constructor(memory: SharedArrayBuffer, positions: SharedArrayBuffer) {
    this.memory = new Uint8Array(memory)
    this.positions = new Int32Array(positions)
    this.capacityBytes = memory.byteLength
  }

  /**
   * Copies `lengthBytes` from the absolute `position` into `into` at `at`. A range never wraps.
   * Returns false when the bytes were overwritten meanwhile: the copy is worthless, ask the shard again.
   */
  copy(position: number, lengthBytes: number, into: Uint8Array, at: number): boolean {
    const start = position % this.capacityBytes
    into.set(this.memory.subarray(start, start + lengthBytes), at)
    return this.isIntact(position)
  }

  /** True while nothing from `position` on has been given up for overwriting. */
  isIntact(position: number): boolean {
    const floor = Atomics.add(this.positions, floorIndex, 0)
    return (((Math.floor(position / floorUnitBytes) | 0) - floor) | 0) >= 0
  }
}
