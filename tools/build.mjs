/**
 * Builds with esbuild. `node tools/build.mjs dist` bundles the broker, its command line, its workers and the client
 * into dist/; `node tools/build.mjs build` transpiles every TypeScript file one to one into build/, which tests run
 * from. Without an argument both are built. `types` writes the declarations, and makes the packages ready to be packed.
 */
import { build } from 'esbuild'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'
import { bundledPackages } from './bundled-packages.mjs'
import { packageFolders, packageTexts } from './licenses.mjs'
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
  'workers/load': 'src/bench/thread/main.ts',
}

/** Leaves every package apart where it is, except those that are bundled. */
const packagesApart = {
  name: 'packages-apart',
  setup(setup) {
    // Its code for Node.js calls require(), which there is not in a bundle of modules.
    setup.onResolve({ filter: /^yaml$/ }, () => ({ path: join(root, 'node_modules/yaml/browser/index.js') }))
    setup.onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      const isApart = kind !== 'entry-point' && !bundledPackages.includes(path)
      return isApart ? { path, external: true } : undefined
    })
  },
}

/** The client alone, for the package `streambus-client`. */
const clientBundles = {
  node: { entryPoints: { 'client/index': 'src/client/index.ts' }, packages: 'external' },
  browser: {
    entryPoints: { 'client/browser': 'src/client/browser.ts' },
    platform: 'browser',
    target: 'es2022',
    // Constants are put in their places only while the files are apart: a page's own bundle is a tenth smaller for it.
    minifySyntax: true,
  },
  browserMin: {
    entryPoints: { 'client/browser.min': 'src/client/browser.ts' },
    platform: 'browser',
    target: 'es2022',
    minify: true,
    sourcemap: false,
  },
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
  rmSync(join(root, 'dist/chunks'), { recursive: true, force: true })
  const options = { ...common, outdir: 'dist', bundle: true, packages: 'external' }
  const isWorker = ([name]) => name.startsWith('workers/')
  const onMain = Object.entries(entries).filter((entry) => !isWorker(entry))
  // Split, so that what a command imports late is loaded late, with the packages it needs.
  const split = { splitting: true, chunkNames: 'chunks/[name]-[hash]' }
  const main = await build({
    ...common,
    ...split,
    outdir: 'dist',
    bundle: true,
    metafile: true,
    plugins: [packagesApart],
    entryPoints: Object.fromEntries(onMain),
  })
  writeFileSync(join(root, 'dist/LICENSES.txt'), packageTexts(packageFolders(Object.keys(main.metafile.inputs))))
  await build({ ...options, entryPoints: Object.fromEntries(Object.entries(entries).filter(isWorker)) })
  for (const bundle of Object.values(clientBundles)) await build({ ...common, outdir: 'dist', bundle: true, ...bundle })
  unpackRaft()
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

/** Unpacked at build time: a start then takes less time and memory. */
function unpackRaft() {
  const source = join(root, raftWasm)
  if (existsSync(source))
    writeFileSync(join(root, 'dist/workers/raft.wasm'), brotliDecompressSync(readFileSync(source)))
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
  if (targets.includes('types')) {
    // TypeScript is loaded for this alone: a start needs no types and should not wait for it.
    const { assemblePackages } = await import('./packages/assemble.mjs')
    await assemblePackages()
  }
  console.log(`build: ${targets.join(' and ') || 'dist and build'} in ${Math.round(performance.now() - startMs)} ms`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv.slice(2))
