/**
 * The real disk, with a record beside it of everything that no sync covers, so that a power cut can be played after
 * the process was killed: see roll-back.ts. Loaded by the workers of a real broker in place of the real disk.
 * Runs on: every worker of a broker under test. Touches: the data folder, the side file of STREAMBUS_TEST_SIDE_FILE.
 *
 * The side file is appended to by all threads, each record with one write, so its order is one that all agree on:
 *
 *   u32 bytes of what follows | u32 bytes of the JSON | JSON | what was there before
 *
 * STREAMBUS_TEST_NO_DSYNC=1 is the canary: 'durable-write' then opens without O_DSYNC, and is recorded so.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  statSync,
  writeSync,
} from 'node:fs'
import { threadId } from 'node:worker_threads'
import { type DirectMode, type FileHandle, type OpenMode, RealDisk } from '../../workers/shared/disk.js'
import type { WholeFileSystem } from '../../workers/shared/whole-file-system.js'

export interface DataRecord {
  readonly kind: 'write' | 'truncate'
  readonly id: string
  readonly inode: number
  readonly position: number
  readonly lengthBytes: number
  readonly sizeBefore: number
  readonly isDurable: boolean
}

export interface NameRecord {
  readonly kind: 'create' | 'makeFolder' | 'removeFolder' | 'rename' | 'unlink'
  readonly id: string
  readonly path: string
  /** Of a rename. */
  readonly to?: string
  /** A hard link to what the name stood for before. */
  readonly saved?: string | undefined
}

export type SideRecord =
  | DataRecord
  | NameRecord
  | { readonly kind: 'sync'; readonly id: string; readonly inode: number }
  | { readonly kind: 'syncFolder'; readonly id: string; readonly path: string }
  | { readonly kind: 'syncAll'; readonly id: string }
  | { readonly kind: 'end'; readonly id: string }

/** Every how many writes one is taken only in part, as a system may. */
const shortEvery = 50

export class PowerCutDisk extends RealDisk {
  private readonly side: number
  private readonly links: string
  private readonly hasNoSync = process.env['STREAMBUS_TEST_NO_DSYNC'] === '1'
  private readonly durable = new Map<FileHandle, boolean>()
  private count = 0

  constructor(sideFile: string) {
    super()
    this.side = openSync(sideFile, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o600)
    this.links = `${sideFile}.links`
    mkdirSync(this.links, { recursive: true })
  }

  // ---- the record

  private nextId(): string {
    return `${process.pid}.${threadId}.${++this.count}`
  }

  private note(record: SideRecord, before: Uint8Array = new Uint8Array(0)): void {
    const json = Buffer.from(JSON.stringify(record))
    const bytes = Buffer.alloc(8 + json.length + before.length)
    bytes.writeUInt32LE(4 + json.length + before.length, 0)
    bytes.writeUInt32LE(json.length, 4)
    bytes.set(json, 8)
    bytes.set(before, 8 + json.length)
    writeSync(this.side, bytes)
  }

  private around<T>(record: SideRecord, before: Uint8Array | undefined, act: () => T): T {
    this.note(record, before)
    const result = act()
    this.note({ kind: 'end', id: record.id })
    return result
  }

  /** A hard link keeps what a name is about to lose. */
  private save(path: string, id: string): string | undefined {
    if (!existsSync(path) || !statSync(path).isFile()) return undefined
    const saved = `${this.links}/${id}`
    linkSync(path, saved)
    return saved
  }

  // ---- files

  override open(path: string, mode: OpenMode): FileHandle {
    const isNew = (mode === 'create' || mode === 'create-new') && !existsSync(path)
    const isDurable = mode === 'durable-write' && !this.hasNoSync
    const open = (): FileHandle => super.open(path, mode === 'durable-write' && this.hasNoSync ? 'read-write' : mode)
    const file = isNew ? this.around({ kind: 'create', id: this.nextId(), path }, undefined, open) : open()
    this.durable.set(file, isDurable)
    return file
  }

  override openDirect(path: string, memory: Uint8Array, mode: DirectMode): FileHandle | undefined {
    const file = this.hasNoSync ? undefined : super.openDirect(path, memory, mode)
    if (file !== undefined) this.durable.set(file, mode === 'durable-write')
    return file
  }

  override close(file: FileHandle): void {
    this.durable.delete(file)
    super.close(file)
  }

