/**
 * The only door to files for all workers: synchronous, positioned, and replaceable by a double that loses writes.
 * Runs on: every worker, and recovery. Touches: files. Never: the main thread's event loop.
 *
 * A durable write is one that is on the medium when it returns. Linux does it with O_DSYNC. Windows has no such flag
 * and macOS's does not reach the drive: there each write to a 'durable-write' file is followed by a sync.
 * `durableWrite` says which of the two is in force.
 */
import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeSync,
  writevSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { getSystemErrorMap } from 'node:util'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { DirectAppend, directAlignment, leastDirectBytes } from './direct-append.js'
import { openWholeFileSystem, type WholeFileSystem } from './whole-file-system.js'

export { directAlignment } from './direct-append.js'

/** A descriptor. */
export type FileHandle = number

/**
 * read: must exist. read-write: must exist. create: read-write, made if missing. create-new: fails if it exists.
 * durable-write: read-write, must exist, and each write is on the medium when it returns.
 */
export type OpenMode = 'read' | 'read-write' | 'create' | 'create-new' | 'durable-write'
export type DirectMode = 'read-write' | 'durable-write'

/** Every method throws KAFKA_STORAGE_ERROR with operation and path; `systemErrorCode` tells ENOSPC from EIO. */
export interface Disk {
  open(path: string, mode: OpenMode): FileHandle
  /**
   * As `mode`, past the page cache; undefined where that can't be done from memory that lies as `memory` does, or the
   * file has no whole block. What is written must begin at a multiple of `directAlignment` from the start of `memory`,
   * and position and length must be such multiples. The first block of `memory` is overwritten.
   */
  openDirect(path: string, memory: Uint8Array, mode: DirectMode): FileHandle | undefined
  close(file: FileHandle): void
  /** Writes all of `bytes`; a short count is continued. */
  write(file: FileHandle, bytes: Uint8Array, position: number): void
  /** Writes all views one after the other; a short count is continued. */
  writev(file: FileHandle, views: readonly Uint8Array[], position: number): void
  /**
   * As writev, at the end of the file: much at once goes past the page cache, where `appendsDirectly` says so and
   * system and file system can. When it fails, any part of it may have been written.
   */
  append(file: FileHandle, views: readonly Uint8Array[], position: number): void
  appendsDirectly: boolean
  /** Reads until `into` is full or the file ends; returns how many bytes came. */
  read(file: FileHandle, into: Uint8Array, position: number): number
  /** Data, and the length if it changed, are on the medium when it returns. */
  sync(file: FileHandle): void
  /** New, renamed and removed names of the folder are on the medium when it returns. */
  syncFolder(path: string): void
  size(file: FileHandle): number
  sizeOf(path: string): number
  truncate(file: FileHandle, sizeBytes: number): void
  /** With all folders above it. */
  makeFolder(path: string): void
  /** The names in a folder, in ascending order. */
  list(path: string): string[]
  rename(from: string, to: string): void
  remove(path: string): void
  /** With everything in it; a folder that is not there is none to remove. */
  removeFolder(path: string): void
  exists(path: string): boolean
  /** What an unprivileged process may still write to the file system that holds `path`. */
  freeBytes(path: string): number
  /** The size of the file system that holds `path`. */
  totalBytes(path: string): number
  /** The file system that holds `folder`, if it can be synced as a whole and says reliably whether that worked. */
  wholeFileSystem(folder: string): WholeFileSystem | undefined
}

/** How a write to a 'durable-write' file reaches the medium on this system. */
export const durableWrite: 'O_DSYNC' | 'write + sync' =
  constants.O_DSYNC === undefined || process.platform === 'darwin' ? 'write + sync' : 'O_DSYNC'

/** One call takes at most so many views (IOV_MAX of Linux, macOS and the BSDs). */
export const maxViewsPerWrite = 1024

