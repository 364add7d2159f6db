/**
 * Every error that StreamBus reports, as rows: wire code, whether a retry can help, meaning and remedy.
 * Runs on: every thread, and browsers. Touches: nothing.
 * Codes below 1000 are Kafka's, with Kafka's meaning; ours start at 1000. Errors cross threads and wires as codes.
 */

export interface ErrorRow {
  readonly code: number
  readonly retriable: boolean
  /** HTTP status where the error is answered over HTTP. */
  readonly http: number
  readonly meaning: string
  readonly remedy: string
}

function row(code: number, retriable: boolean, http: number, meaning: string, remedy: string): ErrorRow {
  return { code, retriable, http, meaning, remedy }
}

export const errorTable = {
  UNKNOWN_SERVER_ERROR: row(-1, false, 500, 'The broker met an error that it has no name for.',
    'Look for the same time in the broker log and report it.'),
  NONE: row(0, false, 200, 'No error.', 'Nothing to do.'),
  OFFSET_OUT_OF_RANGE: row(1, false, 416, 'The offset is below the log start offset or above the high watermark.',
    'Seek to earliest, latest, or an offset within the range in the error.'),
  CORRUPT_MESSAGE: row(2, true, 400, 'A record batch failed its CRC, or its sizes contradict each other.',
    'Send the batch again; if it happens again, the sender builds wrong batches.'),
  UNKNOWN_TOPIC_OR_PARTITION: row(3, true, 404, 'The broker has no such topic or partition.',
    'Check the name; create it with `streambus-cli topic create NAME --partitions N`.'),
  REQUEST_TIMED_OUT: row(7, true, 504, 'The request was not finished within its time limit; its outcome is unknown.',
    'Send it again; an idempotent producer does so safely.'),
  MESSAGE_TOO_LARGE: row(10, false, 413, 'The record batch is larger than the topic accepts.',
    'Send smaller batches or raise the topic\'s max.message.bytes.'),
  NETWORK_EXCEPTION: row(13, true, 503, 'The connection ended before the answer came.',
    'Connect again; the client does so by itself.'),
  INVALID_TOPIC_EXCEPTION: row(17, false, 400, 'The topic name is not allowed.',
    'Use 1 to 249 of the characters a-z A-Z 0-9 . _ - and not "." or "..".'),
  INVALID_REQUIRED_ACKS: row(21, false, 400, 'acks is none of 0, 1 and -1 (all).', 'Send acks 0, 1 or -1.'),
  CLUSTER_AUTHORIZATION_FAILED: row(31, false, 403, 'The principal may not do this to the cluster.',
    'Ask the operator for the right that the message names.'),
  TOPIC_AUTHORIZATION_FAILED: row(29, false, 403, 'The principal may not do this to the topic.',
    'Ask the operator for the right that the message names.'),
  INVALID_TIMESTAMP: row(32, false, 400, 'A record timestamp is too far from the broker\'s clock.',
    'Set the sender\'s clock, or the topic\'s message.timestamp.before.max.ms and message.timestamp.after.max.ms.'),
  UNSUPPORTED_SASL_MECHANISM: row(33, false, 400, 'The broker does not know this way to authenticate.',
    'Authenticate with mechanism TOKEN.'),
  UNSUPPORTED_VERSION: row(35, false, 400, 'The other side speaks a protocol version that this side does not.',
    'Upgrade the older side.'),
  TOPIC_ALREADY_EXISTS: row(36, false, 409, 'A topic of this name, or one that collides with it, exists.',
    'Choose another name, or use the topic that is there.'),
  INVALID_PARTITIONS: row(37, false, 400, 'The number of partitions is not allowed.', 'Ask for 1 to 10000 partitions.'),
  INVALID_REPLICATION_FACTOR: row(38, false, 400, 'There are not as many brokers as copies were asked for.',
    'Ask for at most as many copies as there are brokers.'),
  INVALID_CONFIG: row(40, false, 400, 'A configuration entry is unknown or out of range.',
    'See docs/configuration.md for the names and ranges.'),
  NOT_CONTROLLER: row(41, true, 503, 'This broker can\'t change metadata now: it has no raft leader.',
    'Try again in a moment.'),
  INVALID_REQUEST: row(42, false, 400, 'The request is malformed or its fields contradict each other.',
    'Compare the request with docs/protocol.md; the message names the field.'),
  UNSUPPORTED_FOR_MESSAGE_FORMAT: row(43, false, 400, 'The record batch has a format other than version 2.',
    'Send record batches with magic 2.'),
  OUT_OF_ORDER_SEQUENCE_NUMBER: row(45, false, 409, 'A producer\'s batch does not follow the last one accepted.',
    'Send the missing batch first; if it is lost, ask for a new producer id.'),
  DUPLICATE_SEQUENCE_NUMBER: row(46, false, 409, 'The batch was accepted before, too long ago to tell its offset.',
    'Nothing to do: the record is in the log.'),
  INVALID_PRODUCER_EPOCH: row(47, false, 409, 'A newer incarnation of this producer is at work.',
    'End this producer: the newer one has taken over.'),
  KAFKA_STORAGE_ERROR: row(56, true, 503,
    'The disk refused a read or a write; the partitions of that shard are offline.',
    'Look at the broker log, mend the disk, restart the broker.'),
  SASL_AUTHENTICATION_FAILED: row(58, false, 401, 'The broker does not accept the token: it is wrong or was revoked.',
    'Pass a token that the broker knows; its operator makes one with `streambus token create`.'),
  UNSUPPORTED_COMPRESSION_TYPE: row(76, false, 415, 'The compression codec is unknown or can\'t be decoded here.',
    'Use a codec that both sides know; the message names it.'),
  THROTTLING_QUOTA_EXCEEDED: row(89, true, 429, 'More is in flight than the broker allows.',
    'Wait for answers before sending more; the message names the limit.'),
  UNKNOWN_TOPIC_ID: row(100, true, 404, 'The broker has no topic of this id: it was deleted, perhaps made anew.',
    'Ask for the metadata again.'),
  INVALID_RECORD: row(87, false, 400, 'The broker refused a record.', 'See the message for the field.'),

  MALFORMED_FRAME: row(1000, false, 400, 'A frame can\'t be read; the connection ends.',
    'Compare the frame with docs/protocol.md; the message names position and value.'),
  HANDSHAKE_REQUIRED: row(1001, false, 400, 'The first message on a connection was not Hello.', 'Send Hello first.'),
  ORIGIN_NOT_ALLOWED: row(1002, false, 403, 'A web page of a foreign origin tried to connect.',
    'Add the origin to allowedOrigins in the broker\'s configuration.'),
  HOST_NOT_ALLOWED: row(1003, false, 403, 'The Host header names a host that this broker does not answer to.',
    'Add the name to allowedHosts in the broker\'s configuration.'),
  FRAME_TOO_LARGE: row(1004, false, 413, 'A frame is larger than the broker accepts.',
    'Send smaller frames, or raise maxFrameBytes in the broker\'s configuration.'),
  TOO_MANY_CONNECTIONS: row(1005, true, 503, 'The broker has as many connections as it allows.',
    'Close some, or raise maxConnections in the broker\'s configuration.'),
  IDLE_TIMEOUT: row(1006, true, 408, 'Nothing came over the connection for longer than the broker allows.',
    'Send Ping now and then, or raise idleTimeoutMs in the broker\'s configuration.'),
  SLOW_CONSUMER: row(1007, true, 429, 'The peer does not read what it asked for.',
    'Read faster, or grant less credit; the subscription resumes from its offset.'),
  UNKNOWN_SUBSCRIPTION: row(1008, false, 404, 'The connection has no subscription of this id.',
    'Subscribe first; ids are per connection.'),
  SUBSCRIPTION_EXISTS: row(1009, false, 409, 'The connection has a subscription of this id already.',
    'Choose another id or unsubscribe first.'),
  SHUTTING_DOWN: row(1010, true, 503, 'The broker is being stopped.', 'Connect again in a moment.'),
  STARTING: row(1011, true, 503, 'The broker is not ready yet.', 'Try again in a moment.'),
  DISK_RESERVE_REACHED: row(1012, true, 507, 'The disk is nearly full: writes are stopped before it is.',
    'Free space, shorten retention, or lower diskReserveBytes in the broker\'s configuration.'),
  JOURNAL_DAMAGED: row(1013, false, 500, 'A journal holds a damaged commit that had been acknowledged.',
    'Restore the file from a copy, or rename it to FILE.lost and accept the loss that the message names.'),
  SEGMENT_DAMAGED: row(1014, false, 500, 'A segment holds damaged bytes below its durable end.',
    'Restore the file from a copy; the message names file and position.'),
  DATA_FORMAT_TOO_NEW: row(1015, false, 500, 'The data folder was written by a newer version.',
    'Start the version that the message names, or a newer one.'),
  DATA_FOLDER_IN_USE: row(1016, false, 500, 'Another broker uses the data folder.',
    'Stop the process that the message names, or give this broker its own dataFolder.'),
  DATA_FOLDER_UNUSABLE: row(1017, false, 500, 'The data folder can\'t be read or written.',
    'Mend the rights or the path in the message.'),
  ADDRESS_IN_USE: row(1018, false, 500, 'The port is taken by another process.',
    'Stop that process or choose another port in the broker\'s configuration.'),
  INSECURE_LISTENER: row(1019, false, 500, 'The listener would be open to the network without any security.',
    'Set tlsCertificateFile, tlsKeyFile and tokensFile; or listen on 127.0.0.1; or, where everybody on the network may '
    + 'do everything, set allowInsecure: true. docs/security.md has the commands.'),
  INVALID_CREDIT: row(1021, false, 400, 'The credit is not a positive number of bytes within the limit.',
    'Grant between 1 byte and the limit in the message.'),
  UNSUPPORTED_SUBPROTOCOL: row(1022, false, 400, 'The WebSocket subprotocol is none that the broker speaks.',
    'Offer streambus.v1 or streambus.json.v1.'),
  USAGE: row(1023, false, 400, 'A command line or a call has a wrong argument.', 'See --help.'),
  TLS_HANDSHAKE_FAILED: row(1030, false, 503, 'Client and broker can\'t agree on TLS, or do not trust each other.',
    'See the message: the certificate, its name or its authority, or TLS on one side only.'),
  UNSUITABLE_RUNTIME: row(1024, false, 500, 'The runtime lacks something that StreamBus needs.', 'See the message.'),
  AUTHENTICATION_REQUIRED: row(1025, false, 401, 'The broker answers only those who authenticate, and no token came.',
    'Pass a token: connect({ token }), --token or STREAMBUS_TOKEN; over HTTP the header Authorization: Bearer TOKEN.'),
  INVALID_CERTIFICATE: row(1026, false, 500, 'A TLS certificate or key can\'t be used.',
    'Mend the file that the message names; docs/security.md shows how to make one.'),
} as const satisfies Record<string, ErrorRow>

/** The names of all errors. */
export type ErrorName = keyof typeof errorTable

/** The rows by name, for documentation and tests. */
export const errorRows: Readonly<Record<ErrorName, ErrorRow>> = errorTable

const nameByCode = new Map<number, ErrorName>(
  (Object.keys(errorTable) as ErrorName[]).map((name) => [errorTable[name].code, name]),
)

/** The name of a wire code; UNKNOWN_SERVER_ERROR for one that this version does not know. */
export function errorNameOf(code: number): ErrorName {
  return nameByCode.get(code) ?? 'UNKNOWN_SERVER_ERROR'
}
