/**
 * A connection that speaks streambus.v1: several messages in a frame, answered by correlation id.
 * Runs on: main. Touches: its socket, the rings through operations.
 * A produce request makes no object: its fields are read off the frame and the batch is copied once, into the ring.
 */
import { ByteReader } from '../../native-free-core/bytes/byte-reader.js'
import type { ByteWriter } from '../../native-free-core/bytes/byte-writer.js'
import { writeInt64 } from '../../native-free-core/bytes/int64.js'
import { errorTable } from '../../native-free-core/errors/error-table.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import * as codecs from '../../native-free-core/protocol/codecs.generated.js'
import { FrameWriter, MessageFlag, messageHeaderBytes } from '../../native-free-core/protocol/frame.js'
import { messageRows } from '../../native-free-core/protocol/message-table.js'
import type { Block } from './block-pool.js'
import { kindOf } from './gateway-metrics.js'
import type { Operations } from './operations.js'
import { Session, tokenMissing } from './session.js'
import type { Subscription } from './subscriptions.js'

const api = Object.fromEntries(Object.entries(messageRows).map(([name, row]) => [name, row.api]))
const helloApi = api['Hello']!
const authenticateApi = api['Authenticate']!
const produceApi = api['Produce']!
const fetchApi = api['Fetch']!
const deliveryApi = api['Delivery']!
const produceKind = kindOf(produceApi)
const wrongFetchCode = errorTable.OFFSET_OUT_OF_RANGE.code

/** Of a produce body: partition id u32, acks i16, length u32, then the batch. */
const produceHeadBytes = 10
/** Before the batches: the message's head; then watermark, log start and length, or subscription, watermark, length. */
const fetchHeadBytes = messageHeaderBytes + 8 + 8 + 4
const deliveryHeadBytes = messageHeaderBytes + 4 + 8 + 4
/** A writer that has grown beyond this is not kept. */
const keptWriterBytes = 64 * 1024

type Handler = (session: BinarySession, body: ByteReader, correlationId: number, startedMs: number) => void

export class BinarySession extends Session {
  readonly isJson = false
  isGreeted = false
  private out = new FrameWriter(512)

  protected take(frame: Uint8Array, isBinary: boolean): void {
    if (!isBinary) throw malformed('a text frame; streambus.v1 has binary frames only')
    if (frame.length === 0) throw malformed('an empty frame')
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
    const startedMs = this.lastHeardMs
    let at = 0
    while (at < frame.length && !this.isClosed && !this.isRejected) {
      const end = messageEnd(view, at)
      const flags = view.getUint16(at + 6)
      if (flags !== 0) throw malformed(`message at byte ${at} has flags ${flags}; a request has 0`)
      this.takeMessage(
        frame,
        view,
        view.getUint16(at + 4),
        view.getUint32(at + 8),
        at + messageHeaderBytes,
        end,
        startedMs,
      )
      at = end
    }
  }

  private takeMessage(
    frame: Uint8Array,
    view: DataView,
    apiNumber: number,
    correlationId: number,
    body: number,
    end: number,
    startedMs: number,
  ): void {
    if (!this.isGreeted && apiNumber !== helloApi) {
      throw new StreamBusError('HANDSHAKE_REQUIRED', `the first message has api ${apiNumber}; expected Hello (0)`)
    }
    if (!this.isAuthenticated && !authenticates(apiNumber, view, end)) {
      const what =
        apiNumber === helloApi ? 'Hello came without Authenticate in the same frame' : `api ${apiNumber} came`
      return this.reject(tokenMissing(what), () => undefined)
    }
    if (apiNumber === produceApi) return this.takeProduce(frame, view, correlationId, body, end, startedMs)
    const handler = handlers[apiNumber]
    if (handler === undefined) throw malformed(`api ${apiNumber} is none that a client may send`)
    handler(this, new ByteReader(frame).window(body, end), correlationId, startedMs)
  }

  private takeProduce(
    frame: Uint8Array,
    view: DataView,
    correlationId: number,
    body: number,
    end: number,
    startedMs: number,
  ): void {
    if (end - body < produceHeadBytes) throw malformed(`a Produce body of ${end - body} bytes at byte ${body}`)
    const partitionId = view.getUint32(body)
    const acks = view.getInt16(body + 4)
    const length = view.getUint32(body + 6)
    const start = body + produceHeadBytes
    if (length !== end - start) {
      throw malformed(`the batch at byte ${start} says ${length} bytes; the message has ${end - start}`)
    }
    const error = this.operations.produce(this, correlationId, partitionId, acks, frame, start, length, startedMs)
    if (error === undefined) {
      if (acks === 0) return
      this.inFlightBytes += length
      this.inFlightRequests++
    } else if (acks !== 0) this.answerError(produceApi, correlationId, error, startedMs)
  }

