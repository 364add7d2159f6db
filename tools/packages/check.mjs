/**
 * `npm run check:packages`: packs both packages and uses them as their users will, in temporary folders outside this
 * repository. Every check runs, then it says which failed. `npm run check:packages -- lint types` runs the named ones.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { prepare } from '../prepare.mjs'
import { checkBrowserBundle } from './check-browser-bundle.mjs'
import { compileForBrowsers, compileForNode } from './check-types.mjs'
import { lintTarball } from './lint-tarball.mjs'
import { buildAndPack, packOne, sha256Of, tarballLine } from './pack.mjs'
import { packages } from './package-list.mjs'
import { run, SampleProject, start, withFolder } from './sample-project.mjs'

/** Of streambus-client unpacked, without what it depends on. */
const maxClientBytes = 1_000_000

const checks = {
  lint: checkLint,
  size: checkSize,
  bytes: checkBytes,
  client: checkClient,
  readme: checkReadme,
  browser: checkBrowser,
  broker: checkBroker,
  types: checkTypes,
  require: checkRequire,
  global: checkGlobal,
}

/** Both tarballs, and a project that has each installed. */
class Surroundings {
  constructor(folder, tarballs) {
    this.folder = folder
    this.tarballs = Object.fromEntries(tarballs.map((tarball) => [tarball.name, tarball]))
    this.projects = {}
  }

  /** Installs at the first call. */
  project(name) {
    this.projects[name] ??= this.install(name)
    return this.projects[name]
  }

  install(name) {
    const project = new SampleProject(this.folder, name)
    project.install(this.tarballs[name].file)
    return project
  }
}

/** publint and arethetypeswrong. */
async function checkLint({ tarballs }) {
  for (const tarball of Object.values(tarballs)) {
    const problems = await lintTarball(tarball.file)
    expect(problems.length === 0, `${tarball.name}: ${problems.join('\n')}`)
  }
}

function checkSize({ tarballs }) {
  const { unpackedBytes } = tarballs['streambus-client']
  expect(unpackedBytes < maxClientBytes, `streambus-client is ${unpackedBytes} bytes; at most ${maxClientBytes}`)
  for (const { name, files } of Object.values(tarballs)) {
    for (const needed of ['LICENSE', 'NOTICE', 'README.md']) {
      expect(files.includes(needed), `${name} lacks ${needed}`)
    }
    const strange = files.filter((file) => /\.(map|ts|stamp)$/.test(file) && !file.endsWith('.d.ts'))
    expect(strange.length === 0, `${name} holds ${strange.join(', ')}`)
  }
}

/** The same files give the same tarball, byte for byte. */
function checkBytes({ folder, tarballs }) {
  for (const one of packages) {
    const { sha256, file } = packOne(one, folder)
    expect(sha256 === tarballs[one.name].sha256 && sha256 === sha256Of(file), `${one.name} was packed with other bytes`)
  }
}

async function checkClient(around) {
  const client = around.project('streambus-client')
  client.addSample('./samples/client.mjs')
  await withBroker(around, (server) => {
    const output = client.node(['client.mjs'], { STREAMBUS_SERVER: server })
    expectEqual(output, '0 k from the client\ntrue UNKNOWN_TOPIC_OR_PARTITION\n')
  })
}

/** The first JavaScript of the package's page, as it is printed but for the address. */
async function checkReadme(around) {
  const client = around.project('streambus-client')
  const page = readFileSync(join(client.folder, 'node_modules/streambus-client/README.md'), 'utf8')
  const code = /```js\n([\s\S]*?)```/.exec(page)[1]
  await withBroker(around, (server) => {
    client.write('readme.mjs', code.replace('127.0.0.1:9400', server))
    expectEqual(client.node(['readme.mjs']), 'on disk at offset 0\n0 two apples\n')
  })
}

async function checkBrowser(around) {
  const client = around.project('streambus-client')
  client.addSample('./samples/client.mjs')
  await withBroker(around, (server) => checkBrowserBundle(client, server))
}

/** A broker of the installed package in a process of its own. */
async function withBroker(around, use) {
  const host = around.project('streambus')
  host.addSample('./samples/broker.mjs')
  const broker = await start(process.execPath, ['broker.mjs', 'serve'], /\d\n/, { cwd: host.folder })
  try {
    return await use(broker.text.trim())
  } finally {
    await broker.end()
  }
}

