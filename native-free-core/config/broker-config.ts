/**
 * Every key of a broker's configuration, as rows.
 * Runs on: every thread. Touches: nothing.
 * Keys are camelCase with the unit at the end. Generates validation, docs/configuration.md and `--help`.
 */
import {
  booleanRow,
  choiceRow,
  type ConfigRow,
  integerRow,
  secret,
  stringRow,
  stringsRow,
  whileRunning,
} from './config-row.js'

const MiB = 1 << 20
const GiB = 1 << 30
const anyCount = 1_000_000
const anyBytes = 2 ** 40
const dayMs = 86_400_000

export const brokerConfigTable = {
  brokerId: integerRow(0, 0, 65_535, 'count', 'The number of this broker in its cluster.'),
  dataFolder: stringRow('./data', 'Where everything durable lives; relative to the folder the broker is started in.'),
  host: stringRow('127.0.0.1',
    'The address to listen on. Beyond loopback it needs TLS and tokens, or allowInsecure: true.'),
  port: integerRow(9400, 0, 65_535, 'count', 'The port for WebSocket and HTTP; 0 takes a free one.'),
  frontEnd: choiceRow('auto', ['auto', 'uws', 'ws'],
    'The WebSocket server: uws (uWebSockets.js, where its binary fits this Node.js), ws, or auto (uws if it can).'),
  allowInsecure: booleanRow(false,
    'Listen beyond loopback without TLS, without tokens or without both: who can reach it can listen or write.'),
  tlsCertificateFile: stringRow('',
    'The certificate with its chain, PEM. With tlsKeyFile: wss:// and https:// only. Read again when it changes.'),
  tlsKeyFile: stringRow('', 'The key of the certificate, PEM, not encrypted. Read again when it changes.'),
  tlsClientCaFile: stringRow('',
    'Who signs the certificates of clients, PEM. Then every connection needs one; runs on frontEnd ws only.'),
  tokensFile: stringRow('',
    'Who may connect, and what they may do; see docs/security.md. Read again when it changes. Without it, and without '
    + 'tokenEntries, nobody is asked.'),
  tokenEntries: secret(stringRow('',
    'What tokensFile would hold, as text: for containers, as STREAMBUS_TOKEN_ENTRIES. Hashes, never tokens.')),
  maxUnauthenticatedConnections: integerRow(256, 1, anyCount, 'count',
    'Open connections that have not authenticated yet; one more closes the oldest of them.'),
  allowedHosts: stringsRow([], 'Names, besides localhost and loopback addresses, that the Host header may carry.',
    whileRunning),
  allowedOrigins: stringsRow([], 'Origins of web pages that may connect, such as https://dash.example.org.',
    whileRunning),
  shards: integerRow(0, 0, 64, 'count', 'Shard workers; 0 means the smaller of 8 and the allowed cores minus 1.'),
  pinShards: booleanRow(true, 'Pin each shard to a core where the system allows it and no CPU quota is in force.'),
  logLevel: choiceRow('info', ['trace', 'debug', 'info', 'warn', 'error', 'silent'], 'The least level that is logged.',
    whileRunning),
  logFormat: choiceRow('auto', ['auto', 'json', 'text', 'journald'],
    'How log lines on standard error look: json, text for people, journald (text after a priority, <6>), or auto '
    + '(journald under systemd, text on a terminal, else json).'),
  journalMemoryBytes: integerRow(128 * MiB, 4 * MiB, 64 * GiB, 'bytes',
    'Memory for the journals of all shards together; each gets an equal part, at most 64 MiB.'),
  volatileMemoryBytes: integerRow(32 * MiB, 2 * MiB, 64 * GiB, 'bytes',
    'Memory for the rings of topics with flush os or interval, of all shards together; each gets an equal part.'),
  requestRingBytes: integerRow(8 * MiB, MiB, GiB, 'bytes',
    'The ring that takes requests to one shard; a power of two.'),
  replyRingBytes: integerRow(4 * MiB, MiB, GiB, 'bytes',
    'The ring that brings answers from one shard or the read thread; a power of two.'),
  directJournal: booleanRow(true,
    'Write journals past the page cache where system and file system can (O_DIRECT); false writes through it.'),
  directSegments: booleanRow(true,
    'Write what moves to segments past the page cache, where it is much and system and file system can; false keeps it '
    + 'in the cache for readers who come when it has left the journal.'),
  settleStartPercent: integerRow(25, 1, 90, 'percent', 'How full a journal is before its entries move to segments.'),
  settleBytesInFlight: integerRow(8 * MiB, MiB, GiB, 'bytes',
    'How much settling may be unsynced at a time, per shard.'),
  syncWholeFileSystem: booleanRow(true,
    'Sync many files of one settling round by syncfs, on Linux with ext4, XFS or Btrfs. It writes what other programs '
    + 'left unwritten on that file system too; false syncs file by file.'),
  diskReserveBytes: integerRow(0, 0, anyBytes, 'bytes',
    'Writes stop when less is free on the disk, besides the size of the journals; 0 means the smaller of 5 % of it and '
    + '1 GiB.', whileRunning),
  maxFrameBytes: integerRow(16 * MiB, 64 * 1024, 64 * MiB, 'bytes', 'The largest WebSocket frame that is accepted.'),
  maxConnections: integerRow(10_000, 1, anyCount, 'count', 'Open connections at a time.', whileRunning),
  maxInFlightBytesPerConnection: integerRow(16 * MiB, 64 * 1024, GiB, 'bytes',
    'Produced bytes of one connection that are not answered yet.', whileRunning),
  maxInFlightBytes: integerRow(64 * MiB, MiB, 64 * GiB, 'bytes',
    'Requests that wait outside the rings, of all connections together.', whileRunning),
  maxInFlightRequestsPerConnection: integerRow(10_000, 1, anyCount, 'count', 'Unanswered requests of one connection.',
    whileRunning),
  maxSendBufferBytes: integerRow(4 * MiB, 64 * 1024, GiB, 'bytes',
    'What may wait to be sent to one connection before deliveries to it pause.'),
  maxSubscriptionsPerConnection: integerRow(1000, 1, anyCount, 'count', 'Subscriptions of one connection.',
    whileRunning),
  maxCreditBytes: integerRow(64 * MiB, 64 * 1024, GiB, 'bytes', 'Credit that one subscription may hold.'),
  maxFetchBytes: integerRow(8 * MiB, 64 * 1024, 64 * MiB, 'bytes', 'The most that one fetch returns.', whileRunning),
  maxFetchWaitMs: integerRow(30_000, 0, 600_000, 'ms', 'The longest that one fetch waits for data.', whileRunning),
  idleTimeoutMs: integerRow(120_000, 8_000, 960_000, 'ms',
    'A connection that sends nothing for longer is closed. A change is for connections made after it.', whileRunning),
  retentionCheckIntervalMs: integerRow(300_000, 10, dayMs, 'ms', 'How often retention is looked at.', whileRunning),
  producerIdExpirationMs: integerRow(dayMs, 1000, 365 * dayMs, 'ms',
    'A partition forgets a producer that is silent for longer, when retention is looked at. What is sent again after '
      + 'that is stored twice: keep it well above the deliveryTimeoutMs of producers.', whileRunning),
  scrubIntervalMs: integerRow(7 * dayMs, 0, 365 * dayMs, 'ms',
    'How often all segments are read and verified; 0: never.', whileRunning),
  shutdownTimeoutMs: integerRow(30_000, 100, 600_000, 'ms', 'How long a clean shutdown may take before it is cut off.',
    whileRunning),
} as const satisfies Record<string, ConfigRow>

