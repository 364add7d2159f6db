/**
 * Files that the read thread may be reading: no segment is removed while there is a lease on it or one before it.
 * Runs on: shard worker. Touches: nothing.
 */
import type { Partition } from './partition.js'

export class Leases {
  private readonly held = new Map<number, Partition>()
  private nextId = 1

  /** On the segment of the partition that begins with `baseOffset`. */
  take(partition: Partition, baseOffset: number): number {
    const id = this.nextId
    this.nextId = (this.nextId % 0xffff_fffe) + 1
    this.held.set(id, partition)
    partition.leases.set(id, baseOffset)
    return id
  }

  release(leaseId: number): void {
    const partition = this.held.get(leaseId)
    if (partition === undefined) return
    this.held.delete(leaseId)
    partition.leases.delete(leaseId)
  }
}
