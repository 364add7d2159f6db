/**
 * Reads the list of tokens: who may connect, and what they may do.
 * Runs on: main, at the start and when the file changes. Touches: nothing; the text is given.
 *
 *   - name: orders-app
 *     tokenHash: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
 *     roles: [produce, consume]
 *     topics: [orders.]
 *
 * All mistakes are found in one go, each with file, line and column. A list of ten thousand is read in pieces, with the
 * event loop's turn in between: whole, it would take a second in which nobody else is served.
 */
import { isMap, isSeq, LineCounter, type ParsedNode, parseDocument, type YAMLMap } from 'yaml'
import { everyTopic, type Role, roleNames } from '../gateway/principal.js'
import type { TokenEntry } from '../gateway/token-table.js'
import { ConfigError, type ConfigProblem } from './config-problems.js'
import { nearestOf } from './nearest.js'

const keys = ['name', 'tokenHash', 'certificateName', 'roles', 'topics'] as const
type Key = (typeof keys)[number]
const entriesPerTurn = 10
const maxProblems = 20
const expectedForm = 'expected a list of entries: - name, tokenHash, roles, topics'

/** Tells a problem of a node; without one, of the entry. */
type Report = (node: ParsedNode | null | undefined, what: string) => void

/** `file` is for messages. Throws ConfigError with every problem. */
export async function parseTokens(text: string, file: string): Promise<TokenEntry[]> {
  const reader = new TokensReader(file)
  for (const piece of piecesOf(text)) {
    reader.read(piece.text, piece.firstLine)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return reader.finish()
}

interface Piece {
  readonly text: string
  /** From 0. */
  readonly firstLine: number
}

/** Cut between entries where the list is written in lines that begin with "- ", otherwise whole. */
function piecesOf(text: string): Piece[] {
  if (!/^- /m.test(text) || /^[^-\s#]/m.test(text)) return [{ text, firstLine: 0 }]
  const entries = text.split(/^(?=- )/m)
  const pieces: Piece[] = []
  let firstLine = 0
  for (let index = 0; index < entries.length; index += entriesPerTurn) {
    const piece = entries.slice(index, index + entriesPerTurn).join('')
    pieces.push({ text: piece, firstLine })
    firstLine += piece.split('\n').length - 1
  }
  return pieces
}

class TokensReader {
  private readonly file: string
  private readonly problems: ConfigProblem[] = []
  private readonly entries: TokenEntry[] = []
  private readonly hashes = new Map<string, string>()
  private readonly certificateNames = new Map<string, string>()

  constructor(file: string) {
    this.file = file
  }

  finish(): TokenEntry[] {
    const { problems, file } = this
    if (problems.length === 0 && this.entries.length === 0) problems.push({ place: file, message: 'holds no entry' })
    if (problems.length === 0) return this.entries
    const more = problems.length - maxProblems
    const some = problems.slice(0, maxProblems)
    if (more > 0) some.push({ place: '', message: `and ${more} more` })
    // Without the lines themselves: a token may stand there.
    throw new ConfigError(some, 'docs/security.md describes the file; `streambus token create` prints entries for it.')
  }

  read(text: string, firstLine: number): void {
    const lines = new LineCounter()
    const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true })
    const placeAt = (position: number): string => {
      const { line, col } = lines.linePos(position)
      return `${this.file}:${line + firstLine}:${col}`
    }
    for (const error of document.errors) {
      const what = error.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '')
      this.problems.push({ place: placeAt(error.pos[0]), message: what })
    }
    if (document.errors.length > 0 || document.contents === null) return
    if (!isSeq(document.contents)) {
      this.problems.push({ place: placeAt(0), message: expectedForm })
      return
    }
    for (const item of document.contents.items as ParsedNode[]) {
      const report: Report = (node, what) => {
        this.problems.push({ place: placeAt((node ?? item).range[0]), message: what })
      }
      if (isMap(item)) this.readEntry(item, report)
      else report(item, expectedForm)
    }
  }

  private readEntry(map: YAMLMap.Parsed, report: Report): void {
    const before = this.problems.length
    for (const { key } of map.items) refuseUnknown(key, report)
    const nodeOf = (key: Key): ParsedNode | undefined => map.get(key, true) as ParsedNode | undefined
    const valueOf = (key: Key): unknown => nodeOf(key)?.toJSON() as unknown
    const name = readName(valueOf('name'), nodeOf('name'), report)
    const roles = readRoles(valueOf('roles'), nodeOf('roles'), report)
    const topics = readTopics(valueOf('topics'), nodeOf('topics'), roles, report)
    const tokenHash = readHash(valueOf('tokenHash'), nodeOf('tokenHash'), report)
    const certificateName = readText('certificateName', valueOf('certificateName'), nodeOf('certificateName'), report)
    if (nodeOf('tokenHash') === undefined && nodeOf('certificateName') === undefined) {
      report(undefined, `${name} has neither tokenHash nor certificateName: nobody can authenticate as it`)
    }
    refuseTwice('tokenHash', tokenHash, name, this.hashes, nodeOf('tokenHash'), report)
    refuseTwice('certificateName', certificateName, name, this.certificateNames, nodeOf('certificateName'), report)
    if (this.problems.length === before) this.entries.push({ name, roles, topics, tokenHash, certificateName })
  }
}

