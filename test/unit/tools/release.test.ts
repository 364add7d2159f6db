/**
 * What keeps a version from being released, and what a release says of itself.
 * Runs on: the test process. Touches: a temporary folder; reads the working tree.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { parse } from 'yaml'
import { releaseVersion } from '../../../native-free-core/version.js'
import { readText, root } from '../../tidy/source-tree.js'

interface VersionsTool {
  versionProblems(folder: string, wanted: string): string[]
  versionsIn(folder: string): Record<string, string>
  changelogEntry(changelog: string, version: string): { readonly date: string; readonly text: string } | undefined
}

interface SbomTool {
  billsOfMaterials(version: string, date: string): { readonly name: string; readonly text: string }[]
}

interface Bill {
  readonly metadata: { readonly component: { readonly name: string; readonly version: string } }
  readonly components: readonly { readonly name: string }[]
}

const files = [
  'package.json',
  'package-lock.json',
  'packages/streambus-client/package.json',
  'native-free-core/version.ts',
]

describe('a release', () => {
  const folder = mkdtempSync(join(tmpdir(), 'streambus-release-'))
  let tool: VersionsTool

  before(async () => {
    tool = (await import(`${root}/tools/release/versions.mjs`)) as VersionsTool
    for (const file of files) cpSync(join(root, file), join(folder, file))
    writeFileSync(join(folder, 'CHANGELOG.md'), `# Changelog\n\n## ${releaseVersion} - 2026-11-24\n\n- News.\n`)
  })

  after(() => rmSync(folder, { recursive: true, force: true }))

  it('needs one version in all files and an entry in the changelog', () => {
    expect(Object.values(tool.versionsIn(root))).to.deep.equal(Array(5).fill(releaseVersion))
    expect(tool.versionProblems(folder, releaseVersion)).to.deep.equal([])
    const problems = tool.versionProblems(folder, '7.8.9')
    expect(problems).to.have.length(6)
    expect(problems.join('\n')).to.contain('package-lock.json').and.to.contain('CHANGELOG.md has no entry "## 7.8.9')
  })

  it('names the one file that has another version', () => {
    const path = join(folder, 'native-free-core/version.ts')
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.replace(releaseVersion, '7.8.9'))
    const [problem, ...more] = tool.versionProblems(folder, releaseVersion)
    writeFileSync(path, text)
    expect(more).to.deep.equal([])
    expect(problem).to.match(/^native-free-core\/version\.ts says 7\.8\.9, not /)
  })

  it("takes its notes from the version's own entry", () => {
    const changelog = '# Changelog\n\n## 1.1.0 - 2026-01-02\n\n- New.\n\n### More\n\n## 1.0.0 - 2025-01-02\n\n- Old.\n'
    expect(tool.changelogEntry(changelog, '1.1.0')).to.deep.equal({ date: '2026-01-02', text: '- New.\n\n### More' })
    expect(tool.changelogEntry(changelog, '1.0.0')?.text).to.equal('- Old.')
    expect(tool.changelogEntry(changelog, '1.0')).to.equal(undefined)
    expect(tool.changelogEntry('## 1.0.0 - soon\n\n- x\n', '1.0.0')).to.equal(undefined)
  })
})

describe('bills of materials', () => {
  let bills: readonly { readonly name: string; readonly text: string }[]

  before(async function () {
    this.timeout(30_000)
    const tool = (await import(`${root}/tools/release/sbom.mjs`)) as SbomTool
    bills = tool.billsOfMaterials('1.2.3', '2026-01-02')
    expect(tool.billsOfMaterials('1.2.3', '2026-01-02')).to.deep.equal(bills)
  })

  it('name what an installation brings and what is in the bundles, and no development package', () => {
    const [streambus, client] = bills.map(({ text }) => JSON.parse(text) as Bill)
    const names = (bill: Bill) => bill.components.map(({ name }) => name)
    expect(streambus!.metadata.component).to.include({ name: 'streambus', version: '1.2.3' })
    expect(names(streambus!)).to.include.members(['ws', 'pino', 'go.etcd.io/raft/v3', 'std'])
    const strange = names(streambus!).filter((name) => /^(typescript|mocha|google.golang.org\/protobuf)$/.test(name))
    expect(strange).to.deep.equal([])
    expect(names(client!)).to.have.members(['ws', 'fflate'])
  })

  it('say nothing of the machine that made them', () => {
    for (const { text } of bills) expect(text).not.to.match(/registry|resolved|\/node_modules|file:/)
  })
})

describe('.github/workflows/ci.yml', () => {
  it('runs .ci/run on each line of Node.js, with actions that can not change', () => {
    const workflow = parse(readText('.github/workflows/ci.yml')) as {
      jobs: { run: { strategy: { matrix: { node: number[] } }; steps: { uses?: string; run?: string }[] } }
    }
    const { strategy, steps } = workflow.jobs.run
    expect(strategy.matrix.node).to.deep.equal([20, 22, 24])
    expect(steps.map((step) => step.run).filter((run) => run !== undefined)).to.deep.equal(['.ci/run'])
    const used = steps.flatMap((step) => step.uses ?? [])
    expect(used.filter((action) => !/^actions\/[\w-]+@[0-9a-f]{40}$/.test(action))).to.deep.equal([])
  })
})
