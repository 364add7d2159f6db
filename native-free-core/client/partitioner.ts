/**
 * Which partition a record goes to: its key's by murmur2, as with Kafka's clients; without a key one partition for a
 * whole batch, then the next, because few full batches cost less than many small ones.
 * Runs on: clients, browsers. Touches: nothing.
 */
import { partitionForKey } from '../log/murmur2.js'

export class StickyPartitioner {
  private current: number
  private readonly partitionCount: number

  /** `first` is any whole number; different clients should start differently. */
  constructor(partitionCount: number, first = 0) {
    this.partitionCount = partitionCount
    this.current = first % partitionCount
  }

  partitionOf(key: Uint8Array | null): number {
    return key === null ? this.current : partitionForKey(key, this.partitionCount)
  }

  /** A batch of `partition` is full or due: records without a key go elsewhere from now on. */
  batchSealed(partition: number): void {
    if (partition === this.current) this.current = (this.current + 1) % this.partitionCount
  }
}
