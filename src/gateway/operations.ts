/**
 * What a client can ask for: one function for each row of the protocol table, the same for both subprotocols.
 * Runs on: main. Touches: the rings through proxies, metadata through ClusterAccess.
 * Every function asks authorize() first; all throw StreamBusError, or reject with it.
 */
import { type ErrorName, errorNameOf, errorTable } from '../../native-free-core/errors/error-table.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { effectiveTopicConfig, plainTopicEntries } from '../../native-free-core/config/topic-config.js'
import { DeleteRecordsRequest, ListOffsetsRequest, RequestType } from '../../native-free-core/mailbox/shard-frames.js'
import type { PartitionPlace, TopicImage } from '../../native-free-core/metadata/metadata-image.js'
import type {
  AlterBrokerConfigRequest,
  AlterBrokerConfigResponse,
  AlterTopicConfigRequest,
  AuthenticateRequest,
  ClusterStatusResponse,
  CreateTopicRequest,
  CreateTopicResponse,
  CreditRequest,
  DeleteRecordsRequest as DeleteRecords,
  DeleteRecordsResponse,
  DeleteTopicRequest,
  DescribeBrokerConfigRequest,
  DescribeBrokerConfigResponse,
  DescribeTopicRequest,
  DescribeTopicResponse,
  FetchRequest,
  HelloRequest,
  HelloResponse,
  InitProducerIdResponse,
  ListOffsetsRequest as ListOffsets,
  ListOffsetsResponse,
  MetadataRequest,
  MetadataResponse,
  PartitionDetail,
  PingResponse,
  SubscribeRequest,
  SubscribeResponse,
  TopicInfo,
  UnsubscribeRequest,
} from '../../native-free-core/protocol/codecs.generated.js'
import { type MessageRow, protocolVersion } from '../../native-free-core/protocol/message-table.js'
import { releaseVersion } from '../../native-free-core/version.js'
import { audited } from './audit.js'
import { partitionRefusal, requireRight, rowOf } from './authorize.js'
import type { Fetch, FetchSink } from './fetch.js'
import type { GatewayContext } from './gateway-context.js'
import {
  largestBatchOf,
  nameOf,
  recordOf,
  shownConfigs,
  stopping,
  unknownMechanism,
  unknownPartition,
} from './operation-texts.js'
import type { Principal } from './principal.js'
import type { ProduceOwner } from './shard-proxy.js'
import { type PartitionState, ShardQuestions } from './shard-questions.js'
import type { Subscriber, Subscription } from './subscriptions.js'

/** The connection that asks. */
export interface Caller extends ProduceOwner, Subscriber {
  readonly principal: Principal
  readonly remoteAddress: string
  /** What it was told at its start: a later change is for others. */
  readonly idleTimeoutMs: number
  readonly inFlightBytes: number
  readonly inFlightRequests: number
  readonly subscriptions: Map<number, Subscription>
  readonly isClosed: boolean
}

const rows = {
  hello: rowOf('Hello'),
  authenticate: rowOf('Authenticate'),
  ping: rowOf('Ping'),
  metadata: rowOf('Metadata'),
  describeTopic: rowOf('DescribeTopic'),
  deleteRecords: rowOf('DeleteRecords'),
  initProducerId: rowOf('InitProducerId'),
  produce: rowOf('Produce'),
  fetch: rowOf('Fetch'),
  listOffsets: rowOf('ListOffsets'),
  subscribe: rowOf('Subscribe'),
  unsubscribe: rowOf('Unsubscribe'),
  credit: rowOf('Credit'),
  clusterStatus: rowOf('ClusterStatus'),
  describeBrokerConfig: rowOf('DescribeBrokerConfig'),
  alterBrokerConfig: rowOf('AlterBrokerConfig'),
} as const

const latest = -1
const earliest = -2

export class Operations {
  private readonly context: GatewayContext
  private readonly questions: ShardQuestions

  constructor(context: GatewayContext) {
    this.context = context
    this.questions = new ShardQuestions(context, {
      errorOf: (code, partitionId) => this.errorOf(code, partitionId),
      throttled: (key, limit) => this.throttled(key, limit),
    })
  }

  private require(caller: Caller, row: MessageRow, name = ''): void {
    requireRight(this.context.authorize, caller.principal, row, name)
  }

  // ---- the connection

