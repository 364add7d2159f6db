/**
 * Rolls the declarations of an entry file up into one .d.ts: what the entry exports and what that needs, nothing else.
 * Members that are private or marked `@internal` are left out; so is a constructor that takes what users do not have.
 * A type that a public declaration names must be public too: `rollUp` tells which are not.
 *
 *   emitDeclarations(['src/index.ts'])       TypeScript writes one .d.ts per source file into build/declarations
 *   rollUp('src/index.ts', emitted)          the text of one file
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import { root } from '../prepare.mjs'
import { internalMembers, isInternal } from './public-members.mjs'

const baseOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
  // npm run check looks for errors; this only writes down what is declared.
  noCheck: true,
}

/**
 * Writes the tree of declarations of the sources below `rootDir`. Throws with TypeScript's message if it can't.
 * @returns {{ program: ts.Program, folder: string }} a program over what was written, and where that is
 */
export function emitDeclarations(entries, rootDir = root, folder = join(root, 'build/declarations')) {
  rmSync(folder, { recursive: true, force: true })
  const options = { ...baseOptions, declaration: true, emitDeclarationOnly: true, rootDir, outDir: folder }
  const source = ts.createProgram(
    entries.map((entry) => join(rootDir, entry)),
    options,
  )
  const { diagnostics } = source.emit(
    undefined,
    (path, text) => {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text)
    },
    undefined,
    true,
  )
  if (diagnostics.length > 0) throw new Error(messageOf(diagnostics))
  const written = entries.map((entry) => declarationPath(folder, entry))
  return { program: ts.createProgram(written, baseOptions), folder }
}

function declarationPath(folder, entry) {
  return join(folder, entry.replace(/\.ts$/, '.d.ts'))
}

function messageOf(diagnostics) {
  return ts.formatDiagnostics(diagnostics, {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: () => root,
    getNewLine: () => '\n',
  })
}

/**
 * @param {Record<string, Record<string, string>>} memberDocs comments for the members of a type made from a table
 * @returns {{ text: string, forgotten: string[], imported: string[] }} the rolled-up file; the names of types that it
 * needs but does not export; the packages that it imports types from
 */
export function rollUp(entry, { program, folder }, memberDocs = {}) {
  const checker = program.getTypeChecker()
  const file = program.getSourceFile(declarationPath(folder, entry))
  const exported = new Map()
  for (const symbol of checker.getExportsOfModule(checker.getSymbolAtLocation(file))) {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    if (!isInternal(target.declarations[0])) exported.set(target, symbol.name)
  }
  const roll = new Roll(checker, exported, { folder, memberDocs })
  for (const symbol of exported.keys()) roll.need(symbol)
  return roll.result()
}

class Roll {
  constructor(checker, exported, { folder, memberDocs }) {
    this.checker = checker
    this.folder = folder
    this.memberDocs = memberDocs
    this.exported = exported
    this.names = new Map()
    this.taken = new Map([...exported].map(([symbol, name]) => [name, symbol]))
    this.imports = new Map()
    this.parts = new Map()
  }

  /** Adds a symbol's declarations and what they name. */
  need(symbol) {
    if (this.parts.has(symbol)) return
    this.parts.set(symbol, '')
    this.nameOf(symbol)
    const statements = symbol.declarations.map(statementOf)
    const texts = [...new Set(statements)].map((statement) => this.print(symbol, statement))
    this.parts.set(symbol, texts.join('\n'))
  }

  /** Two files may use one name: the second gets a number. */
  nameOf(symbol) {
    if (this.names.has(symbol)) return this.names.get(symbol)
    const wanted = this.exported.get(symbol) ?? symbol.name
    let name = wanted
    for (let number = 2; this.taken.has(name) && this.taken.get(name) !== symbol; number++) name = `${wanted}_${number}`
    this.taken.set(name, symbol)
    this.names.set(symbol, name)
    return name
  }

  print(symbol, statement) {
    const expanded = this.expandAlias(symbol, statement)
    if (expanded !== undefined) return expanded
    const edits = []
    const hidden = internalMembers(statement, (node) => this.isPublicType(node))
    for (const { start, end, text } of hidden) edits.push({ start, end, text })
    const isDropped = (node) => hidden.some(({ start, end }) => node.getFullStart() >= start && node.end <= end)
    this.visit(statement, edits, isDropped)
    return `${docOf(statement)}${this.exported.has(symbol) ? 'export ' : ''}${this.applied(statement, edits)}`
  }

  /** `keyof typeof table` and mapped types over tables are told as what they come to: the tables stay inside. */
  expandAlias(symbol, statement) {
    if (!ts.isTypeAliasDeclaration(statement) || statement.typeParameters !== undefined) return undefined
    if (!namesTable(statement.type)) return undefined
    const type = this.checker.getDeclaredTypeOfSymbol(symbol)
    const name = this.nameOf(symbol)
    const start = `${docOf(statement)}${this.exported.has(symbol) ? 'export ' : ''}`
    if (this.memberDocs[name] !== undefined) return `${start}interface ${name} ${this.membersOf(type, name)}`
    return `${start}type ${name} = ${this.textOf(type)};`
  }

