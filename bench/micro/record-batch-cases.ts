/**
 * Record batches: append, finish, validate, CRC, walk.
 * Runs on: a process of its own.
 */
import { crc32c, crc32cOf } from '../../native-free-core/log/crc32c.js'
import { RecordBatchView, RecordReader } from '../../native-free-core/log/record-batch.js'
import { RecordBatchBuilder } from '../../native-free-core/log/record-batch-builder.js'
import { installNativeCrc32c } from '../../workers/shared/native-crc32c.js'
import type { MicroCase } from './micro-case.js'

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

const batchText = `a batch: ${recordCount} records of 100 bytes, ${batch.length} bytes`
export const aboutBatches = `${batchText}; native CRC: ${isNative ? 'yes' : 'no'}`

/** How often each is done in one run of a case: long enough to be timed by itself. */
function times(count: number, body: () => unknown): () => void {
  return () => {
    for (let left = count; left > 0; left--) body()
  }
}

export const batchCases: readonly MicroCase[] = [
  { name: `append ${recordCount} records and finish`, count: 40, run: times(40, () => build(false)) },
  { name: `append ${recordCount} records with an 8-byte key and finish`, count: 40, run: times(40, () => build(true)) },
  { name: 'validate a batch', count: 200, run: times(200, () => view.validate()) },
  { name: `walk over ${recordCount} records`, count: 400, run: times(400, walk) },
  { name: 'crc32c of a batch, as chosen', count: 200, run: times(200, () => crc32cOf(batch)) },
  { name: 'crc32c of a batch, table', count: 40, run: times(40, () => crc32c(batch, 0, batch.length)) },
  { name: 'crc32c of 100 bytes', count: 100_000, run: times(100_000, () => crc32cOf(small)) },
]
