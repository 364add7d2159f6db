/**
 * Requests of every row of the protocol table, in both forms, whole or damaged: what a fuzz run sends.
 * Runs on: the process of a fuzz run. Touches: nothing.
 *
 * Whole requests hold odd values where the form allows them; damaged ones were whole and then mutated. What would only
 * make the run itself slow, a topic of thousands of partitions, is kept out.
 */
import { ByteReader } from '../../native-free-core/bytes/byte-reader.js'
import { ByteWriter } from '../../native-free-core/bytes/byte-writer.js'
import { crc32cOf } from '../../native-free-core/log/crc32c.js'
import { BatchLayout } from '../../native-free-core/log/record-batch.js'
import { RecordBatchBuilder } from '../../native-free-core/log/record-batch-builder.js'
import { readCreateTopicRequest } from '../../native-free-core/protocol/codecs.generated.js'
import { type FieldRow, messageRows, structRows } from '../../native-free-core/protocol/message-table.js'
import type { Random } from '../support/random.js'
import { joined, mutated, mutatedText, oddNumber, oddValue } from './mutate.js'

/** What there is on the broker under test. */
export interface World {
  /** Of topics whose names begin with `topicPrefix`. */
  readonly partitionIds: readonly number[]
  readonly topics: readonly string[]
}

export const topicPrefix = 'fuzz.'
/** Authenticate is for strangers: each that fails is answered more slowly. */
const requestNames = Object.keys(messageRows).filter(
  (name) => messageRows[name]!.kind !== 'push' && name !== 'Authenticate',
)
const pushNames = Object.keys(messageRows).filter((name) => messageRows[name]!.kind === 'push')
/** Requests that name a partition by its number; an admin's would change what is not the run's to change. */
const byNumber = new Set(['DeleteRecords', 'Produce'])
const harmlessKeys = ['scrubIntervalMs', 'maxFetchWaitMs', 'port', 'nothing', '__proto__', 'allowedHosts'] as const
const mostPartitions = 4
const builder = new RecordBatchBuilder()

export class MessageMaker {
  private readonly random: Random
  private readonly world: World
  private readonly names: readonly string[]

  /** `isAdmin`: it may create, delete and alter, so it asks for nothing by numbers that may be anybody's. */
  constructor(random: Random, world: World, isAdmin: boolean) {
    this.random = random
    this.world = world
    this.names = requestNames.filter((name) => !isAdmin || !byNumber.has(name))
  }

  // ---- streambus.v1

  /** One whole message of some row. */
  message(correlationId: number, name: string = this.random.pick(this.names)): Uint8Array {
    const { random } = this
    let body = this.bodyOf(name)
    if (name === 'Produce' && random.chance(0.5)) body = this.produceBody()
    return framed(messageRows[name]!.api, 0, correlationId, body)
  }

  /** A message that was whole: its head, its body, or what follows it. */
  damagedMessage(correlationId: number): Uint8Array {
    const { random } = this
    const whole = this.message(correlationId)
    switch (random.below(6)) {
      case 0:
        return this.tamed(mutated(random, whole))
      case 1: {
        // The length stays right: the body's own fields are met.
        const api = new DataView(whole.buffer, whole.byteOffset).getUint16(4)
        return this.tamed(framed(api, 0, correlationId, mutated(random, whole.subarray(12))))
      }
      case 2:
        return framed(oddNumber(random) & 0xffff, oddNumber(random) & 0xffff, correlationId, whole.subarray(12))
      case 3:
        return joined([whole, mutated(random, this.message(correlationId))])
      case 4:
        return this.message(correlationId, random.pick(pushNames))
      default:
        return random.bytes(random.below(200))
    }
  }

  /** What would make a topic of many partitions is made to ask for too many. */
  private tamed(message: Uint8Array): Uint8Array {
    const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
    if (message.length < 14 || view.getUint16(4) !== messageRows['CreateTopic']!.api) return message
    try {
      const { partitions } = readCreateTopicRequest(new ByteReader(message).window(12, message.length))
      const at = 14 + view.getUint16(12)
      if (partitions > mostPartitions && partitions <= 10_000) view.setInt32(at, 10_001)
    } catch {
      // No request: the broker says so too.
    }
    return message
  }

