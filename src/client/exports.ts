/**
 * What the client's entries for Node.js and for browsers have in common: everything but `connect`.
 * Runs on: main thread of clients, browsers. Touches: nothing.
 */
export type { Uuid } from '../../native-free-core/bytes/uuid.js'
export type { ErrorName } from '../../native-free-core/errors/error-table.js'
export { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
export type { CodecName, RecordHeader, RecordReader } from '../../native-free-core/log/record-batch.js'
export type {
  AlterBrokerConfigResponse,
  BrokerConfigEntry,
  BrokerInfo,
  PartitionDetail,
  PartitionInfo,
  TopicInfo,
} from '../../native-free-core/protocol/codecs.generated.js'
export {
  Admin,
  type BrokerConfigChanges,
  type NewTopic,
  type OffsetAnswer,
  type OffsetSpec,
  type TopicDescription,
} from './admin.js'
export { Client, type CloseOptions, type ConnectOptions } from './client.js'
export { bytes, type Codec, float64, int32, int64, json, type JsonOptions, nullable, string } from './codecs.js'
export type { CallOptions, ConnectionState } from './connection.js'
export { ConsumedBatch } from './consumed-batch.js'
export { ConsumedRecord } from './consumed-record.js'
export { Consumer, type ConsumerIterator, type ConsumerOptions } from './consumer.js'
export type { FailedAt, RunOptions } from './consumer-run.js'
export type { Token } from './link.js'
export type { Pem, TlsOptions } from './platform/platform.js'
export { Producer } from './producer.js'
export type {
  DeliveryReport,
  Partitioner,
  PartitionerRecord,
  ProducerOptions,
  ProducerRecord,
  RecordMetadata,
} from './producer-options.js'
export type { StartPoint, TimeAgo } from './start-point.js'
export type { BytesLike, HeaderPair, Headers, HeaderValue } from './text-bytes.js'
export { type TraceContext, traceContextOf } from './trace-context.js'
export {
  type TopicCodecs,
  TypedConsumer,
  type TypedConsumerOptions,
  TypedProducer,
  type TypedProducerRecord,
  type TypedRecord,
  type TypedRunOptions,
  TypedTopic,
} from './typed-topic.js'
