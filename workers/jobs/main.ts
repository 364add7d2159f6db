/**
 * Entry of the job pool's threads (piscina): what is long and not bound by latency.
 * Runs on: job workers. Touches: segment files, reading.
 */
import { createDisk } from '../shared/disk.js'
import { type ScrubReport, scrub } from './scrub.js'

export type Job = { readonly kind: 'scrub'; readonly dataFolder: string; readonly bytesPerSecond: number }

export default function run(job: Job): ScrubReport {
  return scrub(createDisk(), job.dataFolder, job.bytesPerSecond)
}
