/**
 * Every message of the StreamBus protocol, as rows: the one source for codecs, documentation and golden vectors.
 * Runs on: every thread, and browsers. Touches: nothing.
 * `tools/generate-codecs.mjs` writes codecs.generated.ts from this table; a test fails when they differ.
 *
 * On streambus.v1 one WebSocket frame holds one or more messages, each:
 *
 *  0               4       6       8                12
 *  +---------------+-------+-------+----------------+------------ - -
 *  | length: u32   | api   | flags | correlation id | body
 *  | of what       | u16   | u16   | u32            |
 *  | follows       |       |       |                |
 *  +---------------+-------+-------+----------------+------------ - -
 *
 * All integers are big-endian. flags bit 0: this is a response; bit 1: it is an error response, whose body is
 * ErrorBody. i64 is a signed 64-bit integer, refused beyond 2^53 - 1. string is UTF-8 after a u16 length, bytes come
 * after a u32 length, an array after a u32 count. A response carries its request's api and correlation id.
 */

export type ScalarType = 'bool' | 'u8' | 'i16' | 'u16' | 'i32' | 'u32' | 'i64' | 'string' | 'bytes' | 'uuid'

export interface FieldRow {
  readonly name: string
  /** A scalar, the name of a struct row, or either followed by [] for an array. */
  readonly type: string
  readonly about: string
}

export interface MessageRow {
  readonly api: number
  /** request: answered by `response`; push: sent by the broker unasked; oneway: a request without an answer. */
  readonly kind: 'request' | 'push' | 'oneway'
  readonly since: number
  /** What authorize() is asked: operation and kind of resource. */
  readonly operation: 'none' | 'read' | 'write' | 'describe' | 'create' | 'delete' | 'alter'
  readonly resource: 'none' | 'topic' | 'cluster'
  readonly about: string
  readonly fields: readonly FieldRow[]
  readonly response?: readonly FieldRow[]
  readonly errors: readonly string[]
}

export const protocolVersion = 1

function field(name: string, type: string, about: string): FieldRow {
  return { name, type, about }
}

const partition = field('partitionId', 'u32', 'The partition, as Metadata named it. Never reused within a cluster.')

export const structRows: Readonly<Record<string, readonly FieldRow[]>> = {
  ErrorBody: [
    field('code', 'i16', 'A code of the error table.'),
    field('message', 'string', 'What was wrong, with the value.'),
  ],
  ConfigEntry: [
    field('name', 'string', 'A name of the topic configuration table.'),
    field('value', 'string', 'Its value as text.'),
  ],
  BrokerConfigEntry: [
    field('key', 'string', 'A key of the broker configuration table.'),
    field('value', 'string', 'Its value in force, as text; a list with commas.'),
    field('source', 'string', 'Where it came from: default, FILE:LINE, a variable, or "set while running".'),
    field('restart', 'bool', 'A change needs a restart.'),
  ],
  BrokerInfo: [
    field('brokerId', 'i32', 'The broker\'s number.'),
    field('host', 'string', 'Where clients reach it.'),
    field('port', 'u16', 'The port for WebSocket and HTTP.'),
  ],
  PartitionInfo: [
    field('partition', 'i32', 'The number within the topic, from 0.'),
    field('partitionId', 'u32', 'The number within the cluster; used by Produce, Fetch and the rest.'),
    field('leader', 'i32', 'The broker that takes reads and writes; -1: none.'),
    field('leaderEpoch', 'i32', 'Grows with each new leader.'),
    field('replicas', 'i32[]', 'The brokers that hold a copy.'),
    field('isr', 'i32[]', 'Those of them that are in sync.'),
  ],
  TopicInfo: [
    field('name', 'string', 'The topic\'s name.'),
    field('topicId', 'uuid', 'The topic\'s id; a topic deleted and made anew has another.'),
    field('partitions', 'PartitionInfo[]', 'In order of their numbers.'),
  ],
  PartitionDetail: [
    field('partition', 'i32', 'The number within the topic.'),
    field('partitionId', 'u32', 'The number within the cluster.'),
    field('leader', 'i32', 'The broker that leads it.'),
    field('logStartOffset', 'i64', 'The first offset that can be read.'),
    field('highWatermark', 'i64', 'The offset after the last one that can be read.'),
    field('sizeBytes', 'i64', 'Bytes in segments.'),
    field('segmentCount', 'i32', 'Segments.'),
    field('shard', 'i32', 'The shard worker that owns it.'),
  ],
}

