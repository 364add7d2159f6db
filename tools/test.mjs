/**
 * `npm test`: installs if needed, builds, checks types, runs every test that needs nothing but Node.js, and ends with
 * the line `N passed, N failed, N skipped`.
 *
 *   npm test -- test/unit/journal            only these files or folders (no type-check)
 *   npm test -- --grep "torn tail"           passed to mocha
 *   npm run test:compat                      the tests that need Java or other programs
 *   npm run test:browser                     the tests that need Chromium
 */
import { refuseUnsuitableNode } from '../bin/node-version.js'

refuseUnsuitableNode()
test(process.argv.slice(2))

async function test(argv) {
  const { prepare, root } = await import('./prepare.mjs')
  const { runMocha, countLine, suites } = await import('./run-mocha.mjs')
  const { spawnSync } = await import('node:child_process')
  const isCompat = argv.includes('--compat')
  const paths = argv.filter((arg) => arg.startsWith('test/'))
  const mochaArgs = argv.filter((arg) => arg !== '--compat' && !arg.startsWith('test/'))
  prepare(['dist', 'build'])
  if (argv.length === 0) {
    const { status } = spawnSync(process.execPath, ['tools/typecheck.mjs'], { cwd: root, stdio: 'inherit' })
    if (status !== 0) return fail('type errors: the tests were not run')
  }
  const specs = await findSpecs(
    root,
    paths.length > 0 ? paths : isCompat ? ['test/compat'] : suites.map((s) => `test/${s}`),
  )
  if (specs.length === 0 && isCompat) {
    console.log('There are no tests in test/compat yet.')
    return
  }
  if (specs.length === 0) return fail(`no test found in ${paths.join(', ') || 'test/'}`)
  const counts = await runMocha({ specs, args: mochaArgs })
  if (!isCompat && paths.length === 0) await sayWhatWasLeftOut(root)
  console.log(countLine(counts))
  await rememberCounts(root, counts)
  process.exitCode = counts.failed === 0 ? 0 : 1
}

function fail(message) {
  console.error(`npm test: ${message}`)
  console.log('0 passed, 1 failed, 0 skipped')
  process.exitCode = 1
}

/** @returns {Promise<string[]>} built test files of source files or folders such as `test/unit/journal` */
async function findSpecs(root, paths) {
  const { existsSync, readdirSync, statSync } = await import('node:fs')
  const { join } = await import('node:path')
  return paths.flatMap((path) => {
    const built = join(root, 'build', path.replace(/\.ts$/, '.js'))
    if (!existsSync(built)) return []
    if (statSync(built).isFile()) return [built]
    const names = readdirSync(built, { recursive: true }).filter((name) => name.endsWith('.test.js'))
    return names.sort().map((name) => join(built, name))
  })
}

async function sayWhatWasLeftOut(root) {
  for (const suite of ['compat', 'browser']) {
    const left = await findSpecs(root, [`test/${suite}`])
    if (left.length === 0) continue
    console.log(
      `Left out: ${left.length} test files in test/${suite}, which need programs beyond Node.js. ` +
        `test/${suite}/README.md says how to get them; then: npm run test:${suite}`,
    )
  }
}

async function rememberCounts(root, counts) {
  const { writeFileSync } = await import('node:fs')
  const { join } = await import('node:path')
  writeFileSync(join(root, 'build', 'test-counts.json'), JSON.stringify(counts))
}