  produced(
    correlationId: number,
    code: number,
    baseOffset: number,
    logStartOffset: number,
    partitionId: number,
    batchBytes: number,
    startedMs: number,
  ): void {
    this.inFlightBytes -= batchBytes
    this.inFlightRequests--
    if (this.isClosed) return
    if (code === 0) {
      const body = this.out.begin(produceApi, MessageFlag.response, correlationId)
      body.i64(baseOffset)
      body.i64(logStartOffset)
      this.out.end()
    } else this.out.error(produceApi, correlationId, this.operations.errorOf(code, partitionId))
    this.context.metrics.answered(produceKind, performance.now() - startedMs, code !== 0)
    this.context.flushLater(this)
  }

  /** One frame with everything that was answered since the last. */
  flush(): void {
    if (this.out.messageCount === 0) return
    const { out } = this
    this.put(out.view())
    if (out.sizeBytes > keptWriterBytes) this.out = new FrameWriter(512)
    else out.reset()
  }

  authenticate(request: codecs.AuthenticateRequest, correlationId: number, startedMs: number): void {
    try {
      const principal = this.operations.authenticate(this, request)
      this.become(principal)
      const response = { principal: principal.name, roles: principal.roles }
      this.answer(authenticateApi, correlationId, startedMs, (body) => codecs.writeAuthenticateResponse(body, response))
    } catch (thrown) {
      const error = StreamBusError.from(thrown)
      this.reject(error, () => this.answerError(authenticateApi, correlationId, error, startedMs))
    }
  }

  // ---- answers

  answer(apiNumber: number, correlationId: number, startedMs: number, write: (body: ByteWriter) => void): void {
    if (this.isClosed) return
    write(this.out.begin(apiNumber, MessageFlag.response, correlationId))
    this.out.end()
    this.context.metrics.answered(kindOf(apiNumber), performance.now() - startedMs, false)
    this.context.flushLater(this)
  }

  answerError(apiNumber: number, correlationId: number, error: unknown, startedMs: number): void {
    if (this.isClosed) return
    const { code, message } = StreamBusError.from(error)
    this.out.error(apiNumber, correlationId, { code, message: cut(message) })
    this.context.metrics.answered(kindOf(apiNumber), performance.now() - startedMs, true)
    this.context.flushLater(this)
  }

  /** Runs an operation, at once or later, and answers. */
  run<Response>(
    apiNumber: number,
    correlationId: number,
    startedMs: number,
    operation: () => Response | Promise<Response>,
    write: (body: ByteWriter, response: Response) => void,
    after?: (response: Response) => void,
  ): void {
    const succeed = (response: Response): void => {
      this.answer(apiNumber, correlationId, startedMs, (body) => write(body, response))
      after?.(response)
    }
    const refuse = (error: unknown): void => this.answerError(apiNumber, correlationId, error, startedMs)
    try {
      const response = operation()
      if (!(response instanceof Promise)) return succeed(response)
      this.inFlightRequests++
      response
        .finally(() => this.inFlightRequests--)
        .then(succeed)
        .catch(refuse)
    } catch (error) {
      refuse(error)
    }
  }

  get ops(): Operations {
    return this.operations
  }

  protected sendFailure(error: StreamBusError): void {
    const writer = new FrameWriter(256)
    const message = cut(`${error.message}. ${error.remedy}`)
    codecs.writeFailurePush(writer.begin(api['Failure']!, 0, 0), { code: error.code, message })
    writer.end()
    this.put(writer.view())
  }

  // ---- batches

  fetch(request: codecs.FetchRequest, correlationId: number, startedMs: number): void {
    const { partitionId, offset } = request
    try {
      this.track((sink) => this.operations.fetch(this, request, sink), {
        onBatches: (block, highWatermark, logStartOffset) => {
          if (block === undefined) {
            const nothing = { highWatermark, logStartOffset, batches: new Uint8Array(0) }
            this.answer(fetchApi, correlationId, startedMs, (body) => codecs.writeFetchResponse(body, nothing))
          } else this.sendFetched(block, correlationId, highWatermark, logStartOffset, startedMs)
        },
        onFetchError: (code, highWatermark, logStartOffset) => {
          const range =
            code === wrongFetchCode ? ` The offset is ${offset}; there is ${logStartOffset} to ${highWatermark}.` : ''
          this.answerError(fetchApi, correlationId, this.operations.errorOf(code, partitionId, range), startedMs)
        },
      })
    } catch (error) {
      this.answerError(fetchApi, correlationId, error, startedMs)
    }
  }

