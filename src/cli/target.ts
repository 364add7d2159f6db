/**
 * The broker that a command talks to: from options, then the environment, then the context, then the default.
 * Runs on: main. Touches: the environment, the file of contexts, the files that these name.
 *
 * What a context holds belongs together: its token and certificates go to its own server only, never to one that was
 * named otherwise, unless the context was named as well.
 */
import { readFileSync } from 'node:fs'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { defaultServer } from '../client/server-address.js'
import { type Context, contextNamed, readContexts } from './contexts.js'
import type { GlobalOptions } from './program/global-options.js'

export interface Target {
  /** HOST:PORT, at least one. */
  readonly servers: readonly string[]
  readonly token: string | undefined
  /** What the files hold. */
  readonly tls: TargetTls | undefined
}

export interface TargetTls {
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
}

type Variables = Readonly<Record<string, string | undefined>>

/** Throws USAGE. */
export function resolveTarget(options: GlobalOptions, variables: Variables, typed: string): Target {
  const fromVariables = variableOptions(variables)
  const server = options.server ?? fromVariables.server
  const context = contextOf(options.context ?? fromVariables.context, server !== undefined, variables, typed)
  return {
    servers: serversOf(server ?? context?.server ?? defaultServer),
    token: givenToken(options) ?? fromVariables.token ?? context?.token,
    tls: tlsOf(options, fromVariables, context),
  }
}

/** The same by environment variable. */
function variableOptions(variables: Variables): GlobalOptions {
  const value = (name: string) => (variables[name] === '' ? undefined : variables[name])
  return {
    server: value('STREAMBUS_SERVER'),
    context: value('STREAMBUS_CONTEXT'),
    token: value('STREAMBUS_TOKEN'),
    tlsCa: value('STREAMBUS_TLS_CA'),
    tlsCert: value('STREAMBUS_TLS_CERT'),
    tlsKey: value('STREAMBUS_TLS_KEY'),
  }
}

function contextOf(
  name: string | undefined,
  hasServer: boolean,
  variables: Variables,
  typed: string,
): Context | undefined {
  if (name === undefined && hasServer) return undefined
  const contexts = readContexts(variables)
  const wanted = name ?? contexts.current
  return wanted === undefined ? undefined : contextNamed(contexts, wanted, typed)
}

export function serversOf(text: string): string[] {
  const servers = text.split(',').map((server) => server.trim())
  if (servers.every((server) => server !== '')) return servers
  throw new StreamBusError('USAGE', `"${text}" is no list of brokers`, {
    remedy: `Give HOST:PORT, or several with commas between: ${defaultServer},localhost:9401.`,
  })
}

export function givenToken({ token, tokenFile }: GlobalOptions): string | undefined {
  return tokenFile === undefined ? token : readGiven('--token-file', tokenFile).toString('utf8').trim()
}

/** Each file from the first that names it. */
export function tlsOf(...sources: readonly (GlobalOptions | Context | undefined)[]): TargetTls | undefined {
  const named = (field: 'tlsCa' | 'tlsCert' | 'tlsKey') =>
    sources.find((source) => source?.[field] !== undefined)?.[field]
  const [ca, cert, key] = [named('tlsCa'), named('tlsCert'), named('tlsKey')]
  if (ca === undefined && cert === undefined && key === undefined) return undefined
  return {
    ...(ca === undefined ? {} : { ca: readGiven('--tls-ca', ca) }),
    ...(cert === undefined ? {} : { cert: readGiven('--tls-cert', cert) }),
    ...(key === undefined ? {} : { key: readGiven('--tls-key', key) }),
  }
}

function readGiven(option: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const { code } = cause as { code?: string }
    const why = code === 'ENOENT' ? 'there is no such file' : `it can't be read (${code})`
    throw new StreamBusError('USAGE', `${option} ${path}: ${why}`, { cause, remedy: 'Check the path.' })
  }
}

/** The fields of `connect()` that say where and as whom. */
export function connectOptionsOf(target: Target): Target {
  return target
}
