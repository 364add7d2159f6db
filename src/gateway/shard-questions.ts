/**
 * Questions that a shard answers with a few numbers: where a partition stands, and offsets.
 * Runs on: main. Touches: the rings through proxies.
 */
import type { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { DescribeReply, errorCodeAt, OffsetsReply, RequestType } from '../../native-free-core/mailbox/shard-frames.js'
import type { ListOffsetsResponse } from '../../native-free-core/protocol/codecs.generated.js'
import type { RingConsumer } from '../../native-free-core/ring/ring.js'
import type { GatewayContext } from './gateway-context.js'

export interface PartitionState {
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly sizeBytes: number
  readonly segmentCount: number
}

/** What refusals are called. */
interface QuestionErrors {
  errorOf(code: number, partitionId: number): StreamBusError
  throttled(key: string, limit: number): StreamBusError
}

/** All reject with what the shard refused, or when there is no room for another question. */
export class ShardQuestions {
  private readonly context: GatewayContext
  private readonly errors: QuestionErrors

  constructor(context: GatewayContext, errors: QuestionErrors) {
    this.context = context
    this.errors = errors
  }

  describe(partitionId: number): Promise<PartitionState> {
    return this.ask(
      RequestType.describe,
      partitionId,
      8,
      DescribeReply.sizeBytes,
      () => undefined,
      (view, at) => ({
        logStartOffset: view.getFloat64(at + DescribeReply.logStartOffsetAt, true),
        highWatermark: view.getFloat64(at + DescribeReply.highWatermarkAt, true),
        sizeBytes: view.getFloat64(at + DescribeReply.sizeBytesAt, true),
        segmentCount: view.getUint32(at + DescribeReply.segmentCountAt, true),
      }),
    )
  }

  offsets(
    type: number,
    partitionId: number,
    bodyBytes: number,
    fill: (view: DataView, at: number) => void,
  ): Promise<ListOffsetsResponse> {
    return this.ask(type, partitionId, bodyBytes, OffsetsReply.sizeBytes, fill, (view, at) => ({
      offset: view.getFloat64(at + OffsetsReply.offsetAt, true),
      timestampMs: view.getFloat64(at + OffsetsReply.timestampAt, true),
    }))
  }

  private ask<T>(
    type: number,
    partitionId: number,
    bodyBytes: number,
    replyBytes: number,
    fill: (view: DataView, at: number) => void,
    read: (view: DataView, at: number) => T,
  ): Promise<T> {
    const { proxy } = this.context.shardFor(partitionId)
    return new Promise((resolve, reject) => {
      const onReply = ({ view, bodyPosition }: RingConsumer): void => {
        const code = view.getInt32(bodyPosition + errorCodeAt, true)
        if (code === 0) resolve(read(view, bodyPosition))
        else reject(this.errors.errorOf(code, partitionId))
      }
      const id = proxy.request(type, partitionId, bodyBytes, replyBytes, { onReply }, false, fill)
      if (id < 0) reject(this.errors.throttled('maxInFlightBytes', this.context.config.maxInFlightBytes))
      else proxy.flush()
    })
  }
}
