/**
 * Entry of a shard worker: steps of its thread's work, and sleep on its doorbell in between.
 * Runs on: shard worker. Touches: its port (read without an event loop).
 *
 * The event loop has a turn each second, for the one observer that there is; nothing that matters may wait for it.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { FromShard, ShardSettings, ToShard } from '../../native-free-core/mailbox/control.js'
import { loadDisk } from '../shared/disk.js'
import { installNativeCrc32c } from '../shared/native-crc32c.js'
import { pinThread } from '../shared/pin-thread.js'
import { ended, threadPortOf } from '../shared/thread-port.js'
import { trimMemory } from '../shared/trim-memory.js'
import { CollectionWatch } from './collection-watch.js'
import { ShardThread } from './shard-thread.js'

const settings = workerData as ShardSettings
if (parentPort === null) throw new StreamBusError('USAGE', 'a shard runs as a worker thread only')
const port = threadPortOf<ToShard, FromShard>(parentPort)

async function run(thread: ShardThread): Promise<void> {
  const collections = new CollectionWatch((pauseMs) => thread.collected(pauseMs))
  for (;;) {
    const sleepMs = thread.step()
    if (sleepMs === ended) return
    const startedMs = performance.now()
    if (sleepMs > 0) {
      thread.doorbell.sleep(sleepMs)
      thread.slept(performance.now() - startedMs)
    } else if (collections.isDue(startedMs)) await collections.turn(startedMs)
  }
}

try {
  installNativeCrc32c()
  await run(new ShardThread(settings, await loadDisk(settings), port, { pin: pinThread, trimMemory }))
  port.say({ kind: 'stopped' })
} catch (error) {
  const { code, message } = StreamBusError.from(error)
  port.say({ kind: 'fatal', code, message: `${message}${error instanceof Error ? `\n${error.stack}` : ''}` })
}
