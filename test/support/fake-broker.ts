/**
 * A broker in memory for tests of clients: it speaks streambus.v1, keeps batches, recognises what idempotent producers
 * send again, serves subscriptions by credit, and fails on demand.
 * Runs on: the test process.
 */
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type ServerOptions as TlsServerOptions } from 'node:https'
import { type AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { ByteReader } from '../../native-free-core/bytes/byte-reader.js'
import { sequenceAfter } from '../../native-free-core/client/partition-producer.js'
import { errorTable } from '../../native-free-core/errors/error-table.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { assignBatch, RecordBatchView, RecordReader } from '../../native-free-core/log/record-batch.js'
import * as protocol from '../../native-free-core/protocol/codecs.generated.js'
import { FrameWriter, MessageFlag, type MessageHeader, readFrame } from '../../native-free-core/protocol/frame.js'

const { Api } = protocol

/** What to do with a request: answer; refuse with an error; close before it is done, or after it, unanswered. */
export type Fault = 'answer' | 'drop before' | 'drop after' | StreamBusError

/** There is nothing but the WebSocket. */
function refuse(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(404).end()
}

interface Producer {
  readonly epoch: number
  /** The last five batches. */
  batches: { baseSequence: number; lastSequence: number; baseOffset: number }[]
}

export interface FakePartition {
  readonly partitionId: number
  readonly batches: { baseOffset: number; endOffset: number; bytes: Uint8Array }[]
  readonly producers: Map<number, Producer>
  endOffset: number
  logStartOffset: number
}

interface FakeTopic {
  readonly name: string
  readonly topicId: string
  readonly partitions: FakePartition[]
}

interface FakeSubscription {
  readonly subscriptionId: number
  readonly partition: FakePartition
  offset: number
  creditBytes: number
}

interface Session {
  readonly socket: WebSocket
  readonly out: FrameWriter
  readonly subscriptions: Map<number, FakeSubscription>
}

export class FakeBroker {
  readonly topics = new Map<string, FakeTopic>()
  clusterId = '0123456789abcdef0123456789abcdef'
  maxInFlightBytes = 16 * 1024 * 1024
  /** A larger frame ends its connection. */
  maxFrameBytes = 16 * 1024 * 1024
  /** Delivered at a time. */
  deliveryBytes = 64 * 1024
  idleTimeoutMs = 120_000
  /** The only one that is accepted; undefined: nobody is asked. */
  token: string | undefined
  /** Decides for each request. */
  plan: (api: number) => Fault = () => 'answer'
  /** Throws for a produced batch that is to be refused. */
  checkBatch: (bytes: Uint8Array) => void = () => {}
  /** What a produced batch leaves in the log: a broker that loses or repeats is made of this. */
  keep: (bytes: Uint8Array) => readonly Uint8Array[] = (bytes) => [bytes]
  /** Requests by api, counted. */
  readonly requestCounts = new Map<number, number>()
  /** The most that was ever granted and not delivered, by subscription. */
  largestCreditBytes = 0
  /** The most batches that came in one frame, so without an answer to the first of them. */
  largestInFlight = 0
  connectionCount = 0
  private readonly server: WebSocketServer
  private readonly listener: HttpServer
  private readonly sessions = new Set<Session>()
  private answersAreHeld = false
  /** Called when a subscription is accepted, before anything of it is delivered. */
  whenSubscribed: () => void = () => {}
  private nextId = 1
  private nextProducerId = 1000

  private constructor(server: WebSocketServer, listener: HttpServer) {
    this.server = server
    this.listener = listener
    server.on('connection', (socket) => this.accept(socket))
  }

  /** With `tls` it speaks wss:// only. */
  static async start(port = 0, tls?: TlsServerOptions): Promise<FakeBroker> {
    const listener = tls === undefined ? createServer(refuse) : createTlsServer(tls, refuse)
    const server = new WebSocketServer({ server: listener, handleProtocols: () => 'streambus.v1' })
    const broker = new FakeBroker(server, listener)
    await new Promise<void>((resolve, reject) => {
      listener.once('listening', resolve).once('error', reject)
      listener.listen(port, '127.0.0.1')
    })
    return broker
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Ends all connections at once, as a crash does. */
  dropAll(): void {
    for (const { socket } of this.sessions) socket.terminate()
  }

  /** Reads nothing from any connection until `resumeAll`. */
  pauseAll(): void {
    for (const { socket } of this.sessions) socket.pause()
  }

  resumeAll(): void {
    for (const { socket } of this.sessions) socket.resume()
  }

  async stop(): Promise<void> {
    this.dropAll()
    this.server.close()
    const isClosed = new Promise((resolve) => this.listener.close(resolve))
    this.listener.closeAllConnections()
    await isClosed
  }

  addTopic(name: string, partitionCount = 1): FakeTopic {
    const partitions = Array.from({ length: partitionCount }, () => this.newPartition())
    const topic = { name, topicId: String(this.nextId++).padStart(32, '0'), partitions }
    this.topics.set(name, topic)
    return topic
  }

  private newPartition(): FakePartition {
    const partitionId = this.nextId++
    return { partitionId, batches: [], producers: new Map(), endOffset: 0, logStartOffset: 0 }
  }

  /** The values of a partition's records, in order. */
  values(name: string, partition = 0): string[] {
    const values: string[] = []
    const reader = new RecordReader()
    for (const { bytes } of this.topics.get(name)!.partitions[partition]!.batches) {
      reader.over(new RecordBatchView(bytes))
      while (reader.next()) values.push(Buffer.from(reader.value ?? []).toString())
    }
    return values
  }

  private accept(socket: WebSocket): void {
    const session: Session = { socket, out: new FrameWriter(), subscriptions: new Map() }
    this.sessions.add(session)
    this.connectionCount++
    socket.on('message', (data) => this.frame(session, data as Buffer))
    socket.on('close', () => this.sessions.delete(session))
    socket.on('error', () => {})
  }

  private frame(session: Session, frame: Buffer): void {
    if (frame.length > this.maxFrameBytes) return session.socket.terminate()
    let batchCount = 0
    readFrame(frame, (header, body) => {
      if (header.api === Api.Produce) this.largestInFlight = Math.max(this.largestInFlight, ++batchCount)
      if (session.socket.readyState === session.socket.OPEN) this.message(session, header, body)
    })
    this.deliverAll()
    this.send(session)
  }

  /** From now on requests are done, and their answers kept until `releaseAnswers`. */
  holdAnswers(): void {
    this.answersAreHeld = true
  }

  releaseAnswers(): void {
    this.answersAreHeld = false
    for (const session of this.sessions) this.send(session)
  }

  private send(session: Session): void {
    if (session.out.messageCount === 0 || this.answersAreHeld) return
    const bytes = Buffer.from(session.out.view())
    session.out.reset()
    if (session.socket.readyState === session.socket.OPEN) session.socket.send(bytes)
  }

  private message(session: Session, header: MessageHeader, body: ByteReader): void {
    const { api, correlationId } = header
    this.requestCounts.set(api, (this.requestCounts.get(api) ?? 0) + 1)
    const fault = api === Api.Hello || api === Api.Authenticate || api === Api.Credit ? 'answer' : this.plan(api)
    if (fault === 'drop before') return session.socket.terminate()
    try {
      if (StreamBusError.is(fault)) throw fault
      this.answer(session, header, body, fault)
    } catch (error) {
      const { code, message } = StreamBusError.from(error)
      if (correlationId !== 0) session.out.error(api, correlationId, { code, message })
    }
  }

  private answer(session: Session, header: MessageHeader, body: ByteReader, fault: Fault): void {
    const write = this.handle(session, header.api, body)
    if (fault === 'drop after') return session.socket.terminate()
    if (header.correlationId === 0 || write === undefined) return
    write(session.out.begin(header.api, MessageFlag.response, header.correlationId))
    session.out.end()
  }

  private handle(session: Session, api: number, body: ByteReader): ((writer: FrameWriter['body']) => void) | undefined {
    switch (api) {
      case Api.Hello:
        return (writer) => protocol.writeHelloResponse(writer, this.hello())
      case Api.Authenticate:
        return this.authenticate(protocol.readAuthenticateRequest(body).token)
      case Api.Ping:
        return (writer) => protocol.writePingResponse(writer, { brokerTimeMs: 0 })
      case Api.Metadata:
        return this.metadata(protocol.readMetadataRequest(body))
      case Api.CreateTopic:
        return this.createTopic(protocol.readCreateTopicRequest(body))
      case Api.DeleteTopic:
        return this.deleteTopic(protocol.readDeleteTopicRequest(body).name)
      case Api.DescribeTopic:
        return this.describeTopic(protocol.readDescribeTopicRequest(body).name)
      case Api.InitProducerId:
        return (writer) =>
          protocol.writeInitProducerIdResponse(writer, { producerId: this.nextProducerId++, producerEpoch: 0 })
      case Api.Produce:
        return this.produce(protocol.readProduceRequest(body))
      case Api.ListOffsets:
        return this.listOffsets(protocol.readListOffsetsRequest(body))
      case Api.Subscribe:
        return this.subscribe(session, protocol.readSubscribeRequest(body))
      case Api.Unsubscribe:
        session.subscriptions.delete(protocol.readUnsubscribeRequest(body).subscriptionId)
        return () => {}
      case Api.Credit:
        this.credit(session, protocol.readCreditRequest(body))
        return undefined
      case Api.ClusterStatus:
        return (writer) => protocol.writeClusterStatusResponse(writer, { json: '{"brokers":[]}' })
      default:
        throw new StreamBusError('INVALID_REQUEST', `the fake broker has no api ${api}`)
    }
  }

  private authenticate(token: string): (writer: FrameWriter['body']) => void {
    if (this.token !== undefined && token !== this.token) {
      throw new StreamBusError('SASL_AUTHENTICATION_FAILED', 'the token is not known')
    }
    return (writer) => protocol.writeAuthenticateResponse(writer, { principal: 'p', roles: ['admin'] })
  }

  private hello(): protocol.HelloResponse {
    const { clusterId, maxInFlightBytes, maxFrameBytes, idleTimeoutMs } = this
    return {
      protocolVersion: 1,
      brokerVersion: '0.0.0-fake',
      clusterId,
      brokerId: 0,
      maxFrameBytes,
      maxInFlightBytes,
      maxFetchBytes: 8 * 1024 * 1024,
      maxCreditBytes: 64 * 1024 * 1024,
      idleTimeoutMs,
    }
  }

  private metadata({ all, names }: protocol.MetadataRequest): (writer: FrameWriter['body']) => void {
    const found = [...this.topics.values()].filter(({ name }) => all || names.includes(name))
    const topics = found.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionId }, partition) => {
        return { partition, partitionId, leader: 0, leaderEpoch: 0, replicas: [0], isr: [0] }
      }),
    }))
    const brokers = [{ brokerId: 0, host: '127.0.0.1', port: this.port }]
    return (writer) =>
      protocol.writeMetadataResponse(writer, { clusterId: this.clusterId, version: 1, brokers, topics })
  }

  private createTopic({ name, partitions }: protocol.CreateTopicRequest): (writer: FrameWriter['body']) => void {
    if (this.topics.has(name)) throw new StreamBusError('TOPIC_ALREADY_EXISTS', `topic "${name}" exists`)
    const { topicId } = this.addTopic(name, partitions)
    return (writer) => protocol.writeCreateTopicResponse(writer, { topicId })
  }

  private describeTopic(name: string): (writer: FrameWriter['body']) => void {
    const topic = this.topics.get(name)
    if (topic === undefined) throw new StreamBusError('UNKNOWN_TOPIC_OR_PARTITION', `no topic "${name}"`)
    const partitions = topic.partitions.map(({ partitionId, logStartOffset, endOffset }, partition) => {
      const offsets = { logStartOffset, highWatermark: endOffset }
      return { partition, partitionId, leader: 0, ...offsets, sizeBytes: 0, segmentCount: 1, shard: 0 }
    })
    const configs = [{ name: 'flush', value: 'commit' }]
    return (writer) =>
      protocol.writeDescribeTopicResponse(writer, { name, topicId: topic.topicId, configs, partitions })
  }

  private deleteTopic(name: string): () => void {
    if (!this.topics.delete(name)) throw new StreamBusError('UNKNOWN_TOPIC_OR_PARTITION', `no topic "${name}"`)
    return () => {}
  }

  private partition(partitionId: number): FakePartition {
    for (const topic of this.topics.values()) {
      for (const partition of topic.partitions) if (partition.partitionId === partitionId) return partition
    }
    throw new StreamBusError('UNKNOWN_TOPIC_ID', `no partition ${partitionId}`)
  }

  private produce({ partitionId, batch }: protocol.ProduceRequest): (writer: FrameWriter['body']) => void {
    const partition = this.partition(partitionId)
    this.checkBatch(batch)
    const view = new RecordBatchView(batch)
    const problem = view.validate()
    if (problem !== 'ok') throw new StreamBusError('CORRUPT_MESSAGE', `the batch fails its check: ${problem}`)
    const baseOffset = this.knownOffset(partition, view) ?? this.append(partition, batch)
    return (writer) => protocol.writeProduceResponse(writer, { baseOffset, logStartOffset: partition.logStartOffset })
  }

  /** Of a batch that is there already. Throws when its sequence is not the next. */
  private knownOffset(partition: FakePartition, batch: RecordBatchView): number | undefined {
    const { producerId, producerEpoch: epoch, baseSequence, recordCount } = batch
    if (producerId < 0) return undefined
    const producer = partition.producers.get(producerId) ?? { epoch, batches: [] }
    partition.producers.set(producerId, producer)
    const known = producer.batches.find((one) => one.baseSequence === baseSequence)
    if (known !== undefined) return known.baseOffset
    const last = producer.batches[producer.batches.length - 1]
    const expected = last === undefined ? 0 : sequenceAfter(last.lastSequence, 1)
    if (baseSequence !== expected) {
      throw new StreamBusError('OUT_OF_ORDER_SEQUENCE_NUMBER', `sequence ${baseSequence}; expected ${expected}`)
    }
    const lastSequence = sequenceAfter(baseSequence, recordCount - 1)
    producer.batches.push({ baseSequence, lastSequence, baseOffset: partition.endOffset })
    producer.batches = producer.batches.slice(-5)
    return undefined
  }

  private append(partition: FakePartition, batch: Uint8Array): number {
    const firstOffset = partition.endOffset
    for (const kept of this.keep(batch)) {
      const bytes = new Uint8Array(kept)
      const baseOffset = partition.endOffset
      assignBatch(new DataView(bytes.buffer), 0, baseOffset, 0)
      partition.endOffset += new RecordBatchView(bytes).recordCount
      partition.batches.push({ baseOffset, endOffset: partition.endOffset, bytes })
    }
    return firstOffset
  }

  private listOffsets(request: protocol.ListOffsetsRequest): (writer: FrameWriter['body']) => void {
    const partition = this.partition(request.partitionId)
    const times = partition.batches.map(({ bytes }) => new RecordBatchView(bytes).maxTimestamp)
    const timestampMs = request.timestampMs === -3 ? Math.max(-1, ...times) : request.timestampMs
    const offset = this.offsetFor(partition, timestampMs)
    return (writer) => protocol.writeListOffsetsResponse(writer, { offset, timestampMs })
  }

  private offsetFor(partition: FakePartition, timestampMs: number): number {
    if (timestampMs === -1) return partition.endOffset
    if (timestampMs < 0) return partition.logStartOffset
    const reader = new RecordReader()
    for (const { bytes } of partition.batches) {
      reader.over(new RecordBatchView(bytes))
      while (reader.next()) if (reader.timestamp >= timestampMs) return reader.offset
    }
    return -1
  }

  private subscribe(session: Session, request: protocol.SubscribeRequest): (writer: FrameWriter['body']) => void {
    const { subscriptionId, partitionId, creditBytes } = request
    const partition = this.partition(partitionId)
    if (session.subscriptions.has(subscriptionId)) throw new StreamBusError('SUBSCRIPTION_EXISTS', 'twice')
    const { logStartOffset, endOffset } = partition
    const offset = request.offset === -1 ? endOffset : request.offset === -2 ? logStartOffset : request.offset
    if (offset < logStartOffset || offset > endOffset) {
      throw new StreamBusError('OFFSET_OUT_OF_RANGE', `offset ${offset}; there are ${logStartOffset} to ${endOffset}`)
    }
    session.subscriptions.set(subscriptionId, { subscriptionId, partition, offset, creditBytes })
    this.largestCreditBytes = Math.max(this.largestCreditBytes, creditBytes)
    this.whenSubscribed()
    return (writer) => protocol.writeSubscribeResponse(writer, { offset, highWatermark: endOffset, logStartOffset })
  }

  private credit(session: Session, { subscriptionId, creditBytes }: protocol.CreditRequest): void {
    const subscription = session.subscriptions.get(subscriptionId)
    if (subscription === undefined) return
    subscription.creditBytes += creditBytes
    this.largestCreditBytes = Math.max(this.largestCreditBytes, subscription.creditBytes)
  }

  /** Serves all subscriptions as far as their credit reaches. */
  deliverAll(): void {
    for (const session of this.sessions) {
      this.send(session)
      for (const subscription of session.subscriptions.values()) this.deliver(session, subscription)
    }
  }

  private deliver(session: Session, subscription: FakeSubscription): void {
    const { partition, subscriptionId } = subscription
    if (subscription.offset < partition.logStartOffset) {
      const { code } = errorTable.OFFSET_OUT_OF_RANGE
      const push = { subscriptionId, code, message: 'below the log start', logStartOffset: partition.logStartOffset }
      protocol.writeSubscriptionEndPush(session.out.begin(Api.SubscriptionEnd, 0, 0), push)
      session.out.end()
      session.subscriptions.delete(subscriptionId)
      return this.send(session)
    }
    while (subscription.creditBytes > 0 && subscription.offset < partition.endOffset) {
      const chunk: Uint8Array[] = []
      let sizeBytes = 0
      for (const batch of partition.batches) {
        if (batch.endOffset <= subscription.offset || sizeBytes >= this.deliveryBytes) continue
        chunk.push(batch.bytes)
        sizeBytes += batch.bytes.length
        subscription.offset = batch.endOffset
      }
      subscription.creditBytes -= sizeBytes
      const push = { subscriptionId, highWatermark: partition.endOffset, batches: Buffer.concat(chunk) }
      protocol.writeDeliveryPush(session.out.begin(Api.Delivery, 0, 0), push)
      session.out.end()
      this.send(session)
    }
  }

  /** Ends a subscription of every session from the broker's side. */
  endSubscriptions(code: number, message: string, logStartOffset = -1): void {
    for (const session of this.sessions) {
      for (const { subscriptionId } of session.subscriptions.values()) {
        const push = { subscriptionId, code, message, logStartOffset }
        protocol.writeSubscriptionEndPush(session.out.begin(Api.SubscriptionEnd, 0, 0), push)
        session.out.end()
      }
      session.subscriptions.clear()
      this.send(session)
    }
  }
}
