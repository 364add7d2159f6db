/**
 * The way in: connects to a broker and makes producers, consumers and admins that share the connection.
 * Runs on: main thread of clients, browsers. Touches: the connection.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { Admin } from './admin.js'
import { addAsyncDispose } from './async-dispose.js'
import { type Codec, json, string } from './codecs.js'
import { Connection, type ConnectionState } from './connection.js'
import { Consumer, type ConsumerOptions } from './consumer.js'
import type { Token } from './link.js'
import type { Platform, TlsOptions } from './platform/platform.js'
import { Producer } from './producer.js'
import type { ProducerOptions } from './producer-options.js'
import { defaultServer } from './server-address.js'
import { Topics } from './topics.js'
import { type TopicClient, type TopicCodecs, TypedTopic } from './typed-topic.js'

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

/** How a client ends. */
export interface CloseOptions {
  /** For the producers' last records, in milliseconds, default 5000. */
  readonly timeoutMs?: number | undefined
}

const defaultCloseTimeoutMs = 5000

/** A connection to a broker, made again by itself when it is lost. Made by `connect`. */
export class Client implements TopicClient {
  private readonly connection: Connection
  private readonly topics: Topics
  private readonly producers = new Set<Producer>()
  private readonly consumers = new Set<Consumer>()

  /** @internal */
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

  /** Of the cluster that answered, 32 hexadecimal digits; offsets and producers are valid within it only. */
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

  /**
   * Makes a producer; close it, or the client, to be sure that everything is sent. Throws USAGE for options out of
   * range, UNSUPPORTED_COMPRESSION_TYPE naming a package that is missing.
   */
  producer(options: ProducerOptions = {}): Producer {
    const producer = new Producer(this.connection, this.topics, options, () => this.producers.delete(producer))
    this.producers.add(producer)
    return producer
  }

  /** Starts at once; errors of the broker come out of the iteration. Throws USAGE for options that are none. */
  consumer(options: ConsumerOptions): Consumer {
    const consumer = new Consumer(this.connection, this.topics, options, () => this.consumers.delete(consumer))
    this.consumers.add(consumer)
    return consumer
  }

  /**
   * A topic whose records have types: `client.topic('flights', { value: json<Flight>(), key: string })`. Without codecs
   * values are JSON that nothing checks, and keys are text: `client.topic<Flight>('flights')`.
   */
  topic<Value = unknown, Key = string>(name: string, codecs: TopicCodecs<Value, Key> = {}): TypedTopic<Value, Key> {
    const { value = json<Value>(), key = string as Codec<unknown> as Codec<Key> } = codecs
    return new TypedTopic(this, name, value, key)
  }

  /** Topics, offsets and the state of the cluster. */
  admin(): Admin {
    return new Admin(this.connection, this.topics)
  }

  /**
   * Closes all consumers, flushes and closes all producers, and ends the connection. Rejects with the first error of a
   * producer that nobody was told of; what is not acknowledged within the time has failed.
   */
  async close({ timeoutMs = defaultCloseTimeoutMs }: CloseOptions = {}): Promise<void> {
    for (const consumer of this.consumers) void consumer.close()
    try {
      if (this.producers.size > 0) await this.closeProducers(timeoutMs)
    } finally {
      this.connection.close()
    }
  }

  private async closeProducers(timeoutMs: number): Promise<void> {
    const timeout = new AbortController()
    const error = new StreamBusError('REQUEST_TIMED_OUT', `not all records were acknowledged within ${timeoutMs} ms`, {
      remedy: 'Close the producers before the client, or give close() a larger timeoutMs.',
    })
    const timer = setTimeout(() => timeout.abort(error), timeoutMs)
    const { signal } = timeout
    const closed = await Promise.allSettled(Array.from(this.producers, (producer) => producer.close({ signal })))
    clearTimeout(timer)
    for (const result of closed) if (result.status === 'rejected') throw StreamBusError.from(result.reason)
  }

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
addAsyncDispose(Client)

/** `connect` of the entries, on their platform. */
export async function connectOn(platform: Platform, options: ConnectOptions): Promise<Client> {
  await platform.prepare()
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
