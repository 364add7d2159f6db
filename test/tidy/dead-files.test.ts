/**
 * Every TypeScript file is reached from something that runs: a bundle of dist/, a tool, a test, a benchmark or an
 * example.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { exists, listFiles, readText, resolveFrom } from './source-tree.js'

const relativeFilePattern = /['"`]((?:\.{1,2}\/)[^'"`\s$]+?)\.(?:js|ts)['"`]/g
const rootedFilePattern = /['"`]((?:native-free-core|workers|src|test|bench|examples)\/[^'"`\s$]+?)\.(?:js|ts)['"`]/g
/** What an npm script runs. */
const builtFilePattern = /\bbuild\/((?:test|bench|examples)\/[^'"`\s$]+?)\.js\b/g

/** Sources that a file names: imports, worker files named by a text, and what npm scripts run. */
function namedSources(path: string): string[] {
  const text = readText(path)
  const near = [...text.matchAll(relativeFilePattern)].map(([, name]) => `${resolveFrom(path, name!)}.ts`)
  const rootedNames = [...text.matchAll(rootedFilePattern), ...text.matchAll(builtFilePattern)]
  const rooted = rootedNames.map(([, name]) => `${name}.ts`)
  return [...near, ...rooted].filter(exists)
}

function reachedFrom(starts: readonly string[]): Set<string> {
  const reached = new Set(starts)
  const queue = [...starts]
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    for (const next of namedSources(path)) {
      if (reached.has(next)) continue
      reached.add(next)
      queue.push(next)
    }
  }
  return reached
}

describe('files', () => {
  const sources = listFiles(['.ts']).filter((path) => !path.endsWith('.d.ts') && !path.endsWith('.generated.ts'))
  const tests = sources.filter((path) => path.startsWith('test/') && path.endsWith('.test.ts'))
  const programs = sources.filter((path) => /^(bench|examples)\//.test(path))
  const tools = listFiles(['.mjs', '.js', '.cjs', '.json']).filter((path) => /^(tools|bin|package\.json)/.test(path))

  it('are all reached from a bundle, a tool, a test, a benchmark or an example', () => {
    const reached = reachedFrom([...tests, ...programs, ...tools])
    expect(sources.filter((path) => !reached.has(path))).to.deep.equal([])
  })

  it('of tests end with .test.ts if they hold tests', () => {
    const misnamed = sources.filter(
      (path) => path.startsWith('test/') && !path.endsWith('.test.ts') && /^describe\(/m.test(readText(path)),
    )
    expect(misnamed).to.deep.equal([])
  })
})
