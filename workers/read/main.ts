/**
 * Entry of the read worker: steps of its thread's work, and sleep on its doorbell in between.
 * Runs on: read worker. Touches: its port (read without an event loop).
 */
import { parentPort, workerData } from 'node:worker_threads'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { FromRead, ReadSettings, ToRead } from '../../native-free-core/mailbox/control.js'
import { loadDisk } from '../shared/disk.js'
import { ended, threadPortOf } from '../shared/thread-port.js'
import { ReadThread } from './read-thread.js'

const settings = workerData as ReadSettings
if (parentPort === null) throw new StreamBusError('USAGE', 'the read worker runs as a worker thread only')

const thread = new ReadThread(settings, await loadDisk(settings), threadPortOf<ToRead, FromRead>(parentPort))
for (let sleepMs = thread.step(); sleepMs !== ended; sleepMs = thread.step()) {
  if (sleepMs > 0) thread.doorbell.sleep(sleepMs)
}
