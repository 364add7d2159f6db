/**
 * The entry of a benchmark's threads: one that loads the broker, or the one that says when.
 * Runs on: load threads and the pacer thread. Touches: its port.
 */
import { readlinkSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { ThreadMemory } from '../thread-memory.js'
import { ConsumingDriver } from './consuming.js'
import { DeliveringDriver } from './delivering.js'
import type { Driver, DriverContext } from './driver.js'
import { ringUntilStopped } from './pacer.js'
import { ProducingDriver } from './producing.js'
import { ReplayingDriver } from './replaying.js'
import type { LoadThreadData, ThreadAnswer, ThreadData, ThreadRequest } from './thread-data.js'

const drivers = {
  produce: ProducingDriver,
  replay: ReplayingDriver,
  consume: ConsumingDriver,
  e2e: DeliveringDriver,
  fanout: DeliveringDriver,
} as const satisfies Record<string, new (context: DriverContext) => Driver>

function answer(message: ThreadAnswer): void {
  parentPort!.postMessage(message)
}

function tellError(thrown: unknown): void {
  const { name, message, remedy } = StreamBusError.from(thrown)
  answer({ type: 'error', error: { name, message, remedy } })
}

function runLoad(data: LoadThreadData): void {
  const driver = new drivers[data.plan.kind]({ data, memory: new ThreadMemory(data.memory) })
  const act = async (request: ThreadRequest): Promise<void> => {
    if (request.type === 'stop') return driver.stop()
    if (request.type === 'run') {
      await driver.run(request.phase)
      return answer({ type: 'done', firstError: driver.firstError })
    }
    answer({ type: 'finished', finished: await driver.finish() })
    parentPort!.close()
  }
  parentPort!.on('message', (request: ThreadRequest) => void act(request).catch(tellError))
  driver.prepare().then(() => answer({ type: 'ready', threadId: systemThreadId() }), tellError)
}

/** As Linux counts threads; undefined elsewhere. */
function systemThreadId(): number | undefined {
  try {
    return Number(/task\/(\d+)/.exec(readlinkSync('/proc/thread-self'))?.[1])
  } catch {
    return undefined
  }
}

const data = workerData as ThreadData
if (data.role === 'pacer') {
  parentPort!.postMessage('ready')
  ringUntilStopped(data)
} else runLoad(data)
