/**
 * Answers whether dist/ or build/ must be made again, and whether npm packages must be installed, from file times.
 * Plain JavaScript with Node's own modules only: it runs before anything is installed.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const distFolders = ['native-free-core', 'workers', 'src']
const sourceFolders = { dist: distFolders, build: [...distFolders, 'test', 'bench', 'examples'] }
const buildTools = ['package.json', 'tools/build.mjs']
const sourcePattern = /\.(ts|wasm\.br)$/

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

/** @returns {boolean} true when node_modules is missing or does not hold what package-lock.json says */
export function isInstallStale(root) {
  const installedPath = join(root, 'node_modules', '.package-lock.json')
  const wantedPath = join(root, 'package-lock.json')
  const installedMs = modifiedMs(installedPath)
  if (installedMs === 0) return true
  if (modifiedMs(wantedPath) <= installedMs) return false
  if (!holdsSameVersions(readPackages(wantedPath), readPackages(installedPath))) return true
  const now = new Date()
  utimesSync(installedPath, now, now)
  return false
}

function holdsSameVersions(wanted, installed) {
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || entry.version === installed[path]?.version) return true
    return entry.optional === true && installed[path] === undefined
  })
}

function readPackages(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages
}

function modifiedMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

/** A folder's own time changes when a file in it is added or removed, so it is compared as well. */
function hasNewer(folder, stampMs) {
  const folderMs = modifiedMs(folder)
  if (folderMs === 0 || folderMs > stampMs) return folderMs > stampMs
  return readdirSync(folder, { withFileTypes: true }).some((entry) => {
    if (entry.isDirectory()) return entry.name !== 'node_modules' && hasNewer(join(folder, entry.name), stampMs)
    return sourcePattern.test(entry.name) && modifiedMs(join(folder, entry.name)) > stampMs
  })
}
