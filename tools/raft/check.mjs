/**
 * `npm run raft:check`: builds raft.wasm anew and compares it with the checked-in artifact.
 * `npm run raft:conformance`: runs etcd's own tests in WebAssembly, over the twin of its messages (some minutes).
 * `node tools/raft/check.mjs --write` builds and replaces the artifact and its sha256.
 * Where Go is missing, the first compares the artifact with its sha256 only, and says so.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib'

const here = dirname(fileURLToPath(import.meta.url))
const artifact = join(here, '../../native-free-core/metadata/raft/raft.wasm.br')
const hashFile = artifact.replace(/\.br$/, '.sha256')
const conformancePackages = ['.', './confchange', './quorum', './tracker', './rafttest']

function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex')
}

function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', ...options })
  if (error !== undefined) throw error
  return status === 0
}

function hasGo() {
  return spawnSync('go', ['version'], { stdio: 'ignore' }).status === 0
}

/** @returns {Buffer | undefined} the module, undefined when the build failed */
function build(workFolder) {
  const out = join(workFolder, 'raft.wasm')
  return run('sh', [join(here, 'build.sh'), out, workFolder]) ? readFileSync(out) : undefined
}

/** The artifact is what its sha256 says, and what the source gives. */
function check(workFolder) {
  const expected = readFileSync(hashFile, 'utf8').slice(0, 64)
  const actual = sha256(brotliDecompressSync(readFileSync(artifact)))
  if (actual !== expected) return fail(`raft.wasm.br holds ${actual}, raft.wasm.sha256 says ${expected}`)
  if (!hasGo()) {
    console.log(`raft: the artifact is ${actual}; Go is missing, so it was not built anew`)
    return true
  }
  const built = build(workFolder)
  if (built === undefined) return fail('the build failed')
  if (sha256(built) !== expected) return fail(`the source gives ${sha256(built)}, the artifact is ${expected}`)
  console.log(`raft: the source gives the artifact, ${expected}`)
  return true
}

function write(workFolder) {
  const built = build(workFolder)
  if (built === undefined) return fail('the build failed')
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 11,
    [constants.BROTLI_PARAM_LGWIN]: 24,
    [constants.BROTLI_PARAM_SIZE_HINT]: built.length,
  }
  writeFileSync(artifact, brotliCompressSync(built, { params }))
  writeFileSync(hashFile, `${sha256(built)}  raft.wasm\n`)
  console.log(`raft: wrote ${sha256(built)}`)
  return true
}

/** etcd's packages with the twin in place, each test binary run by node:wasi. */
function conformance(workFolder) {
  if (!hasGo()) return fail("etcd's tests need Go 1.21 or newer: https://go.dev/dl/")
  if (build(workFolder) === undefined) return fail('the build failed')
  const folder = join(workFolder, 'raft')
  const modFile = join(folder, 'go.mod')
  writeFileSync(modFile, `${readFileSync(modFile, 'utf8')}\nreplace google.golang.org/protobuf => ../twin\n`)
  const env = { ...process.env, GOFLAGS: '' }
  if (!run('go', ['mod', 'tidy'], { cwd: folder, env })) return fail('go mod tidy failed')
  cpSync(join(here, 'run-wasi.mjs'), join(workFolder, 'run-wasi.mjs'))
  const runner = `${process.execPath} --no-warnings ${join(workFolder, 'run-wasi.mjs')}`
  const args = ['test', '-vet=off', '-exec', runner, ...conformancePackages]
  const passed = run('go', args, { cwd: folder, env: { ...env, GOOS: 'wasip1', GOARCH: 'wasm' } })
  return passed || fail("etcd's tests failed")
}

function fail(message) {
  console.error(`raft: ${message}`)
  return false
}

function main(argument) {
  const tasks = { '--write': write, '--conformance': conformance }
  const workFolder = mkdtempSync(join(tmpdir(), 'streambus-raft-'))
  try {
    process.exitCode = (tasks[argument] ?? check)(workFolder) ? 0 : 1
  } finally {
    rmSync(workFolder, { recursive: true, force: true })
  }
}

main(process.argv[2])
