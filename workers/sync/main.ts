/**
 * Entry of the sync worker: first recovers the data folder, then syncs for the shards.
 * Runs on: sync worker. Touches: journals and segments at recovery; later what the shards ask it to sync.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { crc32cOf } from '../../native-free-core/log/crc32c.js'
import type { FromSync, SyncSettings, ToSync } from '../../native-free-core/mailbox/control.js'
import { Doorbell } from '../../native-free-core/ring/doorbell.js'
import { loadDisk } from '../shared/disk.js'
import { installNativeCrc32c } from '../shared/native-crc32c.js'
import { recoverDataFolder } from '../shared/recovery.js'
import { SyncLoop } from './sync-loop.js'

const settings = workerData as SyncSettings
const port = parentPort
if (port === null) throw new StreamBusError('USAGE', 'the sync worker runs as a worker thread only')

installNativeCrc32c()
const disk = await loadDisk(settings)
const loop = new SyncLoop(
  disk,
  settings.shards.map((shard) => ({
    requests: shard.requests,
    replies: shard.replies,
    shardDoorbell: shard.shardDoorbell,
  })),
)
const doorbell = new Doorbell(settings.doorbell)

function say(message: FromSync): void {
  port!.postMessage(message)
}

/** False when the thread is to end. */
function control(message: ToSync): boolean {
  if (message.kind === 'stop') return false
  try {
    say({
      kind: 'recovered',
      report: recoverDataFolder(disk, { ...settings, clusterId: message.clusterId }, message.image, crc32cOf),
    })
  } catch (error) {
    const { code, message: text } = StreamBusError.from(error)
    say({ kind: 'fatal', code, message: text })
  }
  return true
}

function run(): void {
  for (;;) {
    doorbell.park()
    const received = receiveMessageOnPort(port!) as { message: ToSync } | undefined
    if (received !== undefined && !control(received.message)) return
    if (received !== undefined || loop.hasWork()) {
      doorbell.unpark()
      loop.step()
    } else doorbell.sleep(Number.POSITIVE_INFINITY)
  }
}

run()
