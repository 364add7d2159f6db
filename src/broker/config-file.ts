/**
 * The YAML file of a configuration: its values, and where each of them stands.
 * Runs on: main, the command line. Touches: the file.
 */
import { readFileSync } from 'node:fs'
import { isMap, isSeq, LineCounter, parseDocument, type Document } from 'yaml'
import { ConfigError, type ConfigProblem, type Excerpt } from './config-problems.js'

/** One key, or the keys and indexes that lead to a value within others. */
export type KeyPath = string | readonly (string | number)[]

export interface ConfigFile {
  readonly values: Readonly<Record<string, unknown>>
  /** What kept the file, or a part of it, from being read. */
  readonly problems: readonly ConfigProblem[]
  /** Where a key or its value stands. */
  placeOf(key: KeyPath, part: 'key' | 'value'): Pick<ConfigProblem, 'place' | 'excerpt'>
}

/** Throws INVALID_CONFIG when there is no such file. */
export function readConfigFile(file: string, remedy?: string): ConfigFile {
  return configFileOf(file, readText(file, remedy))
}

/** The same of a text that stands in `file`. */
export function configFileOf(file: string, text: string): ConfigFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true })
  const excerpt = (start: number, end: number): Excerpt => excerptOf(text, lines, start, end)
  const at = (start: number, end: number): Pick<ConfigProblem, 'place' | 'excerpt'> => {
    const found = excerpt(start, end)
    return { place: `${file}:${found.line}:${found.column}`, excerpt: found }
  }
  const problems = document.errors.map(
    (error): ConfigProblem => ({ ...at(error.pos[0], error.pos[1]), message: plain(error.message) }),
  )
  const nothing: ConfigFile = { values: {}, problems, placeOf: () => ({ place: file }) }
  if (problems.length > 0 || document.contents === null) return nothing
  if (!isMap(document.contents)) {
    problems.push({ ...at(0, 1), message: 'expected lines of the form "key: value"' })
    return nothing
  }
  const values = valuesOf(document)
  if (values === undefined) {
    problems.push({ place: file, message: `expected at most ${maxAliases} aliases of one anchor` })
    return nothing
  }
  return {
    values,
    problems,
    placeOf: (key, part) => {
      const range = rangeOf(document, key, part)
      return range === undefined ? { place: file } : at(range[0], range[1])
    },
  }
}

/** A small file can mean a huge one by aliases of aliases. */
const maxAliases = 10

function valuesOf(document: Document): Record<string, unknown> | undefined {
  try {
    return document.toJS({ maxAliasCount: maxAliases }) as Record<string, unknown>
  } catch {
    return undefined
  }
}

function excerptOf(text: string, lines: LineCounter, start: number, end: number): Excerpt {
  const { line, col } = lines.linePos(start)
  const lineStart = start - (col - 1)
  const lineEnd = text.indexOf('\n', lineStart)
  const lineText = text.slice(lineStart, lineEnd < 0 ? undefined : lineEnd).replace(/\r$/, '')
  return { line, column: col, lengthChars: Math.max(1, end - start), text: lineText }
}

type Ranged = { range?: readonly number[] | null } | null | undefined

function rangeOf(document: Document, path: KeyPath, part: 'key' | 'value'): readonly number[] | undefined {
  const keys = typeof path === 'string' ? [path] : path
  const parent = keys.length > 1 ? document.getIn(keys.slice(0, -1), true) : document.contents
  const last = keys.at(-1)
  if (isSeq(parent)) return (parent.items[Number(last)] as Ranged)?.range ?? undefined
  const pair = isMap(parent) ? parent.items.find((item) => String(item.key) === String(last)) : undefined
  return (
    ((part === 'key' ? (pair?.key as Ranged) : undefined) ?? (pair?.value as Ranged) ?? (pair?.key as Ranged))?.range ??
    undefined
  )
}

/** The place comes first already. */
function plain(message: string): string {
  return message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '')
}

function readText(
  file: string,
  remedy = 'Name the file with --config, or leave the option out to run with the defaults.',
): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ConfigError([{ place: '', message: `${file} can't be read: ${reason}` }], remedy)
  }
}
