/**
 * A disk in memory that loses what a power cut can lose: writes and names that no sync covers, in any subset.
 * Runs on: the test process, everything inline. Touches: memory only. The same seed gives the same losses.
 *
 * What a power cut leaves:
 *
 * | what                                      | is found afterwards                                              |
 * |-------------------------------------------|------------------------------------------------------------------|
 * | a block of 4 KiB written since its sync   | the synced bytes, or any later version of it, or a tear of both  |
 * | a durable write that had not returned     | per block: old, new, torn at any byte, or destroyed              |
 * | a name made, moved, removed, not synced   | any subset of these changes, each whole                          |
 * | the length of a file since its sync       | any length that it had since                                     |
 * | a block whose sync failed (EIO)           | the synced bytes: later syncs do not write it again (as Linux)   |
 *
 * A sync of the whole file system that fails tells so once, and may have lost blocks of any file; the next sync of that
 * file by itself tells it once more.
 *
 * A write to the page cache is not under way on the medium by itself, so only durable writes destroy blocks.
 */
import { constants } from 'node:os'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { type Disk, type FileHandle, type OpenMode, writeInParts } from '../../workers/shared/disk.js'
import type { WholeFileSystem } from '../../workers/shared/whole-file-system.js'
import type { Random } from './random.js'

export const blockBytes = 4096

/** The power is off: thrown by the call that it caught and by all after it, until `restart`. */
export class PowerCut extends Error {
  override readonly name = 'PowerCut'
}

/** kill: the process ends in this call; call `restartProcess` then, not `restart`. */
export type Fault = 'power cut' | 'kill' | 'EIO' | 'ENOSPC' | undefined
export type Operation =
  | 'open'
  | 'write'
  | 'durable write'
  | 'read'
  | 'sync'
  | 'sync folder'
  | 'sync file system'
  | 'truncate'
  | 'make folder'
  | 'rename'
  | 'remove'

export interface MemoryDiskOptions {
  readonly random: Random
  /** Asked before each call. */
  readonly fault?: (operation: Operation, path: string) => Fault
  /** How often a write takes only a part of what it was given, 0 to 1. */
  readonly shortWriteChance?: number
  /** A canary: nobody looks at how much a write took. */
  readonly shortWritesAreIgnored?: boolean
  /** A canary: durable writes are like any others. */
  readonly durableWritesAreNot?: boolean
  /** A canary: durable writes there are like any others. */
  readonly isVolatile?: (path: string, position: number) => boolean
  /** A canary: syncs of folders do nothing. */
  readonly folderSyncsAreNot?: boolean
  /** A canary: syncs of the whole file system do nothing. */
  readonly wholeSyncsAreNot?: boolean
  /** A canary: a sync of the whole file system that fails says nothing. */
  readonly wholeSyncErrorsAreUntold?: boolean
  /** As on a system that can't do it. */
  readonly hasNoWholeSync?: boolean
}

/** A block's versions, oldest first: what it was, with the first of the writes, with the first two, and so on. */
interface DirtyBlock {
  /** What it was; undefined: as on the medium. */
  readonly before: Uint8Array | undefined
  readonly writes: { readonly bytes: Uint8Array; readonly position: number }[]
}

class FileNode {
  content = new Uint8Array(0)
  sizeBytes = 0
  durable = new Uint8Array(0)
  durableSizeBytes = 0
  /** Lengths since the last sync. */
  sizes: number[] = []
  /** Of each block what was written since it was last on the medium. */
  dirty = new Map<number, DirtyBlock>()
  /** Blocks that are not dirty may hold what the medium has not: a sync failed, or the power went in a write. */
  mayDiffer = false
  /** Blocks were lost, and no sync of this file has said so. */
  hasUntoldError = false
}

class FolderNode {
  entries = new Map<string, Node>()
  durable = new Map<string, Node>()
}

type Node = FileNode | FolderNode

interface NameChange {
  readonly folder: FolderNode
  readonly name: string
  readonly node: Node | undefined
}

interface OpenFile {
  readonly node: FileNode
  readonly path: string
  readonly isDurable: boolean
}

