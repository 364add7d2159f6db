/**
 * Opens the data folder for this broker alone: the lock, broker.meta, and whether it can be written at all.
 * Runs on: metadata worker, before anything else is read there. Touches: broker.lock, broker.meta, /proc.
 *
 * broker.lock names its process by pid and start time, so that a pid that was given to another process, or to the
 * same container after a restart, is known to be stale. Whoever takes over a stale lock first moves it away: of two,
 * one finds nothing to move. What was moved is looked at again, and every owner looks again at its own lock.
 * Within one process pid and start time say nothing: there a lock is stale when its token is known to have ended.
 */
import { readFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { decodeUtf8, encodeUtf8 } from '../../native-free-core/bytes/utf8.js'
import type { Uuid } from '../../native-free-core/bytes/uuid.js'
import {
  brokerLockName,
  brokerMetaName,
  type BrokerMeta,
  dataFormat,
  formatBrokerMeta,
  parseBrokerMeta,
} from '../../native-free-core/config/broker-meta.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { releaseVersion } from '../../native-free-core/version.js'
import { type Disk, systemErrorCode } from './disk.js'
import { folderOf } from './journal-file.js'

export interface DataFolderIdentity {
  readonly brokerId: number
  /** For a folder that has none yet. */
  readonly clusterId: Uuid
  /** Tells two openings by one process apart; made up if absent. */
  readonly lockToken?: string | undefined
  /** Of openings by this process that are over although they left their lock. */
  readonly endedLockTokens?: readonly string[] | undefined
}

export interface OpenDataFolder {
  readonly clusterId: Uuid
  /** The folder was new. */
  readonly created: boolean
  /** Gives the folder free; the last thing of a clean stop. */
  unlock(): void
}

const folders = ['journals', 'metadata', 'topics']

/** Throws DATA_FOLDER_IN_USE, DATA_FOLDER_UNUSABLE or DATA_FORMAT_TOO_NEW. */
export function openDataFolder(disk: Disk, folder: string, identity: DataFolderIdentity): OpenDataFolder {
  usable(folder, () => disk.makeFolder(folder))
  const lockPath = `${folder}/${brokerLockName}`
  const own = lockText(identity.lockToken ?? randomBytes(8).toString('hex'))
  usable(folder, () => takeLock(disk, lockPath, own, identity.endedLockTokens ?? []))
  try {
    const known = readMeta(disk, folder)
    if (known === undefined) refuseOthersData(disk, folder)
    else checkIdentity(known, identity, folder)
    usable(folder, () => {
      for (const name of folders) disk.makeFolder(`${folder}/${name}`)
      if (known === undefined) syncNamesAbove(disk, folder)
      // At every start: whoever made a name may have been killed before its sync.
      disk.syncFolder(folder)
      writeMeta(disk, folder, known, identity)
    })
    verifyLock(disk, lockPath, own)
    const unlock = (): void => removeOwnLock(disk, lockPath, own)
    return { clusterId: known?.clusterId ?? identity.clusterId, created: known === undefined, unlock }
  } catch (error) {
    removeOwnLock(disk, lockPath, own)
    throw error
  }
}

/** A new folder is on the medium only when the names on the way to it are. */
function syncNamesAbove(disk: Disk, folder: string): void {
  for (let at = folder; at !== folderOf(at); at = folderOf(at)) {
    try {
      disk.syncFolder(folderOf(at))
    } catch (error) {
      // A folder that this user may not read is none that it has made anything in.
      if (!isRefusal(systemErrorCode(error))) throw error
    }
  }
}

function isRefusal(code: string | undefined): boolean {
  return code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
}

/** A refusal of the system, told as what it means for the folder. */
function usable<T>(folder: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    if (StreamBusError.is(error) && error.name !== 'KAFKA_STORAGE_ERROR') throw error
    const { message, remedy } = StreamBusError.from(error)
    throw new StreamBusError('DATA_FOLDER_UNUSABLE', `the data folder ${folder} can't be used: ${message}`, {
      cause: error,
      remedy,
    })
  }
}

// ---- broker.meta

function readMeta(disk: Disk, folder: string): BrokerMeta | undefined {
  const path = `${folder}/${brokerMetaName}`
  if (!disk.exists(path)) return undefined
  return parseBrokerMeta(readText(disk, path), path)
}

function checkIdentity(known: BrokerMeta, identity: DataFolderIdentity, folder: string): void {
  if (known.brokerId === identity.brokerId) return
  throw new StreamBusError(
    'DATA_FOLDER_UNUSABLE',
    `the data folder ${folder} belongs to broker ${known.brokerId}; this broker's brokerId is ${identity.brokerId}`,
    { remedy: `Set brokerId: ${known.brokerId}, or give this broker its own dataFolder.` },
  )
}

/** Names that say nothing of whose folder it is: ours, those of file systems, and hidden ones. */
const harmlessName = /^(journals|metadata|topics|broker\.(lock|meta).*|lost\+found|\..*)$/

