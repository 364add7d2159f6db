/**
 * A connection that speaks streambus.json.v1: one JSON object in a text frame, topics by name.
 * Runs on: main. Touches: its socket, the rings through operations. docs/protocol-json.md describes every message.
 */
import { errorTable } from '../../native-free-core/errors/error-table.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { partitionForKey } from '../../native-free-core/log/murmur2.js'
import { messageRows } from '../../native-free-core/protocol/message-table.js'
import { RequestsByNumber } from '../../native-free-core/protocol/requests-by-number.js'
import type { PartitionImage } from '../../native-free-core/metadata/metadata-image.js'
import type { Block } from './block-pool.js'
import { kindOf } from './gateway-metrics.js'
import {
  buildBatch,
  type GivenRecord,
  type JsonRecord,
  type JsonUnreadable,
  keyBytes,
  readBatches,
  type ReadEncoding,
} from './json-records.js'
import { checkRequest, type JsonOperation, type JsonRequest, parseRequest } from './json-requests.js'
import { Session, tokenMissing } from './session.js'
import type { Subscription } from './subscriptions.js'

type Id = string | number | undefined

interface Produced {
  readonly id: Id
  readonly topic: string
  readonly partition: number
}

interface Followed {
  readonly topic: string
  readonly partition: number
  readonly encoding: ReadEncoding
}

/** A frame of deliveries is sent when it has grown to this. */
const frameBytes = 256 * 1024
const decoder = new TextDecoder('utf-8', { fatal: true })

export class JsonSession extends Session {
  readonly isJson = true
  /** There is nothing to agree on: Hello is optional. */
  readonly isGreeted = true
  private readonly produces = new RequestsByNumber<Produced>()
  private readonly followed = new Map<number, Followed>()
  private nextToken = 1
  private nextPartition = 0
  private nextSubscription = 1

  protected take(frame: Uint8Array, isBinary: boolean): void {
    if (isBinary) throw new StreamBusError('MALFORMED_FRAME', 'a binary frame; streambus.json.v1 has text frames only')
    const request = parseRequest(textOf(frame))
    const startedMs = this.lastHeardMs
    try {
      checkRequest(request)
    } catch (error) {
      return this.refuse(idOf(request), request.op, error, startedMs)
    }
    const token = request['token'] as string | undefined
    if (token !== undefined) this.authenticate(token, request, startedMs)
    else if (!this.isAuthenticated)
      this.refuseSlowly(request, tokenMissing(`${request.op} came without a token`), startedMs)
    if (!this.isRejected) this.execute(request, startedMs)
  }

  private authenticate(token: string, request: JsonRequest, startedMs: number): void {
    try {
      this.become(this.operations.authenticate(this, { mechanism: 'TOKEN', token }))
    } catch (error) {
      this.refuseSlowly(request, StreamBusError.from(error), startedMs)
    }
  }

  private refuseSlowly(request: JsonRequest, error: StreamBusError, startedMs: number): void {
    this.reject(error, () => this.refuse(idOf(request), request.op, error, startedMs))
  }

  flush(): void {}

  // ---- answers

  private reply(id: Id, fields: object): void {
    if (this.isClosed) return
    const head = id === undefined ? '{"ok":true' : `{"id":${JSON.stringify(id)},"ok":true`
    const rest = JSON.stringify(fields).slice(1)
    this.putText(rest === '}' ? `${head}}` : `${head},${rest}`)
  }

  private refuse(id: Id, op: unknown, error: unknown, startedMs: number): void {
    if (this.isClosed) return
    this.putText(JSON.stringify({ ...(id === undefined ? {} : { id }), error: errorOf(error) }))
    this.count(op, startedMs, true)
  }

  private count(op: unknown, startedMs: number, isError: boolean): void {
    const name = typeof op === 'string' && op !== '' ? op[0]!.toUpperCase() + op.slice(1) : ''
    const row = Object.hasOwn(messageRows, name) ? messageRows[name] : undefined
    if (row !== undefined) this.context.metrics.answered(kindOf(row.api), performance.now() - startedMs, isError)
  }

  protected sendFailure(error: StreamBusError): void {
    this.putText(failureText(error))
  }

  // ---- requests