  textOf(type) {
    return this.checker.typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.InTypeAlias)
  }

  membersOf(type, name) {
    const lines = this.checker.getPropertiesOfType(type).flatMap((member) => {
      const doc = this.memberDocs[name][member.name]
      const text = this.textOf(this.checker.getTypeOfSymbol(member))
      return [...(doc === undefined ? [] : [`    /** ${doc} */`]), `    readonly ${member.name}: ${text};`]
    })
    return `{\n${lines.join('\n')}\n}`
  }

  /** Whether a name means a type that users see: of the language, of a package, or exported. */
  isPublicType(node) {
    const symbol = this.symbolAt(node)
    return symbol === undefined || !this.isOurs(symbol) || this.exported.has(symbol)
  }

  isOurs({ declarations = [] }) {
    return declarations.some((node) => node.getSourceFile().fileName.startsWith(this.folder))
  }

  symbolAt(node) {
    const symbol = this.checker.getSymbolAtLocation(node)
    if (symbol === undefined) return undefined
    return symbol.flags & ts.SymbolFlags.Alias ? this.checker.getAliasedSymbol(symbol) : symbol
  }

  visit(node, edits, isDropped) {
    if (isDropped(node)) return
    if (ts.isImportTypeNode(node)) return this.visitImportType(node, edits, isDropped)
    if (ts.isIdentifier(node)) this.visitName(node, edits)
    ts.forEachChild(node, (child) => this.visit(child, edits, isDropped))
  }

  visitName(node, edits) {
    const symbol = this.symbolAt(node)
    if (symbol?.declarations === undefined) return
    if (this.isOurs(symbol)) {
      if (!symbol.declarations.some(isTopLevel)) return
      this.need(symbol)
      const name = this.nameOf(symbol)
      if (name !== node.text) edits.push({ start: node.getStart(), end: node.end, text: name })
      return
    }
    const local = this.checker.getSymbolAtLocation(node)
    const specifier = local.declarations?.map(importedFrom).find((from) => from !== undefined)
    if (specifier !== undefined) this.imports.set(`${specifier} ${node.text}`, { specifier, name: node.text })
  }

  /** import('./file.js').Name, which TypeScript writes for inferred types, becomes Name. */
  visitImportType(node, edits, isDropped) {
    const symbol = this.symbolAt(node.qualifier ?? node)
    if (symbol === undefined || !this.isOurs(symbol)) {
      throw new Error(`a declaration needs ${node.getText()}: name its type where it is declared`)
    }
    this.need(symbol)
    const end = node.typeArguments === undefined ? node.end : node.typeArguments.pos - 1
    edits.push({ start: node.getStart(), end, text: this.nameOf(symbol) })
    for (const argument of node.typeArguments ?? []) this.visit(argument, edits, isDropped)
  }

  applied(statement, edits) {
    const source = statement.getSourceFile().text
    let text = ''
    let at = statement.getStart()
    const own = edits.filter(({ start }) => start >= at).sort((a, b) => a.start - b.start)
    for (const { start, end, text: replacement } of own) {
      text += source.slice(at, start) + replacement
      at = end
    }
    return (text + source.slice(at, statement.end)).replace(/^export (default )?/, '')
  }

  result() {
    const imports = [...this.imports.values()].map(({ specifier, name }) => {
      return `import type { ${name} } from '${specifier}';`
    })
    const needed = [...this.parts].filter(([symbol]) => !this.exported.has(symbol))
    const ordered = [...this.parts].sort(([a], [b]) => (this.nameOf(a) < this.nameOf(b) ? -1 : 1))
    const body = ordered.map(([, text]) => text).join('\n\n')
    // `using` is younger than the library that most programs compile with.
    const lib = /\bSymbol\.(asyncDispose|dispose)\b|\b(Async)?Disposable\b/.test(body)
      ? ['/// <reference lib="esnext.disposable" />']
      : []
    // Without an export of its own form TypeScript would export everything in the file.
    const text = `${[...lib, ...imports.sort(), body, 'export {};'].join('\n\n')}\n`
    return {
      text,
      forgotten: needed.map(([symbol]) => this.nameOf(symbol)).sort(),
      imported: [...new Set([...this.imports.values()].map(({ specifier }) => specifier))],
    }
  }
}

function statementOf(declaration) {
  let node = declaration
  while (!ts.isSourceFile(node.parent)) node = node.parent
  return node
}

function isTopLevel(declaration) {
  if (ts.isVariableDeclaration(declaration)) return ts.isSourceFile(declaration.parent.parent.parent)
  return declaration.parent !== undefined && ts.isSourceFile(declaration.parent)
}

/** The package of an import; undefined for what is declared here or is global. */
function importedFrom(declaration) {
  let node = declaration
  while (node !== undefined && !ts.isImportDeclaration(node)) node = node.parent
  return node?.moduleSpecifier.text
}

function namesTable(type) {
  let found = false
  const look = (node) => {
    if (ts.isTypeQueryNode(node) || ts.isMappedTypeNode(node)) found = true
    ts.forEachChild(node, look)
  }
  look(type)
  return found
}

/** The comment of a declaration itself, without the file's first one. */
function docOf(statement) {
  const source = statement.getSourceFile().text
  const ranges = ts.getLeadingCommentRanges(source, statement.pos) ?? []
  const last = ranges.at(-1)
  if (last === undefined) return ''
  const text = source.slice(last.pos, last.end)
  return text.startsWith('/**') && !text.includes('Runs on:') ? `${text}\n` : ''
}
