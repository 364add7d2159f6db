/**
 * The data folder: whether it can be written, on what file system, how fast a synced write is, how much room there is.
 * Runs on: main. Touches: the probes.
 */
import { journalBytesOf } from '../../../native-free-core/config/broker-config.js'
import type { BrokerConfig } from '../../../native-free-core/config/broker-config.js'
import { bytesText, latencyText, percentText } from '../terminal/quantities.js'
import { fail, type Finding, ok, warn } from './finding.js'
import type { Probes } from './probes.js'

interface KnownFileSystem {
  readonly name: string
  /** What is wrong with data on it, and what to do; absent: nothing. */
  readonly trouble?: readonly [why: string, remedy: string]
}

const inMemory = [
  'what is written there is gone after a restart of the machine',
  'Set dataFolder to a folder on a disk.',
] as const
const overNetwork = [
  'over the network: a synced write is as slow and as safe as the server makes it',
  'Set dataFolder to a folder on a local disk.',
] as const

/** Magic numbers of statfs(2). */
const fileSystems: ReadonlyMap<number, KnownFileSystem> = new Map([
  [0xef53, { name: 'ext4' }],
  [0x58465342, { name: 'xfs' }],
  [0xf2f52010, { name: 'f2fs' }],
  [0x2fc12fc1, { name: 'zfs' }],
  [
    0x9123683e,
    {
      name: 'btrfs',
      trouble: [
        'copies on every write, so a journal that is overwritten in place gets slower with time',
        'Make the folder with `chattr +C` before the first start, or use ext4 or xfs.',
      ],
    },
  ],
  [0x01021994, { name: 'tmpfs', trouble: inMemory }],
  [0x858458f6, { name: 'ramfs', trouble: inMemory }],
  [
    0x794c7630,
    {
      name: 'overlay',
      trouble: [
        'the layer of a container, which is deleted with it',
        'Mount a volume, and set dataFolder to a folder on it.',
      ],
    },
  ],
  [0x6969, { name: 'nfs', trouble: overNetwork }],
  [0xff534d42, { name: 'cifs', trouble: overNetwork }],
  [0xfe534d42, { name: 'smb', trouble: overNetwork }],
  [0x00c36400, { name: 'ceph', trouble: overNetwork }],
  [0x01021997, { name: '9p', trouble: overNetwork }],
  [
    0x65735546,
    {
      name: 'fuse',
      trouble: [
        'a program makes this file system; whether it keeps what was synced is up to it',
        'Prefer ext4 or xfs.',
      ],
    },
  ],
])

const sampleCount = 50
/** No medium is that fast: its cache answers. */
const suspiciousMs = 0.02
const slowMs = 10
/** Of the smaller default; see diskReserveBytes. */
const reserveShare = 0.05
const mostReserveBytes = 2 ** 30

export function diskChecks(probes: Probes, config: BrokerConfig, dataFolder: string, shardCount: number): Finding[] {
  const folder = probes.existingFolder(dataFolder)
  const isThere = folder === dataFolder
  if (!probes.isWritable(folder)) {
    const user = `Make it writable for the user that runs the broker, or set dataFolder.`
    return [
      fail(
        'data folder',
        `${isThere ? dataFolder : `${dataFolder} is not there, and ${folder}`} can't be written`,
        user,
      ),
    ]
  }
  return [
    ok(
      'data folder',
      isThere ? `${dataFolder} can be written` : `${dataFolder} is not there yet; ${folder} can be written`,
    ),
    fileSystemCheck(probes, folder),
    syncCheck(probes, folder),
    spaceCheck(probes, config, folder, isThere, shardCount),
  ]
}

function fileSystemCheck(probes: Probes, folder: string): Finding {
  const { type } = probes.fileSystem(folder)
  // Some systems give the number with a sign.
  const known = probes.platform === 'linux' ? fileSystems.get(type >>> 0) : undefined
  if (known === undefined) return ok('file system', `of a kind that is not known here (0x${(type >>> 0).toString(16)})`)
  if (known.trouble === undefined) return ok('file system', known.name)
  const [why, remedy] = known.trouble
  return warn('file system', `${known.name}: ${why}`, remedy)
}

function syncCheck(probes: Probes, folder: string): Finding {
  const check = 'synced write'
  let times: number[]
  try {
    times = probes.syncedWrites(folder, sampleCount).sort((a, b) => a - b)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return fail(check, `could not be tried in ${folder}: ${why}`, 'Check that the disk works and takes files.')
  }
  const medianMs = times[times.length >> 1]!
  const found = `${latencyText(medianMs)} for 4 KiB, slowest of ${times.length} ${latencyText(times.at(-1)!)}`
  if (medianMs < suspiciousMs) {
    return warn(
      check,
      `${found}: too fast for a disk, which says "synced" before it is`,
      'A power cut may take what was acknowledged. Use a disk, or a cache with a battery, that honours syncs.',
    )
  }
  if (medianMs <= slowMs) return ok(check, found)
  return warn(check, `${found}: every acknowledgement waits for one`, 'Use a faster disk; an SSD takes 0.05 to 2 ms.')
}

function spaceCheck(
  probes: Probes,
  { diskReserveBytes, journalMemoryBytes }: BrokerConfig,
  folder: string,
  isThere: boolean,
  shardCount: number,
): Finding {
  const { freeBytes, totalBytes } = probes.fileSystem(folder)
  const reserveBytes = diskReserveBytes > 0 ? diskReserveBytes : Math.min(totalBytes * reserveShare, mostReserveBytes)
  const journalBytes = isThere ? 0 : journalBytesOf(journalMemoryBytes, shardCount) * shardCount
  const forData = freeBytes - reserveBytes - journalBytes
  const journals = isThere ? '' : ` and ${bytesText(journalBytes)} of journals`
  const found = `${bytesText(freeBytes)} free (${percentText(freeBytes / totalBytes)})`
  const needed = `writes stop at ${bytesText(reserveBytes)}${journals}`
  const remedy = 'Make room, shorten the retention of topics, or lower diskReserveBytes.'
  if (forData <= 0) return fail('free space', `${found}; ${needed}`, remedy)
  if (forData < reserveBytes) return warn('free space', `${found}; ${needed}`, remedy)
  return ok('free space', `${found}; ${needed}`)
}
