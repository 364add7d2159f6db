/**
 * Records as lines of JSON, there and back.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import fc from 'fast-check'
import { parseRecordJson, recordJsonWriter } from '../../../../src/cli/records/record-json.js'
import type { ValueFormat } from '../../../../src/cli/records/formats.js'
import { type Parts, printed } from './one-record.js'

function line(parts: Parts, format: ValueFormat = 'text'): string {
  return printed(recordJsonWriter(format), parts).toString()
}

describe('recordJsonWriter', () => {
  it('writes one line with all fields', () => {
    expect(
      line({
        key: 'k',
        value: 'v "1"\n',
        headers: [
          ['h', 'x'],
          ['h', null],
        ],
      }),
    ).to.equal(
      '{"topic":"t","partition":3,"offset":0,"timestamp":1700000000000,"key":"k","value":"v \\"1\\"\\n",' +
        '"encoding":"text","headers":[{"name":"h","value":"x"},{"name":"h","value":null}]}\n',
    )
    expect(line({})).to.contain('"key":null,"value":null,"encoding":"text","headers":[]')
  })

  it('writes bytes that are no UTF-8 as base64', () => {
    const bytes = Buffer.from([0xff, 0])
    const text = line({ key: bytes, value: bytes, headers: [['h', bytes]] })
    expect(text).to.contain('"key":"/wA=","keyEncoding":"base64","value":"/wA=","encoding":"base64"')
    expect(text).to.contain('{"name":"h","value":"/wA=","encoding":"base64"}')
  })

  it('puts JSON in as it is when asked, every digit kept, on one line', () => {
    expect(line({ value: '{"id": 12345678901234567890,\r\n  "a": "\\n"}' }, 'json')).to.contain(
      '"value":{"id": 12345678901234567890, "a": "\\n"},"encoding":"json"',
    )
    expect(line({ value: 'no json' }, 'json')).to.contain('"value":"no json","encoding":"text"')
    expect(line({ value: 'v' }, 'base64')).to.contain('"value":"dg==","encoding":"base64"')
  })

  it('writes nothing that steers a terminal', () => {
    for (const format of ['text', 'json'] as const) {
      const text = line({ key: '\x9b\u202e', value: '"\x7f\u202e\u009b"', headers: [['\x1b', '\u2066']] }, format)
      expect(text.trimEnd()).to.match(/^[\x20-\x7e]+$/)
    }
  })
})

describe('parseRecordJson', () => {
  it('gives back exactly what was written, whatever the bytes', () => {
    const bytes = fc.option(fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.string({ unit: 'binary' })), { nil: null })
    const buffer = (part: Uint8Array | string | null) => (part === null ? null : Buffer.from(part))
    const name = fc.string({ unit: 'binary' })
    const format = fc.constantFrom<ValueFormat>('text', 'base64')
    const property = fc.property(bytes, bytes, fc.array(fc.tuple(name, bytes)), format, (key, value, headers, how) => {
      const parts = {
        key: buffer(key),
        value: buffer(value),
        headers: headers.map(([name, part]) => [name, buffer(part)] as const),
      }
      const text = line(parts, how)
      expect(text.indexOf('\n')).to.equal(text.length - 1)
      expect(parseRecordJson(text)).to.deep.equal({
        key: parts.key,
        value: parts.value,
        headers: parts.headers.map(([name, part]) => ({ name, value: part })),
        partition: 3,
        timestampMs: 1_700_000_000_000,
      })
    })
    fc.assert(property, { numRuns: 300 })
  })

  it('takes what people write by hand', () => {
    const value = (text: string) => String(parseRecordJson(text).value)
    expect(value('{"value":"text"}')).to.equal('text')
    expect(value('{"value":{"a":1}}')).to.equal('{"a":1}')
    expect(value('{"value":7}')).to.equal('7')
    expect(value('{"value":"text","encoding":"json"}')).to.equal('"text"')
    expect(value('{"value":null,"encoding":"json"}')).to.equal('null')
    expect(parseRecordJson('{"value":null}')).to.include({ key: null, value: null })
    expect(parseRecordJson('{"value":"","headers":{"a":"1","b":null}}').headers).to.deep.equal([
      { name: 'a', value: Buffer.from('1') },
      { name: 'b', value: null },
    ])
  })

  it('refuses what is no record and names the field', () => {
    const rows = [
      ['x', 'no JSON'],
      ['[]', 'no JSON object'],
      ['null', 'no JSON object'],
      ['{}', 'value is missing'],
      ['{"valu":1}', '"valu" is no field'],
      ['{"__proto__":1,"value":1}', '"__proto__" is no field'],
      ['{"value":1,"encoding":"text"}', 'value is 1'],
      ['{"value":"?","encoding":"base64"}', 'which is not base64'],
      ['{"value":"a","encoding":"hex"}', 'encoding is "hex"'],
      ['{"value":"a","key":1}', 'key is 1'],
      ['{"value":"a","key":"","keyEncoding":"json"}', 'keyEncoding is "json"'],
      ['{"value":"a","partition":-1}', 'partition is -1'],
      ['{"value":"a","timestamp":1.5}', 'timestamp is 1.5'],
      ['{"value":"a","headers":"h"}', 'headers is "h"'],
      ['{"value":"a","headers":[1]}', 'a header is 1'],
      ['{"value":"a","headers":[null]}', 'a header is null'],
      ['{"value":"a","headers":{"h":1}}', 'header h is 1'],
      ['{"value":"a","headers":[{"name":"h","value":"a","encoding":"x"}]}', 'header h has the encoding "x"'],
    ] as const
    for (const [text, message] of rows) expect(() => parseRecordJson(text), text).to.throw(message)
    expect(() => parseRecordJson('{"a\x1b":'))
      .to.throw()
      .with.property('message')
      .that.does.not.match(/\p{Cc}/u)
  })
})
