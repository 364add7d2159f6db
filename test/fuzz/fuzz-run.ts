/**
 * A real broker under hostile frames: connections of every kind in parallel, a well-formed client in between, and the
 * judge of what each connection heard.
 * Runs on: the process of a fuzz run. Touches: a broker process, connections to it, a temporary folder.
 *
 * What must hold:
 *   - the broker lives, and stops with 0; what it holds afterwards can be recovered and read,
 *   - a connection whose frames are well formed as frames is answered, or told why and closed with a code of ours,
 *   - no answer says UNKNOWN_SERVER_ERROR: that is what a mistake of ours looks like from outside,
 *   - a connection whose frames break WebSocket or HTTP is answered or ends,
 *   - a well-formed client is answered meanwhile, and all that was acknowledged to it is there,
 *   - memory stays below a bound.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { errorTable } from '../../native-free-core/errors/error-table.js'
import { readErrorBody, readFailurePush } from '../../native-free-core/protocol/codecs.generated.js'
import { MessageFlag, readFrame } from '../../native-free-core/protocol/frame.js'
import { messageRows } from '../../native-free-core/protocol/message-table.js'
import { connect } from '../../src/client/index.js'
import { closeCodes } from '../../src/gateway/front-door.js'
import { createToken } from '../../src/gateway/token-table.js'
import { BrokerProcess } from '../chaos/broker-process.js'
import { Ledger } from '../support/ledger.js'
import { processFacts } from '../support/process-facts.js'
import { Random } from '../support/random.js'
import { framed, MessageMaker, topicPrefix, type World } from './messages.js'
import { joined, mutated } from './mutate.js'
import { frameShape, frameShapeNames, httpShape } from './raw-shapes.js'
import { RawWebSocket } from './raw-web-socket.js'

export interface FuzzOptions {
  readonly frames: number
  readonly seed: number
  readonly frontEnd: 'uws' | 'ws'
  readonly say?: (line: string) => void
}

export interface FuzzFigures {
  frames: number
  connections: number
  /** How attempts ended, by kind. */
  readonly outcomes: Record<string, number>
  kept: number
  slowestAnswerMs: number
  p99AnswerMs: number
  residentMiB: number
}

const roles = {
  keeper: 'roles: [admin]',
  admin: 'roles: [admin]',
  user: `roles: [produce, consume, metrics], topics: [${topicPrefix}]`,
} as const
const created = { keeper: createToken(), admin: createToken(), user: createToken() }
const tokens = { keeper: created.keeper.token, admin: created.admin.token, user: created.user.token }
const tokenEntries = (['keeper', 'admin', 'user'] as const)
  .map((name) => `- { name: ${name}, tokenHash: sha256:${created[name].tokenHash}, ${roles[name]} }\n`)
  .join('')

const parallelConnections = 24
/** Beside them, so that those who must wait do not stop the others. */
const parallelStrangers = 40
const answerLimitMs = 20_000
const memoryLimitBytes = 500 * 2 ** 20
const unknownError = errorTable.UNKNOWN_SERVER_ERROR.code
const ourCloseCodes = new Set<number>(Object.values(closeCodes))
const apiOf = (name: string): number => messageRows[name]!.api
const pingApi = apiOf('Ping')
const failureApi = apiOf('Failure')
const firstPing = 0xf000_0000

/** Throws with what did not hold; the data folder is removed only when all is well. */
export async function runFuzz(options: FuzzOptions): Promise<FuzzFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'streambus-fuzz-'))
  const run = new FuzzRun(options, join(folder, 'data'))
  try {
    const figures = await run.run()
    rmSync(folder, { recursive: true })
    return figures
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    throw new Error(`after ${run.figures.frames} frames, data in ${folder}: ${text}`, { cause: error })
  } finally {
    await run.end()
  }
}

class FuzzRun {
  readonly figures: FuzzFigures = {
    frames: 0,
    connections: 0,
    outcomes: {},
    kept: 0,
    slowestAnswerMs: 0,
    p99AnswerMs: 0,
    residentMiB: 0,
  }
  private readonly options: FuzzOptions
  private readonly dataFolder: string
  private broker: BrokerProcess | undefined
  private world: World = { partitionIds: [], topics: [] }
  private failure: Error | undefined
  private readonly strangers = new Set<Promise<void>>()

  constructor(options: FuzzOptions, dataFolder: string) {
    this.options = options
    this.dataFolder = dataFolder
  }

  private async start(): Promise<BrokerProcess> {
    const broker = new BrokerProcess({
      dataFolder: this.dataFolder,
      port: 0,
      shards: 2,
      pinShards: false,
      journalMemoryBytes: 8 << 20,
      retentionCheckIntervalMs: 500,
      frontEnd: this.options.frontEnd,
      tokenEntries,
    })
    this.broker = broker
    await broker.ready
    return broker
  }

