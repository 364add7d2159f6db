/**
 * The way in: connects to a broker and makes producers, consumers and admins that share the connection.
 * Runs on: main thread of clients, browsers. Touches: the connection.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { Admin } from './admin.js'
import { Connection, type ConnectionState } from './connection.js'
import { Consumer, type ConsumerOptions } from './consumer.js'
import type { Token } from './link.js'
import type { Platform, TlsOptions } from './platform/platform.js'
import { Producer, type ProducerOptions } from './producer.js'
import { defaultServer } from './server-address.js'
import { Topics } from './topics.js'

/** Where and how to connect. */
export interface ConnectOptions {
  /** HOST:PORT, or wss://HOST:PORT for TLS; default 127.0.0.1:9400. */
  readonly server?: string | undefined
  /**
   * Who this is, to a broker that asks. A token that is refused ends the client: it does not connect again. A function
   * is asked for each attempt to connect, so that a token that has run out can be replaced.
   */
  readonly token?: Token | undefined
  /** Several brokers instead of one: when one can't be reached or is lost, the next is tried, in this order. */
  readonly servers?: readonly string[] | undefined
  /** For wss:// in Node.js, and makes wss:// of addresses without a scheme. Browsers take none. */
  readonly tls?: TlsOptions | undefined
  /** Shown in the broker's log. */
  readonly clientName?: string | undefined
  /** For each attempt, to the broker's first answer, default 10 s. */
  readonly connectTimeoutMs?: number | undefined
  /** A request unanswered for longer has failed, and its connection with it, default 30 s. */
  readonly requestTimeoutMs?: number | undefined
  /** Ends the attempt to connect. */
  readonly signal?: AbortSignal | undefined
  /** Told when the connection is lost, when it is there again, and when the broker refuses this client for good. */
  readonly onStateChange?: ((state: ConnectionState, error?: StreamBusError) => void) | undefined
}

/** A connection to a broker; producers, consumers and admins made by it share it. */
export class Client {
  private readonly connection: Connection
  private readonly topics: Topics

  constructor(connection: Connection) {
    this.connection = connection
    this.topics = new Topics(connection)
    connection.addUser({
      ready: (isOtherCluster) => {
        if (isOtherCluster) this.topics.forgetAll()
      },
      lost: () => {},
      refused: () => {},
      tick: () => {},
    })
  }

  /** Of the cluster that answered; offsets and producers are valid within it only. */
  get clusterId(): string {
    return this.connection.hello!.clusterId
  }

  /** The broker's release, such as 0.2.0. */
  get brokerVersion(): string {
    return this.connection.hello!.brokerVersion
  }

  /** The broker that is connected, or was last: HOST:PORT, or wss://HOST:PORT. */
  get server(): string {
    return this.connection.address.text
  }

  /** Makes a producer; close it to be sure that everything is sent. */
  producer(options: ProducerOptions = {}): Producer {
    return new Producer(this.connection, this.topics, options)
  }

  /** Starts at once; errors come out of the iteration. */
  consumer(options: ConsumerOptions): Consumer {
    return new Consumer(this.connection, this.topics, options)
  }

  /** For topics, their configuration, offsets and the state of the cluster. */
  admin(): Admin {
    return new Admin(this.connection, this.topics)
  }

  /** Ends the connection. Close producers first: what they have not sent is lost. */
  close(): Promise<void> {
    this.connection.close()
    return Promise.resolve()
  }
}

/** `connect` of the entries, on their platform. */
export async function connectOn(platform: Platform, options: ConnectOptions): Promise<Client> {
  platform.prepare()
  const { signal, onStateChange } = options
  const connection = await Connection.open(
    {
      platform,
      servers: serversOf(options),
      tls: options.tls,
      token: options.token,
      clientName: options.clientName ?? platform.defaultClientName,
      connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
      requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
      onStateChange,
    },
    signal,
  )
  return new Client(connection)
}

function serversOf({ server, servers }: ConnectOptions): readonly string[] {
  if (servers === undefined) return [server ?? defaultServer]
  if (server === undefined) return servers
  throw new StreamBusError('USAGE', 'both server and servers are given', { remedy: 'Give one of the two.' })
}