export class MemoryDisk implements Disk {
  appendsDirectly = false
  private readonly options: MemoryDiskOptions
  private root = new FolderNode()
  private unsynced: (readonly NameChange[])[] = []
  private readonly files = new Map<FileHandle, OpenFile>()
  private nextFile = 3
  private isOff = false
  /** What `freeBytes` answers. */
  free = 2 ** 40
  /** Calls since the beginning. */
  callCount = 0

  constructor(options: MemoryDiskOptions) {
    this.options = options
  }

  get powerIsOff(): boolean {
    return this.isOff
  }

  // ---- faults

  private enter(operation: Operation, path: string): Fault {
    if (this.isOff) throw new PowerCut(`${operation} of ${path}: the power is off`)
    this.callCount++
    const fault = this.options.fault?.(operation, path)
    // While this call waited for the disk another one may have ended everything.
    if (this.isOff) throw new PowerCut(`${operation} of ${path}: the power is off`)
    if (fault === 'power cut' || fault === 'kill') this.isOff = true
    return fault
  }

  private check(operation: Operation, path: string): void {
    const fault = this.enter(operation, path)
    if (fault !== undefined) throw this.errorOf(fault, operation, path)
  }

  private errorOf(fault: string, operation: string, path: string): Error {
    if (fault === 'power cut' || fault === 'kill') return new PowerCut(`${operation} of ${path}: ${fault}`)
    return systemError(fault, operation, path)
  }

  /** The power goes off now: what is not on the medium is lost in part, by the seed. */
  cutPower(): void {
    this.isOff = true
  }

  /** After a power cut: what the medium holds, as the page cache would be filled from it. */
  restart(): void {
    const { random } = this.options
    this.files.clear()
    this.forgetErrors()
    const keep = random.pick([0, 0.5, 0.9, 1])
    for (const changes of this.unsynced) if (random.chance(keep)) applyNames(changes)
    this.unsynced = []
    const keepBlocks = random.pick([0, 0.5, 0.9, 1])
    for (const node of nodesBelow(this.root)) {
      if (node instanceof FolderNode) node.entries = new Map(node.durable)
      else settleFile(node, random, keepBlocks)
    }
    this.isOff = false
  }

  /** As after kill -9: handles are gone, the page cache stays. */
  restartProcess(): void {
    this.files.clear()
    this.forgetErrors()
    this.isOff = false
  }

  /** The next life writes again whatever it relies on; that its first sync may tell of the last life is left out. */
  private forgetErrors(): void {
    for (const file of filesBelow(this.root)) file.hasUntoldError = false
  }

  /** A bit rots, on the medium and in the cache. */
  flipBit(path: string, position: number, bit: number): void {
    const node = this.fileAt(path)
    node.content[position]! ^= 1 << bit
    if (position < node.durable.length) node.durable[position]! ^= 1 << bit
  }

  /** Whether everything written is on the medium. */
  get isAllDurable(): boolean {
    return this.unsynced.length === 0 && filesBelow(this.root).every((file) => file.dirty.size === 0)
  }

  // ---- names

  private lookUp(path: string): Node | undefined {
    const parts = partsOf(path)
    return this.lookUpParts(parts, parts.length)
  }

  /** What the first `count` parts of a path lead to. */
  private lookUpParts(parts: readonly string[], count: number): Node | undefined {
    let node: Node | undefined = this.root
    for (let index = 0; index < count; index++) {
      if (!(node instanceof FolderNode)) return undefined
      node = node.entries.get(parts[index]!)
    }
    return node
  }

  private folderAt(path: string): FolderNode {
    const node = this.lookUp(path)
    if (node instanceof FolderNode) return node
    throw systemError('ENOENT', 'look up', path)
  }

  private fileAt(path: string): FileNode {
    const node = this.lookUp(path)
    if (node instanceof FileNode) return node
    throw systemError('ENOENT', 'look up', path)
  }

  private parentOf(path: string): { folder: FolderNode; name: string } {
    const parts = partsOf(path)
    const folder = this.lookUpParts(parts, parts.length - 1)
    if (folder instanceof FolderNode) return { folder, name: parts.at(-1)! }
    throw systemError('ENOENT', 'look up the folder of', path)
  }

