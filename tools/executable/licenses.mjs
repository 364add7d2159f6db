/**
 * The licences and notices of everything that is in the single executable, as one text.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from '../prepare.mjs'

/** Where installations of Node.js keep its licence. */
const nodeLicensePlaces = ['../LICENSE', '../share/doc/node/LICENSE', '../share/doc/nodejs/LICENSE']

const licenseFilePattern = /^(licen[cs]e|copying|notice)([-.].*)?$/i

/** @param {Iterable<string>} packages folders of packages, relative to the root. Throws when one has no licence. */
export function licenseTexts(packages) {
  const own = ['NOTICE', 'LICENSE'].map((file) => readFileSync(join(root, file), 'utf8'))
  const others = [...packages].sort().map(packageText)
  return [...own, nodeText(), ...others].join(`\n${'-'.repeat(80)}\n\n`)
}

function nodeText() {
  const places = nodeLicensePlaces.map((place) => join(dirname(process.execPath), place))
  const found = places.find((place) => existsSync(place))
  if (found === undefined) {
    throw new Error(`the licence of Node.js is in none of ${places.join(', ')}: build with a Node.js that brings it`)
  }
  return `Node.js ${process.version}\n\n${readFileSync(found, 'utf8')}`
}

function packageText(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
  const texts = readdirSync(join(root, folder))
    .filter((file) => licenseFilePattern.test(file))
    .map((file) => readFileSync(join(root, folder, file), 'utf8'))
  if (texts.length === 0 && license === undefined) throw new Error(`${name} ${version} does not say its licence`)
  return [`${name} ${version} (${license})`, ...texts].join('\n\n')
}
