/**
 * How much memory a broker process may take, whatever connections do to it.
 * Runs on: the process of a long run. Touches: nothing.
 */
import { type BrokerConfig, memoryBoundBytes } from '../../native-free-core/config/broker-config.js'

/** What Node.js, its threads, and garbage not yet collected take beside rings and queues. */
const aroundBytes = 250 * 2 ** 20

/** Resident bytes of a broker with one shard: what docs/operations.md says, and what is around it. */
export function mostResidentBytes(config: BrokerConfig, connectionCount: number): number {
  return memoryBoundBytes(config, 1, connectionCount) + aroundBytes
}
