/**
 * The producer snapshots of a partition: at the start of each segment, and one at the latest recovery point.
 * Runs on: the shard that owns the partition, recovery. Touches: the partition's .snapshot files.
 */
import { parseSegmentFileName, segmentFileName } from '../../../native-free-core/log/index-format.js'
import { ProducerState } from '../../../native-free-core/log/producer-state.js'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import type { Disk } from '../disk.js'
import { type ReplacedFiles, readWhole } from './replaced-files.js'

export class ProducerSnapshots {
  private readonly disk: Disk
  private readonly folder: string
  private readonly files: ReplacedFiles
  private readonly isSegmentStart: (offset: number) => boolean
  /** Ascending. */
  private offsets: number[] = []
  /** The newest that was asked for, whether it is there yet or not. */
  private newestOffset = -1

  /** A snapshot at a segment's start stays as long as the segment; any other until a newer one is there. */
  constructor(disk: Disk, folder: string, files: ReplacedFiles, isSegmentStart: (offset: number) => boolean) {
    this.disk = disk
    this.folder = folder
    this.files = files
    this.isSegmentStart = isSegmentStart
  }

  /** Takes stock of the folder. */
  find(names: readonly string[]): void {
    const found = names.map(parseSegmentFileName).filter((name) => name?.kind === 'snapshot')
    this.offsets = found.map((name) => name!.baseOffset).sort((a, b) => a - b)
  }

  /**
   * The newest that can be read and is not above `endOffset`, with its offset. Those above it are removed: they speak
   * of records that are gone.
   */
  loadNewest(endOffset: number): { state: ProducerState; offset: number } | undefined {
    for (let offset = this.offsets.at(-1); offset !== undefined; offset = this.offsets.at(-1)) {
      const state = offset <= endOffset ? this.parse(offset) : undefined
      if (state !== undefined) {
        this.newestOffset = offset
        return { state, offset }
      }
      this.remove(offset)
    }
    this.newestOffset = -1
    return undefined
  }

  private parse(offset: number): ProducerState | undefined {
    try {
      return ProducerState.parseSnapshot(readWhole(this.disk, this.pathOf(offset)))
    } catch (error) {
      // An older one and the log say the same; only a disk that can't be read is a reason to stop.
      if (StreamBusError.is(error) && error.name === 'CORRUPT_MESSAGE') return undefined
      throw error
    }
  }

  /** Writes one at `offset`, unless the newest says as much. */
  write(state: ProducerState, offset: number): void {
    if (offset <= this.newestOffset) return
    this.newestOffset = offset
    this.files.replace(segmentFileName(offset, 'snapshot'), state.encodeSnapshot(), () => {
      if (!this.offsets.includes(offset)) this.offsets.push(offset)
      this.removeStrays()
    })
  }

  /** Removes all that lie above `endOffset`, also those still to appear. */
  truncateTo(endOffset: number): void {
    for (const offset of this.offsets.filter((at) => at > endOffset)) this.remove(offset)
    if (this.newestOffset > endOffset) {
      this.files.cancel(segmentFileName(this.newestOffset, 'snapshot'))
      this.newestOffset = this.offsets.at(-1) ?? -1
    }
  }

  /** Removes those that belong to no segment any more, but for the newest. */
  removeStrays(): void {
    const newest = Math.max(...this.offsets)
    for (const offset of this.offsets) if (offset !== newest && !this.isSegmentStart(offset)) this.remove(offset)
  }

  /** The file is being removed with its segment. */
  forget(offset: number): void {
    this.offsets = this.offsets.filter((at) => at !== offset)
  }

  private remove(offset: number): void {
    this.forget(offset)
    const path = this.pathOf(offset)
    if (this.disk.exists(path)) this.disk.remove(path)
  }

  private pathOf(offset: number): string {
    return `${this.folder}/${segmentFileName(offset, 'snapshot')}`
  }
}