/** The code of the system's error (`ENOSPC`, `EIO`, `ENOENT`, ...) behind what a Disk threw, if there is one. */
export function systemErrorCode(error: unknown): string | undefined {
  for (let at = error; typeof at === 'object' && at !== null; at = (at as { cause?: unknown }).cause) {
    const { code, errno } = at as { code?: unknown; errno?: unknown }
    if (typeof code === 'string' && errno !== undefined) return code
  }
  return undefined
}

/** The number of that error, above 0; 0: there is none. */
export function systemErrno(error: unknown): number {
  for (let at = error; typeof at === 'object' && at !== null; at = (at as { cause?: unknown }).cause) {
    const { errno } = at as { errno?: unknown }
    if (typeof errno === 'number') return Math.abs(errno)
  }
  return 0
}

const openFlags: Readonly<Record<OpenMode, number>> = {
  read: constants.O_RDONLY,
  'read-write': constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT,
  'create-new': constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
  'durable-write': constants.O_RDWR | (durableWrite === 'O_DSYNC' ? constants.O_DSYNC : 0),
}

const remedies: Readonly<Record<string, string>> = {
  ENOSPC: 'Free space on that disk, or shorten retention; then restart the broker.',
  EDQUOT: "Raise the quota of the broker's user, or shorten retention; then restart the broker.",
  EACCES: "Give the broker's user the right to read and write there.",
  EPERM: "Give the broker's user the right to read and write there.",
  EROFS: 'Mount the file system writable.',
  EMFILE: 'Raise the limit of open files (ulimit -n) and restart the broker.',
  ENFILE: "Raise the system's limit of open files and restart the broker.",
  ENOENT: 'Restore the file, or correct the path.',
}

/**
 * A double that only wants to see, lose or shorten writes derives from this and overrides `rawWrite`: all bytes that
 * reach a file pass it.
 */
export class RealDisk implements Disk {
  private readonly paths = new Map<FileHandle, string>()
  private readonly syncAfterWrite = new Set<FileHandle>()
  /** The same files past the page cache; undefined: it was tried, and can't be done. */
  private readonly direct = new Map<FileHandle, FileHandle | undefined>()
  private readonly directAppend = new DirectAppend()
  appendsDirectly = false

  /** One positioned system call; returns how many bytes were taken, which may be fewer than were given. */
  protected rawWrite(file: FileHandle, views: readonly Uint8Array[], position: number): number {
    if (views.length === 1) {
      const only = views[0]!
      return writeSync(file, only, 0, only.byteLength, position)
    }
    return writevSync(file, views, position)
  }

  open(path: string, mode: OpenMode): FileHandle {
    try {
      const file = openSync(path, openFlags[mode], 0o640)
      this.paths.set(file, path)
      if (mode === 'durable-write' && durableWrite !== 'O_DSYNC') this.syncAfterWrite.add(file)
      return file
    } catch (error) {
      throw storageError(`open (${mode})`, path, error)
    }
  }

  openDirect(path: string, memory: Uint8Array, mode: DirectMode): FileHandle | undefined {
    if (durableWrite !== 'O_DSYNC' || constants.O_DIRECT === undefined) return undefined
    let file: FileHandle | undefined
    try {
      file = openSync(path, openFlags[mode] | constants.O_DIRECT)
      // A file system may refuse the flag only when it is used, and what it asks of memory is the same for a read.
      if (readSync(file, memory, 0, directAlignment, 0) === directAlignment) {
        this.paths.set(file, path)
        return file
      }
    } catch {
      // It can't: whoever asked writes through the page cache, and hears there if more is wrong.
    }
    if (file !== undefined) closeSync(file)
    return undefined
  }

  close(file: FileHandle): void {
    const path = this.pathOf(file)
    this.paths.delete(file)
    this.syncAfterWrite.delete(file)
    const direct = this.direct.get(file)
    this.direct.delete(file)
    if (direct !== undefined) this.close(direct)
    attempt('close', path, () => closeSync(file))
  }

  write(file: FileHandle, bytes: Uint8Array, position: number): void {
    this.writeAll(file, [bytes], position)
  }

