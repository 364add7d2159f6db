/**
 * Where a broker is: HOST:PORT as people write it.
 * Runs on: main thread of clients, browsers. Touches: nothing.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'

export const defaultServer = '127.0.0.1:9400'
const defaultPort = 9400

export interface ServerAddress {
  readonly url: string
  /** HOST:PORT, for messages. */
  readonly text: string
}

/** Takes HOST, HOST:PORT, [IPV6]:PORT, and the same after ws://. Throws USAGE. */
export function parseServerAddress(server: string): ServerAddress {
  const match = /^(?:(wss?):\/\/)?(\[[0-9a-fA-F:.%]+\]|[^\s:/?#[\]]+)(?::(\d{1,5}))?\/?$/.exec(server.trim())
  const port = Number(match?.[3] ?? defaultPort)
  if (match === null || port < 1 || port > 65_535) {
    throw new StreamBusError('USAGE', `"${server}" is no address of a broker`, {
      remedy: `Give HOST:PORT with a port of 1 to 65535, such as ${defaultServer}.`,
    })
  }
  const text = `${match[2]}:${port}`
  return { url: `${match[1] ?? 'ws'}://${text}/`, text }
}
