/**
 * An open loop: calls for the records of each step when it is due, whatever the broker does.
 * Runs on: load threads. Touches: the alarm that the pacer rings, the clock. Never: timers, which fire a millisecond
 * late and more.
 */
import { clockMs } from '../clock.js'

/** Which records are this thread's, and when. */
export interface Schedule {
  readonly startMs: number
  readonly seconds: number
  readonly stepMs: number
  /** Records a second, over all threads. */
  readonly rate: number
  readonly threadIndex: number
  readonly threadCount: number
}

/** How far apart steps with records are: what the pacer's alarm needs. */
export function alarmIntervalMs(rate: number, stepMs: number): number {
  return Math.max(stepMs, 1000 / rate)
}

/** How many records of all threads are due once `step` is. */
function dueCount({ rate, stepMs, seconds }: Schedule, step: number): number {
  const elapsedMs = Math.min((step + 1) * intervalOf(rate, stepMs), seconds * 1000)
  // What a sum of fractions lacks of a whole record is no record less.
  return Math.floor((elapsedMs * rate) / 1000 + 1e-6)
}

const intervalOf = alarmIntervalMs

/** Of so many records of all threads: record i is thread i % count's. */
function shareOf({ threadIndex, threadCount }: Schedule, count: number): number {
  return Math.floor((count + threadCount - 1 - threadIndex) / threadCount)
}

export interface PacedWork {
  /** Takes records; a promise: wait for it before there are more. */
  send(count: number, dueMs: number): Promise<void> | undefined
  /** How late a step was, not counting what a promise made it wait. */
  late(lateMs: number): void
  isStopped(): boolean
}

export async function paced(schedule: Schedule, alarm: Int32Array, work: PacedWork): Promise<void> {
  const intervalMs = intervalOf(schedule.rate, schedule.stepMs)
  const stepCount = Math.ceil((schedule.seconds * 1000) / intervalMs - 1e-9)
  let sentCount = 0
  let freeMs = schedule.startMs
  for (let step = 0; step < stepCount; step++) {
    const dueMs = schedule.startMs + step * intervalMs
    await untilDue(dueMs, alarm, work)
    if (work.isStopped()) return
    const count = shareOf(schedule, dueCount(schedule, step)) - sentCount
    if (count <= 0) continue
    work.late(Math.max(0, clockMs() - Math.max(dueMs, freeMs)))
    sentCount += count
    const held = work.send(count, dueMs)
    if (held === undefined) continue
    await held
    freeMs = clockMs()
  }
}

async function untilDue(dueMs: number, alarm: Int32Array, work: PacedWork): Promise<void> {
  while (!work.isStopped()) {
    const seen = Atomics.load(alarm, 0)
    if (clockMs() >= dueMs) return
    const rung = (Atomics as unknown as AtomicsWaitAsync).waitAsync(alarm, 0, seen)
    if (rung.async) await rung.value
  }
}

/** Atomics.waitAsync is in ES2024; the library that this is compiled against is older. */
interface AtomicsWaitAsync {
  waitAsync(
    words: Int32Array,
    index: number,
    value: number,
  ): { async: false } | { async: true; value: Promise<unknown> }
}
