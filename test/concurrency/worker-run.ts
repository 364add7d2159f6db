/**
 * Runs worker threads of a concurrency test to their end and collects what each reports.
 * Runs on: the test process.
 */
import { Worker } from 'node:worker_threads'

/** Long runs take ten times the steps: STREAMBUS_LONG=1. */
export const longFactor = process.env['STREAMBUS_LONG'] === '1' ? 10 : 1

/** Starts each worker with its data; resolves with their last messages when all have ended. One failure ends all. */
export async function runWorkers(file: string, datas: readonly unknown[]): Promise<unknown[]> {
  const workers = datas.map((data) => new Worker(new URL(file, import.meta.url), { workerData: data }))
  try {
    return await Promise.all(workers.map((worker) => endOf(worker, file)))
  } finally {
    for (const worker of workers) void worker.terminate()
  }
}

function endOf(worker: Worker, file: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let last: unknown
    worker.on('message', (message) => {
      last = message
    })
    worker.on('error', reject)
    worker.on('exit', (code) => (code === 0 ? resolve(last) : reject(new Error(`${file} ended with ${code}`))))
  })
}
