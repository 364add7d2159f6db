/**
 * The metadata worker's thread: cluster metadata by raft. Its event loop runs; its disk writes are small and synced.
 * Runs on: the metadata worker. Touches: data/metadata, its port to main. Never: partitions, sockets of clients.
 */
import { getRandomValues, randomBytes } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import { assert } from '../../native-free-core/errors/assert.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { crc32cOf } from '../../native-free-core/log/crc32c.js'
import type { FromMetadata, MetadataSettings, ToMetadata } from '../../native-free-core/metadata/metadata-control.js'
import { MetadataNode } from '../../native-free-core/metadata/metadata-node.js'
import { RaftInstance, type RaftHost } from '../../native-free-core/metadata/raft/raft-instance.js'
import { openDataFolder, type OpenDataFolder } from '../shared/data-folder.js'
import { type Disk, loadDisk } from '../shared/disk.js'
import { MetadataLog } from './metadata-log.js'
import { MetadataLoop } from './metadata-loop.js'
import { loadRaftModule } from './raft-module.js'

/** Raft's unit of time: heartbeats every one, elections after ten to twenty. */
const tickMs = 100

assert(parentPort !== null, 'the metadata worker runs as a worker')
const port = parentPort
let timer: NodeJS.Timeout | undefined
let ended = false
let dataFolder: OpenDataFolder | undefined
/** The first is `open`; main sends nothing more before it is told that this thread is ready. */
let take = (message: ToMetadata): void => {
  assert(message.kind === 'open', 'main says first which folder it is')
  void open(message.settings)
}

function say(message: FromMetadata): void {
  port.postMessage(message)
}

/** The thread can neither vote nor apply any more. */
function die(error: unknown): void {
  if (ended) return
  const { code, message, remedy } = StreamBusError.from(error)
  say({ kind: 'fatal', code, message, remedy })
  end()
}

function end(): void {
  ended = true
  clearInterval(timer)
  dataFolder?.unlock()
  port.close()
}

const levels = ['debug', 'info', 'warn', 'error'] as const

const host: RaftHost = {
  nowMs: () => performance.now(),
  fillRandom: (into) => void getRandomValues(into),
  fillElectionRandom: (into) => void getRandomValues(into),
  write: (text) => say({ kind: 'log', level: 'error', message: `raft: ${text}` }),
  log: (_nodeId, level, text) => say({ kind: 'log', level: levels[level] ?? 'error', message: `raft: ${text}` }),
}

function holdsTopics(disk: Disk, path: string): boolean {
  const folder = `${path}/topics`
  return disk.exists(folder) && disk.list(folder).length > 0
}

/** The folder is this broker's alone before anything is read in it. */
function openLoop(disk: Disk, settings: MetadataSettings): MetadataLoop {
  const { brokerId } = settings
  dataFolder = openDataFolder(disk, settings.dataFolder, settings)
  const { clusterId } = dataFolder
  const runId = randomBytes(8).toString('hex')
  const folder = `${settings.dataFolder}/metadata`
  const opened = MetadataLog.open({
    disk,
    folder,
    clusterId,
    brokerId,
    crc: crc32cOf,
    runId,
    mustExist: holdsTopics(disk, settings.dataFolder),
  })
  if (opened.wasTorn) {
    say({ kind: 'log', level: 'info', message: `${folder}: the last write was cut off; nothing in it was answered` })
  }
  const node = new MetadataNode({ instance: raft(), brokerId, runId, restored: opened.restored })
  return new MetadataLoop(node, opened.log, say)
}

/** Made before it is known what for: half of what this thread does until it is ready. What it throws is told later. */
function makeRaft(): () => RaftInstance {
  try {
    const instance = new RaftInstance(loadRaftModule(), host)
    return () => instance
  } catch (error) {
    return () => {
      throw error
    }
  }
}

/** Proposals that arrive in one turn of the event loop share one synced write. */
function listen(loop: MetadataLoop): void {
  let scheduled = false
  const guarded = (act: () => void): void => {
    if (ended) return
    try {
      act()
    } catch (error) {
      die(error)
    }
  }
  const runSoon = (): void => {
    scheduled = false
    guarded(() => loop.run())
  }
  take = (message) => {
    if (ended || message.kind === 'open') return
    if (message.kind === 'ping') return say({ kind: 'pong', token: message.token })
    if (message.kind === 'stop') {
      guarded(() => loop.stop())
      if (ended) return
      clearInterval(timer)
      dataFolder?.unlock()
      dataFolder = undefined
      say({ kind: 'stopped' })
      end()
      return
    }
    loop.propose(message.token, message.command)
    if (!scheduled) setImmediate(runSoon)
    scheduled = true
  }
  timer = setInterval(() => guarded(() => loop.tick()), tickMs)
}

async function open(settings: MetadataSettings): Promise<void> {
  try {
    const loop = openLoop(await loadDisk(settings), settings)
    loop.run()
    listen(loop)
  } catch (error) {
    die(error)
  }
}

const raft = makeRaft()
port.on('message', (message: ToMetadata) => take(message))
