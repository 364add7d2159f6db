/**
 * `log dump FILE`: what a file of a data folder holds, for segments, indexes, snapshots, checkpoints and journals.
 * Runs on: main. Touches: the file, reading; stdout.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { dumpJournal, isJournal } from '../../../native-free-core/journal/dump.js'
import { crc32cOf } from '../../../native-free-core/log/crc32c.js'
import {
  leaderEpochFileName,
  parseSegmentFileName,
  partitionMetadataFileName,
} from '../../../native-free-core/log/index-format.js'
import { dumpFile } from '../../../native-free-core/log/dump.js'
import { decompressWith } from '../../client/compression.js'
import { installNativeCrc32c } from '../../client/platform/node-crc32c.js'
import { nodePlatform } from '../../client/platform/node-platform.js'
import { DataOutput } from '../output.js'

/** Lines are written in pieces of about this size. */
const pieceBytes = 64 * 1024
const magicBytes = 4

export async function dumpLog(path: string, { records }: { records?: boolean }): Promise<void> {
  installNativeCrc32c()
  const file = openFile(path)
  try {
    await print(linesOf(path, file, records ?? false))
  } finally {
    closeSync(file)
  }
}

function openFile(path: string): number {
  try {
    const file = openSync(path, 'r')
    if (fstatSync(file).isFile()) return file
    closeSync(file)
  } catch (cause) {
    const code = (cause as { code?: string }).code
    const why = code === 'ENOENT' ? 'there is no such file' : `it can't be opened (${code})`
    throw new StreamBusError('USAGE', `${path}: ${why}`, { cause, remedy: 'Check the path.' })
  }
  throw new StreamBusError('USAGE', `${path} is no file`, {
    remedy: 'Give a file in data/topics/TOPIC-N or data/journals.',
  })
}

function* linesOf(path: string, file: number, withRecords: boolean): Generator<string> {
  const sizeBytes = fstatSync(file).size
  const readAt = (into: Uint8Array, position: number) => readFully(file, into, position)
  const magic = new Uint8Array(Math.min(magicBytes, sizeBytes))
  readAt(magic, 0)
  if (isJournal(magic)) {
    const lines: string[] = []
    const bytes = new Uint8Array(sizeBytes)
    readAt(bytes, 0)
    dumpJournal(bytes, path, crc32cOf, (line) => lines.push(line))
    yield* lines
    return
  }
  const name = basename(path)
  if (!isPartitionFile(name)) throw unknownFile(path)
  yield* dumpFile({ name, sizeBytes, read: readAt }, { withRecords, decompress: decompressWith(nodePlatform) })
}

function isPartitionFile(name: string): boolean {
  return parseSegmentFileName(name) !== undefined || name === leaderEpochFileName || name === partitionMetadataFileName
}

function unknownFile(path: string): StreamBusError {
  return new StreamBusError('USAGE', `${path} is neither a file of a partition nor a journal`, {
    remedy: 'Give a .log, .index, .timeindex, .snapshot or checkpoint file of data/topics/TOPIC-N, or a .journal file.',
  })
}

function readFully(file: number, into: Uint8Array, position: number): number {
  let done = 0
  while (done < into.length) {
    const count = readSync(file, into, done, into.length - done, position + done)
    if (count === 0) break
    done += count
  }
  return done
}

async function print(lines: Iterable<string>): Promise<void> {
  const output = new DataOutput(() => {})
  let piece = ''
  for (const line of lines) {
    piece += `${line}\n`
    if (piece.length < pieceBytes) continue
    await output.write(Buffer.from(piece))
    piece = ''
    if (output.isClosed) return
  }
  await output.write(Buffer.from(piece))
}