function checkBroker(around) {
  const project = around.project('streambus')
  project.addSample('./samples/broker.mjs')
  expectEqual(project.node(['broker.mjs']), '1 0 from the broker\n')
}

function checkTypes(around) {
  const client = around.project('streambus-client')
  const host = around.project('streambus')
  client.addSample('./samples/node-types.ts')
  host.addSample('./samples/broker-types.ts')
  client.write('required.cts', "import { connect } from 'streambus-client'\nexport const value = connect()\n")
  const problems = [
    ...compileForNode(client.folder, ['node-types.ts']),
    ...compileForBrowsers(client.folder, ['node-types.ts', 'required.cts']),
    ...compileForNode(host.folder, ['broker-types.ts']),
  ]
  expect(problems.length === 0, problems.join('\n'))
}

/** Node.js 20.19 and 22.12 load ES modules with require() as well. */
function checkRequire(around) {
  for (const name of packages.map((one) => one.name)) {
    const project = around.project(name)
    project.write('require.cjs', `console.log(typeof require('${name}').connect)\n`)
    expectEqual(project.node(['require.cjs']), 'function\n')
  }
}

/** The commands as `npm install -g` makes them, and a broker without any configuration. */
async function checkGlobal({ folder, tarballs }) {
  const prefix = join(folder, 'prefix')
  const project = new SampleProject(folder, 'empty')
  project.install(tarballs.streambus.file, '--global', '--prefix', prefix)
  const bin = (name) => join(prefix, 'bin', name)
  for (const name of ['streambus', 'streambus-cli']) {
    expect(run(bin(name), ['--help']).startsWith(`Usage: ${name} `), `${name} --help has another name`)
    expect(run(bin(name), ['--version']).trim() === versionOf(tarballs.streambus), `${name} --version differs`)
  }
  const env = { ...process.env, STREAMBUS_PORT: '0' }
  const broker = await start(bin('streambus'), ['broker'], /Ctrl-C stops/, { cwd: project.folder, env })
  try {
    const server = /ws:\/\/(\S+)/.exec(broker.text)?.[1]
    const data = join(project.folder, 'data')
    expect(broker.text.includes(data), `the broker does not say that its data is in ${data}:\n${broker.text}`)
    expect(existsSync(join(data, 'broker.meta')), `there is no data folder ${data}`)
    const cli = (args, input) => run(bin('streambus-cli'), ['--server', server, ...args], { input })
    cli(['topic', 'create', 'greetings'])
    cli(['produce', 'greetings'], 'Hello\nagain\n')
    expectEqual(cli(['consume', 'greetings', '--until-end']), 'Hello\nagain\n')
  } finally {
    const code = await broker.end('SIGTERM')
    expect(code === 0, `the broker ended with code ${code}`)
  }
}

function versionOf({ file }) {
  return /-(\d+\.\d+\.\d+[\w.-]*)\.tgz$/.exec(file)[1]
}

function expect(condition, message) {
  if (!condition) throw new Error(message)
}

function expectEqual(actual, wanted) {
  expect(actual === wanted, `wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(actual)}`)
}

async function main(names) {
  prepare([])
  const wanted = names.length > 0 ? names : Object.keys(checks)
  const unknown = wanted.filter((name) => !(name in checks))
  if (unknown.length > 0) throw new Error(`unknown check ${unknown.join(', ')}: use ${Object.keys(checks).join(', ')}`)
  const failed = await withFolder(async (folder) => {
    const tarballs = await buildAndPack(join(folder, 'tarballs'))
    for (const tarball of tarballs) console.log(tarballLine(tarball))
    return runAll(wanted, new Surroundings(folder, tarballs))
  })
  if (failed.length > 0) console.error(`check:packages: ${failed.join(', ')} failed`)
  process.exitCode = failed.length > 0 ? 1 : 0
}

async function runAll(names, around) {
  const failed = []
  for (const name of names) {
    const startMs = performance.now()
    let outcome = 'passed'
    try {
      await checks[name](around)
    } catch (error) {
      outcome = 'FAILED'
      failed.push(name)
      console.error(error.message)
    }
    console.log(`check:packages ${name}: ${outcome} in ${((performance.now() - startMs) / 1000).toFixed(1)} s`)
  }
  return failed
}

await main(process.argv.slice(2))
