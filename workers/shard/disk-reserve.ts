/**
 * Stops writes before the disk is full. What lies in the journals has been acknowledged and still needs its room in
 * segments, so as much as all journals hold stays free besides the reserve.
 * Runs on: shard worker. Touches: asks the file system for free space once a second.
 */
import type { Disk } from '../shared/disk.js'

const checkIntervalMs = 1000

export class DiskReserve {
  private readonly disk: Disk
  private readonly folder: string
  private readonly journalsBytes: number
  private reserveBytes: number
  /** By this shard since free space was asked for; others do about the same. */
  private appendedBytes = 0
  private readonly shardCount: number
  private nextCheckMs = 0
  freeBytes = Number.POSITIVE_INFINITY

  /** `journalBytes`: what the journal of one of `shardCount` shards holds. */
  constructor(disk: Disk, folder: string, reserveBytes: number, journalBytes: number, shardCount: number) {
    this.journalsBytes = journalBytes * shardCount
    this.shardCount = shardCount
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
    this.appendedBytes += lengthBytes
  }

  check(nowMs: number): void {
    if (nowMs < this.nextCheckMs && nowMs > this.nextCheckMs - 2 * checkIntervalMs) return
    this.nextCheckMs = nowMs + checkIntervalMs
    this.freeBytes = this.disk.freeBytes(this.folder)
    this.appendedBytes = 0
  }

  get isReached(): boolean {
    return this.freeBytes - this.appendedBytes * this.shardCount < this.bytes
  }
}
