/**
 * Record batches: the drawing's numbers, Kafka's own bytes, every refusal, and the walk over records.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { gunzipSync, gzipSync } from 'node:zlib'
import { writeInt64 } from '../../../native-free-core/bytes/int64.js'
import { crc32c } from '../../../native-free-core/log/crc32c.js'
import {
  assignBatch,
  BatchLayout,
  type BatchProblem,
  batchError,
  batchHeaderBytes,
  batchLastOffset,
  batchMaxTimestamp,
  batchProducerId,
  batchRecordCount,
  batchSizeBytes,
  checkProducedBatch,
  forEachBatch,
  RecordBatchView,
  RecordReader,
  recordsAreSound,
} from '../../../native-free-core/log/record-batch.js'
import { RecordBatchBuilder } from '../../../native-free-core/log/record-batch-builder.js'
import { Random } from '../../support/random.js'
import { fromHex, kafkaLogVectors } from './kafka-vectors.js'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : new TextDecoder().decode(bytes))

function batchOf(count: number): Uint8Array {
  const builder = new RecordBatchBuilder()
  for (let index = 0; index < count; index++) builder.append(utf8(`key${index}`), utf8(`value${index}`), 1000 + index)
  return builder.finish({ producerId: 7, producerEpoch: 2, baseSequence: 40 }).slice()
}

/** Changes a batch and makes its CRC fit again. */
function altered(change: (view: DataView) => void, fixCrc = true): Uint8Array {
  const bytes = batchOf(3)
  const view = new DataView(bytes.buffer)
  change(view)
  if (fixCrc) view.setUint32(BatchLayout.crcAt, crc32c(bytes, BatchLayout.attributesAt, bytes.length))
  return bytes
}

function recordsOf(batch: RecordBatchView): unknown[] {
  const reader = new RecordReader().over(batch)
  const records: unknown[] = []
  while (reader.next()) {
    const headers = reader.headers.map(({ key, value }) => [key, text(value)])
    records.push([reader.offset, reader.timestamp, text(reader.key), text(reader.value), headers])
  }
  return records
}

describe('the layout of a record batch', () => {
  it('has the numbers of the drawing', () => {
    expect(Object.values(BatchLayout)).to.deep.equal([0, 8, 12, 16, 17, 21, 23, 27, 35, 43, 51, 53, 57, 61])
    expect(batchHeaderBytes).to.equal(61)
  })
})

describe("Kafka's record batches", () => {
  const records: Readonly<Record<string, unknown[]>> = {
    'one record': [[0, 1700000000000, 'key', 'value', []]],
    'nulls and empties': [
      [0, 5, null, null, []],
      [1, 5, '', '', []],
      [2, 4, 'k', null, []],
    ],
    headers: [
      [
        0,
        7,
        'k',
        'v',
        [
          ['a', '1'],
          ['é', null],
        ],
      ],
    ],
    idempotent: [
      [0, 10, 'a', '1', []],
      [1, 12, 'b', '2', []],
      [2, 11, 'c', '3', []],
    ],
    'far apart in time': [
      [0, 0, 'a', 'b', []],
      [1, 9007199254740991, 'c', 'd', []],
      [2, 1, 'e', 'f', []],
    ],
  }

  for (const { name, hex } of kafkaLogVectors.batches) {
    it(`are valid and read as written: ${name}`, () => {
      const batch = new RecordBatchView(fromHex(hex))
      expect(batch.validate()).to.equal('ok')
      expect(recordsOf(batch)).to.deep.equal(records[name])
      expect(recordsAreSound(batch)).to.equal(true)
    })
  }

  it('show every header field', () => {
    const batch = new RecordBatchView(fromHex(kafkaLogVectors.batches.find(({ name }) => name === 'idempotent')!.hex))
    expect([batch.baseOffset, batch.lastOffset, batch.lastOffsetDelta, batch.recordCount]).to.deep.equal([0, 2, 2, 3])
    expect([batch.baseTimestamp, batch.maxTimestamp, batch.partitionLeaderEpoch]).to.deep.equal([10, 12, -1])
    expect([batch.producerId, batch.producerEpoch, batch.baseSequence]).to.deep.equal([4123456789, 3, 2147483646])
    expect([batch.magic, batch.codec, batch.isControl, batch.isTransactional]).to.deep.equal([2, 0, false, false])
    expect([batch.sizeBytes, batch.attributes]).to.deep.equal([batch.bytes.length, 0])
  })
})

