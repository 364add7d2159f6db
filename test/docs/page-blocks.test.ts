/**
 * How blocks of pages are read, and when output counts as printed.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { blocksOf, consoleStepsOf, isAsPrinted } from './page-blocks.js'

describe('blocks of a page', () => {
  it('have language, line, directive and text without their indent', () => {
    const page = ['a', '```sh', 'one', '  two', '```', '- list', '  <!-- run: exit 2 -->', '  ```text', '  x', '  ```']
    expect(blocksOf('p.md', page.join('\n'))).to.deep.equal([
      { page: 'p.md', line: 2, language: 'sh', text: 'one\n  two\n', directive: '' },
      { page: 'p.md', line: 8, language: 'text', text: 'x\n', directive: 'exit 2' },
    ])
  })

  it('of a console hold commands with their output', () => {
    expect(consoleStepsOf('$ a \\\n> b\nout\n$ c\n')).to.deep.equal([
      { command: 'a \\\nb', output: ['out'] },
      { command: 'c', output: [] },
    ])
  })

  it('match what is printed, with ... for lines and for parts of one', () => {
    expect(isAsPrinted(['a', 'b 12 ms'], ['a', 'b ... ms'])).to.equal(true)
    expect(isAsPrinted(['a', 'x', 'y', 'b'], ['a', '...', 'b'])).to.equal(true)
    expect(isAsPrinted(['a', 'b'], ['a', '...', 'b'])).to.equal(true)
    expect(isAsPrinted(['a', 'c'], ['a', 'b'])).to.equal(false)
    expect(isAsPrinted(['a', 'b', 'c'], ['a', 'b'])).to.equal(false)
    expect(isAsPrinted(['a.c'], ['abc'])).to.equal(false)
  })
})
