/**
 * Writes docs/api-reference.md from the packages' declarations and their comments, which typedoc reads. `--check`
 * writes nothing and fails if the page differs, or if something that programs can use has no comment.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Application, ReflectionKind } from 'typedoc'
import { prepare, root } from '../prepare.mjs'
import { assembledDeclarations } from './assemble.mjs'
import { packages } from './package-list.mjs'
import { renderApi } from './render-api.mjs'

const page = 'docs/api-reference.md'
const workFolder = join(root, 'build/api')

/** What tables tell on pages of their own; their members are left out here. */
const elsewhere = { BrokerConfig: 'configuration.md#broker', ErrorName: 'errors.md' }

/** @returns {Promise<{ text: string, undocumented: string[] }>} the page, and the names that have no comment */
export async function renderReference() {
  const texts = await assembledDeclarations()
  mkdirSync(workFolder, { recursive: true })
  const files = packages.map(({ name, entries }) => {
    const file = join(workFolder, `${name}.d.ts`)
    writeFileSync(file, texts.find(({ path }) => path === entries[0].types).text)
    return file
  })
  const [whole, client] = await readModules(files)
  const shared = new Set(client.map(({ name }) => name))
  return {
    text: renderApi(whole, { isShared: ({ name }) => shared.has(name), elsewhere }),
    undocumented: whole.flatMap(undocumentedIn),
  }
}

async function readModules(files) {
  const tsconfig = join(workFolder, 'tsconfig.json')
  const compilerOptions = {
    target: 'es2022',
    module: 'nodenext',
    lib: ['es2022', 'esnext.disposable'],
    types: ['node'],
    strict: true,
    noEmit: true,
  }
  writeFileSync(tsconfig, JSON.stringify({ compilerOptions, files }))
  const app = await Application.bootstrap({
    entryPoints: files,
    tsconfig,
    readme: 'none',
    logLevel: 'Error',
    sort: ['source-order'],
    skipErrorChecking: true,
    excludeExternals: true,
    excludePrivate: true,
  })
  const project = await app.convert()
  if (project === undefined) throw new Error('typedoc could not read the declarations')
  return packages.map(({ name }) => project.children.find((module) => module.name === name).children)
}

/** Exported names, methods and accessors must say what they are for; of a property the name may be enough. */
function undocumentedIn(symbol) {
  const own = hasComment(symbol) ? [] : [symbol.name]
  if (symbol.name in elsewhere) return own
  const members = (symbol.children ?? []).filter(
    (member) => member.kindOf([ReflectionKind.Method, ReflectionKind.Accessor]) && member.inheritedFrom === undefined,
  )
  return [...own, ...members.filter((member) => !hasComment(member)).map(({ name }) => `${symbol.name}.${name}`)]
}

function hasComment(reflection) {
  const { comment, signatures, getSignature } = reflection
  return (comment ?? signatures?.[0].comment ?? getSignature?.comment)?.hasVisibleComponent() ?? false
}

async function main(isCheck) {
  prepare([])
  const { text, undocumented } = await renderReference()
  if (undocumented.length > 0) {
    console.error(`api: without a comment that says what it is for: ${undocumented.join(', ')}`)
    process.exitCode = 1
  }
  if (readFileSync(join(root, page), { encoding: 'utf8', flag: 'a+' }) === text) return
  if (isCheck) {
    console.error(`api: ${page} differs from the declarations: run npm run docs`)
    process.exitCode = 1
    return
  }
  writeFileSync(join(root, page), text)
  console.log(`docs: wrote ${page}`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv.includes('--check'))
