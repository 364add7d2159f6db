/**
 * Arguments as people write them.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import {
  asCount,
  asFraction,
  asPartition,
  asRate,
  asRegex,
  collectEntries,
  collectHeaderFilters,
  collectHeaders,
  collectPartitions,
  parseAcks,
  parseFrom,
} from '../../../src/cli/arguments.js'
import { LineSplitter } from '../../../src/cli/lines.js'

describe('arguments', () => {
  it('take whole numbers in range', () => {
    expect(asCount('12')).to.equal(12)
    expect(asPartition('0')).to.equal(0)
    for (const text of ['0', '-1', '1.5', 'x', '', '1e3', '99999999999999999999']) {
      expect(() => asCount(text), text).to.throw('whole number')
    }
    expect(() => asFraction('-1')).to.throw('at least 0')
  })

  it('take partitions as lists and ranges, together', () => {
    expect(collectPartitions('3')).to.deep.equal([3])
    expect(collectPartitions('7,0-2', collectPartitions('1,5'))).to.deep.equal([0, 1, 2, 5, 7])
    for (const text of ['', 'x', '1-', '3-1', '-1', '0,', '0-99999999', '1.5']) {
      expect(() => collectPartitions(text), text).to.throw('partitions such as')
    }
  })

  it('take headers, regular expressions and rates', () => {
    expect(collectHeaders('a=b=c', [['x', '1']])).to.deep.equal([
      ['x', '1'],
      ['a', 'b=c'],
    ])
    expect(() => collectHeaders('a')).to.throw('NAME=VALUE')
    expect(collectHeaderFilters('a')).to.deep.equal([{ name: 'a', value: undefined }])
    expect(collectHeaderFilters('a=')).to.deep.equal([{ name: 'a', value: '' }])
    expect(() => collectHeaderFilters('=a')).to.throw('NAME or NAME=VALUE')
    expect(asRegex('a|b')).to.equal('a|b')
    expect(() => asRegex('(')).to.throw('Unterminated group')
    expect(asRate('0.5')).to.equal(0.5)
    expect(() => asRate('0')).to.throw('above 0')
  })

  it('take acks as all, 1 and 0', () => {
    expect(['all', '-1', '1', '0'].map((text) => parseAcks(text))).to.deep.equal([-1, -1, 1, 0])
    expect(() => parseAcks('2')).to.throw('all, 1 or 0')
  })

  it('take configuration entries, values with = included', () => {
    expect(collectEntries('b=c=d', { a: '1' })).to.deep.equal({ a: '1', b: 'c=d' })
    expect(() => collectEntries('=1', {})).to.throw('NAME=VALUE')
  })

  it('take a place to start as word, offset, time and time ago', () => {
    const nowMs = Date.parse('2026-11-23T10:00:00Z')
    expect(parseFrom('earliest')).to.equal('earliest')
    expect(parseFrom('42')).to.equal(42)
    expect(parseFrom('beginning')).to.equal('earliest')
    expect(parseFrom('end')).to.equal('latest')
    expect(parseFrom('-10')).to.deep.equal({ last: 10 })
    expect(parseFrom('0:42,7:1')).to.deep.equal({ offsets: { 0: 42, 7: 1 } })
    expect(parseFrom('2026-11-23')).to.deep.equal({ timestampMs: new Date(2026, 10, 23).getTime() })
    expect(parseFrom('-5m', undefined, nowMs)).to.deep.equal({ timestampMs: nowMs - 300_000 })
    expect(parseFrom('-1.5h', undefined, nowMs)).to.deep.equal({ timestampMs: nowMs - 5_400_000 })
    expect(parseFrom('2026-11-23T09:00:00Z')).to.deep.equal({ timestampMs: nowMs - 3_600_000 })
    for (const text of ['', 'yesterday', '5m', '2026-13-45', '-5y', '0:', '1:2,', '--5', '1e3']) {
      expect(() => parseFrom(text), text).to.throw('earliest, latest')
    }
  })
})

describe('LineSplitter', () => {
  it('refuses a line that never ends, by its number', () => {
    const splitter = new LineSplitter(10)
    expect([...splitter.push(Buffer.from('a\n0123456789'))].map(String)).to.deep.equal(['a'])
    expect(() => [...splitter.push(Buffer.from('0'))]).to.throw('line 2 is longer than 10 bytes')
  })

  it('cuts lines wherever chunks end', () => {
    const text = 'one\n\ntwö\nlast'
    const bytes = Buffer.from(text)
    for (let chunkBytes = 1; chunkBytes <= bytes.length; chunkBytes++) {
      const splitter = new LineSplitter()
      const lines: string[] = []
      for (let at = 0; at < bytes.length; at += chunkBytes) {
        for (const line of splitter.push(bytes.subarray(at, at + chunkBytes))) lines.push(String(line))
      }
      for (const line of splitter.finish()) lines.push(String(line))
      expect(lines, `${chunkBytes} bytes a chunk`).to.deep.equal(['one', '', 'twö', 'last'])
    }
  })
})
