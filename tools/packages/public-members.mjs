/**
 * Which parts of a class or interface its users do not see: private members, what is marked `@internal`, and a
 * constructor that takes what users do not have.
 */
import ts from 'typescript'

/** @returns {boolean} whether the comment of a declaration says @internal */
export function isInternal(node) {
  return ts.getJSDocTags(statementWithDoc(node)).some((tag) => tag.tagName.text === 'internal')
}

function statementWithDoc(node) {
  return ts.isVariableDeclaration(node) ? node.parent.parent : node
}

/**
 * @param {(node: ts.Node) => boolean} isPublicType asked for names of types in heritage and constructors
 * @returns {{ start: number, end: number, text: string }[]} what to replace in the text of a declaration
 */
export function internalMembers(statement, isPublicType) {
  if (ts.isInterfaceDeclaration(statement)) return statement.members.filter(isInternal).map(removed)
  if (!ts.isClassDeclaration(statement)) return []
  return [...hiddenHeritage(statement, isPublicType), ...hiddenMembers(statement, isPublicType)]
}

function hiddenHeritage(statement, isPublicType) {
  const clauses = (statement.heritageClauses ?? []).filter(({ token }) => token === ts.SyntaxKind.ImplementsKeyword)
  return clauses.flatMap((clause) => {
    const shown = clause.types.filter(({ expression }) => isPublicType(expression))
    if (shown.length === clause.types.length) return []
    const text = shown.length === 0 ? '' : ` implements ${shown.map((type) => type.getText()).join(', ')}`
    return [{ start: clause.getFullStart(), end: clause.end, text }]
  })
}

function hiddenMembers(statement, isPublicType) {
  const hidden = statement.members.filter(
    (member) => isPrivate(member) || isInternal(member) || isOwnConstructor(member, isPublicType),
  )
  let isBranded = false
  return hidden.map((member) => {
    if (ts.isConstructorDeclaration(member)) return { ...removed(member), text: '\n    private constructor();' }
    // One private name keeps other objects of the same shape from passing for the class.
    if (isBranded || !isPrivate(member)) return removed(member)
    isBranded = true
    return { ...removed(member), text: '\n    #private;' }
  })
}

/** Made by other objects: producers by a client, say. */
function isOwnConstructor(member, isPublicType) {
  if (!ts.isConstructorDeclaration(member)) return false
  let isPublic = true
  const look = (node) => {
    if (ts.isTypeReferenceNode(node) && !isPublicType(node.typeName)) isPublic = false
    ts.forEachChild(node, look)
  }
  for (const { type } of member.parameters) if (type !== undefined) look(type)
  return !isPublic
}

function isPrivate(member) {
  if (member.name !== undefined && ts.isPrivateIdentifier(member.name)) return true
  return (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Private) !== 0
}

function removed(member) {
  return { start: member.getFullStart(), end: member.end, text: '' }
}