  async run(): Promise<FuzzFigures> {
    const broker = await this.start()
    const ledger = await Ledger.open({ server: broker.server, topic: 'kept', token: tokens.keeper })
    this.world = await this.makeWorld(broker.server)
    await Promise.all([
      this.watch(broker, ledger),
      ...Array.from({ length: parallelConnections }, (_, index) => this.work(new Random(this.options.seed + index))),
    ])
    await Promise.all(this.strangers)
    if (this.failure !== undefined) throw this.failure
    await ledger.stop()
    const { max, p99 } = ledger.takeLatencies()
    Object.assign(this.figures, { slowestAnswerMs: Math.round(max), p99AnswerMs: Math.round(p99) })
    // What hostile clients left in journals and segments must not hinder a recovery.
    await broker.kill()
    const next = await this.start()
    this.figures.kept = await ledger.verify(next.server)
    const code = await next.stop()
    if (code !== 0) throw new Error(`the broker stopped with ${code}: ${next.complaint.slice(-2000)}`)
    return this.figures
  }

  private async makeWorld(server: string): Promise<World> {
    const client = await connect({ server, token: tokens.keeper })
    const admin = client.admin()
    const topics = ['a', 'b', 'c'].map((name) => `${topicPrefix}${name}`)
    const configs = { 'segment.bytes': '65536', 'retention.bytes': '262144' }
    for (const [index, name] of topics.entries()) {
      await admin.createTopic({ name, partitions: 3, configs: index === 2 ? { ...configs, flush: 'os' } : configs })
    }
    const descriptions = await Promise.all(topics.map((name) => admin.describeTopic(name)))
    await client.close()
    const partitionIds = descriptions.flatMap(({ partitions }) => partitions.map(({ partitionId }) => partitionId))
    return { partitionIds, topics }
  }

  async end(): Promise<void> {
    this.failure ??= new Error('ended')
    await this.broker?.kill()
  }

  private get isOver(): boolean {
    return this.figures.frames >= this.options.frames || this.failure !== undefined
  }

  private fail(what: string): void {
    this.failure ??= new Error(what)
  }

  /** Looks at the broker as long as the run goes on. */
  private async watch(broker: BrokerProcess, ledger: Ledger): Promise<void> {
    const startMs = performance.now()
    for (let saidMs = startMs; !this.isOver; ) {
      await pass(200)
      if (broker.hasEnded)
        return this.fail(`the broker ended with ${await broker.ended}: ${broker.complaint.slice(-3000)}`)
      if (ledger.failure !== undefined) return this.fail(`a well-formed client failed: ${String(ledger.failure)}`)
      const { residentBytes } = processFacts(broker.pid)
      this.figures.residentMiB = Math.max(this.figures.residentMiB, Math.round(residentBytes / 2 ** 20))
      if (residentBytes > memoryLimitBytes) return this.fail(`the broker has ${residentBytes} bytes of memory`)
      if (performance.now() - saidMs < 10_000) continue
      saidMs = performance.now()
      const rate = Math.round((this.figures.frames / (saidMs - startMs)) * 1000)
      this.options.say?.(`${this.figures.frames} frames, ${rate}/s, ${JSON.stringify(this.figures.outcomes)}`)
    }
  }

  private async work(random: Random): Promise<void> {
    while (!this.isOver) {
      try {
        // What an admin does makes files: more of it, and the run would measure the disk.
        const kind = random.below(100)
        if (kind < 56) await this.binary(random, 'user')
        else if (kind < 58) await this.binary(random, 'admin')
        else if (kind < 85) await this.json(random, 'user')
        else if (kind < 87) await this.json(random, 'admin')
        else if (kind < 94) await this.rawFrames(random)
        else if (kind < 98) await this.rawHttp(random)
        else this.addStranger(random)
      } catch (error) {
        this.fail(error instanceof Error ? error.message : String(error))
      }
    }
  }

  private count(outcome: string): void {
    this.figures.outcomes[outcome] = (this.figures.outcomes[outcome] ?? 0) + 1
  }

  private open(protocol: string, localAddress?: string): RawWebSocket {
    this.figures.connections++
    return new RawWebSocket(this.broker!.port, protocol, localAddress)
  }

  // ---- well-formed frames

