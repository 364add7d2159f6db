/**
 * Plays a power cut on a data folder whose broker was killed: undoes a random part of what the side file of
 * power-cut-disk.ts says that no sync covered.
 * Runs on: the test process, while no broker runs. Touches: the data folder.
 *
 * | done before the kill                      | left of it                                                        |
 * |-------------------------------------------|-------------------------------------------------------------------|
 * | write or truncate, sync after it returned | all                                                               |
 * | durable write that returned               | all, with the blocks of 4 KiB around it                           |
 * | other writes                              | per block: as before, or as after any one of its writes           |
 * | a write that had not returned             | per block: as before, as after, or torn at any byte               |
 * | names, folder synced afterwards           | all                                                               |
 * | anything, whole file system synced after  | all                                                               |
 * | other names                               | any of them undone that no kept later one builds upon             |
 */
import {
  closeSync,
  constants,
  existsSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { DataRecord, NameRecord, SideRecord } from './power-cut-disk.js'
import type { Random } from './random.js'

const blockBytes = 4096

interface Step {
  readonly index: number
  readonly record: SideRecord
  readonly before: Uint8Array
  /** Where its end stands; infinity: it never returned. */
  endIndex: number
}

export interface RollBackReport {
  undoneNames: number
  undoneBlocks: number
}

/** Afterwards the folder is what the medium could hold; the side file is used up. */
export function rollBack(sideFile: string, dataFolder: string, random: Random): RollBackReport {
  const report: RollBackReport = { undoneNames: 0, undoneBlocks: 0 }
  if (!existsSync(sideFile)) return report
  const steps = readSteps(sideFile)
  undoNames(steps, dataFolder, random, report)
  undoData(steps, inodesBelow(dataFolder), random, report)
  rmSync(sideFile)
  rmSync(`${sideFile}.links`, { recursive: true, force: true })
  rmSync(`${dataFolder}.lost`, { recursive: true, force: true })
  return report
}

function readSteps(sideFile: string): Step[] {
  const bytes = readFileSync(sideFile)
  const steps: Step[] = []
  const open = new Map<string, Step>()
  let index = 0
  for (let at = 0; at + 8 <= bytes.length; index++) {
    const length = bytes.readUInt32LE(at)
    // The kill may have met the writer of the side file itself: then its operation had not begun.
    if (at + 4 + length > bytes.length) break
    const jsonBytes = bytes.readUInt32LE(at + 4)
    const record = JSON.parse(bytes.toString('utf8', at + 8, at + 8 + jsonBytes)) as SideRecord
    const step: Step = {
      index,
      record,
      before: bytes.subarray(at + 8 + jsonBytes, at + 4 + length),
      endIndex: Number.POSITIVE_INFINITY,
    }
    at += 4 + length
    if (record.kind === 'end') open.get(record.id)!.endIndex = index
    else {
      open.set(record.id, step)
      steps.push(step)
    }
  }
  return steps
}

function isName(step: Step): step is Step & { readonly record: NameRecord } {
  return ['create', 'makeFolder', 'removeFolder', 'rename', 'unlink'].includes(step.record.kind)
}

function isData(step: Step): step is Step & { readonly record: DataRecord } {
  return step.record.kind === 'write' || step.record.kind === 'truncate'
}

// ---- names

function undoNames(steps: readonly Step[], dataFolder: string, random: Random, report: RollBackReport): void {
  const syncs = steps.filter((step) => Number.isFinite(step.endIndex))
  const isSynced = (step: Step, folder: string): boolean =>
    syncs.some(({ record, index }) => index > step.endIndex && coversNames(record, folder))
  const keptPaths = new Set<string>()
  const undoChance = random.pick([0, 0.2, 0.5, 1])
  for (const step of steps.filter(isName).reverse()) {
    const { record } = step
    const paths = record.to === undefined ? [record.path] : [record.path, record.to]
    const isOutside = !record.path.startsWith(`${dataFolder}/`)
    const mustStay = isOutside || isSynced(step, dirname(record.path)) || paths.some((path) => keptPaths.has(path))
    if (mustStay || !random.chance(undoChance) || !undoName(record, dataFolder)) {
      for (const path of paths) keptPaths.add(path)
    } else report.undoneNames++
  }
}

function coversNames(record: SideRecord, folder: string): boolean {
  return record.kind === 'syncAll' || (record.kind === 'syncFolder' && record.path === folder)
}

/** False when it had not happened yet, or what it left is not there any more. */
function undoName({ kind, path, to, saved }: NameRecord, dataFolder: string): boolean {
  switch (kind) {
    case 'create':
      if (!existsSync(path)) return false
      unlinkSync(path)
      return true
    case 'makeFolder': {
      if (!existsSync(path)) return false
      const lost = `${dataFolder}.lost`
      mkdirSync(lost, { recursive: true })
      renameSync(path, `${lost}/${readdirSync(lost).length}`)
      return true
    }
    case 'removeFolder':
      if (existsSync(path) || !existsSync(dirname(path))) return false
      mkdirSync(path)
      return true
    case 'rename':
      if (existsSync(path) || !existsSync(to!) || !existsSync(dirname(path))) return false
      renameSync(to!, path)
      if (saved !== undefined) linkSync(saved, to!)
      return true
    case 'unlink':
      if (existsSync(path) || saved === undefined || !existsSync(dirname(path))) return false
      linkSync(saved, path)
      return true
  }
}

function inodesBelow(folder: string, found = new Map<number, string>()): Map<number, string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) inodesBelow(path, found)
    else found.set(statSync(path).ino, path)
  }
  return found
}

