/**
 * Stops writes before the disk is full. What lies in the journals has been acknowledged and still needs its room in
 * segments, so as much as all journals hold stays free besides the reserve.
 *
 * Between two looks at the disk the shards count together what they append. So the reserve is still free once all is
 * settled, but for a batch of each shard and what others write to that disk until the next look.
 *
 * Runs on: shard worker. Touches: a counter of all shards; asks the file system for free space, the more often the less
 * there is.
 */
import type { AppendCounter } from '../../native-free-core/mailbox/append-counter.js'
import type { Disk } from '../shared/disk.js'

const checkIntervalMs = 1000
/** While less room is left than has to stay free: somebody else may take it. */
const nearIntervalMs = 100
/** Between two looks at least; one costs some microseconds. */
const shortestIntervalMs = 10

export class DiskReserve {
  private readonly disk: Disk
  private readonly folder: string
  private readonly journalsBytes: number
  private reserveBytes: number
  private readonly counter: AppendCounter
  /** Where the counter stood when free space was asked for. */
  private markAtCheck = 0
  private checkedMs = Number.NEGATIVE_INFINITY
  freeBytes = Number.POSITIVE_INFINITY

  /** `journalsBytes`: what the journals of all shards hold; `counter`: of what all append. */
  constructor(disk: Disk, folder: string, reserveBytes: number, journalsBytes: number, counter: AppendCounter) {
    this.journalsBytes = journalsBytes
    this.counter = counter
    this.disk = disk
    this.folder = folder
    this.reserveBytes = this.bytesOf(reserveBytes)
  }

  /** What must stay free; 0: the smaller of 5 % of the disk and 1 GiB. */
  set(reserveBytes: number): void {
    this.reserveBytes = this.bytesOf(reserveBytes)
  }

  private bytesOf(reserveBytes: number): number {
    return reserveBytes > 0 ? reserveBytes : Math.min(this.disk.totalBytes(this.folder) * 0.05, 2 ** 30)
  }

  /** Writes stop when less is free. */
  get bytes(): number {
    return this.reserveBytes + this.journalsBytes
  }

  appended(lengthBytes: number): void {
    this.counter.add(lengthBytes)
  }

  check(nowMs: number): void {
    // Also when the clock was set back.
    if (Math.abs(nowMs - this.checkedMs) < this.intervalMs) return
    this.checkedMs = nowMs
    // In this order what is appended meanwhile counts twice rather than never.
    this.markAtCheck = this.counter.mark
    this.freeBytes = this.disk.freeBytes(this.folder)
  }

  private get intervalMs(): number {
    const roomBytes = this.freeBytes - this.bytes
    if (this.countedBytes >= roomBytes / 2) return shortestIntervalMs
    return roomBytes < this.bytes ? nearIntervalMs : checkIntervalMs
  }

  /** By all shards since free space was asked for. */
  private get countedBytes(): number {
    return this.counter.bytesSince(this.markAtCheck)
  }

  get isReached(): boolean {
    return this.freeBytes - this.countedBytes < this.bytes
  }
}
