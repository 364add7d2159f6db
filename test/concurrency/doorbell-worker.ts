/**
 * Two threads that hand one word to and fro, each asleep while the other has it: the tightest race of the doorbell.
 * Runs on: a worker of the doorbell test. Touches: the shared word, both doorbells.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { Doorbell } from '../../native-free-core/ring/doorbell.js'

export interface DoorbellRun {
  readonly side: 0 | 1
  readonly turn: SharedArrayBuffer
  readonly mine: SharedArrayBuffer
  readonly other: SharedArrayBuffer
  readonly rounds: number
  readonly timeoutMs: number
  /** A canary: looks, and only then says that it is about to sleep. */
  readonly looksBeforeParking: boolean
}

const run = workerData as DoorbellRun
const turn = new Int32Array(run.turn)
const mine = new Doorbell(run.mine)
const other = new Doorbell(run.other)

/** How often a sleep ended by its time, though the other had rung. */
let lost = 0

/** The other side's store and ring fall between look and park now and then. */
function parkLate(): void {
  for (let spin = 2000; spin > 0; spin--) Atomics.load(turn, 0)
  mine.park()
}

function waitForTurn(): void {
  while (Atomics.load(turn, 0) !== run.side) {
    if (!run.looksBeforeParking) mine.park()
    const isMine = Atomics.load(turn, 0) === run.side
    if (run.looksBeforeParking && !isMine) parkLate()
    if (isMine) {
      mine.unpark()
      return
    }
    const startMs = performance.now()
    mine.sleep(run.timeoutMs)
    if (performance.now() - startMs >= run.timeoutMs) {
      lost++
      // The other may have ended with a lost ring of its own: its turn will not come.
      return
    }
  }
}

for (let round = 0; round < run.rounds && lost === 0; round++) {
  waitForTurn()
  // Some work of varying length moves the race about.
  for (let spin = (round * 7919) % 300; spin > 0; spin--) Atomics.load(turn, 0)
  Atomics.store(turn, 0, 1 - run.side)
  other.ring()
}
parentPort!.postMessage(lost)
