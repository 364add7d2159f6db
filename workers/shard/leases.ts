/**
 * Files that the read thread may be reading: while a partition has leases, none of its segments is removed.
 * Runs on: shard worker. Touches: nothing.
 */
import type { Partition } from './partition.js'

export class Leases {
  private readonly held = new Map<number, Partition>()
  private nextId = 1

  take(partition: Partition): number {
    const id = this.nextId
    this.nextId = (this.nextId % 0xffff_fffe) + 1
    this.held.set(id, partition)
    partition.leases++
    return id
  }

  release(leaseId: number): void {
    const partition = this.held.get(leaseId)
    if (partition === undefined) return
    this.held.delete(leaseId)
    partition.leases--
  }
}
