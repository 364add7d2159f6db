/**
 * The document of ClusterStatus: counters that agree with what was sent, and a size that fits an answer.
 * Runs on: the test process, with a broker in it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { createMetricsMemory, MetricsReader } from '../../../native-free-core/metrics/shared-metrics.js'
import { startBroker, type Broker } from '../../../src/broker/start-broker.js'
import { type Client, connect } from '../../../src/client/index.js'
import type { MainGauges } from '../../../src/gateway/main-gauges.js'
import type { Session } from '../../../src/gateway/session.js'
import type { ShardProxy } from '../../../src/gateway/shard-proxy.js'
import { statusDocument } from '../../../src/gateway/status-document.js'

interface Status {
  readonly subscriptions: number
  readonly counters: Record<string, number>
  readonly histograms: Record<string, { bounds: number[]; counts: number[]; sum: number }>
  readonly main: Record<string, number>
  readonly shardDetails: { producedRecords: number; ringCapacityBytes: number }[]
  readonly subscribedPartitions: { partitionId: number; subscriptions: number; slowestOffset: number }[]
}

describe('the document of ClusterStatus', function () {
  this.timeout(20_000)
  const folder = mkdtempSync(join(tmpdir(), 'streambus-status-'))
  let broker: Broker
  let client: Client

  before(async () => {
    broker = await startBroker({ dataFolder: folder, port: 0, shards: 2 })
    client = await connect({ server: `127.0.0.1:${broker.port}` })
  })

  after(async () => {
    await client.close()
    await broker.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** Shards publish ten times a second. */
  const until = async (holds: (status: Status) => boolean): Promise<Status> => {
    const endMs = performance.now() + 5000
    for (;;) {
      const status = (await client.admin().clusterStatus()) as unknown as Status
      if (holds(status)) return status
      if (performance.now() > endMs) throw new Error(`never: ${JSON.stringify(status)}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  it('counts records in and out, and tells where the slowest subscription of a partition stands', async () => {
    await client.admin().createTopic({ name: 'counted', partitions: 3 })
    const producer = client.producer()
    const sent = Array.from({ length: 30 }, (_, n) => producer.send({ topic: 'counted', partition: n % 3, value: 'x' }))
    await Promise.all(sent)
    const read = async (name: string): Promise<void> => {
      let left = 30
      for await (const batch of client.consumer({ topic: name, from: 'earliest' })) {
        left -= batch.recordCount
        if (left > 0) continue
        const status = await until(({ counters }) => counters['streambus_produce_records_total'] === 30)
        expect(status.subscriptions).to.equal(3)
        expect(status.subscribedPartitions.map(({ slowestOffset }) => slowestOffset)).to.deep.equal([10, 10, 10])
        expect(status.subscribedPartitions.map(({ subscriptions }) => subscriptions)).to.deep.equal([1, 1, 1])
        expect(status.counters['streambus_delivered_records_total']).to.equal(30)
        expect(status.shardDetails.reduce((sum, shard) => sum + shard.producedRecords, 0)).to.equal(30)
        break
      }
    }
    await read('counted')
    await producer.close()
    const status = await until(({ subscriptions }) => subscriptions === 0)
    expect(status.subscribedPartitions).to.deep.equal([])
    const { bounds, counts, sum } = status.histograms['streambus_produce_duration_seconds']!
    expect(counts).to.have.length(bounds.length + 1)
    expect(counts.reduce((all, count) => all + count, 0)).to.equal(status.counters['streambus_produce_requests_total'])
    expect(sum).to.be.greaterThan(0)
    const commits = status.histograms['streambus_commit_duration_seconds']!
    expect(commits.counts.reduce((all, count) => all + count, 0)).to.be.greaterThan(0)
    expect(status.main['cpuSeconds']).to.be.greaterThan(0)
  })

  it('fits an answer of the protocol whatever runs', () => {
    const memoryOf = (owner: 'main' | 'shard') => new MetricsReader(createMetricsMemory(owner))
    const big = Number.MAX_SAFE_INTEGER
    const session = {
      subscriptions: new Map(
        Array.from({ length: 9000 }, (_, id) => [
          id,
          { partitionId: 4_000_000_000 + (id % 3000), nextOffset: big - id },
        ]),
      ),
    } as unknown as Session
    const document = statusDocument({
      threads: [
        { owner: 'main', reader: memoryOf('main') },
        ...Array.from({ length: 64 }, (_, shard) => ({ owner: 'shard' as const, reader: memoryOf('shard'), shard })),
      ],
      proxies: Array.from({ length: 64 }, () => ({ usedBytes: big, capacityBytes: big }) as unknown as ShardProxy),
      sessions: new Set([session]),
      subscriptionCount: 9000,
      waitingRequestBytes: big,
      damagedSegments: big,
      gauges: { recent: () => ({}) } as unknown as MainGauges,
    })
    const { subscribedPartitions } = document as unknown as Status
    expect(subscribedPartitions).to.have.length(400)
    expect(subscribedPartitions[0]).to.deep.include({ subscriptions: 3, slowestOffset: big - 6000 })
    // The broker's own part is far below the rest of the 65,535 bytes.
    expect(JSON.stringify(document).length).to.be.lessThan(60_000)
    const crowded = { ...document, ...statusDocument({ ...sourcesOf(session), subscriptionCount: 10_001 }) }
    expect(crowded.subscribedPartitions).to.equal(undefined)
  })

  function sourcesOf(session: Session) {
    const gauges = { recent: () => ({}) } as unknown as MainGauges
    return {
      threads: [],
      proxies: [],
      sessions: new Set([session]),
      subscriptionCount: 1,
      waitingRequestBytes: 0,
      damagedSegments: 0,
      gauges,
    }
  }
})
