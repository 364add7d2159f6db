/**
 * streambus.json.v1: every operation, encodings of values, deliveries, errors that name the field.
 * Runs on: the test process, over a fake shard.
 */
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { RecordBatchBuilder } from '../../../native-free-core/log/record-batch-builder.js'
import { codeOf, GatewayFixture, type RawClient } from '../../support/gateway-fixture.js'

describe('streambus.json.v1', () => {
  let fixture: GatewayFixture
  let client: RawClient

  beforeEach(async () => {
    fixture = await GatewayFixture.open({ config: { maxFrameBytes: 1 << 20 } })
    client = await fixture.connect('streambus.json.v1')
  })

  afterEach(() => fixture.close())

  async function valuesOf(records: readonly object[], encoding?: string): Promise<any[]> {
    await client.json({ op: 'produce', topic: 't', partition: 0, records })
    const answer = await client.json({
      op: 'fetch',
      topic: 't',
      partition: 0,
      offset: 0,
      ...(encoding ? { encoding } : {}),
    })
    return answer['records'] as any[]
  }

  it('gives values back in the encoding that fits them', async () => {
    const records = await valuesOf([
      { key: 'k', value: { a: [1, 2] }, headers: { h: 'x', n: null } },
      { value: 'plain', encoding: 'text' },
      { value: '/wD+', encoding: 'base64' },
      { value: null },
      { value: null, encoding: 'json' },
      { key: '/wA=', keyEncoding: 'base64', value: 7, timestamp: 5 },
    ])
    expect(records.map(({ value, encoding }) => [value, encoding])).to.deep.equal([
      [{ a: [1, 2] }, 'json'],
      ['plain', 'text'],
      ['/wD+', 'base64'],
      [null, 'text'],
      [null, 'json'],
      [7, 'json'],
    ])
    expect(records[0]).to.deep.include({ offset: 0, key: 'k', headers: { h: 'x', n: null } })
    expect(records[5]).to.include({ key: '/wA=', keyEncoding: 'base64', timestamp: 5 })
  })

  it('gives values as text or base64 to those who ask for that', async () => {
    expect((await valuesOf([{ value: { a: 1 } }], 'text'))[0]).to.include({ value: '{"a":1}', encoding: 'text' })
    const fetched = await client.json({ op: 'fetch', topic: 't', partition: 0, offset: 0, encoding: 'base64' })
    expect((fetched['records'] as any[])[0]).to.include({ value: 'eyJhIjoxfQ==', encoding: 'base64' })
  })

  it('puts a key where every other client puts it, and spreads records without one', async () => {
    const partitions = new Set<number>()
    for (let index = 0; index < 4; index++)
      partitions.add((await client.json({ op: 'produce', topic: 't', value: index }))['partition'] as number)
    expect(partitions.size).to.equal(4)
    const first = await client.json({ op: 'produce', topic: 't', key: 'same', value: 1 })
    const second = await client.json({ op: 'produce', topic: 't', key: 'same', value: 2 })
    expect(first['partition']).to.equal(second['partition'])
  })

  it('delivers from an offset on, trimmed, without counting credit when none is given', async () => {
    await client.json({ op: 'produce', topic: 't', partition: 1, records: [{ value: 0 }, { value: 1 }, { value: 2 }] })
    const answer = await client.json({ op: 'subscribe', topic: 't', partition: 1, from: 1 })
    await client.json({ op: 'produce', topic: 't', partition: 1, value: 3 })
    const records = (): any[] =>
      client.texts.filter((text) => text['op'] === 'delivery').flatMap((text) => text['records'] as any[])
    await client.until(() => records().length === 3)
    expect(records().map((record) => record.value)).to.deep.equal([1, 2, 3])
    expect(answer).to.include({ subscription: 1, offset: 1, highWatermark: 3 })
    expect(await client.json({ op: 'unsubscribe', subscription: 1 })).to.include({ ok: true })
  })

  it('gives back a text that begins with a byte order mark as it was', async () => {
    await client.json({
      op: 'produce',
      topic: 't',
      partition: 2,
      value: '\ufeffmarked',
      encoding: 'text',
      key: '\ufeffk',
    })
    const fetch = { op: 'fetch', topic: 't', partition: 2, offset: 0, encoding: 'text' }
    const { records } = (await client.json(fetch)) as { records: any[] }
    expect(records[0]).to.include({ value: '\ufeffmarked', key: '\ufeffk' })
  })

  it('unpacks gzip, bounded, and says what it can not unpack in the place of the records', async () => {
    const binary = await fixture.connect()
    const compressed = (codec: number, valueBytes: number): Uint8Array => {
      const builder = new RecordBatchBuilder()
      builder.append(null, Buffer.alloc(valueBytes, 'a'), 1)
      const compress = (_codec: number, bytes: Uint8Array, start: number, end: number): Uint8Array =>
        gzipSync(bytes.subarray(start, end))
      return builder.finish({ codec, compress }).slice()
    }
    for (const batch of [compressed(1, 10), compressed(1, 2 << 20), compressed(4, 10)]) await binary.produce(0, batch)
    const { records } = (await client.json({ op: 'fetch', topic: 't', partition: 0, offset: 0 })) as { records: any[] }
    expect(records[0]).to.include({ offset: 0, value: 'aaaaaaaaaa' })
    expect(records[1].error.code).to.equal(codeOf('MESSAGE_TOO_LARGE'))
    expect(records[2].error.code).to.equal(codeOf('UNSUPPORTED_COMPRESSION_TYPE'))
    expect(records[2].error.message).to.contain('zstd')
  })

  const wrong: [object, string, string][] = [
    [{ op: 'nonsense' }, 'INVALID_REQUEST', 'nonsense'],
    [{ op: 'produce', topic: 't' }, 'INVALID_REQUEST', 'value is missing'],
    [{ op: 'produce', topic: 't', value: 5, encoding: 'text' }, 'INVALID_REQUEST', 'number'],
    [{ op: 'produce', topic: 't', value: '@', encoding: 'base64' }, 'INVALID_REQUEST', 'base64'],
    [{ op: 'produce', topic: 'none', value: 1 }, 'UNKNOWN_TOPIC_OR_PARTITION', 'none'],
    [{ op: 'produce', topic: 't', partition: 9, value: 1 }, 'UNKNOWN_TOPIC_OR_PARTITION', '0 to 3'],
    [{ op: 'fetch', topic: 't', partition: 0, offset: 99 }, 'OFFSET_OUT_OF_RANGE', '99; there is 0 to 0'],
    [{ op: 'fetch', topic: 't', partition: 0, offset: 0.5 }, 'INVALID_REQUEST', '0.5'],
    [{ op: 'fetch', topic: 't', partition: 0, offset: 0, wrong: 1 }, 'INVALID_REQUEST', 'wrong'],
    [{ op: 'credit', subscription: 5, creditBytes: 1 }, 'UNKNOWN_SUBSCRIPTION', '5'],
    [{ op: 'subscribe', topic: 't', partition: 0, creditBytes: 4e9 }, 'INVALID_CREDIT', '4000000000'],
  ]
  for (const [request, name, text] of wrong) {
    it(`answers ${name} to ${JSON.stringify(request)}`, async () => {
      const { error } = (await client.json(request as Record<string, unknown>)) as { error: any }
      expect(error).to.include({ name, code: codeOf(name as 'INVALID_REQUEST') })
      expect(JSON.stringify(error)).to.contain(text)
      expect(error.remedy).to.be.a('string')
    })
  }
})