  private execute(request: JsonRequest & { readonly op: JsonOperation }, startedMs: number): void {
    const id = idOf(request)
    const succeed = (fields: object | undefined): void => {
      if (fields === undefined) return
      this.reply(id, fields)
      this.count(request.op, startedMs, false)
    }
    const fail = (error: unknown): void => this.refuse(id, request.op, error, startedMs)
    try {
      const answer = this.operate(request, id, startedMs)
      if (!(answer instanceof Promise)) return succeed(answer)
      this.inFlightRequests++
      answer
        .finally(() => this.inFlightRequests--)
        .then(succeed)
        .catch(fail)
    } catch (error) {
      fail(error)
    }
  }

  /** The answer's fields; undefined when it comes by another way. */
  private operate(
    request: JsonRequest & { readonly op: JsonOperation },
    id: Id,
    startedMs: number,
  ): object | undefined | Promise<object | undefined> {
    switch (request.op) {
      case 'hello':
        return this.hello(request)
      case 'authenticate':
        return this.identity()
      case 'ping':
        return this.operations.ping(this)
      case 'metadata':
        return this.metadata(request)
      case 'createTopic':
        return this.createTopic(request)
      case 'deleteTopic':
        return this.operations.deleteTopic(this, { name: request['topic'] as string })
      case 'describeTopic':
        return this.describeTopic(request)
      case 'alterTopicConfig':
        return this.operations.alterTopicConfig(this, { name: request['topic'] as string, configs: configsOf(request) })
      case 'deleteRecords':
        return this.operations.deleteRecords(this, {
          partitionId: this.partitionOf(request).partitionId,
          beforeOffset: request['beforeOffset'] as number,
        })
      case 'initProducerId':
        return this.operations.initProducerId(this)
      case 'produce':
        return this.produce(request, id, startedMs)
      case 'fetch':
        return this.fetch(request, id, startedMs)
      case 'listOffsets':
        return this.listOffsets(request)
      case 'subscribe':
        return this.subscribe(request, id, startedMs)
      case 'unsubscribe':
        return this.unsubscribe(request)
      case 'credit':
        this.operations.credit(this, {
          subscriptionId: request['subscription'] as number,
          creditBytes: request['creditBytes'] as number,
        })
        return {}
      case 'clusterStatus':
        return { status: JSON.parse(this.operations.clusterStatus(this).json) as object }
      case 'describeBrokerConfig':
        return this.operations.describeBrokerConfig(this, { keys: (request['keys'] as string[] | undefined) ?? [] })
      case 'alterBrokerConfig':
        return this.operations.alterBrokerConfig(this, {
          configs: configsOf(request),
          reset: (request['reset'] as string[] | undefined) ?? [],
        })
    }
  }

  private hello(request: JsonRequest): object {
    const { protocolVersion, clientName, token } = request as {
      protocolVersion?: number
      clientName?: string
      token?: string
    }
    const answer = this.operations.hello(this, {
      protocolVersion: protocolVersion ?? 1,
      clientName: clientName ?? '',
    })
    return token === undefined ? answer : { ...answer, ...this.identity() }
  }

  private identity(): object {
    const { name, roles } = this.principal
    return { principal: name, roles }
  }

  private metadata(request: JsonRequest): object {
    const names = request['topics'] as string[] | undefined
    const { clusterId, version, brokers, topics } = this.operations.metadata(this, {
      all: names === undefined,
      names: names ?? [],
    })
    return {
      clusterId,
      version,
      brokers,
      topics: topics.map(({ name, topicId, partitions }) => ({ topic: name, topicId, partitions })),
    }
  }

  private createTopic(request: JsonRequest): Promise<object> {
    const { topic, partitions, replicationFactor } = request as {
      topic?: string
      partitions?: number
      replicationFactor?: number
    }
    return this.operations.createTopic(this, {
      name: topic!,
      partitions: partitions ?? 1,
      replicationFactor: replicationFactor ?? 1,
      configs: configsOf(request),
    })
  }

  private async describeTopic(request: JsonRequest): Promise<object> {
    const { name, topicId, configs, partitions } = await this.operations.describeTopic(this, {
      name: request['topic'] as string,
    })
    return {
      topic: name,
      topicId,
      configs: Object.fromEntries(configs.map((entry) => [entry.name, entry.value])),
      partitions,
    }
  }

