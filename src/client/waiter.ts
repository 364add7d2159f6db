/**
 * A promise that someone else settles, or an AbortSignal.
 * Runs on: main thread of clients, browsers. Touches: nothing.
 */

export interface Waiter {
  resolve(): void
  reject(error: unknown): void
}

/**
 * `start` gets the waiter and may return what must be undone when the waiting is over, however it ends. The promise
 * rejects with the signal's reason when it fires first.
 */
export function abortable(start: (waiter: Waiter) => (() => void) | undefined, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error)
    let isSettled = false
    let undo = () => {}
    const settle = (act: () => void) => {
      if (isSettled) return
      isSettled = true
      signal?.removeEventListener('abort', onAbort)
      undo()
      act()
    }
    const onAbort = () => settle(() => reject(signal?.reason as Error))
    signal?.addEventListener('abort', onAbort, { once: true })
    const waiter = { resolve: () => settle(resolve), reject: (error: unknown) => settle(() => reject(error as Error)) }
    undo = start(waiter) ?? undo
    if (isSettled) undo()
  })
}

/** As `promise`; rejects with the signal's reason when it fires first. */
export async function orAborted<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  // Nobody may be left to hear how it ends.
  promise.catch(() => {})
  let result: Result
  await abortable((waiter) => {
    promise.then((value) => {
      result = value
      waiter.resolve()
    }, waiter.reject)
    return undefined
  }, signal)
  return result!
}

/** Resolves after the time. */
export function delay(timeMs: number, signal?: AbortSignal): Promise<void> {
  return abortable(({ resolve }) => {
    const timer = setTimeout(resolve, timeMs)
    return () => clearTimeout(timer)
  }, signal)
}
