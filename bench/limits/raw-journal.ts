/**
 * What this disk allows a journal: synced writes in place, each settled to a segment in the background as the broker
 * does it; the same without a journal; and the tail of what is due each millisecond.
 * Runs on: main of a process of its own, which blocks, and a thread that syncs. Touches: three files in a folder.
 */
import { closeSync, constants, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { pageAlignedMemory } from '../../native-free-core/bytes/page-aligned-memory.js'
import { BackgroundSync } from './background-sync.js'
import type { LimitAnswer } from './main.js'
import { latencyOf } from './quantiles.js'

/** The broker's defaults for one shard: its journal, when it settles, how much at a time, how much in one turn. */
const ringBytes = 64 << 20
const settleStartBytes = ringBytes / 4
const settleRoundBytes = 8 << 20
const sliceBytes = 512 << 10
const blockBytes = 4096
const mebibyte = 1 << 20
/** What a batch and a record take besides the value, and the commit around them. */
const recordOverheadBytes = 8
const commitOverheadBytes = 200
const recordBytesOfFlatOut = 100
const idleMs = 1000
const segmentBytes = 1 << 30

class RawJournal {
  private readonly ring: number
  private readonly segment: number
  private readonly paths: readonly string[]
  private readonly background: BackgroundSync
  private readonly bytes = new Uint8Array(pageAlignedMemory(mebibyte)).fill(7)
  private tail = 0
  private head = 0
  /** Written into the segment of the round that runs. */
  private roundEnd = 0
  private written = 0

  static async open(folder: string): Promise<RawJournal> {
    const ringPath = join(folder, 'raw-ring')
    const segmentPath = join(folder, 'raw-segment')
    const filler = openSync(ringPath, 'w')
    for (let at = 0; at < ringBytes; at += mebibyte) writeSync(filler, new Uint8Array(mebibyte), 0, mebibyte, at)
    fdatasyncSync(filler)
    closeSync(filler)
    closeSync(openSync(segmentPath, 'w'))
    const segment = openPastCache(segmentPath, constants.O_RDWR)
    return new RawJournal(ringPath, segmentPath, segment, await BackgroundSync.start(segmentPath))
  }

  private constructor(ringPath: string, segmentPath: string, segment: number, background: BackgroundSync) {
    this.paths = [ringPath, segmentPath]
    this.ring = openPastCache(ringPath, constants.O_RDWR | constants.O_DSYNC)
    this.segment = segment
    this.background = background
  }

  commit(sizeBytes: number): void {
    while (this.tail + sizeBytes - this.head > ringBytes) this.settle(true)
    for (let left = sizeBytes; left > 0; ) {
      const at = this.tail % ringBytes
      const part = Math.min(left, this.bytes.length, ringBytes - at)
      writeSync(this.ring, this.bytes, 0, part, at)
      this.tail += part
      left -= part
    }
    this.settle(false)
  }

  /** A slice of the round that runs, or the start or the end of one. */
  private settle(mustWait: boolean): void {
    if (this.written < this.roundEnd) {
      const part = Math.min(sliceBytes, this.roundEnd - this.written)
      writeSync(this.segment, this.bytes, 0, part, this.written % segmentBytes)
      this.written += part
      if (this.written === this.roundEnd) this.background.sync()
    } else if (this.head < this.roundEnd) {
      if (this.background.isDone(mustWait ? idleMs : 0)) this.head = this.roundEnd
    } else if (mustWait || this.tail - this.head > settleStartBytes) {
      this.roundEnd = Math.min(this.tail, this.head + settleRoundBytes)
    }
  }

  async close(): Promise<void> {
    await this.background.stop()
    closeSync(this.ring)
    closeSync(this.segment)
    for (const path of this.paths) rmSync(path)
  }
}

/** Past the page cache as the broker does where the file system can: all that is written here are whole blocks. */
function openPastCache(path: string, flags: number): number {
  try {
    return openSync(path, flags | (constants.O_DIRECT ?? 0))
  } catch {
    return openSync(path, flags)
  }
}

/** Flat out. `isDirect`: into the segment alone, each write appended and synced. */
export async function measureJournal(
  folder: string,
  commitBytes: number,
  isDirect: boolean,
  seconds: number,
): Promise<LimitAnswer> {
  const times: number[] = []
  const timed = (write: () => void) => {
    const startMs = performance.now()
    while (performance.now() - startMs < seconds * 1000) {
      const before = performance.now()
      write()
      times.push(performance.now() - before)
    }
    return (performance.now() - startMs) / 1000
  }
  const elapsed = isDirect ? direct(folder, commitBytes, timed) : await journaled(folder, commitBytes, timed)
  const bytesPerSecond = (times.length * commitBytes) / elapsed
  const recordsPerSecond = bytesPerSecond / (recordBytesOfFlatOut + recordOverheadBytes)
  return { figures: { mebibytesPerSecond: bytesPerSecond / mebibyte }, latency: latencyOf(times), recordsPerSecond }
}

async function journaled(folder: string, commitBytes: number, timed: (write: () => void) => number): Promise<number> {
  const journal = await RawJournal.open(folder)
  try {
    return timed(() => journal.commit(commitBytes))
  } finally {
    await journal.close()
  }
}

function direct(folder: string, commitBytes: number, timed: (write: () => void) => number): number {
  const path = join(folder, 'raw-direct')
  closeSync(openSync(path, 'w'))
  const file = openPastCache(path, constants.O_RDWR)
  const bytes = new Uint8Array(pageAlignedMemory(commitBytes)).fill(7)
  let end = 0
  try {
    return timed(() => {
      end += writeSync(file, bytes, 0, commitBytes, end)
      fdatasyncSync(file)
    })
  } finally {
    closeSync(file)
    rmSync(path)
  }
}

/** Records that are due in steps of 1 ms, what is due is one commit; latency counts from when a step was due. */
export async function measurePacedJournal(
  folder: string,
  rate: number,
  recordBytes: number,
  seconds: number,
): Promise<LimitAnswer> {
  const journal = await RawJournal.open(folder)
  const stepBytes = (rate / 1000) * (recordBytes + recordOverheadBytes)
  const clock = new Int32Array(new SharedArrayBuffer(4))
  const times: number[] = []
  const stepCount = Math.round(seconds * 1000)
  const startMs = performance.now()
  try {
    for (let step = 0; step < stepCount; ) {
      const waitMs = startMs + step - performance.now()
      if (waitMs > 0) Atomics.wait(clock, 0, 0, waitMs)
      const due = Math.min(stepCount, Math.floor(performance.now() - startMs) + 1)
      if (due <= step) continue
      const sizeBytes = (due - step) * stepBytes + commitOverheadBytes
      journal.commit(Math.ceil(sizeBytes / blockBytes) * blockBytes)
      const nowMs = performance.now()
      for (; step < due; step++) times.push(nowMs - (startMs + step))
    }
    return { figures: {}, latency: latencyOf(times), recordsPerSecond: rate }
  } finally {
    await journal.close()
  }
}

export async function measureSyncedWrite(folder: string, seconds: number): Promise<LimitAnswer> {
  const journal = await RawJournal.open(folder)
  const times: number[] = []
  const endMs = performance.now() + seconds * 1000
  try {
    while (performance.now() < endMs) {
      const before = performance.now()
      journal.commit(blockBytes)
      times.push(performance.now() - before)
    }
    return { figures: {}, latency: latencyOf(times) }
  } finally {
    await journal.close()
  }
}