function refuseUnknown(key: ParsedNode, report: Report): void {
  const name = String(key)
  if ((keys as readonly string[]).includes(name)) return
  if (name === 'token') return report(key, 'token: a token must not be stored; put its hash here, as tokenHash')
  const near = nearestOf(name, keys)
  report(key, `${name} is unknown; ${near === undefined ? `expected ${keys.join(', ')}` : `did you mean ${near}?`}`)
}

function readText(key: Key, value: unknown, node: ParsedNode | undefined, report: Report): string | undefined {
  if (value === undefined || (typeof value === 'string' && /^[^\p{Cc}]{1,200}$/u.test(value))) return value
  report(node, `${key} is ${shown(value)}; expected a text of 1 to 200 characters`)
  return undefined
}

function readName(value: unknown, node: ParsedNode | undefined, report: Report): string {
  if (typeof value === 'string' && /^[\w.@:+/-]{1,128}$/.test(value)) return value
  report(node, `name is ${shown(value)}; expected 1 to 128 of the characters a-z A-Z 0-9 . _ - @ : + /`)
  return 'the entry'
}

function readRoles(value: unknown, node: ParsedNode | undefined, report: Report): Role[] {
  const roles = Array.isArray(value) ? (value as unknown[]) : undefined
  const isRole = (role: unknown): role is Role => (roleNames as readonly unknown[]).includes(role)
  if (roles !== undefined && roles.length > 0 && roles.every(isRole)) return [...new Set(roles)]
  report(node, `roles is ${shown(value)}; expected a list of ${roleNames.join(', ')}`)
  return []
}

function readTopics(value: unknown, node: ParsedNode | undefined, roles: readonly Role[], report: Report): string[] {
  const isLimited = !roles.includes('admin') && (roles.includes('produce') || roles.includes('consume'))
  if (value === undefined) {
    if (isLimited)
      report(undefined, `topics is missing; expected a list of prefixes, or ["${everyTopic}"] for all topics`)
    return []
  }
  if (roles.length > 0 && !isLimited) {
    report(node, `topics limits produce and consume, but roles is ${roles.join(', ')}; leave it out`)
    return []
  }
  const topics = Array.isArray(value) ? (value as unknown[]) : []
  const isPrefix = (prefix: unknown): prefix is string =>
    prefix === everyTopic || (typeof prefix === 'string' && /^[a-zA-Z0-9._-]{1,249}$/.test(prefix))
  if (topics.length > 0 && topics.every(isPrefix)) return topics
  report(node, `topics is ${shown(value)}; expected beginnings of topic names, or ["${everyTopic}"] for all topics`)
  return []
}

function readHash(value: unknown, node: ParsedNode | undefined, report: Report): string | undefined {
  if (value === undefined) return undefined
  const hash = typeof value === 'string' ? /^sha256:([0-9a-f]{64})$/i.exec(value)?.[1] : undefined
  if (hash !== undefined) return hash.toLowerCase()
  // Never shown: it may be the token itself.
  const isToken = typeof value === 'string' && value.startsWith('sbt_')
  report(
    node,
    isToken
      ? 'tokenHash is a token, which whoever can read this file knows now; `streambus token create` makes another'
      : 'tokenHash is no hash; expected sha256: and 64 hexadecimal digits, as `streambus token create` prints them',
  )
  return undefined
}

function refuseTwice(
  key: Key,
  value: string | undefined,
  name: string,
  seen: Map<string, string>,
  node: ParsedNode | undefined,
  report: Report,
): void {
  if (value === undefined) return
  const other = seen.get(value)
  if (other === undefined) seen.set(value, name)
  else report(node, `${key} is that of ${other} too; every entry needs its own`)
}

function shown(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 80)
}