  private bodyOf(name: string): Uint8Array {
    const writer = new ByteWriter(256)
    // The topics that records go to stay.
    if (name === 'DeleteTopic') writer.string(`${topicPrefix}made-${this.random.below(12)}`)
    else this.writeFields(writer, messageRows[name]!.fields)
    return writer.copy()
  }

  private writeFields(writer: ByteWriter, fields: readonly FieldRow[]): void {
    for (const { name, type } of fields) this.writeValue(writer, name, type)
  }

  private writeValue(writer: ByteWriter, name: string, type: string): void {
    const { random } = this
    if (type.endsWith('[]')) {
      const count = random.below(4)
      writer.u32(count)
      for (let index = 0; index < count; index++) this.writeValue(writer, name, type.slice(0, -2))
      return
    }
    switch (type) {
      case 'bool':
        return writer.bool(random.chance(0.5))
      case 'u8':
        return writer.u8(random.below(256))
      case 'u16':
        return writer.u16(random.chance(0.7) ? 1 : oddNumber(random) & 0xffff)
      case 'i16':
        return writer.i16(random.pick([-1, 0, 1, 1, 2, -32_768, 32_767]))
      case 'i32':
        return writer.i32(random.pick([1, 1, 2, 3, mostPartitions, 0, -1, 10_001, 2 ** 31 - 1, -(2 ** 31)]))
      case 'u32':
        return writer.u32(this.number32(name))
      case 'i64':
        return writer.i64(random.pick([0, 0, -1, -2, -3, 1, 100, Date.now(), 2 ** 31, 2 ** 53 - 1, -(2 ** 53 - 1)]))
      case 'string':
        return writer.string(this.textFor(name))
      case 'bytes':
        return writer.blob(name === 'batch' ? this.batch() : random.bytes(random.below(100)))
      case 'uuid':
        return writer.raw(random.bytes(16))
      default:
        return this.writeFields(writer, structRows[type]!)
    }
  }

  private number32(name: string): number {
    const { random } = this
    if (name === 'partitionId') return random.chance(0.9) ? random.pick(this.world.partitionIds) : oddNumber(random)
    if (name === 'subscriptionId') return random.chance(0.9) ? random.below(4) : oddNumber(random)
    return random.chance(0.5) ? random.pick([1, 100, 65_536, 1 << 20]) : oddNumber(random)
  }

  private textFor(name: string): string {
    const { random } = this
    if (random.chance(0.1)) return mutatedText(random, this.textFor(name))
    if (name === 'name') return this.topicName()
    if (name === 'mechanism') return 'TOKEN'
    if (name === 'keys' || name === 'reset') return random.pick(harmlessKeys)
    if (name === 'names') return this.topicName()
    return random.pick(['1', '65536', '-1', 'commit', 'os', 'interval', 'text', ''])
  }

  private topicName(): string {
    const { random, world } = this
    if (random.chance(0.5)) return random.pick(world.topics)
    return `${topicPrefix}made-${random.below(12)}`
  }

  private produceBody(): Uint8Array {
    const batch = this.batch()
    const writer = new ByteWriter(batch.length + 10)
    writer.u32(this.random.pick(this.world.partitionIds))
    writer.i16(this.random.pick([-1, -1, 1, 0]))
    writer.blob(batch)
    return writer.copy()
  }

  /** Whole, whole with an odd head, damaged with a CRC that fits it, or with one that does not. */
  batch(): Uint8Array {
    const { random } = this
    builder.reset()
    for (let count = random.between(1, 6); count > 0; count--) {
      const key = random.chance(0.5) ? null : random.bytes(random.below(20))
      builder.append(key, random.bytes(random.below(100)), Date.now() + random.between(-1000, 1000))
    }
    const batch = builder.finish().slice()
    switch (random.below(4)) {
      case 0:
        return batch
      case 1: {
        const view = new DataView(batch.buffer)
        const at = random.pick(Object.values(BatchLayout).filter((position) => position < BatchLayout.recordsAt))
        const value = oddNumber(random)
        if (random.chance(0.5)) view.setUint16(at, value & 0xffff)
        else view.setUint32(at, value)
        return resealed(batch)
      }
      case 2: {
        const whole = mutated(random, batch)
        if (whole.length >= BatchLayout.recordsAt && random.chance(0.7)) {
          new DataView(whole.buffer, whole.byteOffset).setInt32(BatchLayout.lengthAt, whole.length - 12)
        }
        return resealed(whole)
      }
      default:
        return mutated(random, batch)
    }
  }

