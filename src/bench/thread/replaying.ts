/**
 * Producing batches that were encoded beforehand, again and again: what the broker takes when the client does next to
 * nothing. A row of its own, never to be compared with what `Producer` sends: the values repeat, nothing is idempotent.
 * Runs on: load threads. Touches: its connections, the thread's memory.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ByteReader } from '../../../native-free-core/bytes/byte-reader.js'
import type { ResponseHandler } from '../../../native-free-core/client/client-session.js'
import type { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { RecordBatchBuilder } from '../../../native-free-core/log/record-batch-builder.js'
import { codecNames } from '../../../native-free-core/log/record-batch.js'
import { readProduceResponse } from '../../../native-free-core/protocol/codecs.generated.js'
import { compressWith } from '../../client/compression.js'
import { Connection } from '../../client/connection.js'
import { nodePlatform } from '../../client/platform/node-platform.js'
import { clockMs } from '../clock.js'
import { Counter } from '../thread-memory.js'
import { notDue, ValuePool } from '../value-pool.js'
import { ValueSizes } from '../value-sizes.js'
import { type Driver, type DriverContext, nothingFinished, sharesOf } from './driver.js'
import type { Finished, Phase } from './thread-data.js'

/** Different ones, so that no cache holds the only one. */
const batchCount = 8
/** Unanswered on one connection; the broker's own limit may be lower. */
const mostUnanswered = 16

interface Batch {
  readonly bytes: Uint8Array
  readonly recordCount: number
  readonly valueBytes: number
}

class ReplayingConnection {
  firstError: string | undefined
  private readonly context: DriverContext
  private readonly batches: readonly Batch[]
  private connection: Connection | undefined
  private partitionIds: readonly number[] = []
  private next: number
  private unanswered = 0
  private onAnswer: (() => void) | undefined

  constructor(context: DriverContext, number: number) {
    this.context = context
    const { plan, firstTag } = context.data
    const isText = plan.compression !== 'none'
    const values = new ValuePool(ValueSizes.parse(plan.recordBytes), firstTag + number, isText)
    const codec = codecNames.indexOf(plan.compression)
    this.batches = Array.from({ length: batchCount }, () => encode(values, plan.batchBytes, codec))
    this.next = number
  }

  async prepare(): Promise<void> {
    const { target, places } = this.context.data
    this.connection = await Connection.open({
      platform: nodePlatform,
      servers: target.servers ?? [target.server!],
      tls: target.tls,
      token: target.token,
      clientName: 'streambus-bench',
      connectTimeoutMs: 10_000,
      requestTimeoutMs: 30_000,
    })
    this.partitionIds = places.map(({ partitionId }) => partitionId)
  }

  async flatOut(endMs: number, isStopped: () => boolean): Promise<void> {
    while (clockMs() < endMs && !isStopped() && this.firstError === undefined) {
      this.sendSome()
      if (this.unanswered > 0) await this.answer()
      else await delay(1)
    }
  }

  private sendSome(): void {
    const { connection, partitionIds, batches } = this
    while (this.unanswered < mostUnanswered) {
      const batch = batches[this.next % batches.length]!
      const handler = new ReplayAnswer(this, batch)
      if (!connection!.isReady) break
      if (!connection!.produce(partitionIds[this.next % partitionIds.length]!, -1, batch.bytes, handler)) break
      this.next++
      this.unanswered++
      this.context.memory.add(Counter.sent, batch.recordCount)
      this.context.memory.add(Counter.valueBytes, batch.valueBytes)
    }
    connection!.flush()
  }

  private answer(): Promise<void> {
    return new Promise((resolve) => {
      this.onAnswer = resolve
    })
  }

  answered(batch: Batch, error: StreamBusError | undefined): void {
    const { memory } = this.context
    this.unanswered--
    memory.add(error === undefined ? Counter.acknowledged : Counter.failed, batch.recordCount)
    this.firstError ??= error?.message
    this.onAnswer?.()
  }

  async flush(): Promise<void> {
    while (this.unanswered > 0) await this.answer()
  }

  close(): void {
    this.connection?.close()
  }
}

class ReplayAnswer implements ResponseHandler {
  private readonly connection: ReplayingConnection
  private readonly batch: Batch

  constructor(connection: ReplayingConnection, batch: Batch) {
    this.connection = connection
    this.batch = batch
  }

  succeeded(body: ByteReader): void {
    readProduceResponse(body)
    this.connection.answered(this.batch, undefined)
  }

  failed(error: StreamBusError): void {
    this.connection.answered(this.batch, error)
  }
}

function encode(values: ValuePool, batchBytes: number, codec: number): Batch {
  const builder = new RecordBatchBuilder(batchBytes)
  const timestampMs = Date.now()
  let valueBytes = 0
  do {
    const value = values.next(notDue)
    valueBytes += value.length
    builder.append(null, value, timestampMs)
  } while (builder.sizeBytes < batchBytes)
  const packing = codec === 0 ? {} : { codec, compress: compressWith(nodePlatform, codec) }
  const { recordCount } = builder
  return { bytes: new Uint8Array(builder.finish(packing)), recordCount, valueBytes }
}

export class ReplayingDriver implements Driver {
  private readonly connections: ReplayingConnection[]
  private isStopped = false

  constructor(context: DriverContext) {
    const numbers = sharesOf(context.data.plan.connections, context.data)
    this.connections = numbers.map((number) => new ReplayingConnection(context, number))
  }

  get firstError(): string | undefined {
    return this.connections.find(({ firstError }) => firstError !== undefined)?.firstError
  }

  async prepare(): Promise<void> {
    await nodePlatform.prepare()
    for (const connection of this.connections) await connection.prepare()
  }

  async run({ startMs, seconds }: Phase): Promise<void> {
    const endMs = startMs + seconds * 1000
    await Promise.all(this.connections.map((connection) => connection.flatOut(endMs, () => this.isStopped)))
    await Promise.all(this.connections.map((connection) => connection.flush()))
  }

  stop(): void {
    this.isStopped = true
  }

  finish(): Promise<Finished> {
    for (const connection of this.connections) connection.close()
    return Promise.resolve(nothingFinished)
  }
}
