/**
 * What operations and sessions share: one object for a gateway.
 * Runs on: main. Touches: types only.
 */
import type { BrokerConfig } from '../../native-free-core/config/broker-config.js'
import type { AuditSink } from './audit.js'
import type { AuthenticationFailures } from './authentication-failures.js'
import type { Authenticator } from './authenticator.js'
import type { Authorize } from './authorize.js'
import type { BlockPool } from './block-pool.js'
import type { ClusterAccess } from './cluster-access.js'
import type { FetchService, FetchShard } from './fetch.js'
import type { GatewayMetrics } from './gateway-metrics.js'
import type { Subscriptions } from './subscriptions.js'

/** A session that has something to send. */
export interface Flushable {
  flush(): void
}

export interface GatewayContext {
  readonly config: BrokerConfig
  readonly cluster: ClusterAccess
  readonly authenticator: Authenticator
  readonly failures: AuthenticationFailures
  readonly authorize: Authorize
  readonly audit: AuditSink
  readonly shardFor: (partitionId: number) => FetchShard
  readonly shardNumberOf: (partitionId: number) => number
  readonly fetches: FetchService
  readonly subscriptions: Subscriptions
  readonly blocks: BlockPool
  readonly metrics: GatewayMetrics
  /** What the gateway adds to the document of ClusterStatus. */
  status(): Readonly<Record<string, unknown>>
  /** Wakes the shards that got requests. */
  flushShards(): void
  /** `session.flush()` is called at the end of the turn. */
  flushLater(session: Flushable): void
  readonly isStopping: () => boolean
}
