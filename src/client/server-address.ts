/**
 * Where brokers are: HOST:PORT as people write it, and the list of them that a client tries in turn.
 * Runs on: main thread of clients, browsers. Touches: nothing.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'

export const defaultServer = '127.0.0.1:9400'
const defaultPort = 9400

export interface ServerAddress {
  readonly url: string
  readonly isSecure: boolean
  /** HOST:PORT, or wss://HOST:PORT: for messages, and good as an address again. */
  readonly text: string
}

/**
 * Takes HOST, HOST:PORT, [IPV6]:PORT, and the same after ws:// or wss://. `isSecure`: without a scheme it is wss://.
 * Throws USAGE.
 */
export function parseServerAddress(server: string, isSecure = false): ServerAddress {
  const match = /^(?:(wss?):\/\/)?(\[[0-9a-fA-F:.%]+\]|[^\s:/?#[\]]+)(?::(\d{1,5}))?\/?$/.exec(server.trim())
  const port = Number(match?.[3] ?? defaultPort)
  if (match === null || port < 1 || port > 65_535) {
    throw new StreamBusError('USAGE', `"${server}" is no address of a broker`, {
      remedy: `Give HOST:PORT with a port of 1 to 65535, such as ${defaultServer}; with TLS wss://HOST:PORT.`,
    })
  }
  const hostAndPort = `${match[2]}:${port}`
  const isWss = match[1] === undefined ? isSecure : match[1] === 'wss'
  if (isWss) return { url: `wss://${hostAndPort}/`, isSecure: true, text: `wss://${hostAndPort}` }
  return { url: `ws://${hostAndPort}/`, isSecure: false, text: hostAndPort }
}

/** The brokers of a client: one is tried after the other. */
export class ServerList {
  readonly count: number
  private readonly addresses: readonly ServerAddress[]
  private index = 0
  /** Why each was not reached since one was last, in the order of the attempts. */
  private errors: StreamBusError[] = []

  /** Throws USAGE. */
  constructor(servers: readonly string[], isSecure: boolean) {
    if (servers.length === 0) {
      throw new StreamBusError('USAGE', 'the list of servers is empty', {
        remedy: `Give at least one, such as servers: ['${defaultServer}'].`,
      })
    }
    this.addresses = servers.map((server) => parseServerAddress(server, isSecure))
    this.count = servers.length
  }

  get current(): ServerAddress {
    return this.addresses[this.index]!
  }

  /** The next one is the current from now on. */
  advance(): void {
    this.index = (this.index + 1) % this.count
  }

  reached(): void {
    this.errors = []
  }

  notReached(error: StreamBusError): void {
    this.errors = [...this.errors, error].slice(-this.count)
  }

  /** Whether each has been tried since one was last reached. */
  get isExhausted(): boolean {
    return this.errors.length === this.count
  }

  /** Why none can be reached; what is not cured by waiting counts for more than what may be. */
  get error(): StreamBusError | undefined {
    const worst = this.errors.find((error) => !error.retriable) ?? this.errors[this.errors.length - 1]
    if (worst === undefined || this.errors.length === 1) return worst
    const message = `none of ${this.count} brokers can be used: ${this.errors.map((e) => e.message).join('; ')}`
    return new StreamBusError(worst.name, message, { cause: worst, remedy: worst.remedy })
  }
}
