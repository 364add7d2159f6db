/**
 * `npm run pack`: builds, and makes the tarballs of both packages in release/. The same sources give the same bytes.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildDist } from '../build.mjs'
import { prepare, root } from '../prepare.mjs'
import { assemblePackages } from './assemble.mjs'
import { packages } from './package-list.mjs'

export const releaseFolder = join(root, 'release')

/**
 * @typedef {{ name: string, file: string, sizeBytes: number, unpackedBytes: number, files: string[], sha256: string }}
 *   Tarball `file` is an absolute path
 */

/**
 * @param {string} [folder] where the tarballs are put
 * @returns {Promise<Tarball[]>}
 */
export async function buildAndPack(folder = releaseFolder) {
  await buildDist()
  await assemblePackages()
  mkdirSync(folder, { recursive: true })
  return packages.map((one) => packOne(one, folder))
}

/** @returns {Tarball} */
export function packOne({ name, folder }, destination) {
  const args = ['pack', `./${folder}`, '--json', '--ignore-scripts', '--pack-destination', destination]
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 })
  if (status !== 0) throw new Error(`npm pack of ${name} failed:\n${stderr}`)
  const [report] = JSON.parse(stdout)
  const file = join(destination, report.filename)
  return {
    name,
    file,
    sizeBytes: statSync(file).size,
    unpackedBytes: report.unpackedSize,
    files: report.files.map(({ path }) => path),
    sha256: sha256Of(file),
  }
}

export function sha256Of(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}

export function tarballLine({ file, sizeBytes, unpackedBytes, files, sha256 }) {
  const kB = (bytes) => `${Math.round(bytes / 1000)} kB`
  return `${file}: ${kB(sizeBytes)}, unpacked ${kB(unpackedBytes)} in ${files.length} files\n  sha256 ${sha256}`
}

async function main() {
  prepare([])
  for (const tarball of await buildAndPack()) console.log(tarballLine(tarball))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main()
