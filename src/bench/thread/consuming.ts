/**
 * Reading what is in the topics, as fast as it comes, from the beginning again when the end is reached.
 * Runs on: load threads. Touches: its connections, the thread's memory.
 */
import { type Client, connect, type ConsumedBatch } from '../../client/index.js'
import { clockMs } from '../clock.js'
import { Counter } from '../thread-memory.js'
import { type Driver, type DriverContext, nothingFinished, sharesOf } from './driver.js'
import type { Finished, Phase } from './thread-data.js'

class ConsumingConnection {
  private readonly context: DriverContext
  private readonly number: number
  private client: Client | undefined
  private readonly controllers = new Set<AbortController>()

  constructor(context: DriverContext, number: number) {
    this.context = context
    this.number = number
  }

  async prepare(): Promise<void> {
    this.client = await connect({ ...this.context.data.target, clientName: 'streambus-bench' })
  }

  /** By topic; with more connections than places several connections read the same. */
  private partitionsByTopic(): Map<string, number[]> {
    const { places, plan } = this.context.data
    const byTopic = new Map<string, number[]>()
    for (const [index, { topic, partition }] of places.entries()) {
      const isOurs = index % plan.connections === this.number || this.number % places.length === index
      if (isOurs) byTopic.set(topic, [...(byTopic.get(topic) ?? []), partition])
    }
    return byTopic
  }

  async readUntil(endMs: number, isStopped: () => boolean): Promise<void> {
    const isOver = () => isStopped() || clockMs() >= endMs
    await Promise.all(
      Array.from(this.partitionsByTopic(), async ([topic, partitions]) => {
        let wasEmpty = false
        while (!isOver() && !wasEmpty) wasEmpty = !(await this.readOnce(topic, partitions, endMs, isOver))
      }),
    )
  }

  /** To the end of what is there; false: there is nothing. */
  private async readOnce(topic: string, partitions: number[], endMs: number, isOver: () => boolean): Promise<boolean> {
    const ending = new AbortController()
    this.controllers.add(ending)
    const timer = setTimeout(() => ending.abort(), Math.max(0, endMs - clockMs()))
    let isAny = false
    try {
      for await (const batch of this.client!.consumer({ topic, partitions, untilEnd: true, signal: ending.signal })) {
        isAny = true
        this.count(batch)
        if (isOver()) break
      }
    } catch (error) {
      if (!ending.signal.aborted) throw error
    } finally {
      clearTimeout(timer)
      this.controllers.delete(ending)
    }
    return isAny
  }

  private count(batch: ConsumedBatch): void {
    const { memory, data } = this.context
    let { recordCount } = batch
    if (data.plan.decode) {
      recordCount = 0
      batch.forEach((record) => {
        if (record.valueEnd >= record.valueStart) recordCount++
      })
    }
    memory.add(Counter.delivered, recordCount)
    memory.add(Counter.valueBytes, batch.sizeBytes)
  }

  stop(): void {
    for (const controller of this.controllers) controller.abort()
  }

  async close(): Promise<void> {
    await this.client?.close()
  }
}

export class ConsumingDriver implements Driver {
  readonly firstError = undefined
  private readonly connections: ConsumingConnection[]
  private isStopped = false

  constructor(context: DriverContext) {
    const numbers = sharesOf(context.data.plan.connections, context.data)
    this.connections = numbers.map((number) => new ConsumingConnection(context, number))
  }

  async prepare(): Promise<void> {
    for (const connection of this.connections) await connection.prepare()
  }

  async run({ startMs, seconds }: Phase): Promise<void> {
    const endMs = startMs + seconds * 1000
    await Promise.all(this.connections.map((connection) => connection.readUntil(endMs, () => this.isStopped)))
  }

  stop(): void {
    this.isStopped = true
    for (const connection of this.connections) connection.stop()
  }

  async finish(): Promise<Finished> {
    for (const connection of this.connections) await connection.close()
    return nothingFinished
  }
}
