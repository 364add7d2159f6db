/**
 * What all clients of a simulation do: connect, say Hello, ask, connect again after every end.
 * Runs on: the process that simulates. Touches: its world's network.
 * They speak the protocol frame by frame, not through `src/client`: they also do what a good client does not.
 */
import { ByteReader } from '../../native-free-core/bytes/byte-reader.js'
import type { ByteWriter } from '../../native-free-core/bytes/byte-writer.js'
import { type ErrorBody, readErrorBody, writeHelloRequest } from '../../native-free-core/protocol/codecs.generated.js'
import { FrameWriter, MessageFlag, readFrame } from '../../native-free-core/protocol/frame.js'
import { messageRows } from '../../native-free-core/protocol/message-table.js'
import type { Random } from '../support/random.js'
import type { Connection, Network } from './network.js'
import type { Excuses, Registry } from './registry.js'
import type { SimProcess, World } from './world.js'

/** What became of a question. */
export interface Answer {
  /** The connection ended first: nobody knows. */
  readonly isLost: boolean
  readonly error: ErrorBody | undefined
  readonly body: ByteReader
}

export interface ClientOptions {
  readonly world: World
  readonly network: Network
  readonly random: Random
  readonly registry: Registry
  readonly name: string
}

export const apiOf = (name: string): number => messageRows[name]!.api
const nothing = new ByteReader(new Uint8Array(0))
const lost: Answer = { isLost: true, error: undefined, body: nothing }

export abstract class SimClient {
  readonly name: string
  protected readonly world: World
  protected readonly random: Random
  protected readonly registry: Registry
  protected readonly process: SimProcess
  /** Hello is answered. */
  protected isReady = false
  protected connection: Connection | undefined
  /** Of the broker at the other end: what it said may come when the next one runs. */
  protected excuses: Excuses
  /** Nothing new is begun: what is under way is brought to its end. */
  protected isEnding = false
  private readonly network: Network
  private readonly out = new FrameWriter(256)
  private readonly waiting = new Map<number, (answer: Answer) => void>()
  private nextCorrelationId = 1

  constructor({ world, network, random, registry, name }: ClientOptions) {
    this.world = world
    this.network = network
    this.random = random
    this.registry = registry
    this.excuses = registry.excuses
    this.name = name
    this.process = world.addProcess(name)
    world.post(this.process, () => this.connect())
  }

  /** Hello is answered: what was under way may go on. */
  protected abstract ready(): void
  /** Between two acts are up to so many ms. */
  protected readonly actIntervalMs: number = 4
  /** Now and then. */
  protected abstract act(): void
  protected push(_api: number, _body: ByteReader): void {}
  protected ended(): void {}
  /** Why it is not finished; undefined: it is. */
  abstract get unfinished(): string | undefined

  say(what: string): void {
    this.world.say(this.name, what)
  }

  /** From now on faults are over. */
  finish(): void {
    this.isEnding = true
    this.connection?.resume()
  }

  get unansweredCount(): number {
    return this.waiting.size
  }

  private connect(): void {
    const connection = this.network.connect(this.process, {
      opened: () => this.greet(),
      received: (frame) => this.take(frame),
      closed: (code, reason) => this.lose(connection, `${code} ${reason}`),
    })
    this.connection = connection
  }

  private greet(): void {
    this.excuses = this.registry.excuses
    this.ask(
      'Hello',
      (body) => writeHelloRequest(body, { protocolVersion: 1, clientName: this.name }),
      ({ isLost, error }) => {
        if (isLost) return
        if (error !== undefined) throw new Error(`${this.name}: Hello was refused: ${error.message}`)
        this.isReady = true
        this.ready()
        this.actLater()
      },
    )
    this.flush()
  }

  private isActing = false

  private actLater(): void {
    if (this.isActing) return
    this.isActing = true
    this.world.addTimer(this.process, this.random.below(10 * this.actIntervalMs) / 10, () => {
      this.isActing = false
      if (!this.isReady) return
      this.act()
      this.flush()
      this.actLater()
    })
  }

  private lose(connection: Connection, why: string): void {
    if (connection !== this.connection) return
    this.say(`lost connection ${connection.id}: ${why}`)
    this.connection = undefined
    this.isReady = false
    this.out.reset()
    const waiting = [...this.waiting.values()]
    this.waiting.clear()
    this.ended()
    for (const done of waiting) done(lost)
    this.world.addTimer(this.process, this.random.below(20), () => this.connect())
  }

  /** Something between here and the broker breaks. */
  cut(): void {
    const { connection } = this
    if (connection === undefined) return
    const bytes = this.random.below(4000)
    this.say(`connection ${connection.id} is cut after ${bytes} bytes more`)
    connection.cut(bytes)
  }

  /** Puts a message into the next frame; `done` hears once. */
  protected ask(name: string, write: (body: ByteWriter) => void, done: (answer: Answer) => void): void {
    const correlationId = this.nextCorrelationId++
    write(this.out.begin(apiOf(name), 0, correlationId))
    this.out.end()
    this.waiting.set(correlationId, done)
  }

  /** A message that nobody answers. */
  protected tell(name: string, write: (body: ByteWriter) => void): void {
    write(this.out.begin(apiOf(name), 0, 0))
    this.out.end()
  }

  protected flush(): void {
    if (this.out.messageCount === 0) return
    this.connection?.sendToServer(this.out.view())
    this.out.reset()
  }

  private take(frame: Uint8Array): void {
    readFrame(frame, ({ api, flags, correlationId }, body) => {
      if ((flags & MessageFlag.response) === 0) return this.push(api, body)
      const done = this.waiting.get(correlationId)
      if (done === undefined) throw new Error(`${this.name}: an answer that nobody waits for, api ${api}`)
      this.waiting.delete(correlationId)
      const error = (flags & MessageFlag.error) === 0 ? undefined : readErrorBody(body)
      done({ isLost: false, error, body })
    })
    this.flush()
  }
}
