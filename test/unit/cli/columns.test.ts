/**
 * Tables, and text of unknown origin.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { tableLines } from '../../../src/cli/columns.js'
import { jsonText, visible, visibleInLine } from '../../../src/cli/safe-text.js'
import { widthOf } from '../../../src/cli/terminal/text-width.js'

describe('tableLines', () => {
  it('is as wide as a terminal shows what stands in it', () => {
    const rows = [
      ['注文', 1],
      ['👩‍👩‍👧 family', 22],
      ['plain', 333],
    ] as const
    expect(tableLines(['TOPIC', 'N'], rows)).to.deep.equal([
      'TOPIC        N',
      '注文         1',
      '👩‍👩‍👧 family   22',
      'plain      333',
    ])
  })

  it('cuts the widest column to the terminal, and nothing without one', () => {
    const rows = [
      ['x'.repeat(60), 'short', 1],
      ['注'.repeat(30), 'short', 1],
    ] as const
    const lines = tableLines(['A', 'B', 'C'], rows, { widthColumns: 40 })
    for (const line of lines) expect(widthOf(line), line).to.be.at.most(40)
    expect(lines[1]).to.match(/^x{29}…/)
    expect(lines[2]).to.match(/^注{14}…/)
    expect(tableLines(['A', 'B', 'C'], rows)[1]).to.contain('x'.repeat(60))
  })

  it('shows control characters instead of sending them', () => {
    expect(tableLines(['A'], [['a\x1b[31m\nb']])[1]).to.equal(String.raw`a\x1b[31m\nb`)
  })

  it('prints heads without rows', () => expect(tableLines(['A', 'B'], [])).to.deep.equal(['A  B']))
})

describe('text of unknown origin', () => {
  it('keeps letters of every script, and lines where there may be some', () => {
    const text = 'größe 注文 👩‍👩‍👧 עברית\n\tx'
    expect(visible(text)).to.equal(text)
    expect(visibleInLine(text)).to.equal(String.raw`größe 注文 👩‍👩‍👧 עברית\n\tx`)
  })

  it('stays the same value as JSON', () => {
    const text = '\u0000\u001b\u007f\u009b\u202e\ufeff'
    expect(jsonText({ text }, 2)).to.match(/^[\x20-\x7e\n]+$/)
    expect(JSON.parse(jsonText({ text }, 2))).to.deep.equal({ text })
  })
})
