/**
 * What of the world around a broker a test may put something else in place of: threads, sockets, long times.
 * Runs on: main. Touches: nothing; makes worker threads.
 */
import { Worker, type WorkerOptions } from 'node:worker_threads'
import type { Transport, TransportOptions } from '../gateway/transport.js'

/** What main needs of a worker thread. */
export type WorkerThread = Pick<Worker, 'threadId' | 'on' | 'once' | 'off' | 'postMessage' | 'terminate'>

/** `name` is that of the worker's file, without its ending. */
export type StartWorker = (name: string, options: WorkerOptions) => WorkerThread

export interface Seams {
  readonly startWorker: StartWorker
  readonly makeTransport: (options: TransportOptions) => Transport
  /** In place of `forgetAfterMs`. */
  readonly forgetAfterMs?: number
}

/** Threads of the built files in `folder`. */
export function workersIn(folder: string): StartWorker {
  return (name, options) => new Worker(`${folder}/${name}.js`, options)
}
