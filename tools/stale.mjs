/**
 * Answers whether dist/ or build/ must be made again, and whether npm packages must be installed, from file times alone.
 * Plain JavaScript with Node's own modules only: it runs before anything is installed.
 */
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const sourceFolders = {
  dist: ['native-free-core', 'workers', 'src'],
  build: ['native-free-core', 'workers', 'src', 'test', 'bench', 'examples']
}

const buildTools = ['package.json', 'tools/build.mjs']

/**
 * Marks a finished build with the time at which it began: a source file saved while the build ran counts as newer, and
 * a build that was cut short leaves no mark and is made again.
 */
export function writeBuildStamp(root, target, startedAt) {
  const stamp = join(root, target, '.build-stamp')
  mkdirSync(join(root, target), { recursive: true })
  writeFileSync(stamp, `built with Node.js ${process.version}\n`)
  utimesSync(stamp, startedAt, startedAt)
}

/** @returns {boolean} true when `target` ('dist' or 'build') was never built or a source file or folder is newer */
export function isBuildStale(root, target) {
  const stampMs = modifiedMs(join(root, target, '.build-stamp'))
  if (stampMs === 0) return true
  if (buildTools.some((path) => modifiedMs(join(root, path)) > stampMs)) return true
  return sourceFolders[target].some((folder) => hasNewer(join(root, folder), stampMs))
}

/** @returns {boolean} true when node_modules is missing or older than package-lock.json */
export function isInstallStale(root) {
  const installedMs = modifiedMs(join(root, 'node_modules', '.package-lock.json'))
  return installedMs === 0 || modifiedMs(join(root, 'package-lock.json')) > installedMs
}

function modifiedMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

/** A folder's own time changes when a file in it is added or removed, so it is compared as well. */
function hasNewer(folder, stampMs) {
  if (!existsSync(folder)) return false
  if (statSync(folder).mtimeMs > stampMs) return true
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'node_modules') continue
    const path = join(folder, entry.name)
    if (entry.isDirectory() ? hasNewer(path, stampMs) : statSync(path).mtimeMs > stampMs) return true
  }
  return false
}
