/**
 * What the benchmarks send: records that differ from one another, at once or when they are due.
 * Runs on: main. Touches: the clock, timers.
 */
import { randomFillSync } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Client, StreamBusError } from '../client/index.js'
import type { Load } from './run-result.js'

export interface BenchOptions {
  readonly topic?: string
  readonly partitions: number
  readonly recordBytes: number
  readonly seconds: number
  readonly json?: boolean
}

/** The topic to use, created if it is missing; resolves with its name and its number of partitions. */
export async function prepareTopic(
  client: Client,
  { topic, partitions }: BenchOptions,
): Promise<{ name: string; partitionCount: number }> {
  const name = topic ?? `bench-${partitions}`
  const admin = client.admin()
  const found = (await admin.listTopics()).find((one) => one.name === name)
  if (found !== undefined) return { name, partitionCount: found.partitions.length }
  await admin.createTopic({ name, partitions })
  process.stderr.write(`created topic ${name}; delete it when you are done\n`)
  return { name, partitionCount: partitions }
}

/** One topic, one connection, one thread. */
export function loadOf(
  kind: Load['kind'],
  partitions: number,
  { recordBytes, batchBytes = 0, linger = 0, rate }: { recordBytes: number } & Partial<Paced>,
): Load {
  const one = { topics: 1, connections: 1, threads: 1, compression: 'none', flush: 'commit' }
  return {
    kind,
    ...one,
    partitions,
    recordBytes,
    batchBytes,
    lingerMs: linger,
    ...(rate === undefined ? {} : { rate }),
  }
}

interface Paced {
  readonly batchBytes: number
  readonly linger: number
  readonly rate: number
}

const numberAt = 0
const dueAt = 8
const headBytes = 16
/** So many records share their random bytes; their numbers differ. */
const recordsPerFill = 1000

/** One buffer that holds another value each time: its number, when it was due, and random bytes. */
export class Payload {
  readonly bytes: Buffer
  private count = 0

  constructor(recordBytes: number) {
    if (recordBytes < headBytes) {
      throw new StreamBusError('USAGE', `--record-bytes is ${recordBytes}; expected at least ${headBytes}`, {
        remedy: 'A record holds its number and when it was due.',
      })
    }
    this.bytes = Buffer.alloc(recordBytes)
  }

  /** The next value; valid until the next call. */
  next(dueMs: number): Buffer {
    if (this.count % recordsPerFill === 0) randomFillSync(this.bytes, headBytes)
    this.bytes.writeDoubleBE(this.count++, numberAt)
    this.bytes.writeDoubleBE(dueMs, dueAt)
    return this.bytes
  }
}

/** When a value was due, read off it. */
export function dueMsOf(bytes: Uint8Array, valueStart: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(valueStart + dueAt)
}

/** Steps in which records are due; finer than timers can wake. */
const stepMs = 1

/**
 * Calls `send(count, dueMs)` for the records of each step that is due, for `seconds`, at `rate` a second: an open loop,
 * whatever the broker does. `onLate` hears how late each step was.
 */
export async function paced(
  rate: number,
  seconds: number,
  send: (count: number, dueMs: number) => void,
  onLate: (lateMs: number) => void,
): Promise<void> {
  const startMs = performance.now()
  const stepCount = Math.ceil((seconds * 1000) / stepMs)
  let sentCount = 0
  for (let step = 0; step < stepCount; step++) {
    const dueMs = startMs + step * stepMs
    const waitMs = dueMs - performance.now()
    if (waitMs > 0) await delay(waitMs)
    const wantedCount = Math.floor(((step + 1) * stepMs * rate) / 1000)
    if (wantedCount === sentCount) continue
    onLate(Math.max(0, performance.now() - dueMs))
    send(wantedCount - sentCount, dueMs)
    sentCount = wantedCount
  }
}

/** When records that are not answered yet were due, oldest first, in groups. */
export class DueQueue {
  private dues: number[] = []
  private counts: number[] = []
  private at = 0

  push(dueMs: number): void {
    const last = this.dues.length - 1
    if (last >= this.at && this.dues[last] === dueMs) this.counts[last]!++
    else {
      this.dues.push(dueMs)
      this.counts.push(1)
    }
  }

  /** Takes the oldest `count` records off. */
  take(count: number, onGroup: (dueMs: number, count: number) => void): void {
    let left = count
    while (left > 0 && this.at < this.dues.length) {
      const taken = Math.min(left, this.counts[this.at]!)
      onGroup(this.dues[this.at]!, taken)
      this.counts[this.at]! -= taken
      left -= taken
      if (this.counts[this.at] === 0) this.at++
    }
    if (this.at > 1000) this.shrink()
  }

  private shrink(): void {
    this.dues = this.dues.slice(this.at)
    this.counts = this.counts.slice(this.at)
    this.at = 0
  }
}
