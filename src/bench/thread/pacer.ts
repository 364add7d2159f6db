/**
 * Rings the alarms of the load threads when a step is due. It blocks, which wakes it within a tenth of a millisecond;
 * the threads that it wakes can't, because their sockets need the event loop.
 * Runs on: the pacer thread. Touches: the alarms.
 */
import { clockMs } from '../clock.js'
import { ThreadMemory } from '../thread-memory.js'
import type { PacerData } from './thread-data.js'

export function ringUntilStopped({ memories, control, startMs, intervalMs }: PacerData): void {
  const alarms = memories.map((memory) => new ThreadMemory(memory).alarm)
  const stop = new Int32Array(control)
  // Steps that were missed are not rung for: one look at the clock finds them all.
  let step = Math.max(0, Math.ceil((clockMs() - startMs) / intervalMs))
  for (;;) {
    const waitMs = startMs + step * intervalMs - clockMs()
    if (Atomics.wait(stop, 0, 0, Math.max(0, waitMs)) !== 'timed-out') return
    for (const alarm of alarms) {
      Atomics.add(alarm, 0, 1)
      Atomics.notify(alarm, 0)
    }
    step = Math.max(step + 1, Math.ceil((clockMs() - startMs) / intervalMs))
  }
}
