/**
 * What every source file must keep: line length, a first comment, no call that the core must not make, nothing that is
 * true on one machine only.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { badLines, codeOnly, listFiles, readText } from './source-tree.js'

const maxColumns = 120
const sources = listFiles(['.ts', '.mjs', '.cjs', '.js']).filter((path) => !path.endsWith('.generated.ts'))
const threadFolders = /^(native-free-core|workers|src)\//

/** Words are built from parts so that this file does not find itself. */
const leftoverPattern = new RegExp(`\\b(${['FIX', 'XX'].map((part, i) => part + ['ME', 'X'][i]).join('|')})\\b`)
const onlyPattern = new RegExp(`\\b(describe|it)\\.${'on'}ly\\(`)

const bannedInCore: readonly (readonly [string, RegExp])[] = [
  ['a clock', /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\b/],
  ['randomness', /\bMath\.random\b|\bcrypto\b/],
  ['output', /\bconsole\b/],
  ['a timer', /\bset(Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/],
  ['a part of Node.js', /\bBuffer\b|\bprocess\b|\brequire\(|\bglobalThis\b/],
]

describe('source files', () => {
  it('are found', () => {
    expect(sources.length).to.be.greaterThan(20)
  })

  it(`have no line longer than ${maxColumns} columns, drawn tables apart`, () => {
    const long = sources.flatMap((path) =>
      badLines(path, readText(path), (line) => line.length > maxColumns && !line.startsWith(' * |')),
    )
    expect(long).to.deep.equal([])
  })

  it('begin with a comment that says what they are for', () => {
    const without = sources.filter((path) => !/^(#![^\n]*\n)?\/\*\*(\n \*)? \S/.test(readText(path)))
    expect(without).to.deep.equal([])
  })

  it('of a thread say in their first comment where they run', () => {
    const silent = sources
      .filter((path) => threadFolders.test(path))
      .filter((path) => !/^\/\*\*[\s\S]*?Runs on: [\s\S]*?\*\//.test(readText(path)))
    expect(silent).to.deep.equal([])
  })

  it('hold no note for later and no test that switches the others off', () => {
    const notes = sources.flatMap((path) =>
      badLines(path, readText(path), (line) => leftoverPattern.test(line) || onlyPattern.test(line)),
    )
    expect(notes).to.deep.equal([])
  })

  for (const [what, pattern] of bannedInCore) {
    it(`of the core use no ${what.replace(/^an? /, '')}`, () => {
      const found = sources
        .filter((path) => path.startsWith('native-free-core/') && !path.endsWith('.d.ts'))
        .flatMap((path) => badLines(path, codeOnly(readText(path)), (line) => pattern.test(line)))
      expect(found).to.deep.equal([])
    })
  }
})

describe('tracked files', () => {
  const texts = listFiles(['.ts', '.mjs', '.cjs', '.js', '.json', '.md', '.yaml', '.yml', '.sh', '.go', '.npmrc'])
  const machinePath = new RegExp(
    `(^|[\\s"'\`(=:])/(${['wo' + 'rk', 'ro' + 'ot', 'ho' + 'me', 'Us' + 'ers'].join('|')})/`,
  )
  const registry = new RegExp(`https?://registry\\.|${'registry'}\\.npmjs|${'"resol' + 'ved"'}: "http`)

  it('name no path of one machine', () => {
    const found = texts.flatMap((path) => badLines(path, readText(path), (line) => machinePath.test(line)))
    expect(found).to.deep.equal([])
  })

  it('name no package registry', () => {
    const found = texts.flatMap((path) => badLines(path, readText(path), (line) => registry.test(line)))
    expect(found).to.deep.equal([])
  })
})
