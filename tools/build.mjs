/**
 * Builds with esbuild. `node tools/build.mjs dist` bundles the broker, its command line and its workers into dist/;
 * `node tools/build.mjs build` transpiles every TypeScript file one to one into build/, which tests run from.
 * Without an argument both are built.
 */
import { build } from 'esbuild'
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { writeBuildStamp } from './stale.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Each bundle of dist/ and the source file it starts from. */
const bundles = {
  index: 'src/index.ts',
  cli: 'src/cli/main.ts',
  'workers/shard': 'workers/shard/main.ts',
  'workers/sync': 'workers/sync/main.ts',
  'workers/read': 'workers/read/main.ts',
  'workers/metadata': 'workers/metadata/main.ts',
  'workers/jobs': 'workers/jobs/main.ts',
}

const transpiledFolders = ['native-free-core', 'workers', 'src', 'test', 'bench', 'examples']

const raftWasm = 'native-free-core/metadata/raft/raft.wasm.br'

const common = {
  absWorkingDir: root,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  logLevel: 'warning',
}

/** Bundles dist/. A bundle whose source file does not exist is left out with a note. */
export async function buildDist() {
  const startedAt = new Date()
  const entries = {}
  for (const [name, source] of Object.entries(bundles)) {
    if (existsSync(join(root, source))) entries[name] = source
    else console.log(`build: ${source} does not exist yet: dist/${name}.js is left out`)
  }
  if (Object.keys(entries).length === 0) return
  await build({ ...common, entryPoints: entries, outdir: 'dist', bundle: true, packages: 'external' })
  copyIfPresent(raftWasm, 'dist/workers/raft.wasm.br')
  writeBuildStamp(root, 'dist', startedAt)
}

/** Transpiles every TypeScript file into build/ and removes outputs whose source is gone. */
export async function buildTree() {
  const startedAt = new Date()
  const sources = transpiledFolders.flatMap((folder) => listSources(join(root, folder)))
  const entryPoints = sources.map((path) => relative(root, path))
  removeOrphans(join(root, 'build'), new Set(entryPoints))
  await build({ ...common, entryPoints, outdir: 'build', outbase: '.' })
  copyIfPresent(raftWasm, `build/${raftWasm}`)
  writeBuildStamp(root, 'build', startedAt)
}

/** @returns {string[]} absolute paths of the .ts files below a folder, without .d.ts files */
function listSources(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts') && !name.includes('node_modules'))
    .map((name) => join(folder, name))
}

function removeOrphans(buildFolder, sources) {
  if (!existsSync(buildFolder)) return
  for (const name of readdirSync(buildFolder, { recursive: true })) {
    const path = join(buildFolder, name)
    if (!/\.js(\.map)?$/.test(name) || !statSync(path).isFile()) continue
    if (!sources.has(name.replace(/\.js(\.map)?$/, '.ts'))) rmSync(path, { force: true })
  }
}

function copyIfPresent(from, to) {
  if (!existsSync(join(root, from))) return
  mkdirSync(dirname(join(root, to)), { recursive: true })
  copyFileSync(join(root, from), join(root, to))
}

async function main(targets) {
  const startMs = performance.now()
  if (targets.length === 0 || targets.includes('dist')) await buildDist()
  if (targets.length === 0 || targets.includes('build')) await buildTree()
  console.log(`build: ${targets.join(' and ') || 'dist and build'} in ${Math.round(performance.now() - startMs)} ms`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv.slice(2))
