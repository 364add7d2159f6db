/**
 * Sockets in memory: the broker's end is a Transport like the real two, the other end is a client's. Frames take their
 * time, a connection can be cut at any byte, and a client can stop reading.
 * Runs on: the process that simulates. Touches: its world.
 */
import type { Random } from '../support/random.js'
import type { Socket, SocketHandler, Transport, TransportOptions } from '../../src/gateway/transport.js'
import type { SimProcess, World } from './world.js'

export interface ClientHandler {
  opened(): void
  received(frame: Uint8Array): void
  /** Told once, also when nobody listens. */
  closed(code: number, reason: string): void
}

const port = 9400
/** What the systems on both ends hold for a client that does not read. */
const kernelBufferBytes = 16 * 1024

export class Network {
  readonly world: World
  readonly random: Random
  /** Of the broker that listens. */
  listener: { readonly options: TransportOptions; readonly process: SimProcess; isListening: boolean } | undefined
  readonly connections = new Set<Connection>()
  private nextId = 1

  constructor(world: World, random: Random) {
    this.world = world
    this.random = random
  }

  /** The transport of the broker whose step this is. */
  makeTransport(options: TransportOptions): Transport {
    const listener = { options, process: this.world.current, isListening: false }
    return {
      kind: 'ws',
      listen: () => {
        listener.isListening = true
        this.listener = listener
        return Promise.resolve(port)
      },
      replaceTls: () => Promise.resolve(),
      stopListening: () => {
        listener.isListening = false
      },
      close: () => {
        for (const connection of this.connections) connection.cut(0)
        return Promise.resolve()
      },
    }
  }

  delayMs(): number {
    return this.random.below(100) === 0 ? this.random.below(60) : this.random.below(20) / 10
  }

  /** A client wants a connection. */
  connect(client: SimProcess, handler: ClientHandler): Connection {
    const connection = new Connection(this, this.nextId++, client, handler)
    this.connections.add(connection)
    const { world } = this
    world.addTimer(client, this.delayMs(), () => {
      const { listener } = this
      if (listener === undefined || !listener.isListening || listener.process.isDead) return connection.refuse()
      world.post(listener.process, () => connection.accept(listener.process, listener.options))
    })
    return connection
  }

  /** The broker's machine or process is gone: so are all its connections. */
  dropAll(): void {
    this.listener = undefined
    for (const connection of this.connections) connection.cut(this.random.below(2000))
  }
}

/** Frames on their way in one direction, each after the one before. */
class Pipe {
  readonly frames: { readonly bytes: Uint8Array; readonly isBinary: boolean }[] = []
  bytes = 0
  isMoving = false
}

export class Connection implements Socket {
  readonly id: number
  private readonly network: Network
  private readonly client: SimProcess
  private readonly clientHandler: ClientHandler
  private server: SimProcess | undefined
  private serverHandler: SocketHandler | undefined
  private readonly toServer = new Pipe()
  private readonly toClient = new Pipe()
  private isCut = false
  private clientIsTold = false
  private serverIsTold = false
  /** The broker closed it: what it sent still arrives, then the end does. */
  private goodbye: { readonly code: number; readonly reason: string } | undefined
  /** The client does not take what comes. */
  isPaused = false

  constructor(network: Network, id: number, client: SimProcess, handler: ClientHandler) {
    this.network = network
    this.id = id
    this.client = client
    this.clientHandler = handler
  }

  refuse(): void {
    this.tellClient(1006, 'nobody listens')
  }

  accept(server: SimProcess, options: TransportOptions): void {
    if (this.isCut) return
    this.server = server
    const acceptance = options.upgrade({
      host: 'localhost:9400',
      origin: undefined,
      protocols: ['streambus.v1'],
      remoteAddress: '127.0.0.1',
      certificateName: undefined,
    })
    this.network.world.addTimer(this.client, 0, () => {
      if (!this.isCut) this.clientHandler.opened()
    })
    this.serverHandler = acceptance.open(this)
  }

  // ---- the broker's end

  send(bytes: Uint8Array): boolean {
    return this.put(this.toClient, bytes.slice(), true)
  }

  sendText(text: string): boolean {
    return this.put(this.toClient, new TextEncoder().encode(text), false)
  }

  bufferedBytes(): number {
    return Math.max(0, this.toClient.bytes - kernelBufferBytes)
  }