export const messageRows: Readonly<Record<string, MessageRow>> = {
  Hello: {
    api: 0, kind: 'request', since: 1, operation: 'none', resource: 'none',
    about: 'The first message on a connection: versions and limits.',
    fields: [
      field('protocolVersion', 'u16', 'The highest version that the client speaks.'),
      field('clientName', 'string', 'Program and version, for logs.'),
    ],
    response: [
      field('protocolVersion', 'u16', 'The version to be used.'),
      field('brokerVersion', 'string', 'The broker\'s release.'),
      field('clusterId', 'uuid', 'Partition ids are valid within this cluster only.'),
      field('brokerId', 'i32', 'The broker\'s number.'),
      field('maxFrameBytes', 'u32', 'The largest frame accepted.'),
      field('maxInFlightBytes', 'u32', 'Produced bytes that may be unanswered.'),
      field('maxFetchBytes', 'u32', 'The most that one Fetch returns.'),
      field('maxCreditBytes', 'u32', 'The most credit that a subscription may hold.'),
      field('idleTimeoutMs', 'u32', 'Send something at least this often.'),
    ],
    errors: ['UNSUPPORTED_VERSION', 'MALFORMED_FRAME', 'AUTHENTICATION_REQUIRED'],
  },
  Ping: {
    api: 1, kind: 'request', since: 1, operation: 'none', resource: 'none',
    about: 'Keeps the connection; answers with the broker\'s clock.',
    fields: [], response: [field('brokerTimeMs', 'i64', 'Milliseconds since 1970.')], errors: [],
  },
  Metadata: {
    api: 2, kind: 'request', since: 1, operation: 'describe', resource: 'topic',
    about: 'Brokers and topics.',
    fields: [
      field('all', 'bool', 'Every topic; names is ignored.'),
      field('names', 'string[]', 'The topics asked for.'),
    ],
    response: [
      field('clusterId', 'uuid', 'The cluster.'),
      field('version', 'i64', 'Grows with every change of metadata.'),
      field('brokers', 'BrokerInfo[]', 'Brokers that are there.'),
      field('topics', 'TopicInfo[]', 'The topics that exist among those asked for.'),
    ],
    errors: ['UNKNOWN_TOPIC_OR_PARTITION', 'TOPIC_AUTHORIZATION_FAILED'],
  },
  CreateTopic: {
    api: 3, kind: 'request', since: 1, operation: 'create', resource: 'topic',
    about: 'Creates a topic; when answered, it can be produced to.',
    fields: [
      field('name', 'string', 'The topic\'s name.'),
      field('partitions', 'i32', '1 to 10000.'),
      field('replicationFactor', 'i16', 'Copies; 1 on one broker.'),
      field('configs', 'ConfigEntry[]', 'Entries that differ from the defaults.'),
    ],
    response: [field('topicId', 'uuid', 'The new topic\'s id.')],
    errors: ['TOPIC_ALREADY_EXISTS', 'INVALID_TOPIC_EXCEPTION', 'INVALID_PARTITIONS', 'INVALID_REPLICATION_FACTOR',
      'INVALID_CONFIG', 'NOT_CONTROLLER'],
  },
  DeleteTopic: {
    api: 4, kind: 'request', since: 1, operation: 'delete', resource: 'topic',
    about: 'Deletes a topic and its records.',
    fields: [field('name', 'string', 'The topic\'s name.')],
    response: [], errors: ['UNKNOWN_TOPIC_OR_PARTITION', 'NOT_CONTROLLER'],
  },
  DescribeTopic: {
    api: 5, kind: 'request', since: 1, operation: 'describe', resource: 'topic',
    about: 'One topic with its configuration, and each partition\'s offsets and size.',
    fields: [field('name', 'string', 'The topic\'s name.')],
    response: [
      field('name', 'string', 'The topic\'s name.'),
      field('topicId', 'uuid', 'The topic\'s id.'),
      field('configs', 'ConfigEntry[]', 'All entries in force.'),
      field('partitions', 'PartitionDetail[]', 'In order of their numbers.'),
    ],
    errors: ['UNKNOWN_TOPIC_OR_PARTITION'],
  },
  AlterTopicConfig: {
    api: 6, kind: 'request', since: 1, operation: 'alter', resource: 'topic',
    about: 'Sets entries of a topic\'s configuration; an empty value goes back to the default.',
    fields: [
      field('name', 'string', 'The topic\'s name.'),
      field('configs', 'ConfigEntry[]', 'The entries to set.'),
    ],
    response: [], errors: ['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_CONFIG', 'NOT_CONTROLLER'],
  },
  DeleteRecords: {
    api: 7, kind: 'request', since: 1, operation: 'delete', resource: 'topic',
    about: 'Moves the log start offset: what is below can\'t be read any more.',
    fields: [partition, field('beforeOffset', 'i64', 'The new log start offset; -1: the high watermark.')],
    response: [field('logStartOffset', 'i64', 'The log start offset now.')],
    errors: ['UNKNOWN_TOPIC_ID', 'OFFSET_OUT_OF_RANGE', 'KAFKA_STORAGE_ERROR'],
  },
  InitProducerId: {
    api: 8, kind: 'request', since: 1, operation: 'write', resource: 'cluster',
    about: 'A producer id for idempotent producing.',
    fields: [],
    response: [
      field('producerId', 'i64', 'Never given out twice.'),
      field('producerEpoch', 'i16', 'Starts at 0.'),
    ],
    errors: ['NOT_CONTROLLER', 'CLUSTER_AUTHORIZATION_FAILED'],
  },
  Produce: {
    api: 9, kind: 'request', since: 1, operation: 'write', resource: 'topic',
    about: 'One record batch (Kafka format 2) for one partition. With acks 0 there is no answer.',
    fields: [
      partition,
      field('acks', 'i16', '0: no answer; 1: the leader has it; -1: all in-sync copies have it.'),
      field('batch', 'bytes', 'One record batch; the broker sets its base offset.'),
    ],
    response: [
      field('baseOffset', 'i64', 'The offset of the batch\'s first record.'),
      field('logStartOffset', 'i64', 'The first offset that can be read.'),
    ],
    errors: ['UNKNOWN_TOPIC_ID', 'CORRUPT_MESSAGE', 'INVALID_RECORD', 'MESSAGE_TOO_LARGE', 'INVALID_REQUIRED_ACKS',
      'OUT_OF_ORDER_SEQUENCE_NUMBER', 'INVALID_PRODUCER_EPOCH', 'DUPLICATE_SEQUENCE_NUMBER', 'INVALID_TIMESTAMP',
      'UNSUPPORTED_COMPRESSION_TYPE', 'UNSUPPORTED_FOR_MESSAGE_FORMAT', 'THROTTLING_QUOTA_EXCEEDED',
      'DISK_RESERVE_REACHED', 'KAFKA_STORAGE_ERROR'],
  },
  Fetch: {
    api: 10, kind: 'request', since: 1, operation: 'read', resource: 'topic',
    about: 'Whole record batches from an offset on; the first may begin below it. Waits when there are none.',
    fields: [
      partition,
      field('offset', 'i64', 'The first record wanted.'),
      field('maxBytes', 'u32', 'About how much to return; a first batch larger than this comes all the same.'),
      field('minBytes', 'u32', 'Wait until this much is there; 0: answer at once.'),
      field('maxWaitMs', 'u32', 'Wait no longer than this.'),
    ],
    response: [
      field('highWatermark', 'i64', 'The offset after the last one that can be read.'),
      field('logStartOffset', 'i64', 'The first offset that can be read.'),
      field('batches', 'bytes', 'Record batches, one after another; empty when the wait ended first.'),
    ],
    errors: ['UNKNOWN_TOPIC_ID', 'OFFSET_OUT_OF_RANGE', 'KAFKA_STORAGE_ERROR'],
  },
  ListOffsets: {
    api: 11, kind: 'request', since: 1, operation: 'describe', resource: 'topic',
    about: 'The offset for a point in time.',
    fields: [partition, field('timestampMs', 'i64',
      'Milliseconds since 1970; -1: latest, -2: earliest, -3: the record with the largest time.')],
    response: [
      field('offset', 'i64', 'The first record at or after that time; -1: there is none.'),
      field('timestampMs', 'i64', 'That record\'s time; -1 for latest, earliest and none.'),
    ],
    errors: ['UNKNOWN_TOPIC_ID', 'KAFKA_STORAGE_ERROR'],
  },
  Subscribe: {
    api: 12, kind: 'request', since: 1, operation: 'read', resource: 'topic',
    about: 'Starts deliveries of one partition from an offset on, as far as credit reaches.',
    fields: [
      field('subscriptionId', 'u32', 'Chosen by the client, unique on its connection.'),
      partition,
      field('offset', 'i64', 'The first record wanted; -1: latest, -2: earliest.'),
      field('creditBytes', 'u32', 'How many bytes may be delivered before more credit is granted.'),
    ],
    response: [
      field('offset', 'i64', 'The first offset that will be delivered.'),
      field('highWatermark', 'i64', 'The offset after the last one that can be read now.'),
      field('logStartOffset', 'i64', 'The first offset that can be read.'),
    ],
    errors: ['UNKNOWN_TOPIC_ID', 'OFFSET_OUT_OF_RANGE', 'SUBSCRIPTION_EXISTS', 'INVALID_CREDIT',
      'THROTTLING_QUOTA_EXCEEDED', 'KAFKA_STORAGE_ERROR'],
  },
  Unsubscribe: {
    api: 13, kind: 'request', since: 1, operation: 'none', resource: 'none',
    about: 'Ends a subscription; nothing is delivered for it after the answer.',
    fields: [field('subscriptionId', 'u32', 'The subscription.')], response: [], errors: ['UNKNOWN_SUBSCRIPTION'],
  },
  Credit: {
    api: 14, kind: 'oneway', since: 1, operation: 'none', resource: 'none',
    about: 'Grants a subscription more bytes.',
    fields: [
      field('subscriptionId', 'u32', 'The subscription.'),
      field('creditBytes', 'u32', 'Added to what is left.'),
    ],
    errors: ['UNKNOWN_SUBSCRIPTION', 'INVALID_CREDIT'],
  },
  Delivery: {
    api: 15, kind: 'push', since: 1, operation: 'none', resource: 'none',
    about: 'Record batches of a subscription. Its bytes are taken off the credit; one batch may overdraw it.',
    fields: [
      field('subscriptionId', 'u32', 'The subscription.'),
      field('highWatermark', 'i64', 'The offset after the last one that can be read.'),
      field('batches', 'bytes', 'Record batches, one after another.'),
    ],
    errors: [],
  },
  SubscriptionEnd: {
    api: 16, kind: 'push', since: 1, operation: 'none', resource: 'none',
    about: 'The broker ended a subscription: the topic was deleted, its data removed, or its disk failed.',
    fields: [
      field('subscriptionId', 'u32', 'The subscription.'),
      field('code', 'i16', 'Why: a code of the error table.'),
      field('message', 'string', 'Why, in words.'),
      field('logStartOffset', 'i64', 'The first offset that can be read; -1: unknown.'),
    ],
    errors: [],
  },
  ClusterStatus: {
    api: 17, kind: 'request', since: 1, operation: 'describe', resource: 'cluster',
    about: 'What runs here: a JSON document, described in docs/protocol.md.',
    fields: [], response: [field('json', 'string', 'The document.')], errors: ['CLUSTER_AUTHORIZATION_FAILED'],
  },
  Failure: {
    api: 18, kind: 'push', since: 1, operation: 'none', resource: 'none',
    about: 'The last message before the broker closes the connection: why.',
    fields: [
      field('code', 'i16', 'A code of the error table.'),
      field('message', 'string', 'What was wrong, and what to do.'),
    ],
    errors: [],
  },
  Authenticate: {
    api: 19, kind: 'request', since: 1, operation: 'none', resource: 'none',
    about: 'Who the client is. Comes in the same frame as Hello, right after it; brokers know it since 0.2.',
    fields: [
      field('mechanism', 'string', 'TOKEN.'),
      field('token', 'string', 'The secret, as `streambus token create` printed it.'),
    ],
    response: [
      field('principal', 'string', 'The name that the token stands for.'),
      field('roles', 'string[]', 'What it may do.'),
    ],
    errors: ['SASL_AUTHENTICATION_FAILED', 'UNSUPPORTED_SASL_MECHANISM'],
  },
  DescribeBrokerConfig: {
    api: 20, kind: 'request', since: 1, operation: 'describe', resource: 'cluster',
    about: 'The configuration that this broker runs with.',
    fields: [field('keys', 'string[]', 'Keys of the broker configuration table; none: all.')],
    response: [field('entries', 'BrokerConfigEntry[]', 'In the order asked for, or that of the table.')],
    errors: ['INVALID_CONFIG', 'CLUSTER_AUTHORIZATION_FAILED'],
  },
  AlterBrokerConfig: {
    api: 21, kind: 'request', since: 1, operation: 'alter', resource: 'cluster',
    about: 'Sets keys of this broker that need no restart: all of them, or none when one is wrong.',
    fields: [
      field('configs', 'ConfigEntry[]', 'Keys of the broker configuration table and their values, units allowed.'),
      field('reset', 'string[]', 'Keys that go back to what the file and the environment say.'),
    ],
    response: [
      field('entries', 'BrokerConfigEntry[]', 'Those keys as they are now.'),
      field('note', 'string', 'How long that holds, in words.'),
    ],
    errors: ['INVALID_CONFIG', 'CLUSTER_AUTHORIZATION_FAILED'],
  },
}
