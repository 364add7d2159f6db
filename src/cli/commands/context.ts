/**
 * `context add | use | list | remove`.
 * Runs on: main. Touches: the file of contexts, the files that options name, stdout.
 */
import { resolve } from 'node:path'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { parseServerAddress } from '../../client/server-address.js'
import { type Context, type Contexts, contextNamed, readContexts, writeContexts } from '../contexts.js'
import type { Invocation } from '../environment.js'
import { notice, printJson, printOutcome, printTable, tell } from '../output.js'
import type { GlobalOptions } from '../program/global-options.js'
import { givenToken, serversOf, tlsOf } from '../target.js'

/** Adds or replaces one, from the global options; the first one becomes the current one. */
export function addContext(
  invocation: Invocation,
  name: string,
  options: GlobalOptions,
  { use }: { use?: boolean },
): void {
  if (!/^[\w.-]{1,64}$/.test(name)) {
    throw new StreamBusError('USAGE', `"${name}" is no name for a context`, {
      remedy: 'Use 1 to 64 of the characters a-z A-Z 0-9 . _ -',
    })
  }
  if (options.server === undefined) {
    throw new StreamBusError('USAGE', 'a context needs the address of a broker', { remedy: 'Give --server HOST:PORT.' })
  }
  for (const server of serversOf(options.server)) parseServerAddress(server)
  const contexts = readContexts(process.env)
  const isCurrent = use === true || contexts.current === undefined || contexts.current === name
  const byName = new Map(contexts.byName).set(name, contextFrom(options, options.server))
  writeContexts(process.env, { current: isCurrent ? name : contexts.current, byName })
  const line = `added context ${name}${isCurrent ? ', now in use' : ''}`
  printOutcome(invocation, line, { context: name, server: options.server, current: isCurrent })
}

/** The files must be there now, and are named in full: they are read whenever the context is used. */
function contextFrom(options: GlobalOptions, server: string): Context {
  tlsOf(options)
  const path = (given: string | undefined) => (given === undefined ? undefined : resolve(given))
  return {
    server,
    token: givenToken(options),
    tlsCa: path(options.tlsCa),
    tlsCert: path(options.tlsCert),
    tlsKey: path(options.tlsKey),
  }
}

export function useContext(invocation: Invocation, name: string): void {
  const contexts = readContexts(process.env)
  const { server } = contextNamed(contexts, name, invocation.environment.typed)
  writeContexts(process.env, { ...contexts, current: name })
  printOutcome(invocation, `using context ${name}: ${server}`, { context: name, server, current: true })
  const overriding = ['STREAMBUS_SERVER', 'STREAMBUS_CONTEXT'].find((variable) => process.env[variable])
  if (overriding !== undefined) {
    notice(invocation, `${overriding} is set to ${process.env[overriding]} and goes before it in this shell`)
  }
}

/** Tokens are never printed. */
export function listContexts(invocation: Invocation): void {
  const contexts = readContexts(process.env)
  const rows = [...contexts.byName].map(([name, context]) => rowOf(contexts, name, context))
  if (invocation.isJson) return printJson(rows)
  if (rows.length === 0) {
    return tell(
      `there are no contexts; add one: ${invocation.environment.typed} context add dev --server 127.0.0.1:9400`,
    )
  }
  printTable(
    ['', 'CONTEXT', 'SERVER', 'TOKEN', 'TLS CA'],
    rows.map(({ current, context, server, hasToken, tlsCa }) => {
      return [current ? '*' : '', context, server, hasToken ? 'yes' : '-', tlsCa ?? '-']
    }),
  )
}

function rowOf({ current }: Contexts, name: string, { server, token, tlsCa, tlsCert }: Context) {
  return { context: name, server, current: name === current, hasToken: token !== undefined, tlsCa, tlsCert }
}

export function removeContext(invocation: Invocation, name: string): void {
  const contexts = readContexts(process.env)
  contextNamed(contexts, name, invocation.environment.typed)
  const byName = new Map(contexts.byName)
  byName.delete(name)
  const wasCurrent = contexts.current === name
  writeContexts(process.env, { current: wasCurrent ? undefined : contexts.current, byName })
  printOutcome(invocation, `removed context ${name}${wasCurrent ? '; none is in use now' : ''}`, { context: name })
}
