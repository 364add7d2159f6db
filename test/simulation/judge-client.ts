/**
 * Reads every partition from its start to its end and holds it against the model. Comes when all is quiet.
 * Runs on: the process that simulates.
 */
import { errorNameOf } from '../../native-free-core/errors/error-table.js'
import { crc32cOf } from '../../native-free-core/log/crc32c.js'
import {
  readFetchResponse,
  readListOffsetsResponse,
  writeFetchRequest,
  writeListOffsetsRequest,
} from '../../native-free-core/protocol/codecs.generated.js'
import { batchesOf, type FoundBatch } from './partition-model.js'
import type { SimPartition } from './registry.js'
import { type ClientOptions, SimClient } from './sim-client.js'

const earliest = -2

export class JudgeClient extends SimClient {
  private readonly queue: SimPartition[]
  private found: FoundBatch[] = []
  private logStartOffset = 0
  private readonly beforeJudging: (partition: SimPartition) => void

  constructor(options: ClientOptions, beforeJudging: (partition: SimPartition) => void) {
    super(options)
    this.queue = this.registry.live
    this.beforeJudging = beforeJudging
  }

  get unfinished(): string | undefined {
    return this.queue.length === 0 ? undefined : `${this.name} has ${this.queue.length} partitions to read`
  }

  protected act(): void {}

  protected ready(): void {
    this.next()
  }

  private next(): void {
    const partition = this.queue[0]
    if (partition === undefined) return
    if (!this.isReady) return
    const { partitionId, knownStart } = partition
    this.ask(
      'ListOffsets',
      (body) => writeListOffsetsRequest(body, { partitionId, timestampMs: earliest }),
      ({ isLost, error, body }) => {
        if (isLost) return
        // Made a moment ago: no shard has opened it.
        if (error !== undefined && errorNameOf(error.code) === 'UNKNOWN_TOPIC_ID' && !partition.isPlaced) {
          return void this.world.addTimer(this.process, 5, () => this.next())
        }
        if (error !== undefined) partition.fail(`its start can't be read: ${errorNameOf(error.code)}`)
        const { offset } = readListOffsetsResponse(body)
        if (offset < knownStart) partition.fail(`starts at ${offset}; it was moved to ${knownStart}`)
        this.logStartOffset = offset
        this.found = []
        this.fetch(partition, offset)
      },
    )
    this.flush()
  }

  private fetch(partition: SimPartition, offset: number): void {
    const { partitionId } = partition
    const request = { partitionId, offset, maxBytes: 1 << 16, minBytes: 0, maxWaitMs: 0 }
    this.ask(
      'Fetch',
      (body) => writeFetchRequest(body, request),
      ({ isLost, error, body }) => {
        if (isLost) return
        // Retention was faster: from its start again.
        if (error !== undefined && errorNameOf(error.code) === 'OFFSET_OUT_OF_RANGE' && partition.hasRetention) {
          return this.next()
        }
        if (error !== undefined) partition.fail(`offset ${offset} can't be read: ${errorNameOf(error.code)}`)
        const { highWatermark, batches } = readFetchResponse(body)
        if (batches.length === 0) return this.judge(partition, highWatermark)
        // A copy: the frame's bytes are gone with this call.
        for (const batch of batchesOf(batches.slice(), crc32cOf)) this.found.push(batch)
        this.fetch(partition, partition.saw(batches, offset, highWatermark))
      },
    )
  }

  private judge(partition: SimPartition, highWatermark: number): void {
    this.beforeJudging(partition)
    partition.model.judge(this.logStartOffset, highWatermark, this.found, false)
    this.queue.shift()
    this.next()
  }
}
