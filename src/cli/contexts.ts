/**
 * Contexts: names for brokers with what it takes to reach them, kept in a file of the user's.
 * Runs on: main. Touches: contexts.json in $XDG_CONFIG_HOME/streambus (~/.config/streambus).
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { nearestOf } from '../broker/nearest.js'
import { visibleInLine } from './safe-text.js'

export interface Context {
  /** HOST:PORT, with commas between several. */
  readonly server: string
  readonly token?: string | undefined
  /** Paths. */
  readonly tlsCa?: string | undefined
  readonly tlsCert?: string | undefined
  readonly tlsKey?: string | undefined
}

export interface Contexts {
  readonly current: string | undefined
  readonly byName: ReadonlyMap<string, Context>
}

type Variables = Readonly<Record<string, string | undefined>>

const fields = ['server', 'token', 'tlsCa', 'tlsCert', 'tlsKey'] as const
/** The token is a secret: nobody else may read the file. */
const fileMode = 0o600
const folderMode = 0o700

export function contextsFile(variables: Variables): string {
  const base = variables['XDG_CONFIG_HOME']
  return join(base === undefined || base === '' ? join(homedir(), '.config') : base, 'streambus', 'contexts.json')
}

/** None, if there is no file. Throws INVALID_CONFIG that names the file. */
export function readContexts(variables: Variables): Contexts {
  const path = contextsFile(variables)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const { code } = cause as { code?: string }
    if (code === 'ENOENT' || code === 'ENOTDIR') return { current: undefined, byName: new Map() }
    throw unreadable(path, `it can't be read (${code})`, cause)
  }
  return parse(path, text)
}

function parse(path: string, text: string): Contexts {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (cause) {
    throw unreadable(path, 'it is no JSON', cause)
  }
  const { current, contexts } = recordOf(path, document)
  if (current !== undefined && typeof current !== 'string') throw unreadable(path, 'current is no text')
  const byName = new Map<string, Context>()
  for (const [name, context] of Object.entries(recordOf(path, contexts ?? {}))) {
    byName.set(name, contextOf(path, name, context))
  }
  return { current, byName }
}

function contextOf(path: string, name: string, value: unknown): Context {
  const given = recordOf(path, value)
  for (const field of fields) {
    const text = given[field]
    if (text === undefined ? field === 'server' : typeof text !== 'string') {
      throw unreadable(path, `${field} of the context ${visibleInLine(name)} is no text`)
    }
  }
  return given as unknown as Context
}

function recordOf(path: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw unreadable(path, 'it holds something else than contexts')
}

function unreadable(path: string, why: string, cause?: unknown): StreamBusError {
  return new StreamBusError('INVALID_CONFIG', `${path}: ${why}`, {
    remedy: 'Mend the file, or remove it and add the contexts again.',
    cause,
  })
}

/** Replaces the file as a whole: a reader sees the old or the new one. */
export function writeContexts(variables: Variables, { current, byName }: Contexts): void {
  const path = contextsFile(variables)
  const temporary = `${path}.${process.pid}`
  const contexts = Object.fromEntries([...byName].sort(([a], [b]) => (a < b ? -1 : 1)))
  try {
    mkdirSync(join(path, '..'), { recursive: true, mode: folderMode })
    writeFileSync(temporary, `${JSON.stringify({ current, contexts }, undefined, 2)}\n`, { mode: fileMode })
    chmodSync(temporary, fileMode)
    renameSync(temporary, path)
  } catch (cause) {
    rmSync(temporary, { force: true })
    const { code } = cause as { code?: string }
    throw new StreamBusError('INVALID_CONFIG', `${path} can't be written (${code})`, {
      remedy: 'Check the rights on the folder, or set XDG_CONFIG_HOME to another.',
      cause,
    })
  }
}

/** Throws USAGE that suggests the nearest name. */
export function contextNamed(contexts: Contexts, name: string, typed: string): Context {
  const context = contexts.byName.get(name)
  if (context !== undefined) return context
  const names = [...contexts.byName.keys()]
  const nearest = nearestOf(name, names)
  const add = `${typed} context add ${name} --server HOST:PORT`
  throw new StreamBusError('USAGE', `there is no context "${visibleInLine(name)}"`, {
    remedy: nearest === undefined ? `Add it: ${add}` : `Did you mean "${nearest}"? Or add it: ${add}`,
  })
}
