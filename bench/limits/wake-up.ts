/**
 * How long it takes to wake another thread and be woken by it: both asleep in Atomics.wait, as shard and sync thread
 * are; and by doorbells with one side on an event loop, as main and a shard are.
 * Runs on: main of a process of its own, and one worker. Touches: two words and two doorbells of shared memory.
 */
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { createDoorbell, Doorbell } from '../../native-free-core/ring/doorbell.js'
import type { LimitAnswer } from './main.js'
import { latencyOf } from './quantiles.js'

interface Shared {
  readonly words: SharedArrayBuffer
  readonly mainBell: SharedArrayBuffer
  readonly workerBell: SharedArrayBuffer
  readonly how: 'wait' | 'doorbell'
}

const ping = 0
const pong = 1
const stop = -1
const sleepMs = 1000

export async function measureWakeUp(seconds: number): Promise<LimitAnswer> {
  const wait = latencyOf(await withWorker('wait', (shared) => waiting(shared, seconds / 2)))
  const bell = latencyOf(await withWorker('doorbell', (shared) => ringing(shared, seconds / 2)))
  const figures = { waitP50Ms: wait.p50Ms, waitP99Ms: wait.p99Ms, doorbellP50Ms: bell.p50Ms, doorbellP99Ms: bell.p99Ms }
  return { figures }
}

async function withWorker(
  how: Shared['how'],
  measure: (shared: Shared) => number[] | Promise<number[]>,
): Promise<number[]> {
  const words = new SharedArrayBuffer(8)
  const shared: Shared = { words, mainBell: createDoorbell(), workerBell: createDoorbell(), how }
  const worker = new Worker(new URL(import.meta.url), { workerData: shared })
  await once(worker, 'message')
  const times = await measure(shared)
  const view = new Int32Array(words)
  Atomics.store(view, ping, stop)
  Atomics.notify(view, ping)
  new Doorbell(shared.workerBell).ring()
  await once(worker, 'exit')
  return times
}

/** Main may block here: nothing else runs on it. */
function waiting({ words }: Shared, seconds: number): number[] {
  const view = new Int32Array(words)
  const times: number[] = []
  const endMs = performance.now() + seconds * 1000
  for (let turn = 1; performance.now() < endMs; turn++) {
    const sentMs = performance.now()
    Atomics.store(view, ping, turn)
    Atomics.notify(view, ping)
    while (Atomics.load(view, pong) !== turn) Atomics.wait(view, pong, turn - 1, sleepMs)
    times.push(performance.now() - sentMs)
  }
  return times
}

async function ringing({ words, mainBell, workerBell }: Shared, seconds: number): Promise<number[]> {
  const view = new Int32Array(words)
  const [own, other] = [new Doorbell(mainBell), new Doorbell(workerBell)]
  const times: number[] = []
  const endMs = performance.now() + seconds * 1000
  for (let turn = 1; performance.now() < endMs; turn++) {
    const sentMs = performance.now()
    own.park()
    Atomics.store(view, ping, turn)
    other.ring()
    while (Atomics.load(view, pong) !== turn) {
      await own.wait()
      own.park()
    }
    own.unpark()
    times.push(performance.now() - sentMs)
  }
  return times
}

function answer({ words, mainBell, workerBell, how }: Shared): void {
  const view = new Int32Array(words)
  const [own, other] = [new Doorbell(workerBell), new Doorbell(mainBell)]
  for (let seen = 0; ; ) {
    if (how === 'doorbell') own.park()
    const turn = Atomics.load(view, ping)
    if (turn === stop) return
    if (turn === seen) {
      if (how === 'doorbell') own.sleep(sleepMs)
      else Atomics.wait(view, ping, seen, sleepMs)
      continue
    }
    seen = turn
    Atomics.store(view, pong, turn)
    if (how === 'doorbell') other.ring()
    else Atomics.notify(view, pong)
  }
}

if (!isMainThread && parentPort !== null) {
  parentPort.postMessage('ready')
  answer(workerData as Shared)
}