  private partitionOf(request: JsonRequest): PartitionImage {
    const { partitions, name } = this.operations.topicNamed(this, request['topic'] as string)
    const number = request['partition'] as number
    const partition = partitions[number]
    if (partition !== undefined) return partition
    throw new StreamBusError(
      'UNKNOWN_TOPIC_OR_PARTITION',
      `topic ${name} has no partition ${number}; it has 0 to ${partitions.length - 1}`,
    )
  }

  private async listOffsets(request: JsonRequest): Promise<object> {
    const words: Readonly<Record<string, number>> = { latest: -1, earliest: -2, max: -3 }
    const given = request['timestamp'] as number | string
    const { offset, timestampMs } = await this.operations.listOffsets(this, {
      partitionId: this.partitionOf(request).partitionId,
      timestampMs: typeof given === 'number' ? given : words[given]!,
    })
    return { offset, timestamp: timestampMs }
  }

  // ---- produce

  private produce(request: JsonRequest, id: Id, startedMs: number): object | undefined {
    const { topic, records } = request as { topic?: string; records?: readonly GivenRecord[] }
    const given = records ?? [request as unknown as GivenRecord]
    const { partition, partitionId } = this.partitionFor(request, given)
    const acks = request['acks'] === undefined || request['acks'] === 'all' ? -1 : (request['acks'] as number)
    const batch = buildBatch(given, Date.now())
    const token = this.nextToken
    this.nextToken = (this.nextToken + 1) >>> 0
    const error = this.operations.produce(this, token, partitionId, acks, batch, 0, batch.length, startedMs)
    if (error !== undefined) throw error
    if (acks === 0) return undefined
    this.inFlightBytes += batch.length
    this.inFlightRequests++
    this.produces.add(token, { id, topic: topic!, partition })
    return undefined
  }

  /** The one that was named, that of the first record's key, or the next in turn. */
  private partitionFor(request: JsonRequest, records: readonly GivenRecord[]): PartitionImage {
    if (request['partition'] !== undefined) return this.partitionOf(request)
    const { partitions } = this.operations.topicNamed(this, request['topic'] as string)
    const key = keyBytes(records[0]!)
    if (key !== null) return partitions[partitionForKey(key, partitions.length)]!
    return partitions[this.nextPartition++ % partitions.length]!
  }

  produced(
    token: number,
    code: number,
    baseOffset: number,
    _logStartOffset: number,
    partitionId: number,
    batchBytes: number,
    startedMs: number,
  ): void {
    this.inFlightBytes -= batchBytes
    this.inFlightRequests--
    const produced = this.produces.take(token)
    if (this.isClosed || produced === undefined) return
    const { id, topic, partition } = produced
    if (code !== 0) return this.refuse(id, 'produce', this.operations.errorOf(code, partitionId), startedMs)
    this.reply(id, { topic, partition, offset: baseOffset })
    this.count('produce', startedMs, false)
  }

  // ---- fetch and subscriptions

  private fetch(request: JsonRequest, id: Id, startedMs: number): undefined {
    const { partitionId, partition } = this.partitionOf(request)
    const { topic, offset, maxBytes, minBytes, maxWaitMs, encoding } = request as unknown as {
      topic: string
      offset: number
      maxBytes?: number
      minBytes?: number
      maxWaitMs?: number
      encoding?: ReadEncoding
    }
    const asked = {
      partitionId,
      offset,
      maxBytes: maxBytes ?? 1 << 20,
      minBytes: minBytes ?? 0,
      maxWaitMs: maxWaitMs ?? 0,
    }
    this.track((sink) => this.operations.fetch(this, asked, sink), {
      onBatches: (block, highWatermark, logStartOffset) => {
        const records: (JsonRecord | JsonUnreadable)[] = []
        if (block !== undefined)
          this.eachBatch(block, block.start, block.end, offset, encoding, (some) => records.push(...some))
        this.reply(id, { topic, partition, highWatermark, logStartOffset, records })
        this.count('fetch', startedMs, false)
      },
      onFetchError: (code, highWatermark, logStartOffset) => {
        const range =
          code === errorTable.OFFSET_OUT_OF_RANGE.code
            ? ` The offset is ${offset}; there is ${logStartOffset} to ${highWatermark}.`
            : ''
        this.refuse(id, 'fetch', this.operations.errorOf(code, partitionId, range), startedMs)
      },
    })
    return undefined
  }

