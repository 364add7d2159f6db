/**
 * One doorbell per consuming thread: how a thread that sleeps learns that any of its rings has something.
 * Runs on: every thread. Touches: its two words of shared memory.
 *
 *  word 0: parked (1: the owner is asleep or about to be)      word 32: rings of the bell, ever growing
 *
 * Producer: publish, then ring(). Consumer: park(), look into every ring again, then sleep. Either the consumer sees
 * what was published, or the producer sees `parked` and wakes it: both orders of the two stores are covered because
 * Atomics are sequentially consistent.
 */

const parkedIndex = 0
export const doorbellSizeBytes = 256

export function createDoorbell(): SharedArrayBuffer {
  return new SharedArrayBuffer(doorbellSizeBytes)
}

export class Doorbell {
  private readonly words: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory)
  }

  /** Any thread: wakes the owner if it is parked. Costs one atomic operation otherwise. */
  ring(): void {
    if (Atomics.compareExchange(this.words, parkedIndex, 1, 0) === 1) Atomics.notify(this.words, parkedIndex, 1)
  }

  /** Owner: says that it is about to sleep. Look into every ring after this, before `sleep`. */
  park(): void {
    Atomics.store(this.words, parkedIndex, 1)
  }

  /** Owner: found work after `park`. */
  unpark(): void {
    Atomics.store(this.words, parkedIndex, 0)
  }

  /** Owner, on a thread that may block: sleeps until rung or `timeoutMs` have passed. */
  sleep(timeoutMs: number): void {
    Atomics.wait(this.words, parkedIndex, 1, timeoutMs)
    Atomics.store(this.words, parkedIndex, 0)
  }

  /**
   * Owner, on a thread with an event loop: a promise that ends when rung, or undefined if it was rung already.
   * At most one outstanding per thread; without a timeout (cancelled timeouts stay in memory).
   */
  wait(): Promise<unknown> | undefined {
    const result = (Atomics as unknown as AtomicsWaitAsync).waitAsync(this.words, parkedIndex, 1)
    return result.async ? result.value : undefined
  }
}

/** Atomics.waitAsync is in ES2024; the library that the core is compiled against is older. */
interface AtomicsWaitAsync {
  waitAsync(
    words: Int32Array,
    index: number,
    value: number,
  ): { async: true; value: Promise<string> } | { async: false; value: string }
}
