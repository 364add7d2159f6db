/**
 * The page of the API as Markdown, from what typedoc read.
 */
import { ReflectionKind } from 'typedoc'

const groups = [
  ['Functions', [ReflectionKind.Function]],
  ['Classes', [ReflectionKind.Class]],
  ['Types', [ReflectionKind.Interface, ReflectionKind.TypeAlias, ReflectionKind.Variable]],
]

/**
 * @param {import('typedoc').DeclarationReflection[]} symbols everything that `streambus` exports
 * @param {{ isShared: (symbol) => boolean, elsewhere: Record<string, string> }} context `isShared`: it is in
 *   `streambus-client` too; `elsewhere`: pages that tell the members of a type
 */
export function renderApi(symbols, { isShared, elsewhere }) {
  const client = symbols.filter(isShared)
  const broker = symbols.filter((symbol) => !isShared(symbol))
  return `${[
    '<!-- Written by `npm run docs` from the declarations of the packages: change the comments, not this page. -->',
    '',
    '# API reference',
    '',
    'What `import` gives: [the client](#in-both-packages) from `streambus-client` and from `streambus`, [a broker in',
    'your own process](#in-streambus-only) from `streambus` only. [client.md](client.md) tells how to use it.',
    '',
    'In both packages:',
    '',
    ...contents(client),
    '',
    'In `streambus` only:',
    '',
    ...contents(broker),
    '',
    '# In both packages',
    '',
    ...sections(client, elsewhere),
    '# In streambus only',
    '',
    ...sections(broker, elsewhere),
  ]
    .join('\n')
    .trimEnd()}\n`
}

function contents(symbols) {
  return groups.flatMap(([title, kinds]) => {
    const found = ofKinds(symbols, kinds)
    if (found.length === 0) return []
    return [`- ${title}: ${found.map(({ name }) => `[${name}](#${name.toLowerCase()})`).join(', ')}`]
  })
}

function sections(symbols, elsewhere) {
  return groups.flatMap(([, kinds]) => ofKinds(symbols, kinds).flatMap((symbol) => section(symbol, elsewhere)))
}

function ofKinds(symbols, kinds) {
  return symbols.filter((symbol) => kinds.includes(symbol.kind)).sort((a, b) => (a.name < b.name ? -1 : 1))
}

function section(symbol, elsewhere) {
  const own = (symbol.children ?? []).filter(isOwn)
  return [
    `## ${symbol.name}`,
    '',
    ...headOf(symbol, symbol.name in elsewhere).flatMap((head) => [`\`${head}\``, '']),
    ...block(commentOf(symbol)),
    ...(symbol.name in elsewhere ? seeAlso(elsewhere[symbol.name]) : table(own)),
  ]
}

function seeAlso(link) {
  return [`See [${link.replace(/#.*/, '')}](${link}).`, '']
}

/** What a class has from Error is Error's matter; a constructor without arguments or comment tells nothing. */
function isOwn(member) {
  if (member.kind === ReflectionKind.Constructor && commentOf(member) === '') return false
  return member.inheritedFrom === undefined && !member.flags.isExternal
}

function headOf(symbol, isElsewhere) {
  if (symbol.kind === ReflectionKind.Function) return symbol.signatures.map((one) => `${symbol.name}${callText(one)}`)
  if (symbol.kind === ReflectionKind.TypeAlias) {
    const type = isElsewhere ? '...' : typeText(symbol.type)
    return [`type ${symbol.name}${parametersText(symbol.typeParameters)} = ${type}`]
  }
  const word = symbol.kind === ReflectionKind.Class ? 'class' : 'interface'
  const heritage = [
    ...(symbol.extendedTypes ?? []).map((type) => ` extends ${typeText(type)}`),
    ...(symbol.implementedTypes ?? []).map((type) => ` implements ${typeText(type)}`),
  ]
  return [`${word} ${symbol.name}${parametersText(symbol.typeParameters)}${heritage.join('')}`]
}

function block(text) {
  return text === '' ? [] : [text, '']
}

function table(members) {
  if (members.length === 0) return []
  const rows = members.map((member) => {
    return `| ${memberTexts(member)
      .map((text) => `\`${text}\``)
      .join('<br>')} | ${inLine(commentOf(member))} |`
  })
  return ['| Member | Meaning |', '|---|---|', ...rows.map((row) => row), '']
}

/** One text a signature. */
function memberTexts(member) {
  const start = member.flags.isStatic ? 'static ' : ''
  const name = member.name.replace(/^\[(\w+)\]$/, '[Symbol.$1]')
  if (member.kind === ReflectionKind.Constructor)
    return member.signatures.map((one) => escaped(`new ${className(member)}${argumentsText(one)}`))
  if (member.signatures !== undefined) return member.signatures.map((one) => escaped(`${start}${name}${callText(one)}`))
  const type = member.getSignature?.type ?? member.type
  return [escaped(`${start}${name}${member.flags.isOptional ? '?' : ''}: ${typeText(withoutUndefined(type, member))}`)]
}

function className(member) {
  return member.parent.name
}

/** An optional member may be undefined anyway. */
function withoutUndefined(type, { flags }) {
  if (!flags.isOptional || type?.type !== 'union') return type
  const types = type.types.filter((part) => !(part.type === 'intrinsic' && part.name === 'undefined'))
  return types.length === 1 ? types[0] : Object.assign(Object.create(Object.getPrototypeOf(type)), type, { types })
}

function callText(signature) {
  return `${parametersText(signature.typeParameters)}${argumentsText(signature)}: ${typeText(signature.type)}`
}

function parametersText(parameters) {
  if (parameters === undefined || parameters.length === 0) return ''
  const texts = parameters.map(({ name, type }) => (type === undefined ? name : `${name} extends ${typeText(type)}`))
  return `<${texts.join(', ')}>`
}

function argumentsText({ parameters = [] }) {
  const texts = parameters.map((parameter) => {
    const rest = parameter.flags.isRest ? '...' : ''
    // What is taken apart in its place has no name.
    const name = parameter.name.startsWith('__') ? 'options' : parameter.name
    const isOptional = parameter.flags.isOptional || parameter.defaultValue !== undefined
    return `${rest}${name}${isOptional ? '?' : ''}: ${typeText(parameter.type)}`
  })
  return `(${texts.join(', ')})`
}

function typeText(type) {
  return String(type ?? 'void').replaceAll('<ArrayBufferLike>', '')
}

function commentOf(reflection) {
  const comment = reflection.comment ?? reflection.signatures?.[0].comment ?? reflection.getSignature?.comment
  if (comment === undefined) return ''
  const tags = comment.blockTags.map(({ tag, name, content }) => {
    const text = partsText(content)
    if (tag === '@example') return `\n\n${text}`
    if (tag === '@param') return `\n\n\`${name}\`: ${text}`
    return `\n\n${tag === '@throws' ? 'Throws' : tag === '@returns' ? 'Returns' : tag.slice(1)} ${text}`
  })
  return `${partsText(comment.summary)}${tags.join('')}`.trim()
}

function partsText(parts) {
  return parts
    .map(({ text }) => text)
    .join('')
    .trim()
}

function inLine(text) {
  return escaped(text)
    .replaceAll(/\s*\n\s*\n\s*/g, '<br>')
    .replaceAll('\n', ' ')
}

function escaped(text) {
  return text.replaceAll('|', '\\|')
}