type Table = typeof brokerConfigTable
type Widen<Value> = Value extends number ? number
  : Value extends boolean ? boolean
  : Value extends readonly string[] ? readonly string[]
  : Value

export type BrokerConfigKey = keyof Table
/** A whole configuration, every key present. */
export type BrokerConfig = { readonly [Key in BrokerConfigKey]: Widen<Table[Key]['defaultValue']> }

export const brokerConfigRows: Readonly<Record<BrokerConfigKey, ConfigRow>> = brokerConfigTable

/** The defaults with what is given on top. No validation: see src/broker/load-config. */
export function brokerConfigOf(given: Partial<BrokerConfig> = {}): BrokerConfig {
  const config: Record<string, unknown> = {}
  for (const key of Object.keys(brokerConfigTable) as BrokerConfigKey[]) {
    config[key] = given[key] ?? brokerConfigTable[key].defaultValue
  }
  return config as BrokerConfig
}

const maxJournalBytes = 64 * MiB

/**
 * Bytes of each shard's journal: an equal part of the budget, whole MiB, between 2 and 64 MiB. A budget that no
 * configuration may say, below 2 MiB, is divided as it is: simulations run on it.
 */
export function journalBytesOf(journalMemoryBytes: number, shardCount: number): number {
  if (journalMemoryBytes < 2 * MiB) return Math.floor(journalMemoryBytes / shardCount / 4096) * 4096
  const part = Math.floor(journalMemoryBytes / shardCount / MiB) * MiB
  return Math.max(2 * MiB, Math.min(maxJournalBytes, part))
}

/** The ring of requests to the read thread. */
export const readRequestRingBytes = MiB

/** Twice what one read brings at most, 1 MiB and a batch, which is no larger than half a request ring. */
export function readReplyRingBytes(requestRingBytes: number): number {
  return 2 ** Math.ceil(Math.log2(2 * (MiB + requestRingBytes / 2)))
}

/**
 * The most memory that rings and queues can take, in bytes; docs/operations.md explains it, a test holds it.
 * Journals + both rings per shard + the read thread's rings + waiting requests + what waits in sockets.
 */
export function memoryBoundBytes(config: BrokerConfig, shardCount: number, connectionCount: number): number {
  const journals = journalBytesOf(config.journalMemoryBytes, shardCount) * shardCount
    + journalBytesOf(config.volatileMemoryBytes, shardCount) * shardCount
  const rings = (config.requestRingBytes + config.replyRingBytes) * shardCount
  const reader = readRequestRingBytes + readReplyRingBytes(config.requestRingBytes)
  const sockets = connectionCount * (config.maxSendBufferBytes + config.maxFrameBytes)
  return journals + rings + reader + config.maxInFlightBytes + sockets
}
