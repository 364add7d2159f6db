/**
 * A gateway on a free port over fake shards, and a bare client that speaks both subprotocols frame by frame.
 * Runs on: the test process.
 */
import { type ClientOptions, WebSocket } from 'ws'
import { ByteReader } from '../../native-free-core/bytes/byte-reader.js'
import type { ByteWriter } from '../../native-free-core/bytes/byte-writer.js'
import { type BrokerConfig, brokerConfigOf } from '../../native-free-core/config/broker-config.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { RecordBatchBuilder } from '../../native-free-core/log/record-batch-builder.js'
import { shardOf } from '../../native-free-core/mailbox/control.js'
import { MetadataImage } from '../../native-free-core/metadata/metadata-image.js'
import * as codecs from '../../native-free-core/protocol/codecs.generated.js'
import { FrameWriter, MessageFlag, readFrame } from '../../native-free-core/protocol/frame.js'
import { messageRows } from '../../native-free-core/protocol/message-table.js'
import { createDoorbell } from '../../native-free-core/ring/doorbell.js'
import type { Authorize } from '../../src/gateway/authorize.js'
import type { ClusterAccess } from '../../src/gateway/cluster-access.js'
import type { AuditEntry } from '../../src/gateway/audit.js'
import { Gateway } from '../../src/gateway/gateway.js'
import type { TokenTable } from '../../src/gateway/token-table.js'
import type { TlsMaterial } from '../../src/gateway/transport.js'
import { uwsBinaryPath } from '../../src/gateway/uws-transport.js'
import { FakeShard, type FakeShardOptions } from './fake-shard.js'

/** The front ends that this Node.js can run: the parity suite runs on each. */
export const frontEnds: readonly ('uws' | 'ws')[] = uwsBinaryPath() === undefined ? ['ws'] : ['uws', 'ws']

const topicId = '0123456789abcdef0123456789abcdef'
const clusterId = 'fedcba9876543210fedcba9876543210'

export interface FixtureOptions {
  readonly config?: Partial<BrokerConfig>
  readonly shardCount?: number
  readonly partitions?: number
  readonly shard?: Partial<FakeShardOptions>
  readonly authorize?: Authorize
  readonly tokens?: TokenTable
  readonly firstFailureDelayMs?: number
  readonly tls?: TlsMaterial
}

export class GatewayFixture {
  readonly gateway: Gateway
  readonly shards: readonly FakeShard[]
  readonly config: BrokerConfig
  readonly audit: readonly AuditEntry[]
  private readonly clients: RawClient[] = []
  private readonly isTls: boolean

  private constructor(
    gateway: Gateway,
    shards: readonly FakeShard[],
    config: BrokerConfig,
    audit: readonly AuditEntry[],
    isTls: boolean,
  ) {
    this.gateway = gateway
    this.shards = shards
    this.config = config
    this.audit = audit
    this.isTls = isTls
  }

  static async open(options: FixtureOptions = {}): Promise<GatewayFixture> {
    const config = brokerConfigOf({ port: 0, dataFolder: '/nowhere', ...options.config })
    const doorbell = createDoorbell()
    const shardCount = options.shardCount ?? 1
    const shards = Array.from({ length: shardCount }, () => new FakeShard({ ...options.shard, mainDoorbell: doorbell }))
    const cluster = new FakeCluster(options.partitions ?? 4)
    for (const partition of cluster.image().topics[0]!.partitions) {
      shards[shardOf(partition.partitionId, shardCount)]!.addPartition(partition.partitionId)
    }
    const nothing = (): void => undefined
    const audit: AuditEntry[] = []
    const gateway = await Gateway.open({
      config,
      cluster,
      doorbell,
      shards: shards.map((shard) => shard.channel),
      log: { info: nothing, warn: nothing, audit: (entry) => audit.push(entry) },
      tokens: options.tokens,
      firstFailureDelayMs: options.firstFailureDelayMs ?? 1,
      tls: options.tls,
      startReader: () => {
        throw new Error('a fake shard has no segments')
      },
      ...(options.authorize === undefined ? {} : { authorize: options.authorize }),
    })
    gateway.becomeReady()
    for (const shard of shards) shard.start()
    return new GatewayFixture(gateway, shards, config, audit, options.tls !== undefined)
  }

  get url(): string {
    return `${this.isTls ? 'wss' : 'ws'}://127.0.0.1:${this.gateway.port}`
  }

