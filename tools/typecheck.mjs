/**
 * Type-checks every runtime with its own tsconfig, two at a time: the core and the browsers' client cannot see Node.js,
 * the threads cannot see the test globals. `node tools/typecheck.mjs src workers` checks the named ones only.
 */
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
/** Each project and its configuration. */
const projects = {
  test: 'test/tsconfig.json',
  src: 'src/tsconfig.json',
  browser: 'src/client/tsconfig.browser.json',
  workers: 'workers/tsconfig.json',
  'native-free-core': 'native-free-core/tsconfig.json',
}
const parallelCount = 2

/** @returns {Promise<boolean>} whether the project has no type error; its errors go to stdout */
function checkProject(name) {
  const tsc = join(root, 'node_modules/typescript/lib/tsc.js')
  const cache = join(root, `node_modules/.cache/typecheck/${name}.tsbuildinfo`)
  const options = ['-p', projects[name], '--noEmit', '--incremental', '--tsBuildInfoFile', cache]
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [tsc, ...options], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    child.on('close', (code) => {
      const isEmptyProject = output.includes('TS18003')
      if (!isEmptyProject) process.stdout.write(output)
      resolve(code === 0 || isEmptyProject)
    })
  })
}

async function main(names) {
  const startMs = performance.now()
  const queue = names.length > 0 ? [...names] : Object.keys(projects)
  const unknown = queue.filter((name) => !(name in projects))
  if (unknown.length > 0)
    throw new Error(`unknown project ${unknown.join(', ')}: use ${Object.keys(projects).join(', ')}`)
  const total = queue.length
  let failed = 0
  const lane = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      if (!(await checkProject(name))) failed += 1
    }
  }
  await Promise.all(Array.from({ length: parallelCount }, lane))
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
  console.log(`typecheck: ${total - failed} of ${total} projects without error in ${seconds} s`)
  process.exitCode = failed === 0 ? 0 : 1
}

await main(process.argv.slice(2))
