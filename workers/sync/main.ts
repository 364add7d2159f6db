/**
 * Entry of the sync worker: steps of its thread's work, and sleep on its doorbell in between.
 * Runs on: sync worker. Touches: its port (read without an event loop).
 */
import { parentPort, workerData } from 'node:worker_threads'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { FromSync, SyncSettings, ToSync } from '../../native-free-core/mailbox/control.js'
import { loadDisk } from '../shared/disk.js'
import { installNativeCrc32c } from '../shared/native-crc32c.js'
import { ended, threadPortOf } from '../shared/thread-port.js'
import { SyncThread } from './sync-thread.js'

const settings = workerData as SyncSettings
if (parentPort === null) throw new StreamBusError('USAGE', 'the sync worker runs as a worker thread only')

installNativeCrc32c()
const thread = new SyncThread(settings, await loadDisk(settings), threadPortOf<ToSync, FromSync>(parentPort))
for (let sleepMs = thread.step(); sleepMs !== ended; sleepMs = thread.step()) {
  if (sleepMs > 0) thread.doorbell.sleep(sleepMs)
}
