/**
 * Errors that operations have in common, and texts for them and for the audit.
 * Runs on: main. Touches: nothing.
 */
import { effectiveTopicConfig } from '../../native-free-core/config/topic-config.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { PartitionPlace, TopicImage } from '../../native-free-core/metadata/metadata-image.js'
import type { ConfigEntry } from '../../native-free-core/protocol/codecs.generated.js'

export function unknownMechanism(mechanism: string): StreamBusError {
  return new StreamBusError(
    'UNSUPPORTED_SASL_MECHANISM',
    `the mechanism is "${mechanism.slice(0, 40)}"; this broker knows TOKEN`,
  )
}

export function stopping(): StreamBusError {
  return new StreamBusError('SHUTTING_DOWN', 'the broker is being stopped')
}

export function unknownPartition(partitionId: number): StreamBusError {
  return new StreamBusError('UNKNOWN_TOPIC_ID', `there is no partition with the id ${partitionId}`)
}

export function largestBatchOf({ configs }: TopicImage): string {
  return ` Its max.message.bytes is ${effectiveTopicConfig(configs)['max.message.bytes']}.`
}

export function nameOf({ topic, partition }: PartitionPlace): string {
  return `${topic.name} partition ${partition.partition}`
}

/** Of a request that may hold megabytes of them. */
export function shownConfigs(configs: readonly ConfigEntry[]): Record<string, string> {
  return Object.fromEntries(configs.slice(0, 20).map(({ name, value }) => [name.slice(0, 100), value.slice(0, 100)]))
}

export function recordOf(configs: readonly ConfigEntry[]): Record<string, string> {
  return Object.fromEntries(configs.map(({ name, value }) => [name, value]))
}