/** `data` is a common name: a broker that starts with its defaults must not mix its files with somebody else's. */
function refuseOthersData(disk: Disk, folder: string): void {
  const other = disk.list(folder).find((name) => !harmlessName.test(name))
  if (other !== undefined) {
    throw new StreamBusError('DATA_FOLDER_UNUSABLE', `${folder} holds ${other}, and is no data folder of StreamBus`, {
      remedy: 'Set dataFolder (or STREAMBUS_DATA_FOLDER) to a folder that is new or empty.',
    })
  }
  refuseOrphans(disk, folder)
}

/** Data without broker.meta is somebody's loss in the making: nothing new is started over it. */
function refuseOrphans(disk: Disk, folder: string): void {
  const journals = `${folder}/journals`
  if (!disk.exists(journals) || disk.list(journals).length === 0) return
  throw new StreamBusError('DATA_FOLDER_UNUSABLE', `${journals} holds journals, but ${brokerMetaName} is missing`, {
    remedy: `Restore ${folder}/${brokerMetaName} from a copy, or give the broker another dataFolder.`,
  })
}

function writeMeta(disk: Disk, folder: string, known: BrokerMeta | undefined, identity: DataFolderIdentity): void {
  if (known?.writer === releaseVersion) return
  const path = `${folder}/${brokerMetaName}`
  const meta = { format: dataFormat, clusterId: known?.clusterId ?? identity.clusterId, brokerId: identity.brokerId }
  if (disk.exists(`${path}.new`)) disk.remove(`${path}.new`)
  writeText(disk, `${path}.new`, formatBrokerMeta({ ...meta, writer: releaseVersion }), true)
  disk.rename(`${path}.new`, path)
  disk.syncFolder(folder)
}

// ---- broker.lock

/** `pid START-TICKS boot TOKEN`; the token tells two openings of one process apart. */
function lockText(token: string): string {
  return `${process.pid} ${startTicksOf(process.pid)} ${bootId()} ${token}\n`
}

function takeLock(disk: Disk, path: string, own: string, endedTokens: readonly string[]): void {
  for (let attempt = 0; attempt < 8; attempt++) {
    if (createLock(disk, path, own)) return
    const holder = readIfThere(disk, path)
    if (holder === undefined) continue
    if (isAlive(holder) && !endedTokens.includes(tokenOf(holder))) throw inUse(path, holder)
    moveAway(disk, path, holder)
  }
  throw new StreamBusError('DATA_FOLDER_IN_USE', `${path} is being taken by others again and again`)
}

function createLock(disk: Disk, path: string, own: string): boolean {
  try {
    writeText(disk, path, own, false)
    return true
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false
    throw error
  }
}

function moveAway(disk: Disk, path: string, stale: string): void {
  const aside = `${path}.stale-${process.pid}-${randomBytes(4).toString('hex')}`
  try {
    disk.rename(path, aside)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return
    throw error
  }
  const moved = readText(disk, aside)
  // Another took over between our look and our move: it is given its lock back, and finds out if it was too late.
  if (moved !== stale && !disk.exists(path)) disk.rename(aside, path)
  else disk.remove(aside)
}

function verifyLock(disk: Disk, path: string, own: string): void {
  const holder = readIfThere(disk, path)
  if (holder !== own) throw inUse(path, holder ?? 'unknown')
}

function removeOwnLock(disk: Disk, path: string, own: string): void {
  try {
    if (readIfThere(disk, path) === own) disk.remove(path)
  } catch {
    // The folder is not writable any more; the lock is stale once this process has ended.
  }
}

function inUse(path: string, holder: string): StreamBusError {
  const pid = holder.split(' ')[0]
  return new StreamBusError('DATA_FOLDER_IN_USE', `${path}: the data folder is in use by the broker with pid ${pid}`, {
    remedy: `Stop process ${pid}, or give this broker its own dataFolder.`,
  })
}

function tokenOf(holder: string): string {
  return holder.trim().split(' ')[3] ?? ''
}

/** Without /proc a living pid is taken for the holder: better refused than shared. */
function isAlive(holder: string): boolean {
  const [pidText, ticks, boot] = holder.trim().split(' ')
  const pid = Number(pidText)
  if (!Number.isInteger(pid) || pid <= 0) return false
  if (boot !== bootId()) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as { code?: string }).code === 'ESRCH') return false
  }
  return startTicksOf(pid) === ticks
}

/** When the process started, in the kernel's ticks since boot; 0 where there is no /proc. */
function startTicksOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, in parentheses, may hold anything; the start is the 22nd field, the 20th after the name.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '0'
  } catch {
    return '0'
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return 'unknown'
  }
}

// ---- small files

function readIfThere(disk: Disk, path: string): string | undefined {
  try {
    return readText(disk, path)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function readText(disk: Disk, path: string): string {
  const file = disk.open(path, 'read')
  try {
    const bytes = new Uint8Array(disk.size(file))
    return decodeUtf8(bytes, 0, disk.read(file, bytes, 0))
  } finally {
    disk.close(file)
  }
}

function writeText(disk: Disk, path: string, text: string, isSynced: boolean): void {
  const file = disk.open(path, 'create-new')
  try {
    disk.write(file, encodeUtf8(text), 0)
    if (isSynced) disk.sync(file)
  } finally {
    disk.close(file)
  }
}