  /** A connection that has said Hello with a token, or said it in JSON, and the answer. */
  async authenticate(
    token: string,
    protocol = 'streambus.v1',
    options: ClientOptions = {},
  ): Promise<{ client: RawClient; principal: string | undefined; error: number | undefined }> {
    const client = await this.dial([protocol], {}, options)
    if (protocol !== 'streambus.v1') {
      const { principal, error } = await client.json({ op: 'hello', token })
      return {
        client,
        principal: principal as string | undefined,
        error: (error as { code?: number } | undefined)?.code,
      }
    }
    const { error, body } = await client.greet(token)
    const principal = error === undefined ? codecs.readAuthenticateResponse(new ByteReader(body)).principal : undefined
    return { client, principal, error: error?.code }
  }

  /** A connection that has said Hello, or speaks JSON. */
  async connect(protocol = 'streambus.v1', headers: Record<string, string> = {}): Promise<RawClient> {
    const client = await this.dial([protocol], headers)
    if (protocol === 'streambus.v1') {
      await client.ask('Hello', (body) => codecs.writeHelloRequest(body, { protocolVersion: 1, clientName: 'test' }))
    }
    return client
  }

  /** As it is, without Hello. */
  async dial(
    protocols: readonly string[],
    headers: Record<string, string> = {},
    options: ClientOptions = {},
  ): Promise<RawClient> {
    const ws = new WebSocket(this.url, [...protocols], { headers, perMessageDeflate: false, ...options })
    const client = new RawClient(ws)
    this.clients.push(client)
    await client.opened
    return client
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.ws.terminate()
    await this.gateway.close()
    for (const shard of this.shards) shard.stop()
  }
}

/** One topic `t`; what changes metadata is accepted and forgotten. */
class FakeCluster implements ClusterAccess {
  readonly brokerId = 0
  private readonly current: MetadataImage
  private nextId = 0

  constructor(partitionCount: number) {
    const partitions = Array.from({ length: partitionCount }, (_, partition) => ({
      partition,
      partitionId: partition,
      leader: 0,
      leaderEpoch: 0,
      replicas: [0],
      isr: [0],
    }))
    this.current = new MetadataImage({
      version: 1,
      clusterId,
      brokers: [{ brokerId: 0, host: '127.0.0.1', port: 9400, incarnation: 'a' }],
      topics: [{ topicId, name: 't', configs: {}, partitions }],
      nextPartitionId: partitionCount,
      nextProducerId: 0,
      deletedTopics: [],
    })
  }

  image(): MetadataImage {
    return this.current
  }

  change(): Promise<{ topicId: string; name: string }> {
    return Promise.resolve({ topicId, name: 't' })
  }

  newTopicId(): string {
    return topicId
  }

  nextProducerId(): Promise<number> {
    return Promise.resolve(this.nextId++)
  }

  status(): Readonly<Record<string, unknown>> {
    return { brokerId: 0 }
  }

  describeConfig(): codecs.BrokerConfigEntry[] {
    return []
  }

  alterConfig(): codecs.AlterBrokerConfigResponse {
    return { entries: [], note: '' }
  }

  address(): { host: string; port: number } {
    return { host: '127.0.0.1', port: 9400 }
  }
}

export interface Answer {
  readonly api: number
  readonly correlationId: number
  readonly error: codecs.ErrorBody | undefined
  readonly body: Uint8Array
}

export const apiOf = (name: string): number => messageRows[name]!.api

export class RawClient {
  readonly ws: WebSocket
  readonly opened: Promise<void>
  readonly closed: Promise<{ code: number; reason: string }>
  /** Binary messages that answer nothing that was asked with `ask`, in order. */
  readonly messages: Answer[] = []
  readonly texts: Record<string, any>[] = []
  frameCount = 0
  private readonly waiting = new Map<number, (answer: Answer) => void>()
  private readonly watchers = new Set<() => void>()
  private nextCorrelationId = 1

  constructor(ws: WebSocket) {
    this.ws = ws
    ws.binaryType = 'nodebuffer'
    this.opened = new Promise((resolve, reject) => {
      ws.once('open', () => resolve())
      ws.once('error', reject)
    })
    this.closed = new Promise((resolve) => {
      ws.once('close', (code, reason) => {
        resolve({ code, reason: reason.toString() })
        this.notify()
      })
    })
    ws.on('error', () => undefined)
    ws.on('message', (data, isBinary) => this.take(data as Buffer, isBinary))
  }

  private take(data: Buffer, isBinary: boolean): void {
    this.frameCount++
    if (isBinary) readFrame(data, (header, body) => this.takeMessage(header, body))
    else this.texts.push(JSON.parse(data.toString()) as Record<string, any>)
    this.notify()
  }

  private takeMessage(header: { api: number; flags: number; correlationId: number }, body: ByteReader): void {
    const isError = (header.flags & MessageFlag.error) !== 0
    const error = isError ? codecs.readErrorBody(body) : undefined
    const bytes = new Uint8Array(body.remainingBytes)
    for (let index = 0; index < bytes.length; index++) bytes[index] = body.u8()
    const answer = { api: header.api, correlationId: header.correlationId, error, body: bytes }
    const waiter = (header.flags & MessageFlag.response) !== 0 ? this.waiting.get(header.correlationId) : undefined
    this.waiting.delete(header.correlationId)
    if (waiter === undefined) this.messages.push(answer)
    else waiter(answer)
  }