  hello(caller: Caller, request: HelloRequest): HelloResponse {
    this.require(caller, rows.hello)
    if (request.protocolVersion < 1) {
      throw new StreamBusError(
        'UNSUPPORTED_VERSION',
        `protocol version is ${request.protocolVersion}; this broker speaks 1 to ${protocolVersion}`,
      )
    }
    const { config, cluster } = this.context
    return {
      protocolVersion: Math.min(request.protocolVersion, protocolVersion),
      brokerVersion: releaseVersion,
      clusterId: cluster.image().clusterId,
      brokerId: cluster.brokerId,
      maxFrameBytes: config.maxFrameBytes,
      maxInFlightBytes: config.maxInFlightBytesPerConnection,
      maxFetchBytes: config.maxFetchBytes,
      maxCreditBytes: config.maxCreditBytes,
      idleTimeoutMs: caller.idleTimeoutMs,
    }
  }

  /** Throws SASL_AUTHENTICATION_FAILED, UNSUPPORTED_SASL_MECHANISM. Where nobody is asked, any token will do. */
  authenticate(caller: Caller, { mechanism, token }: AuthenticateRequest): Principal {
    this.require(caller, rows.authenticate)
    if (mechanism !== 'TOKEN') throw unknownMechanism(mechanism)
    return this.context.authenticator.authenticate(token)
  }

  ping(caller: Caller): PingResponse {
    this.require(caller, rows.ping)
    return { brokerTimeMs: Date.now() }
  }

  // ---- metadata

  metadata(caller: Caller, request: MetadataRequest): MetadataResponse {
    const { authorize, cluster } = this.context
    const image = cluster.image()
    const row = rows.metadata
    const mayDescribe = (name: string): boolean => authorize(caller.principal, row.operation, row.resource, name)
    // What a principal may not see is left out of "all", and refused when it was asked for by name.
    if (!request.all) for (const name of request.names) this.require(caller, row, name)
    const topics = request.all
      ? image.topics.filter((topic) => mayDescribe(topic.name))
      : request.names.flatMap((name) => image.topicByName(name) ?? [])
    const brokers = image.brokers.map(({ brokerId, host, port }) => ({ brokerId, host, port }))
    return { clusterId: image.clusterId, version: image.version, brokers, topics: topics.map(topicInfoOf) }
  }

  /** What changes a topic: asked for its right, refused while the broker stops, and written down. */
  private administer<Result>(
    caller: Caller,
    operation: string,
    topic: string,
    details: Readonly<Record<string, unknown>>,
    act: () => Promise<Result>,
  ): Promise<Result> {
    return audited(this.context.audit, caller, { operation, resource: 'topic', resourceName: topic, details }, () => {
      this.require(caller, rowOf(operation), topic)
      this.refuseWhenStopping()
      return act()
    })
  }

  createTopic(caller: Caller, request: CreateTopicRequest): Promise<CreateTopicResponse> {
    const { name, partitions, replicationFactor } = request
    const details = { partitions, replicationFactor, configs: shownConfigs(request.configs) }
    return this.administer(caller, 'CreateTopic', name, details, async () => {
      const topicId = this.context.cluster.newTopicId()
      const configs = plainTopicEntries(recordOf(request.configs))
      const topic = { name, topicId, partitions, replicationFactor, configs }
      await this.context.cluster.change({ type: 'createTopic', version: 1, ...topic })
      return { topicId }
    })
  }

  deleteTopic(caller: Caller, { name }: DeleteTopicRequest): Promise<Record<string, never>> {
    return this.administer(caller, 'DeleteTopic', name, {}, async () => {
      await this.context.cluster.change({ type: 'deleteTopic', version: 1, name })
      return {}
    })
  }

  alterTopicConfig(caller: Caller, { name, configs }: AlterTopicConfigRequest): Promise<Record<string, never>> {
    return this.administer(caller, 'AlterTopicConfig', name, { configs: shownConfigs(configs) }, async () => {
      const plain = plainTopicEntries(recordOf(configs))
      await this.context.cluster.change({ type: 'alterTopicConfig', version: 1, name, configs: plain })
      return {}
    })
  }

