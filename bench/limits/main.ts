/**
 * One limit of this machine, measured for some seconds, told as one line of JSON:
 * node build/bench/limits/main.js '{"what":"wake-up"}' FOLDER SECONDS
 * FOLDER is on the disk to be measured. `npm run bench:all` runs it for each row of the group limits.
 * Runs on: a process of its own, with workers and a sink beside it.
 */
import type { Limit } from '../compare/rows.js'
import type { LatencyResult } from '../../src/bench/run-result.js'
import { measureMemoryCopy } from './memory-copy.js'
import { measureJournal, measurePacedJournal, measureSyncedWrite } from './raw-journal.js'
import { measureSink } from './sink.js'
import { measureWakeUp } from './wake-up.js'

export interface LimitAnswer {
  readonly figures: Readonly<Record<string, number>>
  readonly latency?: LatencyResult
  readonly recordsPerSecond?: number
}

function measure(limit: Limit, folder: string, seconds: number): LimitAnswer | Promise<LimitAnswer> {
  switch (limit.what) {
    case 'sink':
      return measureSink(limit.frontEnd, limit.batchBytes, limit.recordBytes, seconds)
    case 'journal':
      return measureJournal(folder, limit.commitBytes, limit.isDirect, seconds)
    case 'paced-journal':
      return measurePacedJournal(folder, limit.rate, limit.recordBytes, seconds)
    case 'memory-copy':
      return measureMemoryCopy(Math.min(seconds, 1))
    case 'wake-up':
      return measureWakeUp(Math.min(seconds, 1))
    case 'synced-write':
      return measureSyncedWrite(folder, Math.min(seconds, 2))
  }
}

const [limit, folder, seconds] = process.argv.slice(2)
if (limit === undefined || folder === undefined || seconds === undefined) {
  throw new Error('expected a limit as JSON, a folder and a number of seconds')
}
process.stdout.write(`${JSON.stringify(await measure(JSON.parse(limit) as Limit, folder, Number(seconds)))}\n`)
