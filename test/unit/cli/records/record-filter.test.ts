/**
 * Which records are printed.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { type FilterOptions, recordFilter } from '../../../../src/cli/records/record-filter.js'
import { type Parts, recordOf } from './one-record.js'

const parts: Parts = {
  key: 'user-7',
  value: 'Error: größe',
  headers: [
    ['trace', '1'],
    ['trace', '2'],
    ['none', null],
  ],
}

describe('recordFilter', () => {
  it('is nothing without conditions', () => expect(recordFilter({ key: [], header: [] })).to.equal(undefined))

  const rows: readonly (readonly [FilterOptions, boolean])[] = [
    [{ key: ['user-7'] }, true],
    [{ key: ['user-8', 'user-7'] }, true],
    [{ key: ['user-'] }, false],
    [{ keyRegex: /^user-\d$/ }, true],
    [{ keyRegex: /^x/ }, false],
    [{ grep: /größe$/ }, true],
    [{ grep: /error/ }, false],
    [{ grep: /error/i }, true],
    [{ header: [{ name: 'trace', value: '2' }] }, true],
    [{ header: [{ name: 'trace', value: undefined }] }, true],
    [{ header: [{ name: 'none', value: undefined }] }, true],
    [{ header: [{ name: 'none', value: '' }] }, false],
    [{ header: [{ name: 'trace', value: '3' }] }, false],
    [
      {
        header: [
          { name: 'trace', value: '1' },
          { name: 'other', value: undefined },
        ],
      },
      false,
    ],
    [{ key: ['user-7'], grep: /none/ }, false],
  ]
  for (const [options, matches] of rows) {
    const shown = JSON.stringify(options, (_, value: unknown) => (value instanceof RegExp ? String(value) : value))
    it(`${shown} ${matches ? 'takes' : 'leaves'} it`, () => {
      expect(recordFilter(options)!(recordOf(parts))).to.equal(matches)
    })
  }

  it('leaves records without key and value', () => {
    for (const options of [{ key: [''] }, { keyRegex: /./s }, { grep: /^/ }, { header: [{ name: 'a', value: '' }] }]) {
      expect(recordFilter(options)!(recordOf({})), JSON.stringify(options)).to.equal(false)
    }
  })
})
