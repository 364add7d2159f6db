/**
 * A promise that someone else settles, or an AbortSignal.
 * Runs on: main thread of clients, browsers. Touches: nothing.
 */

export interface Waiter {
  resolve(): void
  reject(error: unknown): void
}

/** `start` gets the waiter; the promise rejects with the signal's reason when it fires first. */
export function abortable(start: (waiter: Waiter) => void, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal === undefined) return start({ resolve, reject })
    if (signal.aborted) return reject(signal.reason)
    const onAbort = () => reject(signal.reason)
    const done = () => signal.removeEventListener('abort', onAbort)
    signal.addEventListener('abort', onAbort, { once: true })
    start({ resolve: () => (done(), resolve()), reject: (error) => (done(), reject(error)) })
  })
}

/** Resolves after the time; rejects with the signal's reason when it fires before. */
export async function delay(timeMs: number, signal: AbortSignal | undefined): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  try {
    await abortable(({ resolve }) => {
      timer = setTimeout(resolve, timeMs)
    }, signal)
  } finally {
    clearTimeout(timer)
  }
}
