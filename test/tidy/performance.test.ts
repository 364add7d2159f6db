/**
 * Tables and plots of the pages are what the committed results say.
 * Runs on: the test process. Touches: the working tree, reading only.
 */
import { expect } from 'chai'
import { join } from 'node:path'
import { readResults } from '../../bench/compare/results.js'
import { rows } from '../../bench/compare/rows.js'
import { renderedFiles } from '../../bench/report/pages.js'
import { listFiles, readText, root } from './source-tree.js'

function newestResults(): string {
  const numbered = listFiles(['.json'], 'bench/results').flatMap((path) => {
    const [, ...version] = /\/(\d+)\.(\d+)\.(\d+)\.json$/.exec(path) ?? []
    return version.length === 0 ? [] : [{ path, number: version.reduce((sum, part) => sum * 1000 + Number(part), 0) }]
  })
  return numbered.sort((one, other) => other.number - one.number)[0]!.path
}

describe('what was measured', () => {
  const path = newestResults()
  const results = readResults(join(root, path))

  it('is in the pages as the newest results have it', () => {
    for (const [page, text] of renderedFiles(root, results)) {
      expect(readText(page), `npm run bench:all -- --render ${path} writes ${page}`).to.equal(text)
    }
  })

  it('names rows that there are', () => {
    const known = new Set(rows.map(({ id }) => id))
    expect(results.samples.length).to.be.greaterThan(0)
    expect(results.samples.map(({ row }) => row).filter((id) => !known.has(id))).to.deep.equal([])
  })
})