  // ---- streambus.json.v1

  /** One request as a text. */
  text(id: number, isAdmin: boolean): string {
    const { random } = this
    const request: Record<string, unknown> = { id, ...this.jsonRequest(isAdmin) }
    if (random.chance(0.4)) {
      const field = random.pick([...Object.keys(request), 'extra', '__proto__', 'constructor'])
      request[field] = oddValue(random)
    }
    if (isAdmin && typeof request['partitions'] === 'number' && request['partitions'] > mostPartitions) {
      request['partitions'] = 10_001
    }
    return JSON.stringify(request)
  }

  damagedText(id: number, isAdmin: boolean): string {
    return mutatedText(this.random, this.text(id, isAdmin))
  }

  private jsonRequest(isAdmin: boolean): Record<string, unknown> {
    const { random } = this
    const topic = this.topicName()
    const place = { topic, partition: random.pick([0, 0, 1, 2, 9999, -1]) }
    const number = (): number => random.pick([0, 0, 1, 100, 65_536, 2 ** 32 - 1, 2 ** 53 - 1])
    const requests: readonly (() => Record<string, unknown>)[] = [
      () => ({ op: 'hello', protocolVersion: random.pick([0, 1, 2, 65_535]), clientName: 'fuzz' }),
      () => ({ op: 'ping' }),
      () => ({ op: 'metadata', topics: random.chance(0.5) ? undefined : [topic] }),
      () => ({ op: 'describeTopic', topic }),
      () => ({ op: 'produce', ...place, value: oddValue(random), key: 'k', headers: { a: 'b' } }),
      () => ({ op: 'produce', topic, records: [{ value: 1 }, { value: 'AA==', encoding: 'base64', key: null }] }),
      () => ({
        op: 'produce',
        topic,
        value: 'AAA',
        encoding: 'base64',
        timestamp: number(),
        acks: random.pick([0, 1]),
      }),
      () => ({ op: 'fetch', ...place, offset: number(), maxBytes: number(), minBytes: random.below(2), maxWaitMs: 1 }),
      () => ({ op: 'listOffsets', ...place, timestamp: random.pick(['latest', 'earliest', 'max', number()]) }),
      () => ({ op: 'subscribe', ...place, subscription: random.below(4), from: random.pick(['earliest', number()]) }),
      () => ({ op: 'unsubscribe', subscription: random.below(4) }),
      () => ({ op: 'credit', subscription: random.below(4), creditBytes: number() }),
      () => ({ op: 'initProducerId' }),
      () => ({ op: 'clusterStatus' }),
      () => ({ op: 'describeBrokerConfig', keys: [random.pick(harmlessKeys)] }),
      () => ({ op: 'alterBrokerConfig', configs: { [random.pick(harmlessKeys)]: String(number()) } }),
    ]
    const forAdmin: readonly (() => Record<string, unknown>)[] = [
      () => ({ op: 'createTopic', topic, partitions: random.between(1, mostPartitions), configs: this.configs() }),
      () => ({ op: 'deleteTopic', topic: `${topicPrefix}made-${random.below(12)}` }),
      () => ({ op: 'alterTopicConfig', topic, configs: this.configs() }),
      () => ({ op: 'deleteRecords', ...place, beforeOffset: random.pick([-1, 0, number()]) }),
    ]
    return random.pick(isAdmin && random.chance(0.4) ? forAdmin : requests)()
  }

  private configs(): Record<string, string> {
    const { random } = this
    const name = random.pick(['retention.bytes', 'segment.bytes', 'flush', 'flush.ms', 'max.message.bytes', 'x'])
    return { [name]: random.pick(['65536', '-1', 'os', 'commit', 'interval', '1', '', '1e3']) }
  }
}

/** A message with a head. */
export function framed(api: number, flags: number, correlationId: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + body.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, 8 + body.length)
  view.setUint16(4, api)
  view.setUint16(6, flags)
  view.setUint32(8, correlationId)
  bytes.set(body, 12)
  return bytes
}

/** The same batch with a CRC that fits. */
function resealed(batch: Uint8Array): Uint8Array {
  if (batch.length < BatchLayout.recordsAt) return batch
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength)
  view.setUint32(BatchLayout.crcAt, crc32cOf(batch, BatchLayout.attributesAt, batch.length))
  return batch
}
