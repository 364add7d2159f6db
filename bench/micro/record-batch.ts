/**
 * Record batches: append, finish, validate, CRC, walk. After `npm run build:test`:
 * `node build/bench/micro/record-batch.js`.
 * Runs on: a process of its own; measure on a quiet machine.
 */
import benny from 'benny'
import { crc32c, crc32cOf } from '../../native-free-core/log/crc32c.js'
import { RecordBatchView, RecordReader } from '../../native-free-core/log/record-batch.js'
import { RecordBatchBuilder } from '../../native-free-core/log/record-batch-builder.js'
import { installNativeCrc32c } from '../../workers/shared/native-crc32c.js'

const recordCount = 2000
const value = new Uint8Array(100).fill(7)
const key = new Uint8Array(8).fill(1)
const builder = new RecordBatchBuilder(1 << 20)

function build(withKey: boolean): Uint8Array {
  builder.reset()
  for (let index = 0; index < recordCount; index++)
    builder.append(withKey ? key : null, value, 1_700_000_000_000 + index)
  return builder.finish()
}

const isNative = installNativeCrc32c()
const batch = build(false).slice()
const small = batch.slice(0, 100)
const view = new RecordBatchView(batch)
const reader = new RecordReader()

function walk(): number {
  let bytes = 0
  for (reader.over(view); reader.next(); ) bytes += reader.valueEnd - reader.valueStart
  return bytes
}

console.log(
  `a batch: ${recordCount} records of 100 bytes, ${batch.length} bytes; native CRC: ${isNative ? 'yes' : 'no'}`,
)

await benny.suite(
  'record batch',
  benny.add(`append ${recordCount} records and finish`, () => build(false)),
  benny.add(`append ${recordCount} records with an 8-byte key and finish`, () => build(true)),
  benny.add('validate a batch', () => view.validate()),
  benny.add(`walk over ${recordCount} records`, () => walk()),
  benny.add('crc32c of a batch, as chosen', () => crc32cOf(batch)),
  benny.add('crc32c of a batch, table', () => crc32c(batch, 0, batch.length)),
  benny.add('crc32c of 100 bytes', () => crc32cOf(small)),
  benny.cycle(),
  benny.complete(),
)
