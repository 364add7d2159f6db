/**
 * The builder: Kafka's bytes to the bit, growth, reuse, and random batches read back.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import fc from 'fast-check'
import { RecordBatchView, RecordReader } from '../../../native-free-core/log/record-batch.js'
import { type HeaderBytes, RecordBatchBuilder } from '../../../native-free-core/log/record-batch-builder.js'
import { kafkaLogVectors, toHex } from './kafka-vectors.js'

const utf8 = (text: string | null): Uint8Array | null => (text === null ? null : new TextEncoder().encode(text))

type Input = readonly [number, string | null, string | null, (readonly [string, string | null])[]?]

function build(inputs: readonly Input[], options = {}): Uint8Array {
  const builder = new RecordBatchBuilder(64)
  for (const [time, key, value, headers = []] of inputs) {
    const headerBytes = headers.map(([name, content]): HeaderBytes => ({ key: utf8(name)!, value: utf8(content) }))
    const bound = builder.sizeWith(utf8(key), utf8(value), headerBytes)
    expect(builder.append(utf8(key), utf8(value), time, headerBytes)).to.equal(builder.sizeBytes)
    expect(builder.sizeBytes).to.be.at.most(bound)
  }
  return builder.finish(options)
}

describe('the record batch builder', () => {
  const sameAsKafka: Readonly<Record<string, Uint8Array>> = {
    'one record': build([[1700000000000, 'key', 'value']]),
    'nulls and empties': build([
      [5, null, null],
      [5, '', ''],
      [4, 'k', null],
    ]),
    headers: build([
      [
        7,
        'k',
        'v',
        [
          ['a', '1'],
          ['é', null],
        ],
      ],
    ]),
    idempotent: build(
      [
        [10, 'a', '1'],
        [12, 'b', '2'],
        [11, 'c', '3'],
      ],
      { producerId: 4123456789, producerEpoch: 3, baseSequence: 2147483646 },
    ),
    'far apart in time': build([
      [0, 'a', 'b'],
      [9007199254740991, 'c', 'd'],
      [1, 'e', 'f'],
    ]),
  }
  for (const { name, hex } of kafkaLogVectors.batches) {
    it(`makes the bytes that Kafka makes: ${name}`, () => {
      expect(toHex(sameAsKafka[name]!)).to.equal(hex)
    })
  }

  it('can be used again, smaller and larger', () => {
    const builder = new RecordBatchBuilder(100)
    for (const count of [1, 1000, 2]) {
      builder.reset()
      expect(builder.isEmpty).to.equal(true)
      for (let index = 0; index < count; index++) builder.append(null, new Uint8Array(index), 5)
      const batch = new RecordBatchView(builder.finish())
      expect([batch.validate(), batch.recordCount, builder.recordCount]).to.deep.equal(['ok', count, count])
    }
  })

  it('refuses a codec without a compressor, and an empty batch', () => {
    const builder = new RecordBatchBuilder()
    expect(() => builder.finish()).to.throw('a batch without records is finished')
    builder.append(null, null, 1)
    expect(() => builder.finish({ codec: 4 })).to.throw('codec 4 was asked for without a compressor')
  })

  it('makes batches that read back as they were put in, whatever is in them', () => {
    const field = fc.option(fc.uint8Array({ maxLength: 200 }))
    const header = fc.record({ key: fc.string({ maxLength: 8 }), value: field })
    const record = fc.record({
      key: field,
      value: field,
      time: fc.integer({ min: 0, max: 2 ** 45 }),
      headers: fc.array(header, { maxLength: 3 }),
    })
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 40 }), fc.maxSafeNat(), (records, baseOffset) => {
        const builder = new RecordBatchBuilder(64)
        for (const { key, value, time, headers } of records) {
          builder.append(
            key,
            value,
            time,
            headers.map((one) => ({ key: utf8(one.key)!, value: one.value })),
          )
        }
        const batch = new RecordBatchView(builder.finish())
        batch.baseOffset = Math.min(baseOffset, Number.MAX_SAFE_INTEGER - 100)
        expect(batch.validate()).to.equal('ok')
        expect(batch.maxTimestamp).to.equal(Math.max(...records.map(({ time }) => time)))
        const reader = new RecordReader().over(batch)
        for (const [index, expected] of records.entries()) {
          expect(reader.next()).to.equal(true)
          expect(reader.offset).to.equal(batch.baseOffset + index)
          expect(reader.timestamp).to.equal(expected.time)
          expect(reader.key).to.deep.equal(expected.key)
          expect(reader.value).to.deep.equal(expected.value)
          expect(reader.headers).to.deep.equal(expected.headers)
        }
        expect(reader.next()).to.equal(false)
      }),
      { numRuns: 200 },
    )
  })
})
