/**
 * Every decoder of bytes and texts that somebody else may have written, fed with damaged input: each either reads it or
 * says what is wrong with an error of the table, in bounded time.
 * Runs on: the process of a fuzz run. Touches: test/vectors (reads).
 */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { ByteReader } from '../../native-free-core/bytes/byte-reader.js'
import { parseBrokerMeta } from '../../native-free-core/config/broker-meta.js'
import { parseQuantity } from '../../native-free-core/config/quantity.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { dumpJournal } from '../../native-free-core/journal/dump.js'
import { crc32cOf } from '../../native-free-core/log/crc32c.js'
import { dumpFile } from '../../native-free-core/log/dump.js'
import { ProducerState } from '../../native-free-core/log/producer-state.js'
import { recordsAreSound, RecordBatchView, validateBatch } from '../../native-free-core/log/record-batch.js'
import { parseCommand } from '../../native-free-core/metadata/metadata-command.js'
import { MetadataImage } from '../../native-free-core/metadata/metadata-image.js'
import { readSnapshot } from '../../native-free-core/metadata/snapshot-format.js'
import * as codecs from '../../native-free-core/protocol/codecs.generated.js'
import { readFrame } from '../../native-free-core/protocol/frame.js'
import { messageRows } from '../../native-free-core/protocol/message-table.js'
import { readBatches } from '../../src/gateway/json-records.js'
import { checkRequest, parseRequest } from '../../src/gateway/json-requests.js'
import { decodeRecoveryPoints } from '../../workers/shared/recovery-point.js'
import type { Random } from '../support/random.js'
import { root } from '../tidy/source-tree.js'
import { MessageMaker } from './messages.js'
import { mutated, mutatedText } from './mutate.js'

/** Makes one damaged input from `random` and reads it. Throws what the decoder throws. */
export type Attempt = (random: Random) => void

type RequestCodec = (reader: ByteReader) => unknown
const codecOf = codecs as unknown as Readonly<Record<string, RequestCodec | undefined>>
const readers = new Map(
  Object.entries(messageRows).map(([name, row]) => [
    row.api,
    codecOf[`read${name}Request`] ?? codecOf[`read${name}Push`] ?? (() => undefined),
  ]),
)
const world = { partitionIds: [0, 1, 2], topics: ['fuzz.a', 'fuzz.b'] }
const metaText = 'streambus data folder\nformat 1\ncluster c98c20212f5943e0aa93846993dbf616\nbroker 0\nwriter 0.2.0\n'
/** What of a large file is kept as a seed: its head is what decoders look at. */
const seedBytes = 16 * 1024

interface StoredFile {
  readonly name: string
  readonly bytes: Uint8Array
}

function storedFiles(): StoredFile[] {
  const folder = join(root, 'test/vectors/data-v1')
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.gz'))
    .map((path) => ({
      name: basename(path, '.gz'),
      bytes: gunzipSync(readFileSync(join(folder, path))).subarray(0, seedBytes),
    }))
    .filter(({ bytes }) => bytes.length > 0)
}

export function decoderAttempts(): Readonly<Record<string, Attempt>> {
  const files = storedFiles()
  const named = (pattern: RegExp): readonly StoredFile[] => files.filter(({ name }) => pattern.test(name))
  const partitionFiles = named(/^\d{20}\.|^leader-epoch-checkpoint$|^partition\.metadata$/)
  const journals = named(/\.journal$/)
  const snapshots = named(/^snapshot-/)
  const points = named(/recovery-point$/)
  const producerSnapshots = named(/^\d{20}\.snapshot$/)
  const view = new RecordBatchView()
  const damagedOf = (random: Random, from: readonly StoredFile[]): StoredFile => {
    const { name, bytes } = random.pick(from)
    return { name, bytes: mutated(random, bytes) }
  }
  return {
    frame: (random) => {
      const frame = new MessageMaker(random, world, false).damagedMessage(1)
      readFrame(frame, ({ api }, body) => {
        readers.get(api)?.(body)
        body.expectEnd('it')
      })
    },
    batch: (random) => {
      const batch = new MessageMaker(random, world, false).batch()
      const head = new DataView(batch.buffer, batch.byteOffset, batch.byteLength)
      if (validateBatch(batch, head, 0, batch.length) !== 'ok') return
      view.over(batch, 0)
      recordsAreSound(view)
    },
    jsonBatch: (random) => {
      const batch = new MessageMaker(random, world, false).batch()
      if (batch.length < 61 || new DataView(batch.buffer, batch.byteOffset).getInt32(8) !== batch.length - 12) return
      readBatches(batch, 0, batch.length, 0, 'auto', 1 << 20, () => undefined)
    },
    jsonRequest: (random) => checkRequest(parseRequest(new MessageMaker(random, world, true).damagedText(1, true))),
    partitionFile: (random) => {
      const { name, bytes } = damagedOf(random, partitionFiles)
      const read = (into: Uint8Array, position: number): number => {
        const part = bytes.subarray(position, position + into.length)
        into.set(part)
        return part.length
      }
      for (const _line of dumpFile({ name, sizeBytes: bytes.length, read }, { withRecords: true }));
    },
    journal: (random) => {
      const { name, bytes } = damagedOf(random, journals)
      dumpJournal(bytes, name, crc32cOf, () => undefined)
    },
    producerSnapshot: (random) => {
      if (producerSnapshots.length > 0) ProducerState.parseSnapshot(damagedOf(random, producerSnapshots).bytes)
    },
    metadataSnapshot: (random) => {
      const { bytes } = damagedOf(random, snapshots)
      MetadataImage.parse(readSnapshot(bytes, crc32cOf, 'it').data)
    },
    metadataImage: (random) =>
      MetadataImage.parse(mutated(random, readSnapshot(snapshots[0]!.bytes, crc32cOf, '').data)),
    command: (random) => parseCommand(mutated(random, Buffer.from('{"type":"deleteTopic","version":1,"name":"a"}'))),
    recoveryPoint: (random) => decodeRecoveryPoints(damagedOf(random, points).bytes, 'it', crc32cOf),
    brokerMeta: (random) => parseBrokerMeta(mutatedText(random, metaText), 'it'),
    quantity: (random) => {
      parseQuantity(mutatedText(random, random.pick(['16MiB', '7d', '1.5GiB', '100'])), random.pick(['bytes', 'ms']))
    },
  }
}

/** Throws what no decoder may throw, with how the input was made. */
export function attemptMany(attempt: Attempt, random: Random, count: number): void {
  for (; count > 0; count--) {
    try {
      attempt(random)
    } catch (error) {
      if (!StreamBusError.is(error) || error.name === 'UNKNOWN_SERVER_ERROR') throw error
    }
  }
}
