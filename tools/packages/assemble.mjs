/**
 * Makes both packages ready for `npm pack`: writes their declarations, and puts the client's bundles and licence into
 * packages/streambus-client. Needs a fresh dist/.
 */
import { build } from 'esbuild'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from '../prepare.mjs'
import { emitDeclarations, rollUp } from './declarations.mjs'
import { packages } from './package-list.mjs'

export async function assemblePackages() {
  copyClient()
  for (const { path, text } of await assembledDeclarations()) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
}

/**
 * @returns {Promise<{ path: string, text: string }[]>} the declarations of every entry of every package. Throws, naming
 * them, if they need types that no entry exports, or if two entries with one file of declarations differ.
 */
export async function assembledDeclarations() {
  const texts = new Map()
  const entries = packages.flatMap((one) => one.entries)
  const emitted = emitDeclarations(entries.map(({ source }) => source))
  const memberDocs = await docsFromTables()
  for (const { source, types } of entries) {
    const { text, forgotten, imported } = rollUp(source, emitted, memberDocs)
    if (forgotten.length > 0) {
      throw new Error(
        `public declarations of ${source} name ${forgotten.join(', ')}, which it does not export: ` +
          'export them there, or mark what names them @internal',
      )
    }
    if (imported.length > 0) {
      throw new Error(`public declarations of ${source} need types of ${imported.join(', ')}, which users may not have`)
    }
    if ((texts.get(types) ?? text) !== text) throw new Error(`${source} declares something else than ${types} says`)
    texts.set(types, text)
  }
  return [...texts].map(([path, text]) => ({ path, text }))
}

/** Comments for the members of types that are made from tables: what the table says of each row. */
async function docsFromTables() {
  const entryPoints = [join(root, 'native-free-core/config/broker-config.ts')]
  const { outputFiles } = await build({ entryPoints, bundle: true, format: 'esm', write: false })
  const code = Buffer.from(outputFiles[0].contents).toString('base64')
  const { brokerConfigRows } = await import(`data:text/javascript;base64,${code}`)
  const keys = Object.entries(brokerConfigRows).map(([key, row]) => [key, `${row.description} ${defaultOf(row)}`])
  return { BrokerConfig: Object.fromEntries(keys) }
}

function defaultOf({ defaultValue, unit }) {
  if (Array.isArray(defaultValue)) return defaultValue.length === 0 ? 'Default: none.' : `Default: ${defaultValue}.`
  return `Default: ${defaultValue}${unit === undefined || unit === 'count' ? '' : ` ${unit}`}.`
}

function copyClient() {
  const from = join(root, 'dist/client')
  const folder = join(root, 'packages/streambus-client')
  rmSync(join(folder, 'dist'), { recursive: true, force: true })
  mkdirSync(join(folder, 'dist'), { recursive: true })
  for (const name of readdirSync(from).filter((file) => file.endsWith('.js'))) {
    writeFileSync(join(folder, 'dist', name), withoutMap(readFileSync(join(from, name), 'utf8')))
  }
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
}

/** Source maps stay here: the bundles are not minified, and bundlers complain of a map that is not there. */
function withoutMap(code) {
  return code.replace(/\n\/\/# sourceMappingURL=.*\n?$/, '\n')
}
