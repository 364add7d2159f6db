/**
 * Runs the built tests in a mocha process and gives the counts. A process that stays alive after its last test (a
 * worker, socket or timer was left open) is ended after a grace time and counts as a failure.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './prepare.mjs'

const graceMs = 15_000
const pollMs = 250

/** Tests that need nothing but Node.js. Those that need more are in test/compat and test/browser. */
export const suites = ['unit', 'scenario', 'concurrency', 'conformance', 'docs', 'tidy']

/**
 * @param {{ specs: string[], args?: string[], node?: string }} options `specs`: files or globs below build/;
 *   `node`: the binary to run them with
 * @returns {Promise<{ passed: number, failed: number, skipped: number }>} a run that broke counts as one failure more
 */
export async function runMocha({ specs, args = [], node = process.execPath }) {
  const results = join(root, 'build', `test-results-${process.pid}.json`)
  mkdirSync(join(root, 'build'), { recursive: true })
  rmSync(results, { force: true })
  const mocha = join(root, 'node_modules/mocha/bin/_mocha')
  const reporter = join(root, 'tools/mocha-reporter.cjs')
  const child = spawn(node, ['--enable-source-maps', mocha, '--reporter', reporter, ...args, ...specs], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, STREAMBUS_TEST_RESULTS: results },
  })
  const exit = await waitForExit(child, results)
  const counts = existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')) : { passed: 0, failed: 0, skipped: 0 }
  rmSync(results, { force: true })
  if (exit !== undefined && exit !== 0 && counts.failed === 0) counts.failed = 1
  return counts
}

/** @returns {Promise<number | string | null>} the exit code, or a word when the process had to be ended */
function waitForExit(child, results) {
  return new Promise((resolve) => {
    let endedAtMs
    const timer = setInterval(() => {
      if (!existsSync(results)) return
      endedAtMs ??= performance.now()
      if (performance.now() - endedAtMs < graceMs) return
      console.error(
        `tests: the process was still alive ${graceMs / 1000} s after its last test: something was left open`,
      )
      clearInterval(timer)
      child.kill('SIGKILL')
    }, pollMs)
    child.on('exit', (code, signal) => {
      clearInterval(timer)
      resolve(code ?? signal)
    })
  })
}

/** The line that ends every run. */
export function countLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}
