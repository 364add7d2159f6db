/**
 * A TCP proxy that misbehaves on demand: cuts connections after so many bytes, delays, freezes, closes one direction.
 * Runs on: the test process. Touches: sockets on loopback.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** What happens to one connection. */
export interface ConnectionPlan {
  /** Both directions are reset after this many bytes of the one direction or the other. */
  readonly cutAfterBytesUp?: number
  readonly cutAfterBytesDown?: number
  /** Each piece comes this much later. */
  readonly delayMs?: number
  /** After these bytes nothing comes any more, and the connection stays open. */
  readonly freezeAfterBytesUp?: number
  readonly freezeAfterBytesDown?: number
  /** After these bytes the direction is closed, and the other stays open. */
  readonly endAfterBytesUp?: number
  readonly endAfterBytesDown?: number
}

interface Link {
  readonly client: Socket
  readonly broker: Socket
}

interface Direction {
  readonly from: Socket
  readonly to: Socket
  readonly cutAfterBytes: number
  readonly endAfterBytes: number
  readonly freezeAfterBytes: number
  readonly delayMs: number
  bytes: number
}

const never = Number.POSITIVE_INFINITY

export class TcpProxy {
  connectionCount = 0
  /** How often a plan cut, ended or froze a connection. */
  faultCount = 0
  private readonly server: Server
  private readonly links = new Set<Link>()
  private isFrozen = false
  private readonly targetPort: number
  private readonly planNext: (connection: number) => ConnectionPlan

  private constructor(server: Server, targetPort: number, planNext: (connection: number) => ConnectionPlan) {
    this.server = server
    this.targetPort = targetPort
    this.planNext = planNext
    server.on('connection', (client) => this.accept(client))
  }

  /** `planNext` is asked for each connection, counted from 0. */
  static async start(
    targetPort: number,
    planNext: (connection: number) => ConnectionPlan = () => ({}),
  ): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new TcpProxy(server, targetPort, planNext)
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  private accept(client: Socket): void {
    const plan = this.planNext(this.connectionCount++)
    const broker = connect({ port: this.targetPort, host: '127.0.0.1', allowHalfOpen: true })
    const link = { client, broker }
    this.links.add(link)
    const { delayMs = 0 } = plan
    this.pump(link, {
      from: client,
      to: broker,
      cutAfterBytes: plan.cutAfterBytesUp ?? never,
      endAfterBytes: plan.endAfterBytesUp ?? never,
      freezeAfterBytes: plan.freezeAfterBytesUp ?? never,
      delayMs,
      bytes: 0,
    })
    this.pump(link, {
      from: broker,
      to: client,
      cutAfterBytes: plan.cutAfterBytesDown ?? never,
      endAfterBytes: plan.endAfterBytesDown ?? never,
      freezeAfterBytes: plan.freezeAfterBytesDown ?? never,
      delayMs,
      bytes: 0,
    })
    for (const socket of [client, broker]) {
      socket.setNoDelay(true)
      socket.on('error', () => this.cut(link))
      socket.on('close', () => this.cut(link))
      if (this.isFrozen) socket.pause()
    }
  }

  private pump(link: Link, way: Direction): void {
    way.from.on('data', (bytes: Buffer) => {
      const limit = Math.min(way.cutAfterBytes, way.endAfterBytes, way.freezeAfterBytes)
      const part = bytes.subarray(0, Math.max(0, limit - way.bytes))
      const isOver = way.bytes + bytes.length >= limit && way.bytes < limit
      way.bytes += bytes.length
      if (part.length > 0) this.later(way, () => way.to.write(part))
      if (isOver) this.later(way, () => this.fault(link, way, limit))
    })
    way.from.on('end', () => this.later(way, () => way.to.end()))
  }

  private later(way: Direction, act: () => void): void {
    if (way.delayMs === 0) act()
    else setTimeout(act, way.delayMs)
  }

  private fault(link: Link, way: Direction, limit: number): void {
    this.faultCount++
    if (limit === way.cutAfterBytes) return this.cut(link)
    if (limit === way.endAfterBytes) way.to.end()
  }

  private cut(link: Link): void {
    if (!this.links.delete(link)) return
    link.client.resetAndDestroy()
    link.broker.resetAndDestroy()
  }

  /** Resets every connection. */
  cutAll(): void {
    for (const link of this.links) this.cut(link)
  }

  /** Nothing passes, on the connections that are there and on new ones; they stay open. */
  freeze(): void {
    this.isFrozen = true
    for (const { client, broker } of this.links) for (const socket of [client, broker]) socket.pause()
  }

  thaw(): void {
    this.isFrozen = false
    for (const { client, broker } of this.links) for (const socket of [client, broker]) socket.resume()
  }

  async stop(): Promise<void> {
    this.cutAll()
    await new Promise((resolve) => this.server.close(resolve))
  }
}
