/**
 * Records from lines, lines of JSON and whole inputs.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { Readable } from 'node:stream'
import { readRecords, type SourceOptions } from '../../../../src/cli/records/record-source.js'
import type { ProducerRecord } from '../../../../src/client/index.js'
import { NumberRanges } from '../../../../src/cli/records/number-ranges.js'

const plain: SourceOptions = { topic: 't', format: 'lines', headers: [], nullIfEmpty: false, ignorePartition: false }

async function read(text: string, options: Partial<SourceOptions>): Promise<ProducerRecord[]> {
  const records: ProducerRecord[] = []
  await readRecords(
    Readable.from([Buffer.from(text)]),
    { ...plain, ...options },
    {
      record: (record) => void records.push(record),
      chunk: () => Promise.resolve(),
    },
  )
  return records
}

const pairs = (records: readonly ProducerRecord[]) =>
  records.map(({ key, value }) => [key === null || key === undefined ? key : String(key), value && String(value)])

describe('readRecords', () => {
  it('makes a record of each line', async () => {
    expect(pairs(await read('a\n\nb', {}))).to.deep.equal([
      [undefined, 'a'],
      [undefined, ''],
      [undefined, 'b'],
    ])
    const keyed = await read('k:v:w\n:x\n', { keySeparator: ':', partition: 2, headers: [['h', '1']] })
    expect(pairs(keyed)).to.deep.equal([
      ['k', 'v:w'],
      ['', 'x'],
    ])
    expect(keyed[0]).to.deep.include({ topic: 't', partition: 2, headers: [['h', '1']] })
    expect(pairs(await read('a\n\n', { nullIfEmpty: true, key: 'k' }))).to.deep.equal([
      ['k', 'a'],
      ['k', null],
    ])
  })

  it('makes one record of everything', async () => {
    expect(pairs(await read('a\nb\n', { format: 'raw', key: 'k' }))).to.deep.equal([['k', 'a\nb\n']])
    expect(pairs(await read('', { format: 'raw' }))).to.deep.equal([[undefined, '']])
  })

  it('reads lines of JSON; options fill in what they leave out', async () => {
    const lines = '{"key":"k","value":"v","partition":5,"timestamp":9,"headers":{"a":"1"}}\n\n{"value":null}\n'
    const [first, second] = await read(lines, { format: 'ndjson', key: 'other', headers: [['b', '2']] })
    expect(first).to.deep.equal({
      topic: 't',
      key: Buffer.from('k'),
      value: Buffer.from('v'),
      headers: [
        ['a', Buffer.from('1')],
        ['b', '2'],
      ],
      partition: 5,
      timestampMs: 9,
    })
    expect(second).to.include({ key: 'other', value: null, partition: undefined })
    const [ignored] = await read(lines, { format: 'ndjson', ignorePartition: true })
    expect(ignored!.partition).to.equal(undefined)
    const [given] = await read(lines, { format: 'ndjson', partition: 1 })
    expect(given!.partition).to.equal(1)
  })

  it('names the line that is wrong', async () => {
    const message = async (text: string, options: Partial<SourceOptions>) => {
      const error = await read(text, options).catch((thrown: unknown) => thrown as Error)
      return (error as Error).message
    }
    expect(await message('a:1\nb\n', { keySeparator: ':' })).to.equal('line 2 has no key separator ":"')
    expect(await message('{"value":1}\n\n{"value":\n', { format: 'ndjson' })).to.match(/^line 3: no JSON: /)
  })
})

describe('NumberRanges', () => {
  it('tells numbers as ranges, in order', () => {
    const ranges = new NumberRanges()
    for (const number of [4, 5, 6, 9, 1, 3, 12]) ranges.add(number)
    expect(ranges.text()).to.equal('1, 3 to 6, 9, 12')
    expect(ranges.text(2)).to.equal('1, 3 to 6, and 2 more')
    expect(ranges.count).to.equal(7)
  })
})