describe('a record batch', () => {
  it('gets base offset and leader epoch without a new CRC', () => {
    const bytes = batchOf(3)
    const batch = new RecordBatchView(bytes)
    const { crc } = batch
    batch.baseOffset = 2 ** 40
    batch.partitionLeaderEpoch = 9
    expect([batch.baseOffset, batch.lastOffset, batch.partitionLeaderEpoch]).to.deep.equal([2 ** 40, 2 ** 40 + 2, 9])
    assignBatch(batch.view, 0, 77, 10)
    expect([batch.baseOffset, batch.partitionLeaderEpoch, batch.crc]).to.deep.equal([77, 10, crc])
    expect(batch.validate()).to.equal('ok')
  })

  it('is read the same by the free functions and by the view', () => {
    const bytes = batchOf(4)
    const batch = new RecordBatchView(bytes)
    expect(batchSizeBytes(batch.view, 0)).to.equal(batch.sizeBytes)
    expect(batchLastOffset(batch.view, 0)).to.equal(batch.lastOffset)
    expect(batchRecordCount(batch.view, 0)).to.equal(4)
    expect(batchMaxTimestamp(batch.view, 0)).to.equal(1003)
    expect(batchProducerId(batch.view, 0)).to.equal(7)
  })

  const refusals: readonly (readonly [string, BatchProblem, (view: DataView) => void, boolean?])[] = [
    ['another magic', 'magic', (view) => view.setInt8(BatchLayout.magicAt, 1)],
    ['a length below a header', 'length', (view) => view.setInt32(BatchLayout.lengthAt, 48)],
    ['a length beyond its bytes', 'length', (view) => view.setInt32(BatchLayout.lengthAt, 100_000)],
    ['a negative length', 'length', (view) => view.setInt32(BatchLayout.lengthAt, -1)],
    ['a wrong CRC', 'crc', (view) => view.setUint8(70, view.getUint8(70) ^ 1), false],
    ['attribute bits without meaning', 'attributes', (view) => view.setInt16(BatchLayout.attributesAt, 0x80)],
    ['a codec without meaning', 'codec', (view) => view.setInt16(BatchLayout.attributesAt, 5)],
    ['no record', 'count', (view) => view.setInt32(BatchLayout.recordCountAt, 0)],
    ['a count beside its last offset delta', 'count', (view) => view.setInt32(BatchLayout.recordCountAt, 4)],
    [
      'more records than its bytes can hold',
      'count',
      (view) => {
        view.setInt32(BatchLayout.recordCountAt, 1000)
        view.setInt32(BatchLayout.lastOffsetDeltaAt, 999)
      },
    ],
    ['a base offset beyond 2^53', 'number', (view) => view.setInt32(0, 0x200000)],
    ['a timestamp beyond 2^53', 'number', (view) => view.setInt32(BatchLayout.maxTimestampAt, -0x200001)],
    ['a producer id without epoch', 'producer', (view) => view.setInt16(BatchLayout.producerEpochAt, -1)],
    ['a producer id without sequence', 'producer', (view) => view.setInt32(BatchLayout.baseSequenceAt, -1)],
    ['an epoch without producer id', 'producer', (view) => writeInt64(view, BatchLayout.producerIdAt, -1)],
  ]
  for (const [what, problem, change, fixCrc] of refusals) {
    it(`is refused with ${what}`, () => {
      expect(new RecordBatchView(altered(change, fixCrc)).validate()).to.equal(problem)
    })
  }

  it('is refused when any bit is flipped, except in base offset and leader epoch', () => {
    const bytes = batchOf(2)
    for (let position = 0; position < bytes.length; position++) {
      const isOutsideCrc = position < BatchLayout.lengthAt || (position >= 12 && position < 16)
      if (isOutsideCrc) continue
      for (let bit = 0; bit < 8; bit++) {
        bytes[position]! ^= 1 << bit
        expect(new RecordBatchView(bytes).validate(), `byte ${position} bit ${bit}`).to.not.equal('ok')
        bytes[position]! ^= 1 << bit
      }
    }
  })

  it('is refused at every length shorter than its own', () => {
    const bytes = batchOf(2)
    for (let length = 0; length < bytes.length; length++) {
      expect(new RecordBatchView(bytes).validate(length)).to.equal(length < 61 ? 'header' : 'length')
    }
  })

  it('of a producer carries nothing that only a broker writes', () => {
    const produced = (attributes: number): string =>
      checkProducedBatch(new DataView(altered((view) => view.setInt16(BatchLayout.attributesAt, attributes)).buffer), 0)
    expect([0, 4, 8, 16, 32, 64].map(produced)).to.deep.equal([
      'ok',
      'ok',
      'timestampType',
      'transactional',
      'control',
      'control',
    ])
  })

  it('is refused by an error that names it and says why', () => {
    const error = batchError('crc', 'the batch at byte 12 of x.log')
    expect([error.name, error.message]).to.deep.equal([
      'CORRUPT_MESSAGE',
      'the batch at byte 12 of x.log fails its CRC-32C',
    ])
  })
})

