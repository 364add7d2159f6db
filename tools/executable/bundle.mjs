/**
 * The code of the single executable: the command line and each worker as one script, with every package in it. Some
 * files and packages, which would look for files, are replaced by those in `embedded/`.
 */
import { build } from 'esbuild'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { packageFolders } from '../licenses.mjs'
import { root } from '../prepare.mjs'

const here = dirname(fileURLToPath(import.meta.url))

/** What an import names (its end), and what is imported instead. */
const replacements = [
  [/^node:module$/, 'node-module.cjs'],
  [/^node:worker_threads$/, 'node-worker-threads.cjs'],
  [/^piscina$/, 'piscina.cjs'],
  [/^bufferutil$/, 'bufferutil.cjs'],
  [/\/worker-files\.js$/, 'worker-files.mjs'],
  [/\/raft-module\.js$/, 'raft-module.mjs'],
]

/** ws looks for it, and does without where it is missing. */
const external = ['utf-8-validate']

const embedded = {
  name: 'embedded',
  setup(setup) {
    for (const [filter, file] of replacements) {
      setup.onResolve({ filter }, () => ({ path: join(here, 'embedded', file) }))
    }
    setup.onLoad({ filter: /\/workers\/\w+\/main\.ts$/ }, ({ path }) => {
      return { contents: withoutTopLevelAwait(readFileSync(path, 'utf8')), loader: 'ts' }
    })
  },
}

/** A script can't wait at its top level as a module can: what follows the imports becomes a function that is called. */
function withoutTopLevelAwait(text) {
  const { statements } = ts.createSourceFile('main.ts', text, ts.ScriptTarget.ES2022)
  // Who exports something is imported by others and does not wait.
  if (statements.some(isExport)) return text
  const bodyAt = statements.findLast(ts.isImportDeclaration)?.end ?? 0
  return `${text.slice(0, bodyAt)}\nvoid (async () => {${text.slice(bodyAt)}})()\n`
}

/**
 * @param {Record<string, string>} entryPoints source files by the names of the scripts
 * @returns {Promise<{ scripts: Map<string, string>, packages: Set<string> }>} the scripts' texts by name, and the
 *   folders of the packages that are in them
 */
export async function bundleScripts(entryPoints) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints,
    outdir: 'build/executable',
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'warning',
    external,
    plugins: [embedded],
    // What is loaded relative to it is replaced; what is left only needs it to be an address.
    define: { 'import.meta.url': '"file:///embedded/main.js"' },
  })
  const scripts = outputFiles.map(({ path, text }) => [path.slice(join(root, 'build/executable/').length), text])
  return { scripts: new Map(scripts), packages: packageFolders(Object.keys(metafile.inputs)) }
}

function isExport(statement) {
  return ts.canHaveModifiers(statement) && ts.getModifiers(statement)?.[0]?.kind === ts.SyntaxKind.ExportKeyword
}