  async describeTopic(caller: Caller, request: DescribeTopicRequest): Promise<DescribeTopicResponse> {
    const topic = this.topicNamed(caller, request.name)
    const partitions = await Promise.all(
      topic.partitions.map(async (partition): Promise<PartitionDetail> => {
        const { logStartOffset, highWatermark, sizeBytes, segmentCount } = await this.questions.describe(
          partition.partitionId,
        )
        return {
          partition: partition.partition,
          partitionId: partition.partitionId,
          leader: partition.leader,
          logStartOffset,
          highWatermark,
          sizeBytes,
          segmentCount,
          shard: this.context.shardNumberOf(partition.partitionId),
        }
      }),
    )
    const configs = Object.entries(effectiveTopicConfig(topic.configs)).map(([name, value]) => ({ name, value }))
    return { name: topic.name, topicId: topic.topicId, configs, partitions }
  }

  async initProducerId(caller: Caller): Promise<InitProducerIdResponse> {
    this.require(caller, rows.initProducerId)
    this.refuseWhenStopping()
    return { producerId: await this.context.cluster.nextProducerId(), producerEpoch: 0 }
  }

  clusterStatus(caller: Caller): ClusterStatusResponse {
    this.require(caller, rows.clusterStatus)
    return { json: JSON.stringify({ ...this.context.cluster.status(), ...this.context.status() }) }
  }

  describeBrokerConfig(caller: Caller, { keys }: DescribeBrokerConfigRequest): DescribeBrokerConfigResponse {
    this.require(caller, rows.describeBrokerConfig)
    return { entries: this.context.cluster.describeConfig(keys) }
  }

  alterBrokerConfig(caller: Caller, request: AlterBrokerConfigRequest): Promise<AlterBrokerConfigResponse> {
    const details = { configs: shownConfigs(request.configs), reset: request.reset.slice(0, 20) }
    const what = { operation: 'AlterBrokerConfig', resource: 'cluster', resourceName: '', details } as const
    return audited(this.context.audit, caller, what, () => {
      this.require(caller, rows.alterBrokerConfig)
      return this.context.cluster.alterConfig(request, caller.principal.describe())
    })
  }

  // ---- records

  /**
   * Hands a batch over; `caller.produced` hears the outcome, with acks 0 nobody. Throws nothing: returns why not, or
   * undefined. No object is made for a batch that is accepted.
   */
  produce(
    caller: Caller,
    token: number,
    partitionId: number,
    acks: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    startedMs: number,
  ): StreamBusError | undefined {
    const { authorize, cluster, config } = this.context
    const place = cluster.image().partitionById(partitionId)
    const row = rows.produce
    if (!authorize(caller.principal, row.operation, row.resource, place?.topic.name ?? '')) {
      return partitionRefusal(caller.principal, row, partitionId)
    }
    if (place === undefined) return unknownPartition(partitionId)
    if (acks !== 1 && acks !== -1 && acks !== 0) {
      return new StreamBusError('INVALID_REQUIRED_ACKS', `acks is ${acks}; expected 0, 1 or -1`)
    }
    if (this.context.isStopping()) return stopping()
    if (caller.inFlightBytes + length > config.maxInFlightBytesPerConnection && caller.inFlightBytes > 0) {
      return this.throttled('maxInFlightBytesPerConnection', config.maxInFlightBytesPerConnection)
    }
    if (caller.inFlightRequests >= config.maxInFlightRequestsPerConnection) {
      return this.throttled('maxInFlightRequestsPerConnection', config.maxInFlightRequestsPerConnection)
    }
    const { proxy } = this.context.shardFor(partitionId)
    const code = proxy.produce(caller, token, partitionId, acks, bytes, start, length, startedMs)
    if (code === 0) return undefined
    if (code === errorTable.MESSAGE_TOO_LARGE.code) {
      return new StreamBusError(
        'MESSAGE_TOO_LARGE',
        `a record batch of ${length} bytes for ${nameOf(place)}; at most ${proxy.largestBatchBytes}`,
      )
    }
    return this.throttled('maxInFlightBytes', config.maxInFlightBytes)
  }