  private async binary(random: Random, who: 'user' | 'admin'): Promise<void> {
    const maker = new MessageMaker(random, this.world, who === 'admin')
    const ws = this.open('streambus.v1')
    const heard = new Heard(ws)
    await ws.answered
    ws.send(greeting(tokens[who]), false)
    let correlationId = 1
    for (let burst = random.between(1, 4); burst > 0 && ws.isOpen && !this.isOver; burst--) {
      const messages: Uint8Array[] = []
      for (let count = random.between(1, 30); count > 0; count--) messages.push(maker.message(correlationId++))
      if (random.chance(0.5)) messages.push(maker.damagedMessage(correlationId++))
      this.figures.frames += messages.length
      for (let at = 0; at < messages.length; ) {
        const end = at + random.pick([1, 1, 1, 2, 5])
        ws.send(joined(messages.slice(at, end)), false)
        at = end
      }
      const pinged = heard.ping(firstPing + burst)
      ws.send(framed(pingApi, 0, firstPing + burst, new Uint8Array(0)), false)
      if (!(await this.settle('binary', ws, heard, pinged))) return
    }
    ws.destroy()
  }

  private async json(random: Random, who: 'user' | 'admin'): Promise<void> {
    const isAdmin = who === 'admin'
    const maker = new MessageMaker(random, this.world, isAdmin)
    const ws = this.open('streambus.json.v1')
    const heard = new Heard(ws)
    await ws.answered
    const send = (text: string): void => ws.send(Buffer.from(text), true)
    send(JSON.stringify({ op: 'hello', token: tokens[who] }))
    for (let burst = random.between(1, 4); burst > 0 && ws.isOpen && !this.isOver; burst--) {
      let count = random.between(1, 20)
      this.figures.frames += count
      while (--count > 0) send(maker.text(count, isAdmin))
      if (random.chance(0.5)) send(maker.damagedText(0, isAdmin))
      const pinged = heard.ping(firstPing + burst)
      send(JSON.stringify({ op: 'ping', id: firstPing + burst }))
      if (!(await this.settle('json', ws, heard, pinged))) return
    }
    ws.destroy()
  }

  /** False when the connection is over, or something did not hold. */
  private async settle(kind: string, ws: RawWebSocket, heard: Heard, pinged: Promise<void>): Promise<boolean> {
    const limit = new AbortController()
    const late = pass(answerLimitMs, 'late' as const, { signal: limit.signal }).catch(() => 'late' as const)
    const end = await Promise.race([pinged.then(() => undefined), ws.ended, late])
    limit.abort()
    if (heard.mistake !== undefined) this.fail(`${kind}: ${heard.mistake}`)
    if (end === 'late') {
      this.fail(`${kind}: neither an answer nor an end within ${answerLimitMs} ms`)
      ws.destroy()
      return false
    }
    if (end === undefined) {
      this.count(`${kind} answered`)
      return true
    }
    this.count(`${kind} ${end.code ?? 'no code'}`)
    if (end.code === undefined || !ourCloseCodes.has(end.code)) {
      this.fail(`${kind}: the connection ended with ${end.code ?? 'no code'} "${end.reason}"`)
    } else if (end.code !== closeCodes.slow && heard.failure === undefined) {
      this.fail(`${kind}: the connection ended with ${end.code} and no failure message`)
    }
    return false
  }

  // ---- before anybody knows who it is

  private addStranger(random: Random): void {
    if (this.strangers.size >= parallelStrangers) return
    const done = this.stranger(random).finally(() => this.strangers.delete(done))
    this.strangers.add(done)
  }

  /** Each from an address of its own: failures are answered more slowly the more there were from one. */
  private async stranger(random: Random): Promise<void> {
    const isJson = random.chance(0.3)
    const address = `127.${random.between(1, 250)}.${random.between(0, 250)}.${random.between(1, 250)}`
    const ws = this.open(isJson ? 'streambus.json.v1' : 'streambus.v1', address)
    const heard = new Heard(ws)
    await ws.answered
    const maker = new MessageMaker(random, this.world, random.chance(0.5))
    for (let count = random.between(1, 5); count > 0; count--) {
      this.figures.frames++
      if (isJson) ws.send(Buffer.from(maker.text(count, true)), true)
      else
        ws.send(
          random.chance(0.3) ? maker.message(count) : mutated(random, greeting(random.pick(['wrong', tokens.user]))),
          false,
        )
    }
    // Some are let in: what was damaged of their greeting is nothing that matters.
    const pinged = heard.ping(firstPing)
    if (isJson) ws.send(Buffer.from(JSON.stringify({ op: 'ping', id: firstPing })), true)
    else ws.send(framed(pingApi, 0, firstPing, new Uint8Array(0)), false)
    if (await this.settle(isJson ? 'json stranger' : 'binary stranger', ws, heard, pinged)) ws.destroy()
  }

