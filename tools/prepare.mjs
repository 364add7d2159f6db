/**
 * Installs npm packages and builds when they are missing or out of date, and does nothing otherwise (a few milliseconds
 * of file times). Each runs in a process of its own, so the caller's memory stays small. All output goes to stderr.
 * Plain JavaScript with Node's own modules only: it runs before anything is installed.
 */
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isBuildStale, isInstallStale } from './stale.mjs'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/**
 * Makes the clone ready to run. Ends the process with the failing step's exit code if one fails.
 * @param {('dist' | 'build')[]} targets what must be built
 */
export function prepare(targets) {
  if (isInstallStale(root)) {
    console.error('StreamBus: installing npm packages (once) ...')
    runStep('npm ci', npmCommand(), ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  }
  const stale = targets.filter((target) => isBuildStale(root, target))
  if (stale.length > 0) {
    console.error('StreamBus: building ...')
    runStep('the build', process.execPath, [join(root, 'tools/build.mjs'), ...stale])
  }
}

function npmCommand() {
  return process.platform === 'win32' ? 'npm.cmd' : 'npm'
}

function runStep(name, command, args) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (status === 0) return
  console.error(
    `StreamBus: ${name} failed (${error?.message ?? signal ?? `exit code ${status}`}); see the output above.`,
  )
  process.exit(status || 1)
}
