/**
 * Bytes that Kafka's own classes wrote (test/compat/kafka/KafkaLogVectors.java made the file).
 * Runs on: the test process.
 */
import { readFileSync } from 'node:fs'

export interface KafkaLogVectors {
  readonly murmur2: readonly { readonly hex: string; readonly murmur2: number; readonly partitionOf7: number }[]
  readonly batches: readonly { readonly name: string; readonly hex: string }[]
  readonly producerSnapshot: readonly [string]
}

export const kafkaLogVectors = JSON.parse(readFileSync('test/vectors/kafka-log.json', 'utf8')) as KafkaLogVectors

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
