/**
 * What `doctor` asks of the machine; tests answer in its place.
 * Runs on: main. Touches: /proc, cgroup files, the data folder (a file of its own for a moment), a port for a moment.
 */
import { spawnSync } from 'node:child_process'
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { allowedCores, cpuQuota } from '../../broker/shard-count.js'
import { probePort } from '../../gateway/listen-error.js'
import { uwsBinaryPath } from '../../gateway/uws-transport.js'

export interface FileSystem {
  /** The magic number of statfs(2). */
  readonly type: number
  readonly freeBytes: number
  readonly totalBytes: number
}

export interface Probes {
  readonly nodeVersion: string
  readonly platform: string
  readonly nowMs: () => number
  /** Why uWebSockets.js can't be used; undefined: it can. */
  whyNotUws(): string | undefined
  /** The folder, or the nearest above it that exists. */
  existingFolder(folder: string): string
  isWritable(folder: string): boolean
  fileSystem(folder: string): FileSystem
  /** Milliseconds of each synced 4 KiB write over blocks that are allocated. Throws. */
  syncedWrites(folder: string, count: number): number[]
  /** Open files that a process may have; undefined: not known, or without limit. */
  openFilesLimit(): number | undefined
  memoryBytes(): number
  cores(): readonly number[] | undefined
  cpuQuota(): number | undefined
  canPin(): boolean
  /** Whether the clock is kept by a time server; undefined: not known. */
  isClockSynced(): boolean | undefined
  /** Undefined: it can be listened on. */
  whyNotListen(host: string, port: number): Promise<StreamBusError | undefined>
}

const blockBytes = 4096
const blockCount = 16
const commandTimeoutMs = 2000

export const machine: Probes = {
  nodeVersion: process.version,
  platform: process.platform,
  nowMs: Date.now,

  whyNotUws() {
    const { platform, arch, version } = process
    const path = uwsBinaryPath()
    if (path === undefined) return `uWebSockets.js has no binary for Node.js ${version} on ${platform} ${arch}`
    try {
      createRequire(import.meta.url)(path)
      return undefined
    } catch (error) {
      return `its binary can't be loaded: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`
    }
  },

  existingFolder(folder) {
    let found = folder
    while (!existsSync(found) && dirname(found) !== found) found = dirname(found)
    return found
  },

  isWritable(folder) {
    try {
      accessSync(folder, constants.W_OK | constants.X_OK)
      return true
    } catch {
      return false
    }
  },

  fileSystem(folder) {
    const { type, bsize, bavail, blocks } = statfsSync(folder)
    return { type, freeBytes: bavail * bsize, totalBytes: blocks * bsize }
  },

  syncedWrites(folder, count) {
    const path = join(folder, `.streambus-doctor-${process.pid}`)
    const block = new Uint8Array(blockBytes).fill(1)
    try {
      // As a journal is written: over blocks that are there already.
      const plain = openSync(path, 'wx')
      writeSync(plain, new Uint8Array(blockBytes * blockCount))
      closeSync(plain)
      const file = openSync(path, constants.O_WRONLY | constants.O_DSYNC)
      try {
        writeSync(file, block, 0, blockBytes, 0)
        return Array.from({ length: count }, (_, write) => {
          const startMs = performance.now()
          writeSync(file, block, 0, blockBytes, (write % blockCount) * blockBytes)
          return performance.now() - startMs
        })
      } finally {
        closeSync(file)
      }
    } finally {
      rmSync(path, { force: true })
    }
  },

  openFilesLimit() {
    const limit = /^Max open files\s+(\S+)/m.exec(readOrEmpty('/proc/self/limits'))?.[1]
    return limit === undefined || limit === 'unlimited' ? undefined : Number(limit)
  },

  memoryBytes() {
    // Of a cgroup; 0 or a huge number without one.
    const limit = process.constrainedMemory()
    return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
  },

  cores: allowedCores,
  cpuQuota,

  canPin() {
    if (process.platform !== 'linux') return false
    try {
      createRequire(import.meta.url).resolve('koffi')
      return true
    } catch {
      return false
    }
  },

  isClockSynced() {
    if (existsSync('/run/systemd/timesync/synchronized')) return true
    const { status, stdout } = spawnSync('timedatectl', ['show', '--property=NTPSynchronized', '--value'], {
      encoding: 'utf8',
      timeout: commandTimeoutMs,
    })
    if (status !== 0) return undefined
    return stdout.trim() === 'yes' ? true : stdout.trim() === 'no' ? false : undefined
  },

  async whyNotListen(host, port) {
    try {
      await probePort(host, port)
      return undefined
    } catch (error) {
      return StreamBusError.from(error)
    }
  },
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