  private change(...changes: NameChange[]): void {
    for (const { folder, name, node } of changes) {
      if (node === undefined) folder.entries.delete(name)
      else folder.entries.set(name, node)
    }
    this.unsynced.push(changes)
  }

  // ---- Disk

  open(path: string, mode: OpenMode): FileHandle {
    this.check('open', path)
    let node = this.lookUp(path)
    if (node instanceof FolderNode) throw systemError('EISDIR', 'open', path)
    if (node !== undefined && mode === 'create-new') throw systemError('EEXIST', 'open', path)
    if (node === undefined) {
      if (mode !== 'create' && mode !== 'create-new') throw systemError('ENOENT', 'open', path)
      node = new FileNode()
      this.change({ ...this.parentOf(path), node })
    }
    const isDurable = mode === 'durable-write' && this.options.durableWritesAreNot !== true
    this.files.set(this.nextFile, { node, path, isDurable })
    return this.nextFile++
  }

  /** What is on the medium when a durable write returns is the same either way. */
  openDirect(): undefined {
    return undefined
  }

  private openFile(file: FileHandle): OpenFile {
    if (this.isOff) throw new PowerCut('the power is off')
    const open = this.files.get(file)
    if (open === undefined) throw systemError('EBADF', 'use', `descriptor ${file}`)
    return open
  }

  close(file: FileHandle): void {
    // Nothing is lost by closing: the power being off is noticed elsewhere.
    if (!this.isOff && !this.files.delete(file)) throw systemError('EBADF', 'close', `descriptor ${file}`)
  }

  write(file: FileHandle, bytes: Uint8Array, position: number): void {
    const { shortWriteChance = 0, shortWritesAreIgnored = false } = this.options
    if (shortWriteChance === 0) this.writeOnce(file, bytes, position)
    else if (shortWritesAreIgnored) this.writeShort(file, bytes, position)
    // The loop of the real disk.
    else writeInParts([bytes], position, (rest, at) => this.writeShort(file, rest[0]!, at))
  }

  /** Takes some of the bytes, or all, and returns how many, as the system's call does. */
  private writeShort(file: FileHandle, bytes: Uint8Array, position: number): number {
    const { random, shortWriteChance = 0 } = this.options
    const isShort = bytes.length > 1 && random.chance(shortWriteChance)
    const count = isShort ? random.between(1, bytes.length - 1) : bytes.length
    this.writeOnce(file, bytes.subarray(0, count), position)
    return count
  }

  private writeOnce(file: FileHandle, bytes: Uint8Array, position: number): void {
    const open = this.openFile(file)
    const fault = this.enter(open.isDurable ? 'durable write' : 'write', open.path)
    if (fault === undefined) {
      const isDurable = open.isDurable && this.options.isVolatile?.(open.path, position) !== true
      if (isDurable) putDurably(open.node, bytes, position)
      else putBytes(open.node, bytes, position)
      return
    }
    if (fault === 'power cut' && open.isDurable) shred(open.node, bytes, position, this.options.random)
    else {
      const taken = this.options.random.below(bytes.length + 1)
      putBytes(open.node, bytes.subarray(0, taken), position)
    }
    throw this.errorOf(fault, 'write', open.path)
  }

  writev(file: FileHandle, views: readonly Uint8Array[], position: number): void {
    const total = views.reduce((sum, view) => sum + view.length, 0)
    const bytes = new Uint8Array(total)
    let at = 0
    for (const view of views) {
      bytes.set(view, at)
      at += view.length
    }
    this.write(file, bytes, position)
  }

  append(file: FileHandle, views: readonly Uint8Array[], position: number): void {
    this.writev(file, views, position)
  }

  read(file: FileHandle, into: Uint8Array, position: number): number {
    const { node, path } = this.openFile(file)
    this.check('read', path)
    const length = Math.max(0, Math.min(into.length, node.sizeBytes - position))
    into.set(node.content.subarray(position, position + length))
    return length
  }

