/**
 * Starts the thread of the metadata worker before anything is known of the broker, not even whether there will be one:
 * it loads for as long as main does.
 * Runs on: main. Touches: a worker thread.
 */
import { MetadataThread } from './metadata-thread.js'
import { workersIn } from './surroundings.js'
import { findWorkers } from './worker-files.js'

/** Whoever does not give it to a broker terminates it: the process does not end before. Throws UNSUITABLE_RUNTIME. */
export function startMetadataEarly(): MetadataThread {
  return new MetadataThread(workersIn(findWorkers()))
}