  /** A descriptor of another thread says itself how it was opened. */
  private isDurable(file: FileHandle): boolean {
    const known = this.durable.get(file)
    if (known !== undefined) return known
    const flags = /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${file}`, 'utf8'))
    return (Number.parseInt(flags![1]!, 8) & constants.O_DSYNC) === constants.O_DSYNC
  }

  protected override rawWrite(file: FileHandle, views: readonly Uint8Array[], position: number): number {
    const some = this.count % shortEvery === 0 ? shortened(views) : views
    const lengthBytes = some.reduce((sum, view) => sum + view.byteLength, 0)
    const { ino, size } = fstatSync(file)
    const record: SideRecord = {
      kind: 'write',
      id: this.nextId(),
      inode: ino,
      position,
      lengthBytes,
      sizeBefore: size,
      isDurable: this.isDurable(file),
    }
    const before = bytesOf(file, position, Math.min(lengthBytes, size - position))
    return this.around(record, before, () => super.rawWrite(file, some, position))
  }

  override truncate(file: FileHandle, sizeBytes: number): void {
    const { ino, size } = fstatSync(file)
    const lengthBytes = Math.max(0, size - sizeBytes)
    const position = Math.min(size, sizeBytes)
    const record: SideRecord = {
      kind: 'truncate',
      id: this.nextId(),
      inode: ino,
      position,
      lengthBytes,
      sizeBefore: size,
      isDurable: false,
    }
    this.around(record, bytesOf(file, position, lengthBytes), () => super.truncate(file, sizeBytes))
  }

  override sync(file: FileHandle): void {
    const record: SideRecord = { kind: 'sync', id: this.nextId(), inode: fstatSync(file).ino }
    this.around(record, undefined, () => super.sync(file))
  }

  // ---- names

  override syncFolder(path: string): void {
    this.around({ kind: 'syncFolder', id: this.nextId(), path }, undefined, () => super.syncFolder(path))
  }

  override wholeFileSystem(folder: string): WholeFileSystem | undefined {
    const found = super.wholeFileSystem(folder)
    if (found === undefined) return undefined
    return {
      holds: (path) => found.holds(path),
      sync: () => this.around({ kind: 'syncAll', id: this.nextId() }, undefined, () => found.sync()),
    }
  }

  override makeFolder(path: string): void {
    const above = path.slice(0, path.lastIndexOf('/'))
    if (existsSync(path)) return
    if (above !== '' && !existsSync(above)) this.makeFolder(above)
    this.around({ kind: 'makeFolder', id: this.nextId(), path }, undefined, () => super.makeFolder(path))
  }

  override rename(from: string, to: string): void {
    const id = this.nextId()
    const saved = this.save(to, id)
    this.around({ kind: 'rename', id, path: from, to, saved }, undefined, () => super.rename(from, to))
  }

  override remove(path: string): void {
    const id = this.nextId()
    const saved = this.save(path, id)
    this.around({ kind: 'unlink', id, path, saved }, undefined, () => super.remove(path))
  }

  override removeFolder(path: string): void {
    if (!existsSync(path)) return
    for (const name of readdirSync(path)) {
      const inner = `${path}/${name}`
      if (lstatSync(inner).isDirectory()) this.removeFolder(inner)
      else this.remove(inner)
    }
    this.around({ kind: 'removeFolder', id: this.nextId(), path }, undefined, () => rmdirSync(path))
  }
}

/** The first half of what was to be written. */
function shortened(views: readonly Uint8Array[]): readonly Uint8Array[] {
  if (views.length > 1) return views.slice(0, views.length >> 1)
  const only = views[0]!
  return only.byteLength < 2 ? views : [only.subarray(0, only.byteLength >> 1)]
}

function bytesOf(file: FileHandle, position: number, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(0, lengthBytes))
  if (bytes.length === 0) return bytes
  const path = `/proc/self/fd/${file}`
  const reader = openSync(path, constants.O_RDONLY)
  try {
    return bytes.subarray(0, readSync(reader, bytes, 0, bytes.length, position))
  } finally {
    closeSync(reader)
  }
}

/** Called by workers: see DiskChoice. */
export function createDisk(): PowerCutDisk {
  const sideFile = process.env['STREAMBUS_TEST_SIDE_FILE']
  if (sideFile === undefined) throw new Error('STREAMBUS_TEST_SIDE_FILE is not set')
  return new PowerCutDisk(sideFile)
}