  private notify(): void {
    for (const watcher of this.watchers) watcher()
  }

  /** Resolves when the condition holds; looks after every frame. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return
        this.watchers.delete(look)
        resolve()
      }
      this.watchers.add(look)
      look()
    })
  }

  send(bytes: Uint8Array): void {
    this.ws.send(bytes)
  }

  sendJson(request: object): void {
    this.ws.send(JSON.stringify(request))
  }

  async json(request: Record<string, unknown>): Promise<Record<string, any>> {
    const id = this.nextCorrelationId++
    this.sendJson({ id, ...request })
    const found = (): Record<string, any> | undefined => this.texts.find((text) => text['id'] === id)
    await this.until(() => found() !== undefined)
    return found()!
  }

  /** Sends one message in a frame of its own; resolves with its answer, an error too. */
  ask(name: string, write: (body: ByteWriter) => void = () => undefined): Promise<Answer> {
    const writer = new FrameWriter()
    const answer = this.put(writer, name, write)
    this.send(writer.view())
    return answer
  }

  /** Hello and Authenticate in one frame; resolves with the answer to the second. */
  greet(token: string): Promise<Answer> {
    const writer = new FrameWriter()
    void this.put(writer, 'Hello', (body) => codecs.writeHelloRequest(body, { protocolVersion: 1, clientName: 'test' }))
    const answer = this.put(writer, 'Authenticate', (body) =>
      codecs.writeAuthenticateRequest(body, { mechanism: 'TOKEN', token }),
    )
    this.send(writer.view())
    return answer
  }

  /** Adds a message to a frame that the caller sends. */
  put(writer: FrameWriter, name: string, write: (body: ByteWriter) => void): Promise<Answer> {
    const correlationId = this.nextCorrelationId++
    write(writer.begin(apiOf(name), 0, correlationId))
    writer.end()
    return new Promise((resolve) => this.waiting.set(correlationId, resolve))
  }

  produce(partitionId: number, batch: Uint8Array, acks = -1): Promise<Answer> {
    return this.ask('Produce', (body) => codecs.writeProduceRequest(body, { partitionId, acks, batch }))
  }

  fetch(request: codecs.FetchRequest): Promise<Answer> {
    return this.ask('Fetch', (body) => codecs.writeFetchRequest(body, request))
  }

  subscribe(request: codecs.SubscribeRequest): Promise<Answer> {
    return this.ask('Subscribe', (body) => codecs.writeSubscribeRequest(body, request))
  }

  grant(subscriptionId: number, creditBytes: number): void {
    const writer = new FrameWriter()
    codecs.writeCreditRequest(writer.begin(apiOf('Credit'), 0, 0), { subscriptionId, creditBytes })
    writer.end()
    this.send(writer.view())
  }

  pushes<Push>(name: string, read: (reader: ByteReader) => Push): Push[] {
    return this.messages
      .filter((message) => message.api === apiOf(name))
      .map((message) => read(new ByteReader(message.body)))
  }

  deliveries(): codecs.DeliveryPush[] {
    return this.pushes('Delivery', codecs.readDeliveryPush)
  }

  /** The typed error of a refusal, in either form. */
  failure(): { code: number; message: string } | undefined {
    const text = this.texts.find((candidate) => candidate['op'] === 'failure')
    if (text !== undefined) return text['error'] as { code: number; message: string }
    return this.pushes('Failure', codecs.readFailurePush)[0]
  }
}

/** A batch of `count` records whose values are text of `valueBytes` that begins with `label`. */
export function batchOf(count: number, valueBytes = 10, label = 'v'): Uint8Array {
  const builder = new RecordBatchBuilder()
  for (let index = 0; index < count; index++) {
    builder.append(null, Buffer.from(`${label}${index}`.padEnd(valueBytes, '.')), 1000 + index)
  }
  return builder.finish().slice()
}

/** Base offsets and record counts of the batches, one after another. */
export function batchesIn(bytes: Uint8Array): { baseOffset: number; count: number; end: number }[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const found = []
  for (let at = 0; at < bytes.length; ) {
    const baseOffset = Number(view.getBigInt64(at))
    const count = view.getInt32(at + 57)
    found.push({ baseOffset, count, end: baseOffset + count })
    at += 12 + view.getInt32(at + 8)
  }
  return found
}

export function codeOf(name: StreamBusError['name']): number {
  return new StreamBusError(name, '').code
}
