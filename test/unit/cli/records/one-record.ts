/**
 * A record as a consumer's reader stands on it, made from parts.
 * Runs on: the test process.
 */
import { RecordBatchView, RecordReader } from '../../../../native-free-core/log/record-batch.js'
import { RecordBatchBuilder } from '../../../../native-free-core/log/record-batch-builder.js'
import { ByteSink } from '../../../../src/cli/records/byte-sink.js'
import type { WriteRecord } from '../../../../src/cli/records/record-template.js'

export interface Parts {
  readonly key?: Buffer | string | null
  readonly value?: Buffer | string | null
  readonly headers?: readonly (readonly [string, Buffer | string | null])[]
  readonly timestampMs?: number
}

export function recordOf({ key = null, value = null, headers = [], timestampMs = 1_700_000_000_000 }: Parts) {
  const bytes = (part: Buffer | string | null) => (part === null ? null : Buffer.from(part))
  const builder = new RecordBatchBuilder()
  builder.append(
    bytes(key),
    bytes(value),
    timestampMs,
    headers.map(([name, part]) => ({ key: Buffer.from(name), value: bytes(part) })),
  )
  const reader = new RecordReader().over(new RecordBatchView(builder.finish().slice()))
  reader.next()
  return reader
}

export function printed(write: WriteRecord, parts: Parts, topic = 't', partition = 3): Buffer {
  const sink = new ByteSink()
  write(sink, topic, partition, recordOf(parts))
  return Buffer.from(sink.view())
}
