/**
 * Templates for records.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { isoTime, recordTemplate } from '../../../../src/cli/records/record-template.js'
import { valueWriter } from '../../../../src/cli/records/value-format.js'
import { type Parts, printed } from './one-record.js'

function print(template: string, parts: Parts, isForTerminal = false): string {
  const write = valueWriter('text', isForTerminal)
  return printed(recordTemplate(template, { writeKey: write, writeValue: write, isForTerminal }), parts).toString(
    'latin1',
  )
}

describe('recordTemplate', () => {
  it('puts in what the letters stand for', () => {
    const parts: Parts = {
      key: 'k1',
      value: 'hello',
      headers: [
        ['a', '1'],
        ['b', null],
        ['a', '2'],
      ],
    }
    expect(print('%t/%p/%o %T %d', parts)).to.equal('t/3/0 1700000000000 2023-11-14T22:13:20.000Z')
    expect(print('%k=%v %s %S %K [%h] 100%%', parts)).to.equal('k1=hello hello 5 2 [a=1,b=NULL,a=2] 100%')
    expect(print('%R%s', parts)).to.equal('\0\0\0\x05hello')
  })

  it('takes escapes, and text as it is', () => {
    expect(print('a\\n\\t\\r\\0\\\\\\x1f\\xff', {})).to.equal('a\n\t\r\0\\\x1f\xff')
    expect(print('größe \\x41', {})).to.equal(Buffer.from('größe A').toString('latin1'))
    expect(print('', {})).to.equal('')
  })

  it('prints null as nothing, with the size -1', () => {
    expect(print('[%k|%v|%S|%K|%R]', {})).to.equal('[||-1|-1|\xff\xff\xff\xff]')
    expect(print('[%k|%v|%S|%K]', { key: '', value: '' })).to.equal('[||0|0]')
  })

  it('gives bytes that are no text as they are', () => {
    expect(print('%k%v', { key: Buffer.from([0xff]), value: Buffer.from([0, 0x80]) })).to.equal('\xff\0\x80')
  })

  it('shows what would steer a terminal instead of sending it', () => {
    const evil = '\x1b]0;owned\x07\r\u009b31m\u202e'
    const shown = print('%k|%v|%h', { key: evil, value: evil, headers: [[`n${evil}`, evil]] }, true)
    expect(shown).to.match(/^[\x20-\x7e]+$/)
    expect(shown).to.contain('\\x1b]0;owned\\x07\\r\\x9b31m\\u202e')
    expect(print('%v', { value: 'two\n\tlines' }, true)).to.equal('two\n\tlines')
    expect(print('%v', { value: evil })).to.equal(Buffer.from(evil).toString('latin1'))
  })

  it('refuses letters and escapes that stand for nothing, with the list', () => {
    for (const template of ['%q', '%', 'a %y', '%__proto__', '%ü']) {
      expect(() => print(template, {}), template).to.throw('stands for nothing')
    }
    try {
      print('%q', {})
    } catch (error) {
      expect((error as { remedy: string }).remedy)
        .to.contain('%k key')
        .and.contain('%o offset')
    }
    for (const template of ['\\q', '\\', '\\xg']) expect(() => print(template, {}), template).to.throw(template)
  })

  it('tells times that have no date as numbers', () => {
    expect(isoTime(0)).to.equal('1970-01-01T00:00:00.000Z')
    expect(isoTime(2 ** 53)).to.equal('9007199254740992')
  })
})