  private sendFetched(
    block: Block,
    correlationId: number,
    highWatermark: number,
    logStartOffset: number,
    startedMs: number,
  ): void {
    const at = block.start - fetchHeadBytes
    const length = block.end - block.start
    writeHead(block.view, at, fetchHeadBytes - 4 + length, fetchApi, MessageFlag.response, correlationId)
    writeInt64(block.view, at + messageHeaderBytes, highWatermark)
    writeInt64(block.view, at + messageHeaderBytes + 8, logStartOffset)
    block.view.setUint32(at + messageHeaderBytes + 16, length)
    this.flush()
    this.put(block.bytes.subarray(at, block.end))
    this.context.metrics.answered(kindOf(fetchApi), performance.now() - startedMs, false)
  }

  deliver(
    subscription: Subscription,
    block: Block,
    from: number,
    to: number,
    highWatermark: number,
    isWhole: boolean,
  ): void {
    this.flush()
    if (isWhole) {
      const at = from - deliveryHeadBytes
      writeDelivery(block.view, at, subscription.id, highWatermark, to - from)
      return this.put(block.bytes.subarray(at, to))
    }
    // Before these batches lie others, which the next subscriber may want.
    const frame = new Uint8Array(deliveryHeadBytes + to - from)
    writeDelivery(new DataView(frame.buffer), 0, subscription.id, highWatermark, to - from)
    frame.set(block.bytes.subarray(from, to), deliveryHeadBytes)
    this.put(frame)
  }

  endSubscription(subscription: Subscription, code: number, logStartOffset: number): void {
    this.subscriptions.delete(subscription.id)
    if (this.isClosed) return
    const { message } = this.operations.errorOf(code, subscription.partitionId)
    const body = this.out.begin(api['SubscriptionEnd']!, 0, 0)
    codecs.writeSubscriptionEndPush(body, { subscriptionId: subscription.id, code, message, logStartOffset })
    this.out.end()
    this.context.flushLater(this)
  }
}

function writeHead(
  view: DataView,
  at: number,
  length: number,
  apiNumber: number,
  flags: number,
  correlationId: number,
): void {
  view.setUint32(at, length)
  view.setUint16(at + 4, apiNumber)
  view.setUint16(at + 6, flags)
  view.setUint32(at + 8, correlationId)
}

function writeDelivery(
  view: DataView,
  at: number,
  subscriptionId: number,
  highWatermark: number,
  length: number,
): void {
  writeHead(view, at, deliveryHeadBytes - 4 + length, deliveryApi, 0, 0)
  view.setUint32(at + messageHeaderBytes, subscriptionId)
  writeInt64(view, at + messageHeaderBytes + 4, highWatermark)
  view.setUint32(at + messageHeaderBytes + 12, length)
}

/** Whether a message may come from somebody who has not authenticated: Authenticate, or Hello right before it. */
function authenticates(apiNumber: number, view: DataView, end: number): boolean {
  if (apiNumber === authenticateApi) return true
  return (
    apiNumber === helloApi && end + messageHeaderBytes <= view.byteLength && view.getUint16(end + 4) === authenticateApi
  )
}

/** Where the message at `at` ends. */
function messageEnd(view: DataView, at: number): number {
  const left = view.byteLength - at
  const length = left < 4 ? -1 : view.getUint32(at)
  if (length < messageHeaderBytes - 4 || length > left - 4) {
    throw malformed(`message at byte ${at} says ${length} bytes; expected ${messageHeaderBytes - 4} to ${left - 4}`)
  }
  return at + 4 + length
}

function malformed(what: string): StreamBusError {
  return new StreamBusError('MALFORMED_FRAME', what)
}

/** Texts on the wire have a u16 length. */
function cut(message: string): string {
  return message.length > 8000 ? `${message.slice(0, 8000)}...` : message
}

type Codec<Request> = (reader: ByteReader) => Request

/** A body is read whole before anything happens: what can't be read ends the connection. */
function readWhole<Request>(read: Codec<Request>, body: ByteReader, name: string): Request {
  const request = read(body)
  body.expectEnd(name)
  return request
}