  sync(file: FileHandle): void {
    const { node, path } = this.openFile(file)
    const fault = this.enter('sync', path)
    if (fault === 'EIO' || fault === 'ENOSPC') loseDirty(node)
    if (fault !== undefined) throw this.errorOf(fault, 'sync', path)
    if (node.hasUntoldError) {
      node.hasUntoldError = false
      loseDirty(node)
      throw systemError('EIO', 'sync', path)
    }
    makeAllDurable(node)
  }

  wholeFileSystem(_folder: string): WholeFileSystem | undefined {
    if (this.options.hasNoWholeSync === true) return undefined
    return { holds: (path) => this.lookUp(path) !== undefined, sync: () => this.syncAll() }
  }

  private syncAll(): void {
    const fault = this.enter('sync file system', '/')
    if (fault === 'EIO' || fault === 'ENOSPC') this.loseSome()
    if (fault === 'EIO' && this.options.wholeSyncErrorsAreUntold === true) return
    if (fault !== undefined) throw this.errorOf(fault, 'sync the file system', '/')
    if (this.options.wholeSyncsAreNot === true) return
    for (const file of filesBelow(this.root)) makeAllDurable(file)
    for (const changes of this.unsynced) applyNames(changes)
    this.unsynced = []
  }

  /** Some files lose what was not written yet; whose they are, the system does not say. */
  private loseSome(): void {
    for (const file of filesBelow(this.root)) {
      if (file.dirty.size === 0 || this.options.random.chance(0.5)) continue
      loseDirty(file)
      file.hasUntoldError = true
    }
  }

  syncFolder(path: string): void {
    this.check('sync folder', path)
    const folder = this.folderAt(path)
    if (this.options.folderSyncsAreNot === true) return
    const concerns = (changes: readonly NameChange[]): boolean => changes.some((change) => change.folder === folder)
    for (const changes of this.unsynced) if (concerns(changes)) applyNames(changes)
    this.unsynced = this.unsynced.filter((changes) => !concerns(changes))
  }

  size(file: FileHandle): number {
    return this.openFile(file).node.sizeBytes
  }

  sizeOf(path: string): number {
    return this.fileAt(path).sizeBytes
  }

  truncate(file: FileHandle, sizeBytes: number): void {
    const { node, path } = this.openFile(file)
    this.check('truncate', path)
    const oldSizeBytes = node.sizeBytes
    if (sizeBytes < oldSizeBytes) putBytes(node, new Uint8Array(oldSizeBytes - sizeBytes), sizeBytes)
    reserve(node, sizeBytes)
    node.sizeBytes = sizeBytes
    node.sizes.push(sizeBytes)
  }

  makeFolder(path: string): void {
    this.check('make folder', path)
    let folder = this.root
    for (const name of partsOf(path)) {
      let next = folder.entries.get(name)
      if (next === undefined) {
        next = new FolderNode()
        this.change({ folder, name, node: next })
      }
      if (!(next instanceof FolderNode)) throw systemError('ENOTDIR', 'make the folder', path)
      folder = next
    }
  }

  list(path: string): string[] {
    if (this.isOff) throw new PowerCut('the power is off')
    return [...this.folderAt(path).entries.keys()].sort()
  }

  rename(from: string, to: string): void {
    this.check('rename', from)
    const source = this.parentOf(from)
    const target = this.parentOf(to)
    const node = source.folder.entries.get(source.name)
    if (node === undefined) throw systemError('ENOENT', 'rename', from)
    const replaced = target.folder.entries.get(target.name)
    if (replaced instanceof FolderNode && replaced.entries.size > 0) throw systemError('ENOTEMPTY', 'rename', to)
    this.change({ ...source, node: undefined }, { ...target, node })
  }

  remove(path: string): void {
    this.check('remove', path)
    this.fileAt(path)
    this.change({ ...this.parentOf(path), node: undefined })
  }

  removeFolder(path: string): void {
    const folder = this.lookUp(path)
    if (folder === undefined) return
    if (!(folder instanceof FolderNode)) throw systemError('ENOTDIR', 'remove the folder', path)
    for (const [name, node] of folder.entries) {
      if (node instanceof FolderNode) this.removeFolder(`${path}/${name}`)
      else this.remove(`${path}/${name}`)
    }
    this.check('remove', path)
    this.change({ ...this.parentOf(path), node: undefined })
  }

