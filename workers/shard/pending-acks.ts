/**
 * Who is answered when the open commit is on disk. Parallel arrays: a push allocates nothing.
 * Runs on: shard worker. Touches: reply ports.
 */
import type { Partition } from './partition.js'
import type { ReplyPort } from './reply-port.js'

const kindProduce = 0
const kindOffsets = 1

export class PendingAcks {
  private readonly kinds: number[] = []
  private readonly frontEnds: number[] = []
  private readonly requestIds: number[] = []
  private readonly partitions: Partition[] = []
  private readonly offsets: number[] = []
  private readonly isTimed: boolean[] = []
  private count = 0

  /** A produce whose batch got `baseOffset`. */
  push(frontEnd: number, requestId: number, partition: Partition, baseOffset: number, isTimed: boolean): void {
    this.isTimed[this.count] = isTimed
    this.put(kindProduce, frontEnd, requestId, partition, baseOffset)
  }

  /** A change that is answered with an offset. */
  pushOffsets(frontEnd: number, requestId: number, partition: Partition, offset: number): void {
    this.put(kindOffsets, frontEnd, requestId, partition, offset)
  }

  private put(kind: number, frontEnd: number, requestId: number, partition: Partition, offset: number): void {
    const index = this.count++
    this.kinds[index] = kind
    this.frontEnds[index] = frontEnd
    this.requestIds[index] = requestId
    this.partitions[index] = partition
    this.offsets[index] = offset
  }

  /** `committedMs`: goes with the answers to those that are timed. */
  answerAll(ports: readonly ReplyPort[], committedMs: number): void {
    this.each(ports, 0, committedMs)
  }

  failAll(ports: readonly ReplyPort[], code: number): void {
    this.each(ports, code, 0)
  }

  private each(ports: readonly ReplyPort[], code: number, committedMs: number): void {
    for (let index = 0; index < this.count; index++) {
      const port = ports[this.frontEnds[index]!]!
      const requestId = this.requestIds[index]!
      const offset = code === 0 ? this.offsets[index]! : -1
      if (this.kinds[index] === kindOffsets) port.offsets(requestId, code, offset, -1)
      else {
        const timedMs = this.isTimed[index]! ? committedMs : 0
        port.produce(requestId, code, offset, this.partitions[index]!.logStartOffset, timedMs)
      }
    }
    this.count = 0
  }
}
