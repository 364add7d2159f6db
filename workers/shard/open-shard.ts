/**
 * Puts a shard together: journal file and memory, settler, ports, partitions.
 * Runs on: shard worker, at its start, after recovery emptied the journals. Touches: the journal file, partitions.
 */
import { assert } from '../../native-free-core/errors/assert.js'
import type { Crc32c, RunId } from '../../native-free-core/journal/commit-format.js'
import { ringFilePosition } from '../../native-free-core/journal/superblock.js'
import type { ShardSettings } from '../../native-free-core/mailbox/control.js'
import type { MetadataImage } from '../../native-free-core/metadata/metadata-image.js'
import type { Disk } from '../shared/disk.js'
import { Journal } from '../shared/journal.js'
import { createJournalFile, filledBytes, folderOf, loadSuperblock } from '../shared/journal-file.js'
import { decodeRecoveryPoints, partitionKey, type RecoveryPoint } from '../shared/recovery-point.js'
import { Clearing } from './clearing.js'
import type { Partition } from './partition.js'
import { Placement } from './placement.js'
import { ReplyPort } from './reply-port.js'
import { Settler } from './settler.js'
import { Shard } from './shard.js'
import { ShardMetrics } from './shard-metrics.js'
import { SyncPort } from './sync-port.js'

/**
 * A start opens every partition and replays the headers of what came since its last snapshot. All partitions together
 * have so many journals' worth of it, however many they are: read cold, one header of 64 KiB costs as much as 64 KiB in
 * a row (measured: 0.12 ms).
 */
const mostReplayJournals = 8

export interface OpenShardOptions {
  readonly settings: ShardSettings
  readonly disk: Disk
  readonly crc: Crc32c
  readonly runId: RunId
  readonly image: MetadataImage
  readonly journalBytes: number
  /** Bytes whose headers the next start replays; without it eight journals' worth. */
  readonly mostReplayBytes?: number
  /** The sync thread has to run from now on. */
  readonly onFirstSync?: () => void
}

export interface OpenedShard {
  readonly shard: Shard
  readonly placement: Placement
  readonly clearing: Clearing
  readonly commitLatencyMs: number
}

export function openShard(options: OpenShardOptions): OpenedShard {
  const { settings, disk, crc } = options
  disk.appendsDirectly = settings.config.directSegments
  const journals = `${settings.dataFolder}/journals`
  const path = `${journals}/shard-${settings.shard}.journal`
  const journal = openJournal(options, path)
  const filled = filledBytes(disk, path)
  const commitLatencyMs = measureCommit(disk, journal, path, filled)
  const volatileRing = new Journal({
    store: undefined,
    crc,
    memory: settings.volatileMemory,
    positions: settings.volatilePositions,
  })
  const syncPort = new SyncPort(
    settings.syncRequests,
    settings.syncReplies,
    settings.syncDoorbell,
    options.onFirstSync ?? (() => undefined),
  )
  const partitions = new Map<number, Partition>()
  const settler = new Settler({
    disk,
    journal,
    volatileRing,
    syncPort,
    crc,
    partitions,
    recoveryPointPath: `${journals}/shard-${settings.shard}.recovery-point`,
    startBytes: Math.floor((journal.capacityBytes * settings.config.settleStartPercent) / 100),
    bytesInFlight: settings.config.settleBytesInFlight,
    mostReplayBytes: options.mostReplayBytes ?? journal.capacityBytes * mostReplayJournals,
  })
  const shard = new Shard({
    disk,
    dataFolder: settings.dataFolder,
    journal,
    volatileRing,
    settler,
    syncPort,
    partitions,
    crc,
    ports: settings.frontEnds.map((pair) => new ReplyPort(pair)),
    metrics: new ShardMetrics(settings.metrics, journal.capacityBytes),
    shardCount: settings.shardCount,
    appendCounter: settings.appendCounter,
    diskReserveBytes: settings.config.diskReserveBytes,
    journalFilledBytes: filled,
  })
  const placement = new Placement({
    disk,
    shard: settings.shard,
    shardCount: settings.shardCount,
    topicsFolder: `${settings.dataFolder}/topics`,
    recoveryPoints: readRecoveryPoints(disk, `${journals}/recovery-point`, crc),
  })
  placement.start(options.image, shard)
  const clearing = new Clearing(shard, settings.clearAfterMs)
  clearing.applied(options.image)
  return { shard, placement, clearing, commitLatencyMs }
}

/** Recovery has emptied the journal; one of another size is replaced. */
function openJournal(options: OpenShardOptions, path: string): Journal {
  const { settings, disk, crc, runId } = options
  const identity = { clusterId: settings.clusterId, brokerId: settings.config.brokerId, journal: settings.shard }
  let superblock = disk.exists(path) ? loadWhole(disk, path, identity, crc) : undefined
  // Only an empty journal may be replaced: recovery came first.
  assert(superblock === undefined || superblock.clean, 'a shard starts on a journal that is not recovered')
  if (superblock === undefined || superblock.capacityBytes !== options.journalBytes) {
    superblock = createJournalFile(disk, path, identity, options.journalBytes, newRunBefore(runId), crc)
  } else {
    // Whoever made the file may have ended before its name was synced: a power cut would take all that is written here.
    disk.syncFolder(folderOf(path))
  }
  return new Journal({
    crc,
    memory: settings.journalMemory,
    positions: settings.journalPositions,
    store: { disk, path, superblock, runId, isDirect: settings.config.directJournal },
  })
}

/** The file is created before the run begins: any id but the run's. */
function newRunBefore(runId: RunId): RunId {
  return runId === '0'.repeat(16) ? '1'.repeat(16) : '0'.repeat(16)
}

function loadWhole(disk: Disk, path: string, identity: { clusterId: string; brokerId: number }, crc: Crc32c) {
  const file = disk.open(path, 'read')
  try {
    return loadSuperblock(disk, file, path, identity, crc)
  } finally {
    disk.close(file)
  }
}

const measuredCommits = 7
const blockBytes = 4096

/** Median time of a synced 4 KiB write, in ms, where the first commit will go: zeros, which no commit begins with. */
function measureCommit(disk: Disk, journal: Journal, path: string, filled: number): number {
  const at = journal.indexOf(journal.committedPosition)
  if (at + blockBytes > filled) return Number.NaN
  const file = disk.open(path, 'durable-write')
  const times: number[] = []
  try {
    for (let index = 0; index < measuredCommits; index++) {
      const started = performance.now()
      disk.write(file, new Uint8Array(blockBytes), ringFilePosition + at)
      times.push(performance.now() - started)
    }
  } finally {
    disk.close(file)
  }
  return times.sort((one, other) => one - other)[measuredCommits >> 1]!
}

function readRecoveryPoints(disk: Disk, path: string, crc: Crc32c): Map<string, RecoveryPoint> {
  const points = new Map<string, RecoveryPoint>()
  if (!disk.exists(path)) return points
  const bytes = new Uint8Array(disk.sizeOf(path))
  const file = disk.open(path, 'read')
  try {
    disk.read(file, bytes, 0)
  } finally {
    disk.close(file)
  }
  for (const point of decodeRecoveryPoints(bytes, path, crc))
    points.set(partitionKey(point.topicId, point.partition), point)
  return points
}