  private eachBatch(
    block: Block,
    from: number,
    to: number,
    firstOffset: number,
    encoding: ReadEncoding | undefined,
    onBatch: (records: readonly (JsonRecord | JsonUnreadable)[]) => void,
  ): void {
    readBatches(block.bytes, from, to, firstOffset, encoding ?? 'auto', this.context.config.maxFrameBytes, onBatch)
  }

  private async subscribe(request: JsonRequest, id: Id, startedMs: number): Promise<undefined> {
    const { partitionId, partition } = this.partitionOf(request)
    const { topic, from, creditBytes, encoding, subscription } = request as unknown as {
      topic: string
      from?: number | 'latest' | 'earliest'
      creditBytes?: number
      encoding?: ReadEncoding
      subscription?: number
    }
    const subscriptionId = subscription ?? this.freeSubscriptionId()
    const offset = from === undefined || from === 'latest' ? -1 : from === 'earliest' ? -2 : from
    const { response, subscription: begun } = await this.operations.subscribe(
      this,
      {
        subscriptionId,
        partitionId,
        offset,
        creditBytes: creditBytes ?? this.context.config.maxCreditBytes,
      },
      creditBytes === undefined,
    )
    this.followed.set(subscriptionId, { topic, partition, encoding: encoding ?? 'auto' })
    this.reply(id, { subscription: subscriptionId, topic, partition, ...response })
    this.count('subscribe', startedMs, false)
    this.operations.begin(begun)
  }

  private freeSubscriptionId(): number {
    while (this.subscriptions.has(this.nextSubscription)) this.nextSubscription++
    return this.nextSubscription++
  }

  private unsubscribe(request: JsonRequest): object {
    const subscriptionId = request['subscription'] as number
    this.operations.unsubscribe(this, { subscriptionId })
    this.followed.delete(subscriptionId)
    return {}
  }

  deliver(subscription: Subscription, block: Block, from: number, to: number, highWatermark: number): void {
    const followed = this.followed.get(subscription.id)
    if (followed === undefined) return
    const { topic, partition, encoding } = followed
    let texts: string[] = []
    let sizeBytes = 0
    const send = (): void => {
      if (texts.length === 0) return
      const head = JSON.stringify({ op: 'delivery', subscription: subscription.id, topic, partition, highWatermark })
      this.putText(`${head.slice(0, -1)},"records":[${texts.join(',')}]}`)
      texts = []
      sizeBytes = 0
    }
    this.eachBatch(block, from, to, subscription.nextOffset, encoding, (records) => {
      for (const record of records) {
        const text = JSON.stringify(record)
        texts.push(text)
        sizeBytes += text.length
        if (sizeBytes >= frameBytes) send()
      }
    })
    send()
  }

  endSubscription(subscription: Subscription, code: number, logStartOffset: number): void {
    const followed = this.followed.get(subscription.id)
    this.subscriptions.delete(subscription.id)
    this.followed.delete(subscription.id)
    const error = errorOf(this.operations.errorOf(code, subscription.partitionId))
    const { topic, partition } = followed ?? {}
    this.putText(
      JSON.stringify({
        op: 'subscriptionEnd',
        subscription: subscription.id,
        topic,
        partition,
        logStartOffset,
        error,
      }),
    )
  }
}

/** The last frame of a connection on which JSON, or nothing that this broker knows, is spoken. */
export function failureText(error: StreamBusError): string {
  return JSON.stringify({ op: 'failure', error: errorOf(error) })
}

function errorOf(thrown: unknown): object {
  const { code, name, message, remedy, retriable } = StreamBusError.from(thrown)
  return { code, name, message, remedy, retriable }
}

function idOf(request: JsonRequest): Id {
  const id: unknown = request.id
  return typeof id === 'string' || typeof id === 'number' ? id : undefined
}

function textOf(frame: Uint8Array): string {
  try {
    return decoder.decode(frame)
  } catch {
    throw new StreamBusError('MALFORMED_FRAME', 'the frame is not UTF-8')
  }
}

function configsOf(request: JsonRequest): { name: string; value: string }[] {
  const configs = (request['configs'] ?? {}) as Readonly<Record<string, string>>
  return Object.entries(configs).map(([name, value]) => ({ name, value }))
}
