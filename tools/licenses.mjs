/**
 * The licences and notices of the packages whose code is in a bundle.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './prepare.mjs'

const licenseFilePattern = /^(licen[cs]e|copying|notice)([-.].*)?$/i
const separator = `\n${'-'.repeat(80)}\n\n`

/** @returns {Set<string>} the folders of the packages that files of a bundle are from, relative to the root */
export function packageFolders(inputs) {
  const folders = inputs.map((path) => /^(.*node_modules\/(@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
  return new Set(folders.filter((folder) => folder !== undefined))
}

/** @param {Iterable<string>} folders of packages, relative to the root. Throws when one has no licence. */
export function packageTexts(folders, before = []) {
  return [...before, ...[...folders].sort().map(packageText)].join(separator)
}

function packageText(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
  const texts = readdirSync(join(root, folder))
    .filter((file) => licenseFilePattern.test(file))
    .map((file) => readFileSync(join(root, folder, file), 'utf8'))
  if (texts.length === 0 && license === undefined) throw new Error(`${name} ${version} does not say its licence`)
  return [`${name} ${version} (${license})`, ...texts].join('\n\n')
}
