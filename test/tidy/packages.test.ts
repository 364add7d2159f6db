/**
 * package.json, its lock, the client's package and the pages agree: exact versions, other platforms' packages, one
 * range of Node.js versions, links and commands that exist.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { exists, listFiles, readText, resolveFrom, root } from './source-tree.js'

interface Manifest {
  readonly version: string
  readonly license: string
  readonly engines: { readonly node: string }
  readonly scripts: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly optionalDependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

interface NodeVersion {
  readonly suitableVersions: string
  isSuitable(version: string): boolean
}

interface LockTool {
  completeLock(lock: unknown): string[]
}

const manifest = JSON.parse(readText('package.json')) as Manifest

describe('package.json', () => {
  it('names exact versions only', () => {
    const all = { ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.devDependencies }
    const loose = Object.entries(all).filter(([, version]) => !/^(npm:@?[^@]+@)?\d+\.\d+\.\d+[\w.-]*$/.test(version))
    expect(loose).to.deep.equal([])
  })

  it('names only packages that the engine imports', () => {
    const engine = listFiles(['.ts']).filter((path) => /^(src|workers)\//.test(path))
    const text = engine.map(readText).join('\n')
    const names = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })
    // ws loads bufferutil by itself, to mask frames faster.
    const unused = names.filter((name) => name !== 'bufferutil' && !new RegExp(`['"]${name}(/|['"])`).test(text))
    expect(unused).to.deep.equal([])
  })

  it('names the Node.js versions that the commands accept', async () => {
    const tool = (await import(`${root}/bin/node-version.js`)) as NodeVersion
    expect(tool.suitableVersions).to.equal(manifest.engines.node)
    const accepted = ['v20.19.0', 'v20.20.2', 'v22.12.0', 'v24.1.0']
    const refused = ['v18.20.0', 'v20.18.1', 'v21.7.0', 'v22.11.0', 'v16.0.0']
    expect(accepted.filter((version) => !tool.isSuitable(version))).to.deep.equal([])
    expect(refused.filter((version) => tool.isSuitable(version))).to.deep.equal([])
  })

  it('has a lock that holds the packages of every platform', async () => {
    const tool = (await import(`${root}/tools/complete-lock.mjs`)) as LockTool
    expect(tool.completeLock(JSON.parse(readText('package-lock.json')))).to.deep.equal([])
  })

  it('names only tools that exist in its scripts', () => {
    const named = Object.values(manifest.scripts).flatMap((script) => script.match(/\b[\w/-]+\.(mjs|cjs|js)\b/g) ?? [])
    expect(named.filter((path) => !/^(build|dist)\//.test(path) && !exists(path))).to.deep.equal([])
  })
})
describe('packages/streambus-client', () => {
  interface ClientManifest {
    readonly version: string
    readonly license: string
    readonly engines: { readonly node: string }
    readonly dependencies: Readonly<Record<string, string>>
    readonly peerDependencies: Readonly<Record<string, string>>
    readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>
  }
  const client = JSON.parse(readText('packages/streambus-client/package.json')) as ClientManifest
  const all: Readonly<Record<string, string>> = {
    ...manifest.dependencies,
    ...manifest.optionalDependencies,
    ...manifest.devDependencies,
  }

  it('has the version, the licence and the Node.js versions of streambus', () => {
    const { version, license, engines } = client
    const { version: ours, license: ourLicense, engines: ourEngines } = manifest
    expect({ version, license, engines }).to.deep.equal({ version: ours, license: ourLicense, engines: ourEngines })
  })

  it('depends on ws alone, in the version that is tested here', () => {
    expect(client.dependencies).to.deep.equal({ ws: manifest.dependencies['ws'] })
  })

  it('may use optional packages whose tested version is in their range', () => {
    const outside = Object.entries(client.peerDependencies).filter(
      ([name, range]) => all[name]?.split('.')[0] !== range.replace(/\.x$/, ''),
    )
    expect(outside).to.deep.equal([])
    const needed = Object.keys(client.peerDependencies).filter((name) => !client.peerDependenciesMeta[name]?.optional)
    expect(needed).to.deep.equal([])
  })
})

describe('pages', () => {
  const pages = listFiles(['.md'])

  it('link only to files that exist', () => {
    const broken = pages.flatMap((page) =>
      [...readText(page).matchAll(/\]\((?!https?:|mailto:|#)([^)\s#]+)(#[^)]*)?\)/g)]
        .map(([, target]) => target!)
        .filter((target) => !exists(resolveFrom(page, target)))
        .map((target) => `${page}: ${target}`),
    )
    expect(broken).to.deep.equal([])
  })

  it('name only npm scripts that exist', () => {
    const unknown = pages.flatMap((page) =>
      [...readText(page).matchAll(/\bnpm run (?:-s )?([\w:-]+)/g)]
        .map(([, script]) => script!)
        .filter((script) => !(script in manifest.scripts))
        .map((script) => `${page}: npm run ${script}`),
    )
    expect(unknown).to.deep.equal([])
  })
})
