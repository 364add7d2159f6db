/**
 * Connections that hurt: thousands that idle, storms of them, ones that never finish what they began, and that do not
 * read; beside them a well-formed client, whose answers are timed.
 * Runs on: the process of a long run. Touches: a broker process, connections to it, a temporary folder.
 *
 * What must hold in each phase: the broker lives, the well-formed client is answered, its P99 stays within
 * `othersLimitMs` (`stormLimitMs` while all connect at once; `slowdownLimit` times what it was alone, where that is
 * more), and memory stays within what docs/operations.md says; at the end no handle is left and nothing acknowledged
 * is lost.
 */
import { connect as connectTcp, type Socket } from 'node:net'
import { setTimeout as pass } from 'node:timers/promises'
import { brokerConfigOf } from '../../native-free-core/config/broker-config.js'
import { Api } from '../../native-free-core/protocol/codecs.generated.js'
import { connect } from '../../src/client/index.js'
import { framed } from '../fuzz/messages.js'
import { RawWebSocket } from '../fuzz/raw-web-socket.js'
import { Ledger } from '../support/ledger.js'
import { type ProcessFacts, processFacts } from '../support/process-facts.js'
import { BrokerProcess } from './broker-process.js'
import { inFolder } from './in-folder.js'
import { mostResidentBytes } from './memory-bound.js'

export interface ConnectionsOptions {
  readonly idle: number
  readonly storm: number
  readonly slowReaders: number
  readonly frontEnd: 'auto' | 'uws' | 'ws'
  readonly say?: (line: string) => void
}

const MiB = 2 ** 20
const idleTimeoutMs = 8000
/** Beyond the handshake's own limit of 10 s the server looks around every 5 s. */
const goneLimitMs = 45_000
const bytesPerIdleLimit = 64 * 1024
const othersLimitMs = 1000
const stormLimitMs = 3000
/** Where other programs take the machine's time: so many times what it was alone. */
const slowdownLimit = 20
/** Files of the topics that the run makes, and those of threads that start with the first need. */
const handlesOfTopics = 60
const handshakesAtATime = 250
const hello = framed(Api.Hello, 0, 1, Buffer.from('\x00\x01\x00\x04many', 'latin1'))

/** Throws with what did not hold. */
export function runConnections(options: ConnectionsOptions): Promise<void> {
  return inFolder('connections', (dataFolder) => new ConnectionsRun(options, dataFolder))
}

class ConnectionsRun {
  private readonly options: ConnectionsOptions
  private readonly broker: BrokerProcess
  private readonly config
  private ledger: Ledger | undefined
  private aloneP99Ms = 0
  private readonly open: { destroy(): void }[] = []

  constructor(options: ConnectionsOptions, dataFolder: string) {
    this.options = options
    const given = {
      dataFolder,
      port: 0,
      shards: 1,
      frontEnd: options.frontEnd,
      maxConnections: options.idle + options.storm + 1000,
      journalMemoryBytes: 16 * MiB,
      volatileMemoryBytes: 2 * MiB,
      maxSendBufferBytes: MiB,
      idleTimeoutMs,
    }
    this.config = brokerConfigOf(given)
    this.broker = new BrokerProcess(given)
  }

  async run(): Promise<void> {
    await this.broker.ready
    const { server } = this.broker
    this.ledger = await Ledger.open({ server, topic: 'kept', pauseMs: 5 })
    await pass(1500)
    this.aloneP99Ms = this.ledger.takeLatencies().p99
    this.say(`alone: P99 ${this.aloneP99Ms.toFixed(1)} ms`)
    const before = this.facts()
    await this.idle(before)
    await this.storm()
    await this.neverFinished(before)
    await this.slowReaders()
    await this.until('handles are closed', () => this.facts().openFiles <= before.openFiles + handlesOfTopics)
    await this.ledger.stop()
    const kept = await this.ledger.verify(server)
    await this.broker.stopCleanly()
    this.say(`end: ${kept} records kept, handles closed, stopped cleanly`)
  }

  async end(): Promise<void> {
    this.closeAll()
    await this.ledger?.stop().catch(() => undefined)
    await this.broker.kill()
  }

  private say(line: string): void {
    this.options.say?.(line)
  }

  private facts(): ProcessFacts {
    if (this.broker.hasEnded) throw new Error(`the broker has ended: ${this.broker.complaint.slice(-2000)}`)
    return processFacts(this.broker.pid)
  }

  /** What the well-formed client saw since the last call; a short phase may end before its next answer. */
  private async judgeOthers(phase: string): Promise<string> {
    const ledger = this.ledger!
    const limitMs = Math.max(phase === 'storm' ? stormLimitMs : othersLimitMs, slowdownLimit * this.aloneP99Ms)
    const endMs = performance.now() + limitMs
    let seen = ledger.takeLatencies()
    for (; seen.count === 0 && performance.now() < endMs; seen = ledger.takeLatencies()) await pass(5)
    if (ledger.failure !== undefined) {
      throw new Error(`${phase}: a well-formed client failed: ${ledger.failure.message}`)
    }
    const { count, p99, max } = seen
    if (count === 0) throw new Error(`${phase}: others had no answer in ${limitMs} ms`)
    if (p99 > limitMs) throw new Error(`${phase}: others wait ${p99.toFixed(0)} ms; at most ${limitMs}`)
    return `others: P99 ${p99.toFixed(1)} ms, longest ${max.toFixed(0)}`
  }

  private judgeMemory(phase: string, connections: number): string {
    const { residentBytes } = this.facts()
    const bound = mostResidentBytes(this.config, connections)
    if (residentBytes > bound) throw new Error(`${phase}: ${residentBytes} bytes of memory; the bound is ${bound}`)
    return `${Math.round(residentBytes / MiB)} MiB of at most ${Math.round(bound / MiB)}`
  }