  exists(path: string): boolean {
    if (this.isOff) throw new PowerCut('the power is off')
    return this.lookUp(path) !== undefined
  }

  freeBytes(_path: string): number {
    return this.free
  }

  totalBytes(_path: string): number {
    return 2 ** 41
  }
}

function systemError(code: string, operation: string, path: string): StreamBusError {
  const cause = Object.assign(new Error(`${code}: ${operation} ${path}`), {
    code,
    errno: -(constants.errno as Record<string, number>)[code]!,
  })
  return new StreamBusError('KAFKA_STORAGE_ERROR', `${path}: ${operation} failed: ${code}`, { cause })
}

/** Of paths that were looked up: splitting one costs more than all the rest of most calls. */
const knownParts = new Map<string, readonly string[]>()
const mostKnownParts = 2000

function partsOf(path: string): readonly string[] {
  let parts = knownParts.get(path)
  if (parts === undefined) {
    if (knownParts.size === mostKnownParts) knownParts.clear()
    parts = path.split('/').filter((part) => part !== '')
    knownParts.set(path, parts)
  }
  return parts
}

function applyNames(changes: readonly NameChange[]): void {
  for (const { folder, name, node } of changes) {
    if (node === undefined) folder.durable.delete(name)
    else folder.durable.set(name, node)
  }
}

/** Every node that a name leads to, now or on the medium. */
function nodesBelow(root: FolderNode, found = new Set<Node>()): Set<Node> {
  if (found.has(root)) return found
  found.add(root)
  for (const node of [...root.entries.values(), ...root.durable.values()]) {
    if (node instanceof FolderNode) nodesBelow(node, found)
    else found.add(node)
  }
  return found
}

function filesBelow(root: FolderNode): FileNode[] {
  return [...nodesBelow(root)].filter((node) => node instanceof FileNode)
}

function makeAllDurable(node: FileNode): void {
  makeDurable(node, 0, Math.max(node.sizeBytes, node.durableSizeBytes))
  node.durableSizeBytes = node.sizeBytes
  node.sizes = []
  node.dirty.clear()
}

function grown(bytes: Uint8Array, sizeBytes: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.ceil((sizeBytes * 1.5) / blockBytes) * blockBytes)
  larger.set(bytes)
  return larger
}

function reserve(node: FileNode, sizeBytes: number): void {
  if (node.content.length < sizeBytes) node.content = grown(node.content, sizeBytes)
}

function reserveDurable(node: FileNode, sizeBytes: number): void {
  if (node.durable.length < sizeBytes) node.durable = grown(node.durable, sizeBytes)
}

/** Nothing writes these blocks any more. */
function loseDirty(node: FileNode): void {
  if (node.dirty.size > 0) node.mayDiffer = true
  node.dirty.clear()
}

function setContent(node: FileNode, bytes: Uint8Array, position: number): void {
  const end = position + bytes.length
  reserve(node, Math.ceil(end / blockBytes) * blockBytes)
  node.content.set(bytes, position)
  if (end > node.sizeBytes) {
    node.sizeBytes = end
    node.sizes.push(end)
  }
}

/** A write to the page cache: only what was written is kept of each version, for most writes are far smaller. */
function putBytes(node: FileNode, bytes: Uint8Array, position: number): void {
  if (bytes.length === 0) return
  const end = position + bytes.length
  const write = { bytes: bytes.slice(), position }
  for (let block = Math.floor(position / blockBytes); block * blockBytes < end; block++) {
    const dirty = node.dirty.get(block)
    if (dirty === undefined) node.dirty.set(block, { before: differingBlock(node, block), writes: [write] })
    else dirty.writes.push(write)
  }
  setContent(node, bytes, position)
}

function differingBlock(node: FileNode, block: number): Uint8Array | undefined {
  if (!node.mayDiffer) return undefined
  const bytes = new Uint8Array(blockBytes)
  bytes.set(node.content.subarray(block * blockBytes, (block + 1) * blockBytes))
  return bytes
}

