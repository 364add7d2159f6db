/**
 * The package `streambus`: what programs import.
 * Runs on: main thread of the program that imports it. Touches: nothing by itself.
 */
import type { Broker, BrokerOptions } from './broker/start-broker.js'

export * from './client/index.js'
export type { BrokerConfig } from '../native-free-core/config/broker-config.js'
export type { RecoveryReport } from '../native-free-core/mailbox/control.js'
export type { AuditEntry } from './gateway/audit.js'
export type { Log } from './broker/log-sink.js'
export type { Broker, BrokerFacts, BrokerOptions } from './broker/start-broker.js'

/** Starts a broker in this process. Its code is loaded with the first call: programs that only connect need none. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const broker = await import('./broker/start-broker.js')
  return broker.startBroker(options)
}
