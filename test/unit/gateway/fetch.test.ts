/**
 * Fetches of what is in segments, over a read thread and a shard that the test stands for.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { errorTable } from '../../../native-free-core/errors/error-table.js'
import { RequestType } from '../../../native-free-core/mailbox/shard-frames.js'
import { createMetricsMemory } from '../../../native-free-core/metrics/shared-metrics.js'
import { BlockPool, type Block } from '../../../src/gateway/block-pool.js'
import { type FetchShard, FetchService, type FetchSink } from '../../../src/gateway/fetch.js'
import { GatewayMetrics } from '../../../src/gateway/gateway-metrics.js'
import type { ReadProxy } from '../../../src/gateway/read-proxy.js'
import type { ShardProxy } from '../../../src/gateway/shard-proxy.js'

describe('fetches from segments', () => {
  const told: number[] = []
  let known: Set<number>
  let service: FetchService

  beforeEach(() => {
    told.length = 0
    known = new Set([1])
    const proxy: Pick<ShardProxy, 'request' | 'tell' | 'flush'> = {
      request: () => 0,
      tell: (type) => told.push(type),
      flush: () => undefined,
    }
    const shard: FetchShard = { proxy: proxy as ShardProxy, rings: [] }
    service = new FetchService({
      shardFor: () => shard,
      reads: {} as ReadProxy,
      blocks: new BlockPool(),
      maxPathBytes: 100,
      metrics: new GatewayMetrics(createMetricsMemory('main')),
      isKnown: (partitionId) => known.has(partitionId),
    })
  })

  function fetchAndRead(code: number, bytes: Uint8Array): { blocks: Block[]; codes: number[] } {
    const blocks: Block[] = []
    const codes: number[] = []
    const sink: FetchSink = {
      canTake: () => true,
      keepBack: () => undefined,
      onBatches: (block) => block !== undefined && blocks.push(block),
      onFetchError: (error) => codes.push(error),
    }
    const options = { partitionId: 1, offset: 0, maxBytes: 100, minBytes: 0, maxWaitMs: 0, isOurs: false }
    service.start(options, sink).onRead(code, bytes, 0, bytes.length)
    return { blocks, codes }
  }

  it('bring what the read thread found, and give the lease back', () => {
    const { blocks, codes } = fetchAndRead(0, new Uint8Array(70))
    expect(blocks.map((block) => block.end - block.start)).to.deep.equal([70])
    expect(codes).to.deep.equal([])
    expect(told).to.deep.equal([RequestType.releaseLease])
  })

  it('bring nothing of a topic that was deleted meanwhile: the file may be that of one made anew', () => {
    known.clear()
    expect(fetchAndRead(0, new Uint8Array(70))).to.deep.equal({
      blocks: [],
      codes: [errorTable.UNKNOWN_TOPIC_ID.code],
    })
    expect(told).to.deep.equal([RequestType.releaseLease])
  })

  it('say that the topic is gone, and not that the disk failed, where its file is gone with it', () => {
    const storage = errorTable.KAFKA_STORAGE_ERROR.code
    expect(fetchAndRead(storage, new Uint8Array(0)).codes).to.deep.equal([storage])
    known.clear()
    expect(fetchAndRead(storage, new Uint8Array(0)).codes).to.deep.equal([errorTable.UNKNOWN_TOPIC_ID.code])
  })
})