  trust(): void {}

  close(code: number, reason: string): void {
    if (this.goodbye !== undefined || this.isCut) return
    this.goodbye = { code, reason }
    this.tellServer()
    this.move(this.toClient)
  }

  // ---- the client's end

  sendToServer(bytes: Uint8Array): void {
    this.put(this.toServer, bytes.slice(), true)
  }

  /** The client is gone, or has had enough. */
  closeByClient(): void {
    this.clientIsTold = true
    this.cut(0)
  }

  resume(): void {
    this.isPaused = false
    this.move(this.toClient)
  }

  /** Ends it; of what is on the way in each direction only frames that lie whole within `bytes` arrive. */
  cut(bytes: number): void {
    if (this.isCut) return
    this.isCut = true
    for (const pipe of [this.toServer, this.toClient]) shorten(pipe, bytes)
    this.move(this.toServer)
    this.move(this.toClient)
    this.endIfEmpty()
  }

  // ---- between

  private put(pipe: Pipe, bytes: Uint8Array, isBinary: boolean): boolean {
    if (this.isCut || (pipe === this.toClient && this.goodbye !== undefined)) return false
    pipe.frames.push({ bytes, isBinary })
    pipe.bytes += bytes.length
    this.move(pipe)
    return true
  }

  private move(pipe: Pipe): void {
    if (pipe.isMoving || (pipe === this.toClient && this.isPaused && !this.isCut)) return
    if (pipe.frames.length === 0) return this.endIfEmpty()
    pipe.isMoving = true
    const { network } = this
    const to = pipe === this.toServer ? this.server : this.client
    if (to === undefined) return
    network.world.addTimer(to, network.delayMs(), () => this.arrive(pipe))
  }

  private arrive(pipe: Pipe): void {
    pipe.isMoving = false
    if (pipe === this.toClient && this.isPaused && !this.isCut) return
    const frame = pipe.frames.shift()
    if (frame !== undefined) {
      const wasFull = this.bufferedBytes() > 0
      pipe.bytes -= frame.bytes.length
      if (pipe === this.toServer) this.toHandler(frame.bytes, frame.isBinary)
      else {
        if (!this.clientIsTold) this.clientHandler.received(frame.bytes)
        if (wasFull) this.tellDrain()
      }
    }
    this.move(pipe)
  }

  private toHandler(bytes: Uint8Array, isBinary: boolean): void {
    if (!this.serverIsTold) this.serverHandler?.onMessage(bytes, isBinary)
  }

  private tellDrain(): void {
    const { server } = this
    if (server === undefined || this.isCut) return
    this.network.world.post(server, () => {
      if (!this.serverIsTold) this.serverHandler?.onDrain()
    })
  }

  private endIfEmpty(): void {
    if (this.goodbye !== undefined && this.toClient.frames.length === 0) {
      this.isCut = true
      this.tellClient(this.goodbye.code, this.goodbye.reason)
    }
    if (!this.isCut) return
    if (this.toClient.frames.length === 0) this.tellClient(1006, 'cut')
    if (this.toServer.frames.length === 0 || this.server === undefined || this.server.isDead) this.tellServer()
    if (this.clientIsTold) this.network.connections.delete(this)
  }

  private tellClient(code: number, reason: string): void {
    if (this.clientIsTold) return
    this.clientIsTold = true
    const { network } = this
    network.world.addTimer(this.client, network.delayMs(), () => this.clientHandler.closed(code, reason))
    network.connections.delete(this)
  }

  /** Half open for a while: the broker learns of the end later than the client, or sooner. */
  private tellServer(): void {
    const { server, network } = this
    if (this.serverIsTold || server === undefined) return
    network.world.addTimer(server, this.goodbye === undefined ? network.random.below(30) : 0, () => {
      if (this.serverIsTold) return
      this.serverIsTold = true
      this.serverHandler?.onClose()
    })
  }
}

/** Keeps the frames that lie whole within the first `bytes`. */
function shorten(pipe: Pipe, bytes: number): void {
  let kept = 0
  let left = bytes
  while (kept < pipe.frames.length && pipe.frames[kept]!.bytes.length <= left) left -= pipe.frames[kept++]!.bytes.length
  for (const frame of pipe.frames.splice(kept)) pipe.bytes -= frame.bytes.length
}