function asked<Request, Response>(
  name: string,
  read: Codec<Request>,
  write: (body: ByteWriter, response: Response) => void,
  operation: (session: BinarySession, request: Request) => Response | Promise<Response>,
): Handler {
  const number = api[name]!
  return (session, body, correlationId, startedMs) => {
    const request = readWhole(read, body, name)
    session.run(number, correlationId, startedMs, () => operation(session, request), write)
  }
}

const noFields = (): void => undefined

const handlerOf: Readonly<Record<string, Handler>> = {
  Hello: (session, body, correlationId, startedMs) => {
    const request = readWhole(codecs.readHelloRequest, body, 'Hello')
    const response = session.ops.hello(session, request)
    session.isGreeted = true
    session.answer(helloApi, correlationId, startedMs, (out) => codecs.writeHelloResponse(out, response))
  },
  Authenticate: (session, body, correlationId, startedMs) =>
    session.authenticate(readWhole(codecs.readAuthenticateRequest, body, 'Authenticate'), correlationId, startedMs),
  Ping: asked('Ping', codecs.readPingRequest, codecs.writePingResponse, (session) => session.ops.ping(session)),
  Metadata: asked('Metadata', codecs.readMetadataRequest, codecs.writeMetadataResponse, (session, request) =>
    session.ops.metadata(session, request),
  ),
  CreateTopic: asked(
    'CreateTopic',
    codecs.readCreateTopicRequest,
    codecs.writeCreateTopicResponse,
    (session, request) => session.ops.createTopic(session, request),
  ),
  DeleteTopic: asked('DeleteTopic', codecs.readDeleteTopicRequest, noFields, (session, request) =>
    session.ops.deleteTopic(session, request),
  ),
  DescribeTopic: asked(
    'DescribeTopic',
    codecs.readDescribeTopicRequest,
    codecs.writeDescribeTopicResponse,
    (session, request) => session.ops.describeTopic(session, request),
  ),
  AlterTopicConfig: asked('AlterTopicConfig', codecs.readAlterTopicConfigRequest, noFields, (session, request) =>
    session.ops.alterTopicConfig(session, request),
  ),
  DeleteRecords: asked(
    'DeleteRecords',
    codecs.readDeleteRecordsRequest,
    codecs.writeDeleteRecordsResponse,
    (session, request) => session.ops.deleteRecords(session, request),
  ),
  InitProducerId: asked(
    'InitProducerId',
    codecs.readInitProducerIdRequest,
    codecs.writeInitProducerIdResponse,
    (session) => session.ops.initProducerId(session),
  ),
  Fetch: (session, body, correlationId, startedMs) =>
    session.fetch(readWhole(codecs.readFetchRequest, body, 'Fetch'), correlationId, startedMs),
  ListOffsets: asked(
    'ListOffsets',
    codecs.readListOffsetsRequest,
    codecs.writeListOffsetsResponse,
    (session, request) => session.ops.listOffsets(session, request),
  ),
  Subscribe: (session, body, correlationId, startedMs) => {
    const request = readWhole(codecs.readSubscribeRequest, body, 'Subscribe')
    session.run(
      api['Subscribe']!,
      correlationId,
      startedMs,
      () => session.ops.subscribe(session, request),
      (out, { response }) => codecs.writeSubscribeResponse(out, response),
      ({ subscription }) => session.ops.begin(subscription),
    )
  },
  Unsubscribe: asked('Unsubscribe', codecs.readUnsubscribeRequest, noFields, (session, request) =>
    session.ops.unsubscribe(session, request),
  ),
  Credit: (session, body) => {
    const request = readWhole(codecs.readCreditRequest, body, 'Credit')
    // A grant may cross the end of its subscription on the way: no harm.
    if (!session.subscriptions.has(request.subscriptionId)) return
    session.ops.credit(session, request)
  },
  ClusterStatus: asked('ClusterStatus', codecs.readClusterStatusRequest, codecs.writeClusterStatusResponse, (session) =>
    session.ops.clusterStatus(session),
  ),
  DescribeBrokerConfig: asked(
    'DescribeBrokerConfig',
    codecs.readDescribeBrokerConfigRequest,
    codecs.writeDescribeBrokerConfigResponse,
    (session, request) => session.ops.describeBrokerConfig(session, request),
  ),
  AlterBrokerConfig: asked(
    'AlterBrokerConfig',
    codecs.readAlterBrokerConfigRequest,
    codecs.writeAlterBrokerConfigResponse,
    (session, request) => session.ops.alterBrokerConfig(session, request),
  ),
}

/** By api number. */
const handlers: (Handler | undefined)[] = []
for (const [name, handler] of Object.entries(handlerOf)) handlers[api[name]!] = handler
