/**
 * The static checks: types, format, lint, folder rules, lock, generated pages. Runs all of them, then says which
 * failed. `node tools/check.mjs lint format` runs the named ones only.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { prepare, root } from './prepare.mjs'

const codeFolders = ['native-free-core', 'workers', 'src', 'test', 'bench', 'examples']

const checks = {
  types: () => runNode('tools/typecheck.mjs'),
  format: () => runPackage('@biomejs/biome/bin/biome', ['format', '--max-diagnostics=20', '.']),
  lint: () => runPackage('oxlint/bin/oxlint', ['--type-aware', '--deny-warnings', ...existing(codeFolders)]),
  folders: checkFolderRules,
  lock: () => runNode('tools/complete-lock.mjs', '--check'),
  codecs: () => runNode('tools/generate-codecs.mjs', '--check'),
  docs: () => runNode('tools/generate-docs.mjs', '--check'),
  api: () => runNode('tools/packages/api-reference.mjs', '--check'),
  pictures: () => runNode('tools/terminal-picture.mjs', '--check'),
}

/** dependency-cruiser is content with nothing to look at, so the count of modules is checked as well. */
function checkFolderRules() {
  const args = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...existing(codeFolders)]
  const { stdout, stderr } = spawnPackage('dependency-cruiser/bin/dependency-cruise.mjs', args, 'pipe')
  if (!stdout.startsWith('{')) return fail(stderr || stdout)
  const { summary } = JSON.parse(stdout)
  for (const { rule, from, to, cycle } of summary.violations) {
    const path = cycle === undefined ? to : cycle.map((step) => step.name).join(' -> ')
    console.error(`${rule.severity} ${rule.name}: ${from} -> ${path}`)
  }
  if (summary.totalCruised === 0) return fail('dependency-cruiser saw no module: is TypeScript 6 installed?')
  console.log(`${summary.totalCruised} modules, ${summary.totalDependenciesCruised} imports`)
  return summary.error === 0
}

function fail(message) {
  console.error(message)
  return false
}

function existing(folders) {
  return folders.filter((folder) => existsSync(join(root, folder)))
}

function runNode(script, ...args) {
  return spawnSync(process.execPath, [join(root, script), ...args], { cwd: root, stdio: 'inherit' }).status === 0
}

function runPackage(script, args) {
  return spawnPackage(script, args, 'inherit').status === 0
}

function spawnPackage(script, args, stdio) {
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28, stdio: ['ignore', stdio, stdio] }
  return spawnSync(process.execPath, [join(root, 'node_modules', script), ...args], options)
}

function main(names) {
  // Examples import the package by its name: the folder rules follow it into dist.
  prepare(['dist', 'build'])
  const wanted = names.length > 0 ? names : Object.keys(checks)
  const unknown = wanted.filter((name) => !(name in checks))
  if (unknown.length > 0) throw new Error(`unknown check ${unknown.join(', ')}: use ${Object.keys(checks).join(', ')}`)
  const failed = wanted.filter((name) => {
    const startMs = performance.now()
    const passed = checks[name]()
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
    console.log(`check ${name}: ${passed ? 'passed' : 'FAILED'} in ${seconds} s`)
    return !passed
  })
  if (failed.length > 0) console.error(`check: ${failed.join(', ')} failed`)
  process.exitCode = failed.length > 0 ? 1 : 0
}

main(process.argv.slice(2))