  fetch(caller: Caller, request: FetchRequest, sink: FetchSink): Fetch {
    const place = this.placeOf(caller, rows.fetch, request.partitionId)
    this.refuseTooMany(caller)
    const { config, fetches } = this.context
    if (request.offset < 0)
      throw new StreamBusError('OFFSET_OUT_OF_RANGE', `offset is ${request.offset} for ${nameOf(place)}`)
    return fetches.start(
      {
        partitionId: request.partitionId,
        offset: request.offset,
        maxBytes: Math.min(request.maxBytes, config.maxFetchBytes),
        minBytes: Math.min(request.minBytes, config.maxFetchBytes),
        maxWaitMs: Math.min(request.maxWaitMs, config.maxFetchWaitMs),
        isOurs: false,
      },
      sink,
    )
  }

  async listOffsets(caller: Caller, request: ListOffsets): Promise<ListOffsetsResponse> {
    this.placeOf(caller, rows.listOffsets, request.partitionId)
    this.refuseTooMany(caller)
    if (request.timestampMs < -3) {
      throw new StreamBusError('INVALID_REQUEST', `timestampMs is ${request.timestampMs}; expected -3 or more`)
    }
    const fill = (view: DataView, at: number): void =>
      view.setFloat64(at + ListOffsetsRequest.timestampAt, request.timestampMs, true)
    return this.questions.offsets(RequestType.listOffsets, request.partitionId, ListOffsetsRequest.sizeBytes, fill)
  }

  deleteRecords(caller: Caller, request: DeleteRecords): Promise<DeleteRecordsResponse> {
    const { partitionId, beforeOffset } = request
    const known = this.context.cluster.image().partitionById(partitionId)
    const what = {
      operation: 'DeleteRecords',
      resource: 'topic',
      resourceName: known?.topic.name ?? '',
      details: { partition: known?.partition.partition, partitionId, beforeOffset },
    } as const
    return audited(this.context.audit, caller, what, async () => {
      this.placeOf(caller, rows.deleteRecords, partitionId)
      this.refuseTooMany(caller)
      this.refuseWhenStopping()
      const fill = (view: DataView, at: number): void =>
        view.setFloat64(at + DeleteRecordsRequest.beforeOffsetAt, beforeOffset, true)
      const size = DeleteRecordsRequest.sizeBytes
      const { offset } = await this.questions.offsets(RequestType.deleteRecords, partitionId, size, fill)
      return { logStartOffset: offset }
    })
  }

  // ---- subscriptions

  /**
   * The subscription is in the caller's map when this resolves, and stands still until `begin`: its answer goes first.
   * `isAutomatic`: no credit is counted.
   */
  async subscribe(
    caller: Caller,
    request: SubscribeRequest,
    isAutomatic = false,
  ): Promise<{ readonly response: SubscribeResponse; readonly subscription: Subscription }> {
    const place = this.placeOf(caller, rows.subscribe, request.partitionId)
    const { config, subscriptions } = this.context
    this.checkCredit(request.creditBytes, 0)
    this.refuseTakenId(caller, request.subscriptionId)
    if (caller.subscriptions.size >= config.maxSubscriptionsPerConnection) {
      throw this.throttled('maxSubscriptionsPerConnection', config.maxSubscriptionsPerConnection)
    }
    const state = await this.questions.describe(request.partitionId)
    const offset = startOf(request.offset, state, place)
    if (caller.isClosed) throw new StreamBusError('NETWORK_EXCEPTION', 'the connection ended')
    // Its rights may have been taken away meanwhile.
    this.placeOf(caller, rows.subscribe, request.partitionId)
    this.refuseTakenId(caller, request.subscriptionId)
    const subscription = subscriptions.add({
      subscriber: caller,
      id: request.subscriptionId,
      partitionId: request.partitionId,
      offset,
      creditBytes: request.creditBytes,
      isAutomatic,
    })
    caller.subscriptions.set(request.subscriptionId, subscription)
    const { highWatermark, logStartOffset } = state
    return { response: { offset, highWatermark, logStartOffset }, subscription }
  }

  /** The caller's rights have changed: subscriptions that they do not reach any more end. */
  endForbidden(caller: Caller): void {
    const { authorize, cluster, subscriptions } = this.context
    const { operation, resource } = rows.subscribe
    for (const subscription of caller.subscriptions.values()) {
      const place = cluster.image().partitionById(subscription.partitionId)
      if (place === undefined || authorize(caller.principal, operation, resource, place.topic.name)) continue
      subscriptions.end(subscription, errorTable.TOPIC_AUTHORIZATION_FAILED.code, -1)
    }
  }

  begin(subscription: Subscription): void {
    this.context.subscriptions.advance(subscription)
  }

