/**
 * Stops writes before the disk is full.
 * Runs on: shard worker. Touches: asks the file system for free space once a second.
 */
import type { Disk } from '../shared/disk.js'

const checkIntervalMs = 1000

export class DiskReserve {
  private readonly disk: Disk
  private readonly folder: string
  private reserveBytes: number
  private nextCheckMs = 0
  freeBytes = Number.POSITIVE_INFINITY

  constructor(disk: Disk, folder: string, reserveBytes: number) {
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

  get bytes(): number {
    return this.reserveBytes
  }

  check(nowMs: number): void {
    if (nowMs < this.nextCheckMs && nowMs > this.nextCheckMs - 2 * checkIntervalMs) return
    this.nextCheckMs = nowMs + checkIntervalMs
    this.freeBytes = this.disk.freeBytes(this.folder)
  }

  get isReached(): boolean {
    return this.freeBytes < this.reserveBytes
  }
}
