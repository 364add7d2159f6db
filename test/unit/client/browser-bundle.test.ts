/**
 * The bundle for browsers: small, and without a name that only Node.js has.
 * Runs on: the test process. Touches: dist/client.
 */
import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import ts from 'typescript'

/** What a page loads when its server compresses. */
const maxGzipBytes = 40_000
const namesOfNode = new Set(['Buffer', 'process', 'global', 'require', 'setImmediate', '__dirname', '__filename'])

/** Free names and imported modules; a property such as `x.process` is neither. */
function namesIn(code: string): { names: Set<string>; modules: string[] } {
  const names = new Set<string>()
  const modules: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && !isMember(node)) names.add(node.text)
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined) {
      modules.push(node.moduleSpecifier.getText())
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) modules.push(node.getText())
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile('browser.js', code, ts.ScriptTarget.ES2022, true))
  return { names, modules }
}

function isMember(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node
  return (ts.isPropertyAssignment(parent) || ts.isMethodDeclaration(parent)) && parent.name === node
}

describe('the bundle for browsers', () => {
  it('imports nothing and names nothing of Node.js', () => {
    const { names, modules } = namesIn(readFileSync('dist/client/browser.js', 'utf8'))
    expect(names.has('WebSocket'), 'a name that must be there').to.equal(true)
    expect(modules).to.deep.equal([])
    expect([...names].filter((name) => namesOfNode.has(name))).to.deep.equal([])
    expect(builtinModules.filter((name) => names.has(`node:${name}`))).to.deep.equal([])
  })

  it('is small', () => {
    const minified = readFileSync('dist/client/browser.min.js')
    const gzipBytes = gzipSync(minified, { level: 9 }).length
    expect(gzipBytes, `of ${minified.length} bytes minified, after gzip`).to.be.lessThan(maxGzipBytes)
  })
})