  unsubscribe(caller: Caller, request: UnsubscribeRequest): Record<string, never> {
    this.require(caller, rows.unsubscribe)
    const subscription = this.subscriptionOf(caller, request.subscriptionId)
    caller.subscriptions.delete(request.subscriptionId)
    this.context.subscriptions.remove(subscription)
    return {}
  }

  credit(caller: Caller, request: CreditRequest): void {
    this.require(caller, rows.credit)
    const subscription = this.subscriptionOf(caller, request.subscriptionId)
    this.checkCredit(request.creditBytes, Math.max(0, subscription.creditBytes))
    subscription.creditBytes += request.creditBytes
    this.context.subscriptions.resume(subscription)
  }

  private checkCredit(creditBytes: number, heldBytes: number): void {
    const { maxCreditBytes } = this.context.config
    if (creditBytes >= 1 && creditBytes + heldBytes <= maxCreditBytes) return
    throw new StreamBusError(
      'INVALID_CREDIT',
      `creditBytes is ${creditBytes} on top of ${heldBytes}; expected 1 to ${maxCreditBytes} together`,
    )
  }

  private refuseTakenId(caller: Caller, id: number): void {
    if (caller.subscriptions.has(id)) throw new StreamBusError('SUBSCRIPTION_EXISTS', `subscription ${id} exists`)
  }

  private subscriptionOf(caller: Caller, id: number): Subscription {
    const subscription = caller.subscriptions.get(id)
    if (subscription !== undefined) return subscription
    throw new StreamBusError('UNKNOWN_SUBSCRIPTION', `there is no subscription ${id} on this connection`)
  }

  // ---- what several need

  /** Of what the caller may not see it is not said whether it exists. */
  topicNamed(caller: Caller, name: string): TopicImage {
    this.require(caller, rows.describeTopic, name)
    const topic = this.context.cluster.image().topicByName(name)
    if (topic !== undefined) return topic
    throw new StreamBusError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic "${name.slice(0, 300)}"`)
  }

  /** What an answer of a shard means, with the partition that it is about. */
  errorOf(code: number, partitionId: number, detail = ''): StreamBusError {
    const name: ErrorName = errorNameOf(code)
    const place = this.context.cluster.image().partitionById(partitionId)
    const where = place === undefined ? `partition id ${partitionId}` : nameOf(place)
    const limit = name === 'MESSAGE_TOO_LARGE' && place !== undefined ? largestBatchOf(place.topic) : ''
    return new StreamBusError(name, `${where}: ${errorTable[name].meaning}${limit}${detail}`)
  }

  private placeOf(caller: Caller, row: MessageRow, partitionId: number): PartitionPlace {
    const { authorize, cluster } = this.context
    const place = cluster.image().partitionById(partitionId)
    if (!authorize(caller.principal, row.operation, row.resource, place?.topic.name ?? '')) {
      throw partitionRefusal(caller.principal, row, partitionId)
    }
    if (place === undefined) throw unknownPartition(partitionId)
    return place
  }

  private throttled(key: string, limit: number): StreamBusError {
    this.context.metrics.throttled()
    return new StreamBusError('THROTTLING_QUOTA_EXCEEDED', `more than ${key} (${limit}) is in flight`)
  }

  private refuseTooMany(caller: Caller): void {
    const { maxInFlightRequestsPerConnection } = this.context.config
    if (caller.inFlightRequests < maxInFlightRequestsPerConnection) return
    throw this.throttled('maxInFlightRequestsPerConnection', maxInFlightRequestsPerConnection)
  }

  private refuseWhenStopping(): void {
    if (this.context.isStopping()) throw stopping()
  }
}

function startOf(wanted: number, state: PartitionState, place: PartitionPlace): number {
  if (wanted === latest) return state.highWatermark
  if (wanted === earliest) return state.logStartOffset
  if (wanted >= state.logStartOffset && wanted <= state.highWatermark) return wanted
  throw new StreamBusError(
    'OFFSET_OUT_OF_RANGE',
    `offset is ${wanted} for ${nameOf(place)}; expected ${state.logStartOffset} to ${state.highWatermark}`,
  )
}

function topicInfoOf({ name, topicId, partitions }: TopicImage): TopicInfo {
  return { name, topicId, partitions }
}
