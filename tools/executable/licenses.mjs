/**
 * The licences and notices of everything that is in the single executable, as one text.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { packageTexts } from '../licenses.mjs'
import { root } from '../prepare.mjs'

/** Where installations of Node.js keep its licence. */
const nodeLicensePlaces = ['../LICENSE', '../share/doc/node/LICENSE', '../share/doc/nodejs/LICENSE']

/** @param {Iterable<string>} packages folders of packages, relative to the root. Throws when one has no licence. */
export function licenseTexts(packages) {
  const own = ['NOTICE', 'LICENSE'].map((file) => readFileSync(join(root, file), 'utf8'))
  return packageTexts(packages, [...own, nodeText()])
}

function nodeText() {
  const places = nodeLicensePlaces.map((place) => join(dirname(process.execPath), place))
  const found = places.find((place) => existsSync(place))
  if (found === undefined) {
    throw new Error(`the licence of Node.js is in none of ${places.join(', ')}: build with a Node.js that brings it`)
  }
  return `Node.js ${process.version}\n\n${readFileSync(found, 'utf8')}`
}
