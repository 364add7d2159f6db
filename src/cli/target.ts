/**
 * The broker that a command talks to: from options, then the environment, then the default.
 * Runs on: main. Touches: the environment, the files that the options name.
 */
import { readFileSync } from 'node:fs'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { defaultServer } from '../client/server-address.js'
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
export function resolveTarget(options: GlobalOptions, variables: Variables): Target {
  const given = options.server ?? nonEmpty(variables['STREAMBUS_SERVER']) ?? defaultServer
  return { servers: serversOf(given), token: tokenOf(options, variables), tls: tlsOf(options, variables) }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text
}

function serversOf(text: string): string[] {
  const servers = text.split(',').map((server) => server.trim())
  if (servers.every((server) => server !== '')) return servers
  throw new StreamBusError('USAGE', `"${text}" is no list of brokers`, {
    remedy: `Give HOST:PORT, or several with commas between: ${defaultServer},localhost:9401.`,
  })
}

function tokenOf(options: GlobalOptions, variables: Variables): string | undefined {
  if (options.tokenFile !== undefined) return readGiven('--token-file', options.tokenFile).toString('utf8').trim()
  return options.token ?? nonEmpty(variables['STREAMBUS_TOKEN'])
}

function tlsOf(options: GlobalOptions, variables: Variables): TargetTls | undefined {
  const ca = options.tlsCa ?? nonEmpty(variables['STREAMBUS_TLS_CA'])
  const cert = options.tlsCert ?? nonEmpty(variables['STREAMBUS_TLS_CERT'])
  const key = options.tlsKey ?? nonEmpty(variables['STREAMBUS_TLS_KEY'])
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
