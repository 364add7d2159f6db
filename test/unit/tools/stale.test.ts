/**
 * When `npm start` and `npm test` install or build again, and when they must not.
 * Runs on: the test process. Touches: a temporary folder.
 */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { root as repository } from '../../tidy/source-tree.js'

interface StaleTool {
  writeBuildStamp(root: string, target: string, startedAt: Date): void
  isBuildStale(root: string, target: string): boolean
  isInstallStale(root: string): boolean
}

const longAgo = new Date(1_700_000_000_000)
const buildStart = new Date(1_700_000_100_000)
const later = new Date(1_700_000_200_000)

describe('what is out of date', () => {
  let root = ''
  let tool: StaleTool

  function write(path: string, text: string, modifiedAt: Date): void {
    const full = join(root, path)
    mkdirSync(dirname(full), { recursive: true })
    writeFileSync(full, text)
    utimesSync(full, modifiedAt, modifiedAt)
  }

  function settleFolders(): void {
    for (const folder of ['src', 'src/cli', 'workers', 'native-free-core']) {
      mkdirSync(join(root, folder), { recursive: true })
      utimesSync(join(root, folder), longAgo, longAgo)
    }
  }

  before(async () => {
    tool = (await import(`${repository}/tools/stale.mjs`)) as StaleTool
  })

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'streambus-stale-'))
    write('src/cli/main.ts', '', longAgo)
    settleFolders()
  })

  afterEach(() => rmSync(root, { recursive: true }))

  it('builds what was never built', () => {
    expect(tool.isBuildStale(root, 'dist')).to.equal(true)
  })

  it('does not build again when nothing changed', () => {
    tool.writeBuildStamp(root, 'dist', buildStart)
    expect(tool.isBuildStale(root, 'dist')).to.equal(false)
  })

  it('builds again when a file deep in the tree was saved after the build began', () => {
    tool.writeBuildStamp(root, 'dist', buildStart)
    write('src/cli/main.ts', 'changed', later)
    settleFolders()
    expect(tool.isBuildStale(root, 'dist')).to.equal(true)
  })

  it('builds again when a file was removed', () => {
    write('src/cli/gone.ts', '', longAgo)
    tool.writeBuildStamp(root, 'dist', buildStart)
    rmSync(join(root, 'src/cli/gone.ts'))
    expect(tool.isBuildStale(root, 'dist')).to.equal(true)
  })

  it('does not build dist again for a changed test', () => {
    tool.writeBuildStamp(root, 'dist', buildStart)
    write('test/a.test.ts', '', later)
    expect(tool.isBuildStale(root, 'dist')).to.equal(false)
  })

  const lock = (version: string) => JSON.stringify({ packages: { 'node_modules/a': { version } } })

  it('installs when packages were never installed', () => {
    write('package-lock.json', lock('1.0.0'), longAgo)
    expect(tool.isInstallStale(root)).to.equal(true)
  })

  it('installs again when a newer lock asks for another version', () => {
    write('node_modules/.package-lock.json', lock('1.0.0'), longAgo)
    write('package-lock.json', lock('1.0.1'), later)
    expect(tool.isInstallStale(root)).to.equal(true)
  })

  it('does not install again when a newer lock asks for what is there', () => {
    write('node_modules/.package-lock.json', lock('1.0.0'), longAgo)
    write('package-lock.json', lock('1.0.0'), later)
    expect(tool.isInstallStale(root)).to.equal(false)
  })
})