  writev(file: FileHandle, views: readonly Uint8Array[], position: number): void {
    this.writeAll(file, views, position)
  }

  append(file: FileHandle, views: readonly Uint8Array[], position: number): void {
    const isMuch = this.appendsDirectly && lengthOf(views) >= leastDirectBytes
    const direct = isMuch ? this.directOf(file, position) : undefined
    if (direct === undefined) return this.writeAll(file, views, position)
    this.directAppend.append(views, position, {
      direct: (bytes, at) => this.writeOnce(direct, bytes, at),
      cached: (bytes, at) => this.writeAll(file, [bytes], at),
    })
  }

  /** A file is asked once it has a block that can be read. */
  private directOf(file: FileHandle, sizeBytes: number): FileHandle | undefined {
    if (sizeBytes < directAlignment || this.direct.has(file)) return this.direct.get(file)
    const opened = this.openDirect(this.pathOf(file), this.directAppend.memory, 'read-write')
    this.direct.set(file, opened)
    return opened
  }

  private writeOnce(file: FileHandle, bytes: Uint8Array, position: number): number {
    try {
      return this.rawWrite(file, [bytes], position)
    } catch (error) {
      // A file system that asks for more than a block's alignment: the cache takes it.
      if (systemErrorCode(error) === 'EINVAL') return 0
      throw storageError(`write at ${position}`, this.pathOf(file), error)
    }
  }

  private writeAll(file: FileHandle, views: readonly Uint8Array[], position: number): void {
    try {
      let at = position
      for (let first = 0; first < views.length; first += maxViewsPerWrite) {
        const part = views.length <= maxViewsPerWrite ? views : views.slice(first, first + maxViewsPerWrite)
        at += writeInParts(part, at, (rest, from) => this.rawWrite(file, rest, from))
      }
      if (this.syncAfterWrite.has(file)) fsyncSync(file)
    } catch (error) {
      throw storageError(`write at ${position}`, this.pathOf(file), error)
    }
  }

  read(file: FileHandle, into: Uint8Array, position: number): number {
    try {
      let done = 0
      while (done < into.byteLength) {
        const count = readSync(file, into, done, into.byteLength - done, position + done)
        if (count === 0) break
        done += count
      }
      return done
    } catch (error) {
      throw storageError(`read of ${into.byteLength} bytes at ${position}`, this.pathOf(file), error)
    }
  }

  sync(file: FileHandle): void {
    try {
      fdatasyncSync(file)
    } catch (error) {
      throw storageError('sync', this.pathOf(file), error)
    }
  }

  syncFolder(path: string): void {
    // Windows opens no folders; NTFS journals names by itself.
    if (process.platform === 'win32') return
    attempt('sync of the folder', path, () => {
      const folder = openSync(path, constants.O_RDONLY)
      try {
        fsyncSync(folder)
      } finally {
        closeSync(folder)
      }
    })
  }

  size(file: FileHandle): number {
    return attempt('stat', this.pathOf(file), () => fstatSync(file).size)
  }

  sizeOf(path: string): number {
    return attempt('stat', path, () => statSync(path).size)
  }

  truncate(file: FileHandle, sizeBytes: number): void {
    attempt(`truncate to ${sizeBytes} bytes`, this.pathOf(file), () => ftruncateSync(file, sizeBytes))
  }

  makeFolder(path: string): void {
    attempt('make the folder', path, () => makeFolders(path))
  }

  list(path: string): string[] {
    return attempt('list', path, () => readdirSync(path).sort())
  }

  rename(from: string, to: string): void {
    attempt(`rename to ${to}`, from, () => renameSync(from, to))
  }

  remove(path: string): void {
    attempt('remove', path, () => unlinkSync(path))
  }

  removeFolder(path: string): void {
    attempt('remove the folder', path, () => rmSync(path, { recursive: true, force: true }))
  }

  exists(path: string): boolean {
    return existsSync(path)
  }

