/**
 * Widths, bars and numbers on a terminal.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { bar, sparkline } from '../../../../src/cli/terminal/bars.js'
import {
  bytesText,
  countText,
  latencyText,
  percentText,
  shortCountText,
  uptimeText,
} from '../../../../src/cli/terminal/quantities.js'
import { cut, fit, padEnd, padStart, printable, widthOf } from '../../../../src/cli/terminal/text-width.js'

describe('texts on a terminal', () => {
  it('take the columns that the terminal gives them', () => {
    expect(['', 'abc', '▁█', '日本', 'é', 'e\u0301', '👩‍💻'].map(widthOf)).to.deep.equal([0, 3, 2, 4, 1, 1, 2])
  })

  it('are padded and cut by columns, not by characters', () => {
    expect(padEnd('日本', 6)).to.equal('日本  ')
    expect(padStart('ab', 4)).to.equal('  ab')
    expect(cut('flights', 7)).to.equal('flights')
    expect(cut('flights', 6)).to.equal('fligh…')
    expect(cut('日本語', 4)).to.equal('日…')
    expect(cut('abc', 0)).to.equal('')
    for (const side of ['left', 'right'] as const) expect(widthOf(fit('日本語日本語', 5, side))).to.equal(5)
  })

  it('of others lose what would move the cursor', () => {
    expect(printable('a\x1b[2Jb\r\nc\u202ed')).to.equal('a\ufffd[2Jb\ufffd\ufffdc\ufffdd')
  })
})

describe('bars and sparklines', () => {
  it('show the newest values to the right, and none above zero as zero', () => {
    expect(sparkline([0, 1, 100, 50], 6)).to.equal('  ▁▂█▅')
    expect(sparkline([5, 1, 2, 4], 2)).to.equal('▅█')
    expect(sparkline([0, 0], 3)).to.equal(' ▁▁')
    expect(sparkline([0, 4], 2, false)).to.equal('_#')
  })

  it('fill their columns whatever the share', () => {
    const shares = [-1, 0, 0.001, 0.5, 0.53, 0.999, 1, 7, Number.NaN, Number.POSITIVE_INFINITY]
    for (const share of shares) {
      expect(widthOf(bar(share, 10)), String(share)).to.equal(10)
      expect(bar(share, 10, false), String(share)).to.have.length(10)
    }
    expect(bar(0.55, 4)).to.equal('██▏ ')
    expect(bar(1, 4)).to.equal('████')
    expect(bar(0.5, 4, false)).to.equal('##..')
  })
})

describe('numbers for people', () => {
  it('have a unit and few digits', () => {
    expect([0, 1023, 1024, 1536, 64 * 2 ** 20, 2 ** 40 * 1.26].map(bytesText)).to.deep.equal([
      '0 B',
      '1023 B',
      '1 KiB',
      '1.5 KiB',
      '64 MiB',
      '1.3 TiB',
    ])
    expect([0, 999, 1234567].map(countText)).to.deep.equal(['0', '999', '1,234,567'])
    expect([0.4, 99_999, 100_000, 999_600, 12_345_678, 2.5e9].map(shortCountText)).to.deep.equal([
      '0',
      '99,999',
      '100 k',
      '1.00 M',
      '12.3 M',
      '2.50 G',
    ])
    expect([0.123, 12.34, 135.4, 12_345, Number.NaN].map(latencyText)).to.deep.equal([
      '0.12 ms',
      '12.3 ms',
      '135 ms',
      '12.3 s',
      '-',
    ])
    expect([4280, 187_000, 8_109_000, 274_327_000].map(uptimeText)).to.deep.equal([
      '4.2 s',
      '3:07',
      '2:15:09',
      '3 d 4:12:07',
    ])
    expect([0, 0.004, 0.071, 1, Number.NaN].map(percentText)).to.deep.equal(['0 %', '0.4 %', '7 %', '100 %', '-'])
  })

  it('stay within seven columns when they are short', () => {
    for (let count = 0.3; count < 9e11; count *= 1.37) expect(shortCountText(count).length).to.be.at.most(7)
  })
})
