/**
 * `npm run build:executable`: StreamBus and the Node.js that runs this as one file, release/streambus. It needs nothing
 * else on the machine that it runs on but the C library. Node.js calls this a single executable application (SEA).
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'
import { prepare, root } from '../prepare.mjs'
import { bundleScripts } from './bundle.mjs'
import { licenseTexts } from './licenses.mjs'
import { findNatives, missingNatives } from './natives.mjs'

const workFolder = join(root, 'build/executable')
const mainScript = 'main.js'
const blob = 'streambus.blob'

const entryPoints = {
  main: 'tools/executable/embedded/main.mjs',
  'workers/shard': 'workers/shard/main.ts',
  'workers/sync': 'workers/sync/main.ts',
  'workers/read': 'workers/read/main.ts',
  'workers/metadata': 'workers/metadata/main.ts',
  'workers/jobs': 'workers/jobs/main.ts',
  'workers/load': 'src/bench/thread/main.ts',
}

/** Node.js finds the code by this mark in its own file. */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

/** @returns {Promise<string>} the path of the executable */
export async function buildExecutable(folder = join(root, 'release')) {
  const { scripts, packages } = await bundleScripts(entryPoints)
  const natives = findNatives()
  for (const text of missingNatives()) console.error(`executable: ${text}`)
  for (const native of natives) packages.add(native.folder)
  rmSync(workFolder, { recursive: true, force: true })
  const assets = {}
  const put = (name, bytes) => {
    assets[name] = name
    mkdirSync(dirname(join(workFolder, name)), { recursive: true })
    writeFileSync(join(workFolder, name), bytes)
  }
  for (const [name, text] of scripts) put(name, text)
  delete assets[mainScript]
  put(
    'workers/raft.wasm',
    brotliDecompressSync(readFileSync(join(root, 'native-free-core/metadata/raft/raft.wasm.br'))),
  )
  put('licenses.txt', licenseTexts(packages))
  for (const { name, path } of natives) assets[`${name}.node`] = path
  return joinWithNode(assets, folder)
}

/** Relative names: those of this machine would be in the executable's stack traces. */
function joinWithNode(assets, folder) {
  const settings = { main: mainScript, output: blob, assets, disableExperimentalSEAWarning: true, useCodeCache: true }
  writeFileSync(join(workFolder, 'sea.json'), JSON.stringify(settings, null, 2))
  runNode(['--experimental-sea-config', 'sea.json'])
  mkdirSync(folder, { recursive: true })
  const executable = join(folder, process.platform === 'win32' ? 'streambus.exe' : 'streambus')
  rmSync(executable, { force: true })
  copyFileSync(process.execPath, executable)
  chmodSync(executable, 0o755)
  const postject = join(root, 'node_modules/postject/dist/cli.js')
  runNode([postject, executable, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', fuse])
  return executable
}

/** What it prints is told when it fails only: postject warns of sections that mean nothing here. */
function runNode(args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: workFolder, encoding: 'utf8' })
  if (status !== 0) throw new Error(`node ${args.join(' ')} failed:\n${stdout}${stderr}`)
}

async function main() {
  prepare([])
  const startMs = performance.now()
  const executable = await buildExecutable()
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
  const { version, platform, arch } = process
  const megabytes = Math.round(statSync(executable).size / 1e6)
  console.log(`${executable}: ${megabytes} MB, Node.js ${version} for ${platform} ${arch}, built in ${seconds} s`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main()
