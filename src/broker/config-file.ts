/**
 * The YAML file of a configuration: its values, and where each of them stands.
 * Runs on: main, the command line. Touches: the file.
 */
import { readFileSync } from 'node:fs'
import { isMap, LineCounter, parseDocument, type Document } from 'yaml'
import { ConfigError, type ConfigProblem, type Excerpt } from './config-problems.js'

export interface ConfigFile {
  readonly values: Readonly<Record<string, unknown>>
  /** What kept the file, or a part of it, from being read. */
  readonly problems: readonly ConfigProblem[]
  /** Where a key or its value stands. */
  placeOf(key: string, part: 'key' | 'value'): Pick<ConfigProblem, 'place' | 'excerpt'>
}

/** Throws INVALID_CONFIG when there is no such file. */
export function readConfigFile(file: string): ConfigFile {
  const text = readText(file)
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
  return {
    values: document.toJS({ maxAliasCount: 10 }) as Record<string, unknown>,
    problems,
    placeOf: (key, part) => {
      const range = rangeOf(document, key, part)
      return range === undefined ? { place: file } : at(range[0], range[1])
    },
  }
}

function excerptOf(text: string, lines: LineCounter, start: number, end: number): Excerpt {
  const { line, col } = lines.linePos(start)
  const lineStart = start - (col - 1)
  const lineEnd = text.indexOf('\n', lineStart)
  const lineText = text.slice(lineStart, lineEnd < 0 ? undefined : lineEnd).replace(/\r$/, '')
  return { line, column: col, lengthChars: Math.max(1, end - start), text: lineText }
}

function rangeOf(document: Document, key: string, part: 'key' | 'value'): readonly number[] | undefined {
  const map = document.contents
  const pair = isMap(map) ? map.items.find((item) => String(item.key) === key) : undefined
  const node = ((part === 'key' ? undefined : pair?.value) ?? pair?.key) as
    | { range?: readonly number[] | null }
    | undefined
  return node?.range ?? undefined
}

/** The place comes first already. */
function plain(message: string): string {
  return message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '')
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ConfigError(
      [{ place: '', message: `${file} can't be read: ${reason}` }],
      'Name the file with --config, or leave the option out to run with the defaults.',
    )
  }
}