  private async until(what: string, isSo: () => boolean): Promise<void> {
    const endMs = performance.now() + goneLimitMs
    while (!isSo()) {
      if (performance.now() > endMs) throw new Error(`not so after ${goneLimitMs} ms: ${what}`)
      await pass(100)
    }
  }

  private closeAll(): void {
    for (const one of this.open.splice(0)) one.destroy()
  }

  /** `count` connections that have said Hello, so many handshakes at a time. */
  private async connectMany(count: number, atATime: number): Promise<RawWebSocket[]> {
    const made: RawWebSocket[] = []
    while (made.length < count) {
      const some = Array.from({ length: Math.min(atATime, count - made.length) }, () => {
        const ws = new RawWebSocket(this.broker.port, 'streambus.v1')
        this.open.push(ws)
        return ws
      })
      const lines = await Promise.all(some.map((ws) => ws.answered))
      const refused = lines.find((line) => !line.includes(' 101 '))
      if (refused !== undefined) throw new Error(`a handshake was answered "${refused}"`)
      for (const ws of some) ws.send(hello, false)
      made.push(...some)
    }
    return made
  }

  private async idle(before: ProcessFacts): Promise<void> {
    const { idle } = this.options
    const startMs = performance.now()
    await this.connectMany(idle, handshakesAtATime)
    const tookMs = performance.now() - startMs
    const after = this.facts()
    const perConnection = (after.residentBytes - before.residentBytes) / idle
    const others = await this.judgeOthers('idle')
    this.say(
      `idle: ${idle} connections in ${(tookMs / 1000).toFixed(1)} s, ${(perConnection / 1024).toFixed(1)} KiB each, ` +
        `${after.openFiles} files open; ${others}`,
    )
    if (perConnection > bytesPerIdleLimit) throw new Error(`an idle connection takes ${perConnection} bytes`)
    this.closeAll()
  }

  /** All come at once, as after a restart. */
  private async storm(): Promise<void> {
    const startMs = performance.now()
    await this.connectMany(this.options.storm, this.options.storm)
    const tookMs = performance.now() - startMs
    this.say(
      `storm: ${this.options.storm} at once in ${(tookMs / 1000).toFixed(1)} s; ${await this.judgeOthers('storm')}`,
    )
    this.closeAll()
  }

  /** Nothing at all, a part of a request, bit by bit, no Hello, and Hello and then silence with the reading stopped. */
  private async neverFinished(before: ProcessFacts): Promise<void> {
    const { port } = this.broker
    const startMs = performance.now()
    const kinds = ['silent', 'part', 'slowly', 'greeted not', 'vanished'] as const
    const left = new Map<string, number>(kinds.map((kind) => [kind, 20]))
    const timers: NodeJS.Timeout[] = []
    for (const kind of kinds) {
      for (let count = 20; count > 0; count--) {
        const over = (): unknown => left.set(kind, left.get(kind)! - 1)
        if (kind === 'greeted not') {
          const ws = new RawWebSocket(port, 'streambus.v1')
          this.open.push(ws)
          void ws.ended.then(over)
        } else this.open.push(this.halfOpen(kind, over, timers))
      }
    }
    try {
      await this.until(`ended: ${JSON.stringify([...left])}`, () =>
        [...left.values()].every((count) => count === 0),
      ).catch(() => {
        throw new Error(`connections that never finish are kept: ${JSON.stringify([...left])}`)
      })
    } finally {
      for (const timer of timers) clearInterval(timer)
    }
    await this.until('their handles are closed', () => this.facts().openFiles <= before.openFiles + 20)
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
    this.say(`never finished: all 100 were let go within ${seconds} s; ${await this.judgeOthers('never finished')}`)
    this.closeAll()
  }

  private halfOpen(kind: string, over: () => void, timers: NodeJS.Timeout[]): Socket {
    const { port } = this.broker
    const socket = connectTcp({ host: '127.0.0.1', port })
    const head =
      `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Protocol: streambus.json.v1\r\n\r\n'
    socket.on('error', () => undefined)
    if (kind === 'part') socket.write(head.slice(0, 60))
    if (kind === 'slowly') {
      let at = 0
      timers.push(setInterval(() => socket.write(head[at++ % head.length]!), 700))
    }
    if (kind === 'vanished') {
      // Its peer hears nothing of it any more, and it hears nothing: what the broker does shows in its open files.
      socket.write(head)
      socket.pause()
      const timer = setInterval(() => {
        if (this.facts().openFiles > 0) over()
        clearInterval(timer)
      }, idleTimeoutMs)
      timers.push(timer)
      return socket
    }
    socket.on('close', over)
    socket.resume()
    return socket
  }

  /** They ask for everything and read nothing. */
  private async slowReaders(): Promise<void> {
    const { slowReaders } = this.options
    const { server, port } = this.broker
    const client = await connect({ server })
    await client.admin().createTopic({ name: 'much', partitions: 1 })
    const producer = client.producer({ batchBytes: 256 * 1024 })
    const value = Buffer.alloc(10_000, 7)
    for (let count = 0; count < 4000; count++) producer.write({ topic: 'much', value })
    await producer.close()
    await client.close()
    for (let count = 0; count < slowReaders; count++) {
      const ws = new RawWebSocket(port, 'streambus.json.v1')
      this.open.push(ws)
      await ws.answered
      ws.send(Buffer.from('{"op":"subscribe","topic":"much","partition":0,"from":"earliest"}'), true)
      ws.pause()
    }
    await pass(3000)
    const memory = this.judgeMemory('slow readers', slowReaders + 2)
    this.say(`slow readers: ${slowReaders}, ${memory}; ${await this.judgeOthers('slow readers')}`)
    this.closeAll()
  }
}