/** A write whose bytes, and the rest of their blocks, are on the medium when it returns. */
function putDurably(node: FileNode, bytes: Uint8Array, position: number): void {
  if (bytes.length === 0) return
  setContent(node, bytes, position)
  const first = Math.floor(position / blockBytes)
  const end = Math.ceil((position + bytes.length) / blockBytes)
  reserveDurable(node, end * blockBytes)
  node.durable.set(node.content.subarray(first * blockBytes, end * blockBytes), first * blockBytes)
  if (node.dirty.size > 0) for (let block = first; block < end; block++) node.dirty.delete(block)
  node.durableSizeBytes = Math.max(node.durableSizeBytes, position + bytes.length)
}

/** The block as it was after the first `count` of its writes. */
function versionOf(node: FileNode, block: number, { before, writes }: DirtyBlock, count: number): Uint8Array {
  const start = block * blockBytes
  const version = new Uint8Array(blockBytes)
  version.set(before ?? node.durable.subarray(start, start + blockBytes))
  for (const { bytes, position } of writes.slice(0, count)) {
    const from = Math.max(start, position)
    const part = bytes.subarray(from - position, Math.max(0, start + blockBytes - position))
    version.set(part, from - start)
  }
  return version
}

/** The dirty blocks of the range are on the medium, and the length as far as they need it. */
function makeDurable(node: FileNode, position: number, lengthBytes: number): void {
  const end = position + lengthBytes
  reserveDurable(node, Math.ceil(end / blockBytes) * blockBytes)
  for (const block of node.dirty.keys()) {
    if (block * blockBytes >= end || (block + 1) * blockBytes <= position) continue
    node.durable.set(node.content.subarray(block * blockBytes, (block + 1) * blockBytes), block * blockBytes)
    node.dirty.delete(block)
  }
  node.durableSizeBytes = Math.max(node.durableSizeBytes, Math.min(end, node.sizeBytes))
}

/** A durable write that the power cut met on its way. */
function shred(node: FileNode, bytes: Uint8Array, position: number, random: Random): void {
  node.mayDiffer = true
  const before = node.durable.slice()
  const sizeBefore = node.durableSizeBytes
  putBytes(node, bytes, position)
  makeDurable(node, position, bytes.length)
  const end = position + bytes.length
  const fate = random.below(4)
  for (let block = Math.floor(position / blockBytes); block * blockBytes < end; block++) {
    const start = block * blockBytes
    const old = new Uint8Array(blockBytes)
    old.set(before.subarray(start, start + blockBytes))
    const into = node.durable.subarray(start, start + blockBytes)
    // All old, all new, or a mix of every kind.
    const kind = fate < 2 ? fate : random.below(5)
    if (kind === 0) into.set(old)
    else if (kind === 2) into.set(old.subarray(0, random.below(blockBytes)))
    else if (kind === 3) keepEnd(into, old, random.below(blockBytes))
    else if (kind === 4) into.set(random.bytes(blockBytes))
  }
  if (fate === 0) node.durableSizeBytes = sizeBefore
}

function keepEnd(into: Uint8Array, old: Uint8Array, from: number): void {
  into.set(old.subarray(from), from)
}

/** The file as the medium has it after a power cut; `keep`: how probable it is that a dirty block was written. */
function settleFile(node: FileNode, random: Random, keep: number): void {
  if (node.dirty.size === 0 && node.sizes.length === 0 && !node.mayDiffer) return
  for (const [block, dirty] of node.dirty) {
    if (!random.chance(keep)) continue
    const start = block * blockBytes
    reserveDurable(node, start + blockBytes)
    const version = versionOf(node, block, dirty, random.between(1, dirty.writes.length))
    const isTorn = random.chance(0.1)
    node.durable.set(isTorn ? version.subarray(0, random.below(blockBytes)) : version, start)
  }
  if (node.sizes.length > 0) node.durableSizeBytes = random.pick([node.durableSizeBytes, ...node.sizes])
  reserveDurable(node, node.durableSizeBytes)
  node.durable.fill(0, node.durableSizeBytes)
  node.dirty.clear()
  node.mayDiffer = false
  node.sizes = []
  node.sizeBytes = node.durableSizeBytes
  node.content = node.durable.slice()
}
