/**
 * The flags of Node.js that a broker's workers take over from the process.
 * Runs on: main. Touches: nothing.
 */
import type { WorkerOptions } from 'node:worker_threads'

/** All of them, as Node.js does; but a worker, which is a file, refuses to start under --input-type. */
export function workerExecArgv(argv: readonly string[] = process.execArgv): Pick<WorkerOptions, 'execArgv'> {
  return argv.some((arg) => arg.startsWith('--input-type')) ? { execArgv: [] } : {}
}