// ---- data

function undoData(
  steps: readonly Step[],
  paths: ReadonlyMap<number, string>,
  random: Random,
  report: RollBackReport,
): void {
  const byInode = new Map<number, Step[]>()
  const lastSyncAll = Math.max(-1, ...steps.filter(isSyncOfAll).map((step) => step.index))
  for (const step of steps) {
    const { record } = step
    if (!isData(step) && record.kind !== 'sync') continue
    const inode = (record as { readonly inode: number }).inode
    const list = byInode.get(inode) ?? []
    list.push(step)
    byInode.set(inode, list)
  }
  const keepChance = random.pick([0, 0.5, 0.9])
  for (const [inode, list] of byInode) {
    const path = paths.get(inode)
    if (path !== undefined) undoFile(path, list, lastSyncAll, random, keepChance, report)
  }
}

function isSyncOfAll(step: Step): boolean {
  return step.record.kind === 'syncAll' && Number.isFinite(step.endIndex)
}

function undoFile(
  path: string,
  list: readonly Step[],
  lastSyncAll: number,
  random: Random,
  keepChance: number,
  report: RollBackReport,
): void {
  const syncs = list.filter((step) => step.record.kind === 'sync' && Number.isFinite(step.endIndex))
  const lastSync = Math.max(lastSyncAll, ...syncs.map((sync) => sync.index))
  const unsynced = list.filter(isData).filter((step) => step.endIndex > lastSync)
  if (unsynced.length === 0) return
  const file = openSync(path, constants.O_RDWR)
  const sizes = [statSync(path).size]
  let least = 0
  for (const step of unsynced) {
    if (isDone(step)) least = Math.max(least, step.record.position + step.record.lengthBytes)
    else sizes.push(step.record.sizeBefore)
  }
  for (const [block, touching] of blocksOf(unsynced)) {
    const durableUpTo = Math.max(-1, ...touching.filter(isDone).map((step) => step.index))
    // A durable write takes the whole block along, with whatever was written to it before.
    const open = touching.filter((step) => !isDone(step) && step.endIndex > durableUpTo)
    const keptCount = random.chance(keepChance) ? open.length : random.below(open.length + 1)
    for (const step of open.slice(keptCount).reverse()) undoBlock(file, step, block, random)
    report.undoneBlocks += open.length - keptCount
  }
  ftruncateSync(file, Math.max(least, random.pick(sizes)))
  closeSync(file)
}

function isDone(step: Step & { readonly record: DataRecord }): boolean {
  return step.record.isDurable && Number.isFinite(step.endIndex)
}

type DataStep = Step & { readonly record: DataRecord }

function blocksOf(steps: readonly DataStep[]): Map<number, DataStep[]> {
  const blocks = new Map<number, DataStep[]>()
  for (const step of steps) {
    const { position, lengthBytes } = step.record
    for (let block = Math.floor(position / blockBytes); block * blockBytes < position + lengthBytes; block++) {
      const list = blocks.get(block) ?? []
      list.push(step)
      blocks.set(block, list)
    }
  }
  return blocks
}

/** Puts back what was in the step's part of a block; of a write that never returned, perhaps only a part of that. */
function undoBlock(file: number, step: DataStep, block: number, random: Random): void {
  const { position, lengthBytes } = step.record
  let start = Math.max(position, block * blockBytes)
  let end = Math.min(position + lengthBytes, (block + 1) * blockBytes)
  if (!Number.isFinite(step.endIndex) && random.chance(0.5)) {
    const tear = random.between(start, end)
    if (random.chance(0.5)) start = tear
    else end = tear
  }
  if (start === end) return
  const old = new Uint8Array(end - start)
  old.set(step.before.subarray(start - position, end - position))
  writeSync(file, old, 0, old.length, start)
}