  freeBytes(path: string): number {
    return attempt('ask for free space', path, () => {
      const figures = statfsSync(path)
      return figures.bavail * figures.bsize
    })
  }

  totalBytes(path: string): number {
    return attempt('ask for its size', path, () => {
      const figures = statfsSync(path)
      return figures.blocks * figures.bsize
    })
  }

  wholeFileSystem(folder: string): WholeFileSystem | undefined {
    return openWholeFileSystem(folder)
  }

  private pathOf(file: FileHandle): string {
    return this.paths.get(file) ?? `descriptor ${file}`
  }
}

/** Node's own recursive mkdir never ends below /proc, which answers that the parent is missing although it is there. */
function makeFolders(path: string): void {
  if (existsSync(path) && statSync(path).isDirectory()) return
  const parent = dirname(path)
  if (parent !== path) makeFolders(parent)
  try {
    mkdirSync(path, { mode: 0o750 })
  } catch (error) {
    // Another thread may have been faster.
    if (!existsSync(path) || !statSync(path).isDirectory()) throw error
  }
}

function attempt<T>(operation: string, path: string, call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw storageError(operation, path, error)
  }
}

function storageError(operation: string, path: string, error: unknown): StreamBusError {
  const text = error instanceof Error ? error.message : String(error)
  const remedy = remedies[systemErrorCode(error) ?? '']
  return new StreamBusError('KAFKA_STORAGE_ERROR', `${path}: ${operation} failed: ${text}`, {
    cause: error,
    ...(remedy === undefined ? {} : { remedy }),
  })
}

/** What another thread's call on the disk failed with; `errno` is the system's number of it, 0 if there is none. */
export function storageErrorOf(operation: string, path: string, errno: number): StreamBusError {
  const [code, text] = getSystemErrorMap().get(-errno) ?? ['the disk refused it', '']
  const remedy = remedies[code]
  const message = `${path}: ${operation} failed: ${text === '' ? code : `${code}: ${text}`}`
  return new StreamBusError('KAFKA_STORAGE_ERROR', message, remedy === undefined ? {} : { remedy })
}

/** Calls `write` until everything is written; returns how much that was. A short count is no error. */
export function writeInParts(
  views: readonly Uint8Array[],
  position: number,
  write: (rest: readonly Uint8Array[], position: number) => number,
): number {
  const total = lengthOf(views)
  let written = 0
  let rest = views
  while (written < total) {
    const count = write(rest, position + written)
    // A write that takes nothing and reports nothing would be repeated for ever.
    if (count <= 0) throw new Error(`the system took ${count} of ${total - written} bytes`)
    written += count
    if (written < total) rest = dropFirst(rest, count)
  }
  return total
}

function lengthOf(views: readonly Uint8Array[]): number {
  let total = 0
  for (const view of views) total += view.byteLength
  return total
}

/** What is left of `views` after their first `count` bytes. */
function dropFirst(views: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let index = 0
  let skip = count
  while (skip >= views[index]!.byteLength) skip -= views[index++]!.byteLength
  const rest = views.slice(index)
  rest[0] = rest[0]!.subarray(skip)
  return rest
}

export function createDisk(): Disk {
  return new RealDisk()
}

/** What a worker is started with: the path of a module that exports another `createDisk`, in tests. */
export interface DiskChoice {
  readonly diskModule?: string | undefined
}

/** The disk that the worker is to use: the real one, or that of the module named in its workerData. */
export async function loadDisk(choice: DiskChoice | undefined): Promise<Disk> {
  if (choice?.diskModule === undefined) return createDisk()
  const path = choice.diskModule
  const loaded = (await import(path.startsWith('file:') ? path : pathToFileURL(path).href)) as {
    createDisk?: () => Disk
  }
  if (loaded.createDisk === undefined) {
    throw new StreamBusError('USAGE', `the disk module ${path} exports no createDisk()`)
  }
  return loaded.createDisk()
}
