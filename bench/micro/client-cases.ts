/**
 * The client's way of a record without the socket: a producer from `write` to the sealed batch, a consumer from the
 * delivered bytes to key and value.
 * Runs on: a process of its own.
 */
import { ByteReader } from '../../native-free-core/bytes/byte-reader.js'
import { ByteWriter } from '../../native-free-core/bytes/byte-writer.js'
import type { ResponseHandler } from '../../native-free-core/client/client-session.js'
import { assignBatch } from '../../native-free-core/log/record-batch.js'
import { RecordBatchBuilder } from '../../native-free-core/log/record-batch-builder.js'
import {
  Api,
  writeInitProducerIdResponse,
  writeMetadataResponse,
  writeProduceResponse,
  writeSubscribeResponse,
} from '../../native-free-core/protocol/codecs.generated.js'
import { decompressWith } from '../../src/client/compression.js'
import type { Call, Connection, DeliveryHandler } from '../../src/client/connection.js'
import { ConsumedBatch } from '../../src/client/consumed-batch.js'
import { Consumer } from '../../src/client/consumer.js'
import { nodePlatform } from '../../src/client/platform/node-platform.js'
import { Producer } from '../../src/client/producer.js'
import { Topics } from '../../src/client/topics.js'
import type { MicroCase } from './micro-case.js'

const recordCount = 100_000
const batchRecordCount = 2000
const value = new Uint8Array(100).fill(7)
const key = new Uint8Array(8).fill(1)
const MiB = 1024 * 1024

function answer(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter(256)
  write(writer)
  return writer.copy()
}

/** In place of a socket: answers at the end of the turn, delivers what it is given. */
class NoConnection {
  readonly platform = nodePlatform
  readonly decompress = decompressWith(nodePlatform)
  readonly isReady = true
  readonly hello = { maxFrameBytes: 16 * MiB, maxCreditBytes: 256 * MiB }
  producedBytes = 0
  private handler: DeliveryHandler | undefined
  private readonly delivery: Uint8Array
  private readonly produced = answer((writer) => writeProduceResponse(writer, { baseOffset: 0, logStartOffset: 0 }))

  constructor(delivery = new Uint8Array(0)) {
    this.delivery = delivery
  }

  addUser(): void {}
  removeUser(): void {}
  removeSubscription(): void {}
  tell(): void {}
  flush(): void {}

  addSubscription(handler: DeliveryHandler): number {
    this.handler = handler
    return 1
  }

  request<Response>(call: Call<Response>): Promise<Response> {
    const producerId = { producerId: 1, producerEpoch: 0 }
    const partitions = [{ partition: 0, partitionId: 1, leader: 0, leaderEpoch: 0, replicas: [0], isr: [0] }]
    const topics = [{ name: 't', topicId: '0'.repeat(32), partitions }]
    const metadata = { clusterId: '0'.repeat(32), version: 1, brokers: [], topics }
    const body = answer((writer) =>
      call.api === Api.Metadata
        ? writeMetadataResponse(writer, metadata)
        : writeInitProducerIdResponse(writer, producerId),
    )
    return Promise.resolve(call.read(new ByteReader(body)))
  }

  produce(_partitionId: number, _acks: number, batch: Uint8Array, handler: ResponseHandler): boolean {
    this.producedBytes += batch.length
    queueMicrotask(() => handler.succeeded(new ByteReader(this.produced)))
    return true
  }

  start(api: number, _write: unknown, handler: ResponseHandler): void {
    if (api !== Api.Subscribe) return
    const response = { offset: 0, highWatermark: recordCount, logStartOffset: 0 }
    queueMicrotask(() => {
      handler.succeeded(new ByteReader(answer((writer) => writeSubscribeResponse(writer, response))))
      this.handler?.delivered({ subscriptionId: 1, highWatermark: recordCount, batches: this.delivery })
    })
  }
}

const asConnection = (connection: NoConnection) => connection as unknown as Connection

async function producing(): Promise<Producer> {
  const connection = asConnection(new NoConnection())
  const producer = new Producer(connection, new Topics(connection))
  await producer.send({ topic: 't', value })
  return producer
}

async function encode(producer: Producer, make: () => { key?: Uint8Array | string; value: Uint8Array | string }) {
  for (let index = 0; index < recordCount; index++) {
    if (!producer.write({ topic: 't', ...make() })) await producer.ready()
  }
  await producer.flush()
}

function batches(): Uint8Array[] {
  const builder = new RecordBatchBuilder(MiB)
  const made: Uint8Array[] = []
  for (let first = 0; first < recordCount; first += batchRecordCount) {
    builder.reset()
    for (let index = 0; index < batchRecordCount; index++) builder.append(key, value, 1_700_000_000_000 + index)
    const bytes = new Uint8Array(builder.finish())
    assignBatch(new DataView(bytes.buffer), 0, first, 0)
    made.push(bytes)
  }
  return made
}

const made = batches()
const delivery = Buffer.concat(made)
const tools = { platform: nodePlatform, decompress: decompressWith(nodePlatform) }
const consumed = made.map((bytes, index) => {
  const firstOffset = index * batchRecordCount
  const range = { firstOffset, lastOffset: firstOffset + batchRecordCount - 1, maxTimestampMs: 0 }
  return new ConsumedBatch('t', 0, recordCount, { bytes, position: 0, sizeBytes: bytes.length, ...range }, tools)
})

function forEachRecord(): number {
  let sum = 0
  for (const batch of consumed) {
    batch.forEach((record) => {
      sum += record.keyEnd - record.keyStart + record.valueEnd - record.valueStart
    })
  }
  return sum
}

function everyRecord(): number {
  let sum = 0
  for (const batch of consumed) for (const record of batch.records()) sum += record.key!.length + record.value!.length
  return sum
}

function everyRecordUntouched(): number {
  let sum = 0
  for (const batch of consumed) for (const record of batch.records()) sum += record.offset
  return sum
}

function newConsumer(): Consumer {
  const connection = asConnection(new NoConnection(delivery))
  return new Consumer(connection, new Topics(connection), { topic: 't', untilEnd: true, creditBytes: 256 * MiB })
}

async function consumerRecords(): Promise<number> {
  let sum = 0
  for await (const record of newConsumer().records()) sum += record.key!.length + record.value!.length
  return sum
}

async function consumerRun(): Promise<number> {
  let sum = 0
  await newConsumer().run({
    eachRecord: (record) => {
      sum += record.key!.length + record.value!.length
    },
  })
  return sum
}

/** Each run handles `recordCount` records. */
export async function clientCases(): Promise<MicroCase[]> {
  await nodePlatform.prepare()
  const producer = await producing()
  const all: readonly (readonly [name: string, run: () => unknown])[] = [
    ['produce: write, value of 100 bytes', () => encode(producer, () => ({ value }))],
    ['produce: write, key of 8 bytes', () => encode(producer, () => ({ key, value }))],
    ['produce: write, key as text', () => encode(producer, () => ({ key: 'flight-1', value }))],
    ['decode: forEach', forEachRecord],
    ['decode: records(), key and value', everyRecord],
    ['decode: records(), offset only', everyRecordUntouched],
    ['consume: for await of records(), key and value', consumerRecords],
    ['consume: run, key and value', consumerRun],
  ]
  return all.map(([name, run]) => ({ name, run, count: recordCount }))
}