describe('a row of record batches', () => {
  it('is walked to the last whole one', () => {
    const bytes = new Uint8Array([...batchOf(1), ...batchOf(2), ...batchOf(3)])
    for (const cut of [0, 1, 30, 61, 100]) {
      const counts: number[] = []
      const end = forEachBatch(bytes, 0, bytes.length - cut, (batch) => counts.push(batch.recordCount))
      expect(counts).to.deep.equal(cut === 0 ? [1, 2, 3] : [1, 2])
      expect(end).to.equal(cut === 0 ? bytes.length : batchOf(1).length + batchOf(2).length)
    }
  })

  it('is refused where a header is none', () => {
    const bytes = new Uint8Array([...batchOf(1), ...new Uint8Array(100)])
    expect(() => forEachBatch(bytes, 0, bytes.length, () => undefined)).to.throw(
      'says a length that its bytes contradict',
    )
  })
})

describe('the reader of records', () => {
  const packed = (codec: number): RecordBatchView => {
    const builder = new RecordBatchBuilder()
    for (let index = 0; index < 50; index++) builder.append(null, utf8('same same same'), 5)
    return new RecordBatchView(
      builder.finish({ codec, compress: (_codec, bytes, start, end) => gzipSync(bytes.subarray(start, end)) }),
    )
  }

  it('unpacks through the hook', () => {
    const reader = new RecordReader().over(packed(1), (codec, bytes, start, end) => {
      expect(codec).to.equal(1)
      return gunzipSync(bytes.subarray(start, end))
    })
    let count = 0
    while (reader.next()) {
      expect(text(reader.value)).to.equal('same same same')
      count++
    }
    expect(count).to.equal(50)
  })

  it('refuses a codec without a hook, and more bytes than allowed', () => {
    expect(() => new RecordReader().over(packed(4))).to.throw('packed with zstd, and no decoder')
    const unpack = (): Uint8Array => new Uint8Array(101)
    expect(() => new RecordReader().over(packed(1), unpack, 100)).to.throw('unpacks to 101 bytes; at most 100')
  })

  it('answers hostile records with a typed error and nothing else', () => {
    const random = new Random(4)
    for (let round = 0; round < 3000; round++) {
      const bytes = batchOf(3)
      for (let changes = random.between(1, 4); changes > 0; changes--) {
        bytes[random.between(batchHeaderBytes, bytes.length - 1)] = random.word()
      }
      const reader = new RecordReader().over(new RecordBatchView(bytes))
      try {
        while (reader.next()) void [reader.key, reader.value, reader.headers]
      } catch (error) {
        expect((error as Error).name).to.be.oneOf(['CORRUPT_MESSAGE', 'MALFORMED_FRAME'])
      }
    }
  })

  it('notices records that contradict the header', () => {
    const bytes = batchOf(3)
    const view = new DataView(bytes.buffer)
    view.setInt32(BatchLayout.recordCountAt, 2)
    expect(recordsAreSound(new RecordBatchView(bytes))).to.equal(false)
  })
})
