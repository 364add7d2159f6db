/**
 * Entry of the read worker: sleeps on its doorbell, serves cold reads.
 * Runs on: read worker. Touches: segment files (read only), the front ends' rings.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { ReadSettings, ToRead } from '../../native-free-core/mailbox/control.js'
import { Doorbell } from '../../native-free-core/ring/doorbell.js'
import { loadDisk } from '../shared/disk.js'
import { ReadLoop } from './read-loop.js'

const settings = workerData as ReadSettings
const port = parentPort
if (port === null) throw new StreamBusError('USAGE', 'the read worker runs as a worker thread only')

const loop = new ReadLoop(await loadDisk(settings), settings.frontEnds)
const doorbell = new Doorbell(settings.doorbell)

function isStopped(): boolean {
  const received = receiveMessageOnPort(port!) as { message: ToRead } | undefined
  return received?.message.kind === 'stop'
}

for (;;) {
  if (loop.step() > 0) continue
  doorbell.park()
  if (loop.hasWork()) {
    doorbell.unpark()
    continue
  }
  if (isStopped()) break
  doorbell.sleep(Number.POSITIVE_INFINITY)
}
