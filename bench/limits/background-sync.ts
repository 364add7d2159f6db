/**
 * A thread that syncs one file when it is asked to, as the broker's sync worker does for the shards.
 * Runs on: main of a limit, which may block, and the worker. Touches: one file, two words of shared memory.
 */
import { once } from 'node:events'
import { closeSync, fdatasyncSync, openSync } from 'node:fs'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const asked = 0
const done = 1
const stop = -1

interface Shared {
  readonly words: SharedArrayBuffer
  readonly path: string
}

export class BackgroundSync {
  private readonly words: Int32Array
  private readonly worker: Worker
  private count = 0

  static async start(path: string): Promise<BackgroundSync> {
    const shared: Shared = { words: new SharedArrayBuffer(8), path }
    const worker = new Worker(new URL(import.meta.url), { workerData: shared })
    await once(worker, 'message')
    return new BackgroundSync(worker, new Int32Array(shared.words))
  }

  private constructor(worker: Worker, words: Int32Array) {
    this.worker = worker
    this.words = words
  }

  sync(): void {
    Atomics.store(this.words, asked, ++this.count)
    Atomics.notify(this.words, asked)
  }

  /** Whether the sync that was asked for last is done; waits up to `waitMs` for it. */
  isDone(waitMs: number): boolean {
    if (Atomics.load(this.words, done) === this.count) return true
    if (waitMs > 0) Atomics.wait(this.words, done, this.count - 1, waitMs)
    return Atomics.load(this.words, done) === this.count
  }

  async stop(): Promise<void> {
    const exited = once(this.worker, 'exit')
    Atomics.store(this.words, asked, stop)
    Atomics.notify(this.words, asked)
    await exited
  }
}

function serve({ words, path }: Shared): void {
  const view = new Int32Array(words)
  const file = openSync(path, 'r+')
  for (let seen = 0; ; ) {
    Atomics.wait(view, asked, seen)
    const count = Atomics.load(view, asked)
    if (count === stop) break
    fdatasyncSync(file)
    seen = count
    Atomics.store(view, done, count)
    Atomics.notify(view, done)
  }
  closeSync(file)
}

if (!isMainThread && parentPort !== null) {
  parentPort.postMessage('ready')
  serve(workerData as Shared)
}
