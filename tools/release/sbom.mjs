/**
 * The bill of materials of each package (CycloneDX, by `npm sbom`): what an installation brings, and what is in the
 * bundles. Nothing in it tells of the machine it was made on, and the same release has the same text.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundledPackages } from '../bundled-packages.mjs'
import { root } from '../prepare.mjs'

/** @returns {{ name: string, text: string }[]} for a release of that date (YYYY-MM-DD) */
export function billsOfMaterials(version, date) {
  const installed = readSbom(['--omit', 'dev'])
  const all = readSbom([])
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const wanted = [`ws@${dependencies.ws}`, `fflate@${devDependencies.fflate ?? dependencies.fflate}`]
  const bundled = all.components.filter(({ name }) => bundledPackages.includes(name)).map(required)
  const ofClient = all.components.filter((component) => wanted.includes(component['bom-ref'])).map(required)
  return [
    {
      name: `streambus-${version}.cdx.json`,
      text: finished(installed, 'streambus', version, date, [...installed.components, ...bundled, ...goComponents()]),
    },
    {
      name: `streambus-client-${version}.cdx.json`,
      text: finished(all, 'streambus-client', version, date, ofClient),
    },
  ]
}

function readSbom(args) {
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 }
  const command = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only', ...args]
  const { status, stdout, stderr } = spawnSync('npm', command, options)
  if (status !== 0) throw new Error(`npm sbom failed:\n${stderr}`)
  return JSON.parse(stdout)
}

function required(component) {
  const { properties: _, ...rest } = component
  return { ...rest, scope: 'required' }
}

/** What raft.wasm is made from, as tools/raft/go/go.mod says. A twin of our own stands in for some of it. */
function goComponents() {
  const text = readFileSync(join(root, 'tools/raft/go/go.mod'), 'utf8')
  const twins = new Set([...text.matchAll(/^replace (\S+) => \.\.\/twin$/gm)].map(([, name]) => name))
  const modules = [...text.matchAll(/^\s+([\w./-]+) (v[\w.+-]+)/gm)].filter(([, name]) => !twins.has(name))
  const toolchain = /^toolchain go(\S+)/m.exec(text)[1]
  return [...modules, ['', 'std', toolchain]].map(([, name, version]) => ({
    'bom-ref': `${name}@${version}`,
    type: 'library',
    name,
    version,
    scope: 'required',
    purl: `pkg:golang/${name}@${version}`,
  }))
}

function finished(sbom, name, version, date, components) {
  const bomRef = `${name}@${version}`
  const names = new Set(components.map((component) => component['bom-ref']))
  const ofComponents = sbom.dependencies.filter(({ ref }) => names.has(ref))
  const direct = name === 'streambus' ? directOf(sbom, components) : components.map((component) => component['bom-ref'])
  const document = {
    ...sbom,
    metadata: {
      ...sbom.metadata,
      timestamp: `${date}T00:00:00.000Z`,
      component: { ...sbom.metadata.component, 'bom-ref': bomRef, name, version, purl: `pkg:npm/${bomRef}` },
    },
    components,
    dependencies: [
      { ref: bomRef, dependsOn: direct },
      ...ofComponents.map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((one) => names.has(one)) })),
    ],
  }
  document.serialNumber = `urn:uuid:${uuidOf(JSON.stringify({ ...document, serialNumber: '' }))}`
  return `${JSON.stringify(document, null, 2)}\n`
}

function directOf(sbom, components) {
  const names = new Set(sbom.components.map((component) => component['bom-ref']))
  const own = sbom.dependencies.find(({ ref }) => ref === sbom.metadata.component['bom-ref'])
  const bundled = components.filter(({ name }) => bundledPackages.includes(name))
  return [...own.dependsOn.filter((ref) => names.has(ref)), ...bundled.map((component) => component['bom-ref'])]
}

/** A version 8 UUID from what is hashed. */
function uuidOf(text) {
  const hex = createHash('sha256').update(text).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  )
}
