/**
 * Compiles the samples against installed packages as strict users do: every way of resolving modules, no skipLibCheck.
 */
import { join } from 'node:path'
import ts from 'typescript'
import { root } from '../prepare.mjs'

const { ModuleKind, ModuleResolutionKind } = ts

const strict = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
  target: ts.ScriptTarget.ES2022,
}

const forNode = {
  ...strict,
  lib: ['lib.es2022.d.ts'],
  types: ['node'],
  typeRoots: [join(root, 'node_modules/@types')],
}

/** Compiler options by name; each is used on the samples that it fits. */
const nodeSettings = {
  node16: { ...forNode, module: ModuleKind.Node16, moduleResolution: ModuleResolutionKind.Node16 },
  nodenext: { ...forNode, module: ModuleKind.NodeNext, moduleResolution: ModuleResolutionKind.NodeNext },
  bundler: { ...forNode, module: ModuleKind.ESNext, moduleResolution: ModuleResolutionKind.Bundler },
}

const forBrowsers = { ...strict, lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'], types: [] }

const browserSettings = {
  'bundler, browser': {
    ...forBrowsers,
    module: ModuleKind.ESNext,
    moduleResolution: ModuleResolutionKind.Bundler,
    customConditions: ['browser'],
  },
  'nodenext, without the types of Node.js': {
    ...forBrowsers,
    module: ModuleKind.NodeNext,
    moduleResolution: ModuleResolutionKind.NodeNext,
  },
}

/** As `compileForNode`, with the browser's types and without those of Node.js. */
export function compileForBrowsers(folder, files) {
  return Object.entries(browserSettings).flatMap(([name, options]) => compile(name, options, folder, files))
}

/**
 * @param {string} folder a project that has the packages installed
 * @param {string[]} files of that folder
 * @returns {string[]} what is wrong, one text a finding
 */
export function compileForNode(folder, files) {
  return Object.entries(nodeSettings).flatMap(([name, options]) => compile(name, options, folder, files))
}

function compile(name, options, folder, files) {
  const program = ts.createProgram(
    files.map((file) => join(folder, file)),
    options,
  )
  const found = ts.getPreEmitDiagnostics(program)
  return found.map((diagnostic) => {
    const at = diagnostic.file === undefined ? '' : `${diagnostic.file.fileName}: `
    return `types with ${name}: ${at}${ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')}`
  })
}
