/**
 * What failed connections mean, in words that say what to do.
 * Runs on: main thread of clients, browsers. Touches: nothing.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { OpenTimeoutError } from './platform/platform.js'
import type { ServerAddress } from './server-address.js'

const startRemedy =
  'Start a broker with `npm start` or `streambus broker`, or name another: --server HOST:PORT or STREAMBUS_SERVER.'

/** By the system's error code: what is the matter and what to do. */
const causes: Readonly<Record<string, readonly [string, string]>> = {
  ECONNREFUSED: ['connection refused', startRemedy],
  ECONNRESET: ['the connection was reset', 'See that a broker listens there, and look at its log.'],
  ENOTFOUND: ['the host name is unknown', 'Check the host name.'],
  EAI_AGAIN: ["the host name can't be looked up now", 'Check the host name and the name service.'],
  EHOSTUNREACH: ["the host can't be reached", 'Check the address and the network.'],
  ENETUNREACH: ["the network can't be reached", 'Check the address and the network.'],
  ETIMEDOUT: ['the connection timed out', 'Check the address, the network and firewalls.'],
}

/** For an error event of a WebSocket. */
export function connectError(error: Error, address: ServerAddress): StreamBusError {
  const first = error instanceof AggregateError ? ((error.errors[0] as Error | undefined) ?? error) : error
  const code = (first as { code?: string }).code ?? ''
  const [what, remedy] = causes[code] ?? describe(first)
  return new StreamBusError('NETWORK_EXCEPTION', `no broker answers at ${address.text}: ${what}`, {
    cause: error,
    remedy,
  })
}

function describe(error: Error): readonly [string, string] {
  if (/^Unexpected server response|subprotocol/.test(error.message)) {
    return [`${error.message}; this is no StreamBus broker`, 'Check host and port.']
  }
  if (error instanceof OpenTimeoutError || /handshake has timed out/.test(error.message)) {
    return ['something listens there, but it does not answer', 'Check host and port.']
  }
  return [error.message, startRemedy]
}

/** For a WebSocket that was closed without an error. */
export function endOfConnection(address: ServerAddress, code: number, reason: string): StreamBusError {
  const why = reason === '' ? `close code ${code}` : `${reason} (close code ${code})`
  return new StreamBusError('NETWORK_EXCEPTION', `the connection to ${address.text} ended: ${why}`)
}
