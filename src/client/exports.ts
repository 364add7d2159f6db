/**
 * What the client's entries for Node.js and for browsers have in common: everything but `connect`.
 * Runs on: main thread of clients, browsers. Touches: nothing.
 */
export type { Uuid } from '../../native-free-core/bytes/uuid.js'
export type { ErrorName } from '../../native-free-core/errors/error-table.js'
export { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
export type { RecordHeader, RecordReader } from '../../native-free-core/log/record-batch.js'
export type {
  BrokerInfo,
  PartitionDetail,
  PartitionInfo,
  TopicInfo,
} from '../../native-free-core/protocol/codecs.generated.js'
export { Admin, type NewTopic, type OffsetAnswer, type OffsetSpec, type TopicDescription } from './admin.js'
export { Client, type ConnectOptions } from './client.js'
export type { CallOptions, ConnectionState } from './connection.js'
export { ConsumedBatch, type ConsumedRecord } from './consumed-batch.js'
export { Consumer, type ConsumerOptions } from './consumer.js'
export type { Token } from './link.js'
export type { Pem, TlsOptions } from './platform/platform.js'
export {
  type DeliveryReport,
  Producer,
  type ProducerOptions,
  type ProducerRecord,
  type RecordMetadata,
} from './producer.js'
export type { StartPoint, TimeAgo } from './start-point.js'
export type { BytesLike, Headers } from './text-bytes.js'
