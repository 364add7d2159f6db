/**
 * A journal whose memory is overwritten as fast as it goes, and a reader that copies from it and validates.
 * Runs on: a worker of the tail-read test. Touches: the journal's memory, its floor, the list of what was committed.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { JournalReader } from '../../native-free-core/journal/journal-reader.js'
import { Journal } from '../../workers/shared/journal.js'
import { createJournalFile } from '../../workers/shared/journal-file.js'
import { crc32cOf } from '../../native-free-core/log/crc32c.js'
import { MemoryDisk } from '../support/memory-disk.js'
import { Random } from '../support/random.js'

export interface TailReadRun {
  readonly role: 'writer' | 'reader'
  readonly memory: SharedArrayBuffer
  readonly positions: SharedArrayBuffer
  /** The last committed entry: units of 64 bytes of its position, and its length; word 3: the writer has ended. */
  readonly latest: SharedArrayBuffer
  readonly seed: number
  readonly entryCount: number
  /** A canary: uses every copy, whatever the floor says. */
  readonly trustsEveryCopy: boolean
}

const run = workerData as TailReadRun
const latest = new Int32Array(run.latest)
const path = '/shard-0.journal'
const versionIndex = 0
const unitIndex = 1
const lengthIndex = 2
const endIndex = 3

/** Entries of one repeated 32-bit mark each, so that any mixture shows. */
function write(): number {
  const disk = new MemoryDisk({ random: new Random(run.seed) })
  const identity = { clusterId: '0'.repeat(32), brokerId: 0, journal: 0 }
  const superblock = createJournalFile(disk, path, identity, run.memory.byteLength, '0'.repeat(16), crc32cOf)
  const store = { disk, path, superblock, runId: '1'.repeat(16) }
  const journal = new Journal({ store, crc: crc32cOf, memory: run.memory, positions: run.positions })
  const words = new Int32Array(run.memory)
  const random = new Random(run.seed)
  for (let mark = 1; mark <= run.entryCount; mark++) {
    const length = random.between(8, 512) * 64
    const position = reserve(journal, length)
    const at = journal.indexOf(position) / 4
    words.fill(mark, at, at + length / 4)
    if (random.chance(0.2)) {
      journal.commit()
      journal.advanceHead(journal.committedPosition)
    }
    Atomics.add(latest, versionIndex, 1)
    Atomics.store(latest, unitIndex, position / 64)
    Atomics.store(latest, lengthIndex, length)
    Atomics.add(latest, versionIndex, 1)
  }
  Atomics.store(latest, endIndex, 1)
  return run.entryCount
}

/** Room in any case: what is full is settled at once. */
function reserve(journal: Journal, length: number): number {
  const position = journal.reserve(length)
  if (position >= 0) return position
  journal.commit()
  journal.advanceHead(journal.committedPosition)
  return journal.reserve(length)
}

interface ReadReport {
  accepted: number
  refused: number
  torn: number
}

function read(): ReadReport {
  const reader = new JournalReader(run.memory, run.positions)
  const into = new Uint8Array(64 * 1024)
  const words = new Int32Array(into.buffer)
  const report: ReadReport = { accepted: 0, refused: 0, torn: 0 }
  const older: { position: number; length: number }[] = []
  const random = new Random(run.seed + 1)
  while (Atomics.load(latest, endIndex) === 0) {
    const version = Atomics.load(latest, versionIndex)
    const entry = { position: Atomics.load(latest, unitIndex) * 64, length: Atomics.load(latest, lengthIndex) }
    if (entry.length === 0 || version % 2 === 1 || Atomics.load(latest, versionIndex) !== version) continue
    older.push(entry)
    if (older.length > 400) older.shift()
    copyAndJudge(reader, random.pick(older), into, words, report)
  }
  return report
}

function copyAndJudge(
  reader: JournalReader,
  { position, length }: { position: number; length: number },
  into: Uint8Array,
  words: Int32Array,
  report: ReadReport,
): void {
  const isIntact = reader.copy(position, length, into, 0)
  if (!isIntact && !run.trustsEveryCopy) {
    report.refused++
    return
  }
  report.accepted++
  const mark = words[0]!
  for (let index = 1; index < length / 4; index++) {
    if (words[index] !== mark) {
      report.torn++
      return
    }
  }
}

parentPort!.postMessage(run.role === 'writer' ? write() : read())