  // ---- broken frames, broken HTTP

  private async rawFrames(random: Random): Promise<void> {
    const name = random.pick(frameShapeNames)
    const ws = this.open(random.chance(0.5) ? 'streambus.json.v1' : 'streambus.v1')
    const heard = new Heard(ws)
    await ws.answered
    if (random.chance(0.5)) ws.send(Buffer.from(JSON.stringify({ op: 'hello', token: tokens.user })), true)
    const parts = frameShape(name, random)
    this.figures.frames += parts.length
    for (const part of parts) ws.write(part)
    // Some of these wait for more by right; then the end of the connection is the answer.
    if (random.chance(0.3)) ws.destroy()
    else ws.finish()
    const end = await Promise.race([ws.ended, pass(answerLimitMs)])
    if (end === undefined) this.fail(`raw ${name}: the connection did not end`)
    if (heard.mistake !== undefined) this.fail(`raw ${name}: ${heard.mistake}`)
    this.count('raw frames ended')
  }

  private async rawHttp(random: Random): Promise<void> {
    const { name, bytes, mostAnswers } = httpShape(random)
    this.figures.frames++
    this.figures.connections++
    const socket = connectTcp({ host: '127.0.0.1', port: this.broker!.port })
    let received = ''
    socket.on('error', () => undefined)
    socket.on('data', (data) => (received += data.toString('latin1')))
    const ended = new Promise<true>((resolve) => socket.on('close', () => resolve(true)))
    socket.write(bytes)
    if (random.chance(0.5)) await Promise.race([ended, pass(30)])
    socket.end()
    if ((await Promise.race([ended, pass(answerLimitMs)])) !== true) {
      this.fail(`http ${name}: the connection did not end; received "${received.slice(0, 300)}"`)
      socket.destroy()
    }
    const answers = received.match(/HTTP\/1\.1 \d/g)?.length ?? 0
    if (answers > mostAnswers || (mostAnswers === 1 && received.includes('nothing at /smuggled'))) {
      this.fail(`http ${name}: ${answers} answers to ${mostAnswers}: "${received.slice(0, 600)}"`)
    }
    this.count(answers > 0 ? `http ${/HTTP\/1\.1 (\d+)/.exec(received)![1]}` : 'http closed')
  }
}

/** What a connection was told. */
class Heard {
  /** Of the message before the end. */
  failure: string | undefined
  /** An answer that there must not be. */
  mistake: string | undefined
  private readonly pings = new Map<number, () => void>()

  constructor(ws: RawWebSocket) {
    ws.onMessage = (payload, isText) => {
      try {
        if (isText) this.takeText(payload.toString())
        else readFrame(payload, (header, body) => this.takeMessage(header, body))
      } catch (error) {
        this.mistake ??= `an answer can't be read: ${String(error)}`
      }
    }
  }

  ping(id: number): Promise<void> {
    return new Promise((resolve) => this.pings.set(id, resolve))
  }

  private takeMessage(
    { api, flags, correlationId }: { api: number; flags: number; correlationId: number },
    body: Parameters<typeof readErrorBody>[0],
  ): void {
    if ((flags & MessageFlag.error) !== 0) {
      const { code, message } = readErrorBody(body)
      if (code === unknownError) this.mistake ??= `api ${api} was answered with an error that is none: ${message}`
    } else if (api === failureApi && flags === 0) {
      const { code, message } = readFailurePush(body)
      this.failure = message
      if (code === unknownError) this.mistake ??= `the connection failed with an error that is none: ${message}`
    } else if (api === pingApi) this.pings.get(correlationId)?.()
  }

  private takeText(text: string): void {
    const answer = JSON.parse(text) as {
      op?: string
      id?: unknown
      ok?: boolean
      error?: { code: number; message: string }
    }
    if (answer.error?.code === unknownError) this.mistake ??= `an error that is none: ${text.slice(0, 500)}`
    if (answer.op === 'failure') this.failure = answer.error?.message ?? ''
    if (answer.ok === true && typeof answer.id === 'number') this.pings.get(answer.id)?.()
  }
}

/** Hello and Authenticate in one frame. */
function greeting(token: string): Uint8Array {
  const hello = Buffer.from('\x00\x01\x00\x04fuzz', 'latin1')
  const authenticate = Buffer.concat([
    Buffer.from('\x00\x05TOKEN\x00', 'latin1'),
    Buffer.from([token.length]),
    Buffer.from(token),
  ])
  return joined([
    framed(apiOf('Hello'), 0, 0xe000_0000, hello),
    framed(apiOf('Authenticate'), 0, 0xe000_0001, authenticate),
  ])
}
