/**
 * Subscriptions of one partition that share a feed, over fetches that the test answers.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { errorTable } from '../../../native-free-core/errors/error-table.js'
import { createMetricsMemory } from '../../../native-free-core/metrics/shared-metrics.js'
import { BlockPool } from '../../../src/gateway/block-pool.js'
import type { Fetch, FetchOptions, FetchService, FetchSink } from '../../../src/gateway/fetch.js'
import { GatewayMetrics } from '../../../src/gateway/gateway-metrics.js'
import { type Subscriber, Subscriptions } from '../../../src/gateway/subscriptions.js'

const outOfRange = errorTable.OFFSET_OUT_OF_RANGE.code
const unknownTopicId = errorTable.UNKNOWN_TOPIC_ID.code

describe('subscriptions', () => {
  const asked: { options: FetchOptions; sink: FetchSink }[] = []
  const ended: { id: number; code: number }[] = []
  let subscriptions: Subscriptions

  const subscriber: Subscriber = {
    hasRoom: () => true,
    deliver: () => undefined,
    endSubscription: ({ id }, code) => ended.push({ id, code }),
  }

  beforeEach(() => {
    asked.length = 0
    ended.length = 0
    const fetches: Pick<FetchService, 'start' | 'cancel' | 'again'> = {
      start: (options, sink) => {
        asked.push({ options, sink })
        return {} as Fetch
      },
      cancel: () => undefined,
      again: () => undefined,
    }
    subscriptions = new Subscriptions({
      fetches: fetches as FetchService,
      blocks: new BlockPool(),
      metrics: new GatewayMetrics(createMetricsMemory('main')),
      maxWaitMs: () => 1000,
      kick: () => undefined,
    })
  })

  function follow(id: number, offset: number): void {
    const options = { subscriber, id, partitionId: 1, offset, creditBytes: 1000, isAutomatic: false }
    subscriptions.advance(subscriptions.add(options))
  }

  it('end for a log start only where it has passed them, though they share a feed', () => {
    follow(1, 2)
    // Joined further up, where records still are.
    follow(2, 25)
    expect(asked.map(({ options }) => options.offset)).to.deep.equal([2])
    asked[0]!.sink.onFetchError(outOfRange, 100, 25)
    expect(ended).to.deep.equal([{ id: 1, code: outOfRange }])
    expect(asked.map(({ options }) => options.offset)).to.deep.equal([2, 25])
    expect(subscriptions.count).to.equal(1)
  })

  it('end all together when the topic is gone', () => {
    follow(1, 2)
    follow(2, 25)
    asked[0]!.sink.onFetchError(unknownTopicId, -1, -1)
    expect(ended.map(({ id }) => id)).to.deep.equal([1, 2])
    expect(subscriptions.feedCount).to.equal(0)
  })
})
