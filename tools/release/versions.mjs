/**
 * The release's version stands in several files. `node tools/release/versions.mjs 1.2.3` writes it to all of them;
 * `versionProblems` tells where they differ, and what the changelog lacks.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from '../prepare.mjs'

const sourceFile = 'native-free-core/version.ts'
const sourcePattern = /(releaseVersion = ')([^']*)(')/
const manifests = ['package.json', 'packages/streambus-client/package.json']
const versionPattern = /^\d+\.\d+\.\d+(-[\w.]+)?$/

/** @returns {Record<string, string>} the version in each file of the tree below `folder` */
export function versionsIn(folder) {
  const lock = readJson(folder, 'package-lock.json')
  const versions = Object.fromEntries(manifests.map((file) => [file, readJson(folder, file).version]))
  versions['package-lock.json'] = lock.version
  versions['package-lock.json, first package'] = lock.packages[''].version
  versions[sourceFile] = sourcePattern.exec(readFileSync(join(folder, sourceFile), 'utf8'))?.[2]
  return versions
}

/** @returns {string[]} what keeps that version from being released, one text a problem */
export function versionProblems(folder, wanted) {
  const problems = Object.entries(versionsIn(folder))
    .filter(([, version]) => version !== wanted)
    .map(([file, version]) => `${file} says ${version}, not ${wanted}: node tools/release/versions.mjs ${wanted}`)
  const entry = changelogEntry(readFileSync(join(folder, 'CHANGELOG.md'), 'utf8'), wanted)
  if (entry === undefined) problems.push(`CHANGELOG.md has no entry "## ${wanted} - YYYY-MM-DD"`)
  else if (entry.text === '') problems.push(`the entry for ${wanted} in CHANGELOG.md is empty`)
  return problems
}

/** @returns {{ date: string, text: string } | undefined} a version's entry in the changelog */
export function changelogEntry(changelog, version) {
  const parts = changelog.split(/^## /m).slice(1)
  const part = parts.find((text) => text.startsWith(`${version} - `))
  const date = part === undefined ? undefined : /^\S+ - (\d{4}-\d{2}-\d{2})\n/.exec(part)?.[1]
  return date === undefined ? undefined : { date, text: part.slice(part.indexOf('\n')).trim() }
}

function writeVersion(version) {
  for (const file of [...manifests, 'package-lock.json']) {
    const json = readJson(root, file)
    json.version = version
    if (json.packages !== undefined) json.packages[''].version = version
    // As the formatter has it: the lists of one line stay.
    const text = readFileSync(join(root, file), 'utf8')
    const changed = text.replace(/^( {2}"version": ")[^"]*/m, `$1${version}`)
    writeFileSync(join(root, file), json.packages === undefined ? changed : `${JSON.stringify(json, null, 2)}\n`)
  }
  const source = readFileSync(join(root, sourceFile), 'utf8')
  writeFileSync(join(root, sourceFile), source.replace(sourcePattern, `$1${version}$3`))
}

function readJson(folder, file) {
  return JSON.parse(readFileSync(join(folder, file), 'utf8'))
}

function main([version]) {
  if (version === undefined || !versionPattern.test(version)) {
    console.error('usage: node tools/release/versions.mjs 1.2.3')
    process.exitCode = 2
    return
  }
  writeVersion(version)
  for (const problem of versionProblems(root, version)) console.log(`still to do: ${problem}`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv.slice(2))
