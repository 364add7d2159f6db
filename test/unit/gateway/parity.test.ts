/**
 * Both front ends do the same: produce, fetch, subscriptions with credit, slow readers, limits.
 * Runs on: the test process, over fake shards.
 */
import { expect } from 'chai'
import { ByteReader } from '../../../native-free-core/bytes/byte-reader.js'
import { memoryBoundBytes } from '../../../native-free-core/config/broker-config.js'
import * as codecs from '../../../native-free-core/protocol/codecs.generated.js'
import { FrameWriter } from '../../../native-free-core/protocol/frame.js'
import {
  batchesIn,
  batchOf,
  codeOf,
  frontEnds,
  GatewayFixture,
  type FixtureOptions,
  type RawClient,
} from '../../support/gateway-fixture.js'

const long = { maxBytes: 1 << 20, minBytes: 1, maxWaitMs: 30_000 }
const now = { maxBytes: 1 << 20, minBytes: 0, maxWaitMs: 0 }

for (const frontEnd of frontEnds) {
  describe(`gateway over ${frontEnd}`, () => {
    let fixture: GatewayFixture

    async function open(options: FixtureOptions = {}): Promise<GatewayFixture> {
      fixture = await GatewayFixture.open({ ...options, config: { frontEnd, ...options.config } })
      return fixture
    }

    afterEach(() => fixture.close())

    it('answers the produce requests of one frame in order, in few frames', async () => {
      await open()
      const client = await fixture.connect()
      const framesBefore = client.frameCount
      const writer = new FrameWriter()
      const answers = Array.from({ length: 100 }, () =>
        client.put(writer, 'Produce', (body) =>
          codecs.writeProduceRequest(body, { partitionId: 0, acks: -1, batch: batchOf(3) }),
        ),
      )
      client.send(writer.view())
      const offsets = (await Promise.all(answers)).map(
        ({ body }) => codecs.readProduceResponse(new ByteReader(body)).baseOffset,
      )
      expect(offsets).to.deep.equal(Array.from({ length: 100 }, (_, index) => index * 3))
      expect(client.frameCount - framesBefore).to.be.lessThan(10)
    })

    it('answers nothing to acks 0 but stores the batch', async () => {
      await open()
      const client = await fixture.connect()
      void client.produce(0, batchOf(2), 0)
      const { body } = await client.produce(0, batchOf(1))
      expect(codecs.readProduceResponse(new ByteReader(body)).baseOffset).to.equal(2)
      expect(client.messages).to.deep.equal([])
    })

    it('returns what was produced, byte for byte but for the base offset', async () => {
      await open()
      const client = await fixture.connect()
      const batch = batchOf(5, 1000)
      await client.produce(1, batchOf(1))
      await client.produce(1, batch)
      const { body } = await client.fetch({ partitionId: 1, offset: 1, ...now })
      const { batches, highWatermark } = codecs.readFetchResponse(new ByteReader(body))
      expect(highWatermark).to.equal(6)
      expect(batchesIn(batches)).to.deep.equal([{ baseOffset: 1, count: 5, end: 6 }])
      expect(Buffer.from(batches.subarray(16)).equals(Buffer.from(batch.subarray(16)))).to.equal(true)
    })

    it('parks a fetch until there is something, and answers it empty when its time is over', async () => {
      await open()
      const client = await fixture.connect()
      const empty = await client.fetch({ partitionId: 0, offset: 0, maxBytes: 1000, minBytes: 1, maxWaitMs: 20 })
      expect(codecs.readFetchResponse(new ByteReader(empty.body)).batches.length).to.equal(0)
      const parked = client.fetch({ partitionId: 0, offset: 0, ...long })
      await client.produce(0, batchOf(2))
      const { batches } = codecs.readFetchResponse(new ByteReader((await parked).body))
      expect(batchesIn(batches)).to.deep.equal([{ baseOffset: 0, count: 2, end: 2 }])
    })

    it('fetches again when the shard has overwritten what it was told', async () => {
      await open()
      const client = await fixture.connect()
      await client.produce(0, batchOf(4, 500))
      fixture.shards[0]!.overwriteOnce = true
      const { body } = await client.fetch({ partitionId: 0, offset: 0, ...now })
      expect(batchesIn(codecs.readFetchResponse(new ByteReader(body)).batches)).to.deep.equal([
        { baseOffset: 0, count: 4, end: 4 },
      ])
    })

    it('delivers as far as the credit reaches, stands still, and goes on without a gap', async () => {
      await open()
      const client = await fixture.connect()
      const batch = batchOf(10, 100)
      for (let index = 0; index < 20; index++) await client.produce(0, batch)
      await client.subscribe({ subscriptionId: 7, partitionId: 0, offset: -2, creditBytes: batch.length * 3 })
      const received = (): number =>
        client.deliveries().reduce((sum, { batches }) => sum + batchesIn(batches).length, 0)
      await client.until(() => received() === 3)
      await client.ask('Ping')
      expect(received()).to.equal(3)
      client.grant(7, batch.length * 17)
      await client.until(() => received() === 20)
      expectDense(client, 0, 200)
    })

    it('lets one batch overdraw the credit', async () => {
      await open()
      const client = await fixture.connect()
      await client.subscribe({ subscriptionId: 1, partitionId: 0, offset: -2, creditBytes: 1 })
      await client.produce(0, batchOf(5, 100))
      await client.produce(0, batchOf(5, 100))
      await client.until(() => client.deliveries().length === 1)
      await client.ask('Ping')
      expect(client.deliveries().length).to.equal(1)
    })

    it('brings every record to many subscribers that stand at different places with different credit', async () => {
      await open({ shardCount: 3 })
      const producer = await fixture.connect()
      const clients = await Promise.all(Array.from({ length: 12 }, () => fixture.connect()))
      for (let index = 0; index < 30; index++) await producer.produce(0, batchOf(4, 200))
      await Promise.all(
        clients.map((client, index) =>
          client.subscribe({ subscriptionId: 1, partitionId: 0, offset: index * 10, creditBytes: 500 * (index + 1) }),
        ),
      )
      for (const client of clients) keepGranting(client)
      for (let index = 0; index < 30; index++) await producer.produce(0, batchOf(4, 200))
      await Promise.all(clients.map((client) => client.until(() => lastOffset(client) === 240)))
      for (const [index, client] of clients.entries()) expectDense(client, index * 10, 240)
    })

    it('ends subscriptions of a topic that is deleted, with the reason', async () => {
      await open()
      const client = await fixture.connect()
      await client.subscribe({ subscriptionId: 3, partitionId: 2, offset: -1, creditBytes: 1000 })
      await client.ask('Ping')
      fixture.shards[0]!.removePartition(2)
      await client.until(() => client.pushes('SubscriptionEnd', codecs.readSubscriptionEndPush).length === 1)
      const [end] = client.pushes('SubscriptionEnd', codecs.readSubscriptionEndPush)
      expect(end).to.include({ subscriptionId: 3, code: codeOf('UNKNOWN_TOPIC_ID') })
      expect(fixture.gateway.subscriptionCount).to.equal(0)
    })

    it('delivers nothing after Unsubscribe, and frees the id', async () => {
      await open()
      const client = await fixture.connect()
      await client.subscribe({ subscriptionId: 1, partitionId: 0, offset: -1, creditBytes: 1 << 20 })
      await client.ask('Unsubscribe', (body) => codecs.writeUnsubscribeRequest(body, { subscriptionId: 1 }))
      await client.produce(0, batchOf(1))
      await client.ask('Ping')
      expect(client.deliveries()).to.deep.equal([])
      const again = await client.subscribe({ subscriptionId: 1, partitionId: 0, offset: -1, creditBytes: 10 })
      expect(again.error).to.equal(undefined)
    })

    it('holds back a reader that does not read, within its bound, and loses nothing', async () => {
      const maxSendBufferBytes = 256 * 1024
      await open({ config: { maxSendBufferBytes, maxFrameBytes: 1 << 20 }, shard: { journalBytes: 64 << 20 } })
      const producer = await fixture.connect()
      const reader = await fixture.connect()
      await reader.subscribe({ subscriptionId: 1, partitionId: 0, offset: -2, creditBytes: 64 << 20 })
      reader.ws.pause()
      for (let index = 0; index < 300; index++) await producer.produce(0, batchOf(10, 10_000))
      await producer.ask('Ping')
      reader.ws.resume()
      await reader.until(() => lastOffset(reader) === 3000)
      expectDense(reader, 0, 3000)
    }).timeout(20_000)

    it('keeps fetches back while the socket is full, and answers them all', async () => {
      await open({ config: { maxSendBufferBytes: 128 * 1024, maxFrameBytes: 1 << 20 } })
      const client = await fixture.connect()
      for (let index = 0; index < 4; index++) await client.produce(0, batchOf(10, 20_000))
      client.ws.pause()
      const answers = Array.from({ length: 100 }, () => client.fetch({ partitionId: 0, offset: 0, ...now }))
      const other = await fixture.connect()
      for (let index = 0; index < 20; index++) await other.ask('Ping')
      client.ws.resume()
      for (const { body } of await Promise.all(answers)) {
        expect(batchesIn(codecs.readFetchResponse(new ByteReader(body)).batches).length).to.equal(4)
      }
    }).timeout(20_000)

    it('throttles one connection beyond its bytes in flight, and goes on when answers have come', async () => {
      await open({ config: { maxInFlightBytesPerConnection: 64 * 1024 } })
      const client = await fixture.connect()
      fixture.shards[0]!.isPaused = true
      const answers = Array.from({ length: 10 }, () => client.produce(0, batchOf(1, 20_000)))
      await client.ask('Ping')
      fixture.shards[0]!.isPaused = false
      const codes = (await Promise.all(answers)).map(({ error }) => error?.code ?? 0)
      expect(codes.slice(0, 3)).to.deep.equal([0, 0, 0])
      expect(new Set(codes.slice(3))).to.deep.equal(new Set([codeOf('THROTTLING_QUOTA_EXCEEDED')]))
      expect((await client.produce(0, batchOf(1, 20_000))).error).to.equal(undefined)
    })

    it('lets requests wait outside a full ring, in order, as far as maxInFlightBytes', async () => {
      await open({
        config: { maxInFlightBytes: 1 << 20, maxInFlightBytesPerConnection: 8 << 20 },
        shard: { requestRingBytes: 256 * 1024 },
      })
      const client = await fixture.connect()
      fixture.shards[0]!.isPaused = true
      const answers = Array.from({ length: 60 }, () => client.produce(0, batchOf(1, 30_000)))
      await client.ask('Ping')
      fixture.shards[0]!.isPaused = false
      const all = await Promise.all(answers)
      const offsets = all
        .filter(({ error }) => error === undefined)
        .map(({ body }) => codecs.readProduceResponse(new ByteReader(body)).baseOffset)
      expect(offsets.length).to.be.greaterThan(35).and.lessThan(50)
      expect(offsets).to.deep.equal(offsets.map((_, index) => index))
    })

    it('leaves room for producers when more fetches wait than the reply ring has room for', async () => {
      await open({ partitions: 600, shard: { replyRingBytes: 256 * 1024 } })
      const client = await fixture.connect()
      const credit = { offset: -1, creditBytes: 1 << 20 }
      await Promise.all(
        Array.from({ length: 600 }, (_, partitionId) =>
          client.subscribe({ subscriptionId: partitionId, partitionId, ...credit }),
        ),
      )
      for (let partitionId = 0; partitionId < 600; partitionId++) {
        expect((await client.produce(partitionId, batchOf(1))).error).to.equal(undefined)
      }
      await client.until(() => client.deliveries().length === 600)
      expect(new Set(client.deliveries().map((delivery) => delivery.subscriptionId)).size).to.equal(600)
      expect(fixture.shards[0]!.mostParked).to.be.lessThan(600)
    }).timeout(20_000)

    it('refuses a batch that no ring can hold, by name and size', async () => {
      await open({ shard: { requestRingBytes: 128 * 1024 } })
      const client = await fixture.connect()
      const { error } = await client.produce(0, batchOf(1, 100_000))
      expect(error?.code).to.equal(codeOf('MESSAGE_TOO_LARGE'))
      expect(error?.message).to.contain('t partition 0').and.to.contain('at most 65')
    })

    it('refuses too much credit with a typed error, and ends that connection only', async () => {
      await open({ config: { maxCreditBytes: 64 * 1024 } })
      const client = await fixture.connect()
      const other = await fixture.connect()
      const { error } = await client.subscribe({ subscriptionId: 1, partitionId: 0, offset: -1, creditBytes: 70_000 })
      expect(error?.code).to.equal(codeOf('INVALID_CREDIT'))
      await client.subscribe({ subscriptionId: 1, partitionId: 0, offset: -1, creditBytes: 60_000 })
      client.grant(1, 60_000)
      await client.closed
      expect(client.failure()?.code).to.equal(codeOf('INVALID_CREDIT'))
      expect((await other.ask('Ping')).error).to.equal(undefined)
    })

    it('stays within the stated memory bound, paused shard and readers that do not read', async () => {
      const config = {
        maxInFlightBytes: 1 << 20,
        maxInFlightBytesPerConnection: 1 << 20,
        maxSendBufferBytes: 128 * 1024,
        maxFrameBytes: 256 * 1024,
        requestRingBytes: 1 << 20,
        replyRingBytes: 1 << 20,
        journalMemoryBytes: 16 << 20,
      }
      await open({ config, shard: { journalBytes: 16 << 20 } })
      const clients = await Promise.all(Array.from({ length: 8 }, () => fixture.connect()))
      for (let index = 0; index < 40; index++) await clients[0]!.produce(0, batchOf(1, 100_000))
      globalThis.gc?.()
      const before = process.memoryUsage().arrayBuffers
      for (const client of clients) {
        await client.subscribe({ subscriptionId: 1, partitionId: 0, offset: -2, creditBytes: 32 << 20 })
        client.ws.pause()
      }
      fixture.shards[0]!.isPaused = true
      for (const client of clients) for (let index = 0; index < 20; index++) void client.produce(1, batchOf(1, 100_000))
      const other = await fixture.connect()
      for (let index = 0; index < 50; index++) await other.ask('Ping')
      const used = process.memoryUsage().arrayBuffers - before
      // The clients' own send buffers are in it: 20 batches each.
      expect(used).to.be.lessThan(memoryBoundBytes(fixture.config, 1, clients.length) + clients.length * 20 * 100_100)
    }).timeout(20_000)

    it('tells everybody SHUTTING_DOWN and closes when it ends', async () => {
      await open()
      const binary = await fixture.connect()
      const json = await fixture.connect('streambus.json.v1')
      await fixture.gateway.close()
      expect((await binary.closed).code).to.equal(4503)
      expect((await json.closed).code).to.equal(4503)
      for (const client of [binary, json]) expect(client.failure()?.code).to.equal(codeOf('SHUTTING_DOWN'))
    })
  })
}

function lastOffset(client: RawClient): number {
  const last = client.deliveries().at(-1)
  return last === undefined ? -1 : batchesIn(last.batches).at(-1)!.end
}

/** Gives back what was received, as a client does. */
function keepGranting(client: RawClient): void {
  let seen = 0
  const grant = (): void => {
    const deliveries = client.deliveries().slice(seen)
    seen += deliveries.length
    const bytes = deliveries.reduce((sum, { batches }) => sum + batches.length, 0)
    if (bytes > 0) client.grant(1, bytes)
  }
  client.ws.on('message', grant)
  grant()
}

/** Every record from `from` to `to` was delivered once, in order. The first batch may begin below. */
function expectDense(client: RawClient, from: number, to: number): void {
  const batches = client.deliveries().flatMap((delivery) => batchesIn(delivery.batches))
  expect(batches[0]!.baseOffset).to.be.at.most(from)
  expect(batches[0]!.end).to.be.greaterThan(from)
  for (let index = 1; index < batches.length; index++) {
    expect(batches[index]!.baseOffset, `batch ${index}`).to.equal(batches[index - 1]!.end)
  }
  expect(batches.at(-1)!.end).to.equal(to)
}
