/**
 * Producer, consumer and admin over a real socket against a broker in memory that fails on demand.
 * Runs on: the test process.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect } from 'chai'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { Api } from '../../../native-free-core/protocol/codecs.generated.js'
import {
  type Client,
  connect,
  type ConsumedRecord,
  type Consumer,
  type ConsumerOptions,
  type OffsetSpec,
  type ProducerOptions,
  type StartPoint,
} from '../../../src/client/index.js'
import { connectOn } from '../../../src/client/client.js'
import { nodePlatform } from '../../../src/client/platform/node-platform.js'
import { FakeBroker, type Fault } from '../../support/fake-broker.js'
import { Random, seedOfRun } from '../../support/random.js'

const thisFile = 'test/unit/client/client.test.ts'

async function failureOf(promise: Promise<unknown>): Promise<StreamBusError> {
  try {
    await promise
  } catch (error) {
    if (StreamBusError.is(error)) return error
    throw error
  }
  throw new Error('nothing failed')
}

async function readAll(consumer: Consumer, maxRecords = Number.POSITIVE_INFINITY): Promise<ConsumedRecord[]> {
  const records: ConsumedRecord[] = []
  for await (const batch of consumer) {
    for (const record of batch.records()) records.push(record)
    if (records.length >= maxRecords) break
  }
  return records
}

const textsOf = (records: ConsumedRecord[]) => records.map(({ value }) => String(value))
const numbersTo = (count: number) => Array.from({ length: count }, (_, index) => String(index))

describe('client', () => {
  let broker: FakeBroker
  let client: Client

  beforeEach(async () => {
    broker = await FakeBroker.start()
    client = await connect({ server: broker.address })
  })

  afterEach(async () => {
    await client.close()
    await broker.stop()
  })

  async function produce(texts: readonly string[], options: ProducerOptions = {}, topic = 't'): Promise<void> {
    const producer = client.producer(options)
    for (const value of texts) if (!producer.write({ topic, value })) await producer.ready()
    await producer.close()
  }

  const consume = (options: Partial<ConsumerOptions> = {}) =>
    client.consumer({ topic: 't', untilEnd: true, ...options })

  describe('token', () => {
    it('is sent with the handshake, and a wrong one is not tried again', async () => {
      broker.token = 'right'
      const right = await connect({ server: broker.address, token: 'right' })
      await right.admin().listTopics()
      await right.close()
      const connectionsBefore = broker.connectionCount
      const error = await failureOf(connect({ server: broker.address, token: 'wrong' }))
      expect(error).to.include({ name: 'SASL_AUTHENTICATION_FAILED', retriable: false })
      expect(error.remedy).to.contain('streambus token create')
      expect(broker.connectionCount).to.equal(connectionsBefore + 1)
    })

    it('that is revoked ends producers, consumers and requests with the reason', async () => {
      broker.addTopic('t')
      broker.token = 'old'
      const states: string[] = []
      const ours = await connect({ server: broker.address, token: 'old', onStateChange: (state) => states.push(state) })
      const consumer = ours.consumer({ topic: 't' })
      const reading = failureOf(readAll(consumer))
      const producer = ours.producer()
      await producer.send({ topic: 't', value: 'before' })
      broker.token = 'new'
      broker.dropAll()
      expect(await reading).to.include({ name: 'SASL_AUTHENTICATION_FAILED' })
      for (const act of [() => ours.admin().listTopics(), () => producer.send({ topic: 't', value: 'after' })]) {
        expect(await failureOf(act())).to.include({ name: 'SASL_AUTHENTICATION_FAILED' })
      }
      await producer.close()
      await ours.close()
      expect(states).to.deep.equal(['connected', 'lost', 'refused'])
    })
  })

  describe('producer', () => {
    it('tells each record its offset', async () => {
      broker.addTopic('t')
      const producer = client.producer()
      const sent = await Promise.all(numbersTo(5).map((value) => producer.send({ topic: 't', value })))
      expect(sent.map(({ offset }) => offset)).to.deep.equal([0, 1, 2, 3, 4])
      expect(sent[0]).to.include({ topic: 't', partition: 0 })
      expect(broker.values('t')).to.deep.equal(numbersTo(5))
    })

    it('sends keys, headers, times and nulls as they were given', async () => {
      broker.addTopic('t', 2)
      const producer = client.producer()
      const headers = { trace: 'abc', none: null }
      await producer.send({ topic: 't', key: 'k', value: null, headers, partition: 1, timestampMs: 1234 })
      const [record] = await readAll(consume())
      expect(record).to.include({ partition: 1, offset: 0, timestampMs: 1234, value: null })
      expect(String(record!.key)).to.equal('k')
      expect(record!.headers.map(({ key, value }) => [key, value && String(value)])).to.deep.equal([
        ['trace', 'abc'],
        ['none', null],
      ])
    })

    it('fills batches, and spreads them over partitions when there are no keys', async () => {
      const topic = broker.addTopic('t', 4)
      await produce(numbersTo(1000), { batchBytes: 1000, lingerMs: 1000 })
      expect(topic.partitions.map(({ batches }) => batches.length > 2)).to.deep.equal([true, true, true, true])
      const sizes = topic.partitions.flatMap(({ batches }) => batches.map(({ bytes }) => bytes.length))
      expect(Math.max(...sizes)).to.be.at.most(1000)
    })

    it('compresses with gzip', async () => {
      const topic = broker.addTopic('t')
      await produce(
        Array.from({ length: 200 }, () => 'the same again'),
        { compression: 'gzip' },
      )
      expect(topic.partitions[0]!.batches[0]!.bytes.length).to.be.below(1000)
      expect(await readAll(consume())).to.have.length(200)
    })

    it('reports a topic that does not exist, by promise, report and flush', async () => {
      const producer = client.producer()
      const error = await failureOf(producer.send({ topic: 'none', value: 'x' }))
      expect(error.name).to.equal('UNKNOWN_TOPIC_OR_PARTITION')
      expect(error.remedy).to.include('topic create none')
      producer.write({ topic: 'none', value: 'x' })
      expect((await failureOf(producer.flush())).message).to.include('none')
      const reports: unknown[] = []
      const reporting = client.producer({ onDelivery: (report) => reports.push(report) })
      reporting.write({ topic: 'none', value: 'x' })
      await reporting.flush()
      expect(reports).to.have.length(1)
    })

    it('refuses a partition that the topic does not have', async () => {
      broker.addTopic('t', 2)
      const producer = client.producer()
      const error = await failureOf(producer.send({ topic: 't', value: 'x', partition: 2 }))
      expect(error.remedy).to.include('0 to 1')
    })

    it('fails only the batch that the broker refuses for good', async () => {
      broker.addTopic('t')
      const producer = client.producer({ lingerMs: 0 })
      await producer.send({ topic: 't', value: '0' })
      let left = 1
      const refusal = new StreamBusError('MESSAGE_TOO_LARGE', 'too large')
      broker.plan = (api) => (api === Api.Produce && left-- > 0 ? refusal : 'answer')
      const lost = producer.send({ topic: 't', value: 'lost' })
      const error = await failureOf(lost)
      expect(error.name).to.equal('MESSAGE_TOO_LARGE')
      await producer.send({ topic: 't', value: '1' })
      expect(broker.values('t')).to.deep.equal(['0', '1'])
    })

    it('gives up after its delivery time', async () => {
      broker.addTopic('t')
      broker.plan = (api) => (api === Api.Produce ? new StreamBusError('KAFKA_STORAGE_ERROR', 'no disk') : 'answer')
      const producer = client.producer({ deliveryTimeoutMs: 300 })
      const error = await failureOf(producer.send({ topic: 't', value: 'x' }))
      expect(error.name).to.equal('REQUEST_TIMED_OUT')
      expect(error.message).to.include('no disk')
    })

    it('waits for room instead of taking ever more', async () => {
      broker.addTopic('t')
      const producer = client.producer({ bufferBytes: 10_000 })
      await producer.send({ topic: 't', value: 'first' })
      let waits = 0
      for (const value of numbersTo(2000)) {
        if (producer.write({ topic: 't', value })) continue
        waits++
        await producer.ready()
      }
      await producer.close()
      expect(waits).to.be.greaterThan(1)
      expect(broker.values('t')).to.have.length(2001)
    })

    it('leaves what it sent alone while the system has not taken it yet', async () => {
      await client.close()
      broker.maxInFlightBytes = 64 * 1024 * 1024
      client = await connect({ server: broker.address })
      broker.addTopic('t', 10)
      const producer = client.producer({ batchBytes: 500_000, lingerMs: 0, bufferBytes: 64 * 1024 * 1024 })
      await producer.send({ topic: 't', value: 'first' })
      broker.pauseAll()
      for (let index = 0; index < 50; index++) {
        producer.write({ topic: 't', value: Buffer.alloc(499_990, index), partition: index % 10 })
      }
      await new Promise((resolve) => setImmediate(resolve))
      broker.resumeAll()
      await producer.close()
      expect(broker.requestCounts.get(Api.Produce), 'none was damaged and sent again').to.equal(51)
    })

    it('does without answers with acks 0', async () => {
      broker.addTopic('t')
      const producer = client.producer({ acks: 0 })
      expect((await producer.send({ topic: 't', value: 'x' })).offset).to.equal(-1)
      await client.admin().listTopics()
      expect(broker.values('t')).to.deep.equal(['x'])
    })

    it('goes on with a topic that was deleted and made anew, and fails when it stays away', async () => {
      broker.addTopic('t')
      const producer = client.producer({ lingerMs: 0 })
      await producer.send({ topic: 't', value: 'old' })
      broker.topics.delete('t')
      broker.addTopic('t')
      await producer.send({ topic: 't', value: 'new' })
      expect(broker.values('t')).to.deep.equal(['new'])
      broker.topics.delete('t')
      const error = await failureOf(producer.send({ topic: 't', value: 'lost' }))
      expect(error.name).to.equal('UNKNOWN_TOPIC_OR_PARTITION')
    })

    it('asks for metadata again when another cluster answers', async () => {
      broker.addTopic('t')
      const producer = client.producer({ lingerMs: 0 })
      await producer.send({ topic: 't', value: 'old' })
      broker.topics.clear()
      broker.clusterId = 'f'.repeat(32)
      broker.addTopic('t')
      broker.dropAll()
      await producer.send({ topic: 't', value: 'new' })
      expect(broker.values('t')).to.deep.equal(['new'])
    })

    it('keeps order, loses nothing and sends nothing twice while requests and connections fail', async function () {
      this.timeout(20_000)
      const seed = seedOfRun()
      const random = new Random(seed)
      const topic = broker.addTopic('t', 3)
      const refusals = ['KAFKA_STORAGE_ERROR', 'THROTTLING_QUOTA_EXCEEDED', 'STARTING'] as const
      let requestCount = 0
      const fault = (): Fault => {
        if (++requestCount === 30) return 'drop before'
        if (!random.chance(0.05)) return 'answer'
        if (random.chance(0.7)) return new StreamBusError(random.pick(refusals), 'by the dice')
        return random.chance(0.5) ? 'drop before' : 'drop after'
      }
      broker.plan = (api) => (api === Api.Produce || api === Api.InitProducerId ? fault() : 'answer')
      const acknowledged: number[] = [0, 0, 0]
      const producer = client.producer({
        batchBytes: 400,
        bufferBytes: 20_000,
        onDelivery: ({ partition, recordCount, error }) => {
          expect(error).to.equal(undefined)
          acknowledged[partition]! += recordCount
        },
      })
      const values: string[][] = [[], [], []]
      for (let index = 0; index < 3000; index++) {
        const partition = random.below(3)
        values[partition]!.push(String(index))
        if (!producer.write({ topic: 't', value: String(index), partition })) await producer.ready()
      }
      await producer.close()
      const message = `replay: STREAMBUS_SEED=${seed} npm test -- ${thisFile}`
      for (const partition of [0, 1, 2]) expect(broker.values('t', partition), message).to.deep.equal(values[partition])
      expect(acknowledged).to.deep.equal(topic.partitions.map(({ endOffset }) => endOffset))
      expect(broker.connectionCount, message).to.be.greaterThan(1)
    })
  })

  describe('consumer', () => {
    it('reads from earliest to the end, then stops', async () => {
      broker.addTopic('t', 3)
      await produce(numbersTo(500), { batchBytes: 300 })
      const records = await readAll(consume())
      expect(textsOf(records).sort((a, b) => Number(a) - Number(b))).to.deep.equal(numbersTo(500))
    })

    it('stops at once when there is nothing', async () => {
      broker.addTopic('t', 3)
      expect(await readAll(consume())).to.deep.equal([])
    })

    it('reads from an offset, a time, latest, and an offset a partition', async () => {
      broker.addTopic('t')
      const producer = client.producer()
      for (const value of numbersTo(10)) producer.write({ topic: 't', value, timestampMs: 1000 + Number(value) })
      await producer.close()
      expect(textsOf(await readAll(consume({ from: 7 })))).to.deep.equal(['7', '8', '9'])
      expect(textsOf(await readAll(consume({ from: { timestampMs: 1008 } })))).to.deep.equal(['8', '9'])
      expect(textsOf(await readAll(consume({ from: { timestampMs: 5000 } })))).to.deep.equal([])
      expect(textsOf(await readAll(consume({ from: 'latest' })))).to.deep.equal([])
      expect(textsOf(await readAll(consume({ from: { offsets: { 0: 9 } } })))).to.deep.equal(['9'])
    })

    it('reads the last records of all partitions, from a Date and from a time ago', async () => {
      broker.addTopic('t', 3)
      const producer = client.producer()
      const startMs = Date.now() - 3_600_000
      for (let index = 0; index < 60; index++) {
        producer.write({ topic: 't', value: `${index}`, partition: index % 2, timestampMs: startMs + index * 60_000 })
      }
      await producer.close()
      const numbers = async (from: StartPoint) =>
        textsOf(await readAll(consume({ from })))
          .map(Number)
          .sort((a, b) => a - b)
      expect(await numbers({ last: 5 })).to.deep.equal([55, 56, 57, 58, 59])
      expect(await numbers({ last: 1000 })).to.have.length(60)
      expect(await numbers(new Date(startMs + 57 * 60_000))).to.deep.equal([57, 58, 59])
      expect(await numbers('-5.5m')).to.deep.equal([55, 56, 57, 58, 59])
      expect((await failureOf(numbers('-5x'))).message).to.include('"-5x"')
    })

    it('follows: what is produced later comes, too', async () => {
      broker.addTopic('t')
      const reading = readAll(client.consumer({ topic: 't', from: 'latest' }), 3)
      while ((broker.requestCounts.get(Api.Subscribe) ?? 0) === 0) await client.admin().listTopics()
      await produce(['a', 'b', 'c'])
      expect(textsOf(await reading)).to.deep.equal(['a', 'b', 'c'])
    })

    it('reads the partitions that it is told, and refuses others', async () => {
      broker.addTopic('t', 3)
      const producer = client.producer()
      for (const partition of [0, 1, 2]) producer.write({ topic: 't', value: String(partition), partition })
      await producer.close()
      expect(textsOf(await readAll(consume({ partitions: [2] })))).to.deep.equal(['2'])
      expect((await failureOf(readAll(consume({ partitions: [3] })))).message).to.include('no partition 3')
    })

    it('goes on exactly where it was when connections are lost', async () => {
      broker.addTopic('t', 2)
      broker.deliveryBytes = 300
      await produce(numbersTo(1000), { batchBytes: 500 })
      const consumer = consume({ creditBytes: 600 })
      const seen: string[] = []
      const nextOffsets = [0, 0]
      let batchCount = 0
      for await (const batch of consumer) {
        expect(batch.baseOffset).to.equal(nextOffsets[batch.partition])
        for (const { value } of batch.records()) seen.push(String(value))
        nextOffsets[batch.partition] = batch.lastOffset + 1
        expect(consumer.position(batch.partition)).to.equal(batch.lastOffset + 1)
        if (++batchCount % 10 === 0) broker.dropAll()
      }
      expect(seen.sort((a, b) => Number(a) - Number(b))).to.deep.equal(numbersTo(1000))
      expect(broker.connectionCount).to.be.greaterThan(2)
    }).timeout(20_000)

    it('never grants more credit than its window', async () => {
      broker.addTopic('t')
      await produce(numbersTo(2000), { batchBytes: 500 })
      await readAll(consume({ creditBytes: 4000 }))
      expect(broker.largestCreditBytes).to.be.at.most(4000)
    })

    it('fails, or goes on where it is told, when its offset is out of range', async () => {
      broker.addTopic('t')
      await produce(['a', 'b'])
      expect((await failureOf(readAll(consume({ from: 5 })))).message).to.include('offset 5 of t-0')
      expect(textsOf(await readAll(consume({ from: 5, whenOutOfRange: 'earliest' })))).to.deep.equal(['a', 'b'])
    })

    it('begins again at the earliest record when retention takes that before it came', async () => {
      const { partitions } = broker.addTopic('t')
      for (const value of ['a', 'b', 'c']) await produce([value])
      broker.whenSubscribed = () => {
        partitions[0]!.logStartOffset = Math.min(2, partitions[0]!.logStartOffset + 1)
      }
      expect(textsOf(await readAll(consume({ from: 'earliest' })))).to.deep.equal(['c'])
      // One that was asked for by its number is missed.
      partitions[0]!.logStartOffset = 0
      expect((await failureOf(readAll(consume({ from: 0 })))).message).to.include('offset 0 of t-0')
    })

    it('subscribes again when the broker ends the subscription for a passing reason', async () => {
      broker.addTopic('t')
      const reading = readAll(client.consumer({ topic: 't' }), 1)
      while ((broker.requestCounts.get(Api.Subscribe) ?? 0) === 0) await client.admin().listTopics()
      broker.endSubscriptions(1007, 'too slow')
      await produce(['a'])
      expect(textsOf(await reading)).to.deep.equal(['a'])
    })

    it('fails when the topic is deleted or made anew', async () => {
      broker.addTopic('t')
      const reading = readAll(client.consumer({ topic: 't' }))
      while ((broker.requestCounts.get(Api.Subscribe) ?? 0) === 0) await client.admin().listTopics()
      broker.topics.delete('t')
      broker.addTopic('t')
      broker.endSubscriptions(100, 'the topic was deleted')
      expect((await failureOf(reading)).message).to.include('made anew')
    })

    it('says what to install for a codec that is not there', async () => {
      const platform = { ...nodePlatform, packer: () => undefined }
      const poor = await connectOn(platform, { server: broker.address })
      broker.addTopic('t')
      await produce(['a'], { compression: 'zstd' })
      const error = await failureOf(readAll(poor.consumer({ topic: 't' })))
      expect(error.name).to.equal('UNSUPPORTED_COMPRESSION_TYPE')
      expect(error.message).to.include('zstd')
      expect(error.remedy).to.include('npm install @toondepauw/node-zstd@2.0.0')
      expect(() => poor.producer({ compression: 'snappy' }))
        .to.throw('snappy')
        .with.property('remedy')
        .that.includes('snappy@')
      await poor.close()
    })

    it('ends when it is closed or its signal fires', async () => {
      broker.addTopic('t')
      const consumer = client.consumer({ topic: 't' })
      const reading = readAll(consumer)
      await consumer.close()
      expect(await reading).to.deep.equal([])
      const abort = new AbortController()
      const aborted = readAll(client.consumer({ topic: 't', signal: abort.signal }))
      abort.abort(new StreamBusError('USAGE', 'enough'))
      expect((await failureOf(aborted)).message).to.equal('enough')
    })
  })

  describe('admin', () => {
    it('creates, lists and deletes topics', async () => {
      const admin = client.admin()
      await admin.createTopic({ name: 'b', partitions: 2 })
      await admin.createTopic({ name: 'a' })
      expect((await admin.listTopics()).map(({ name, partitions }) => [name, partitions.length])).to.deep.equal([
        ['a', 1],
        ['b', 2],
      ])
      expect((await failureOf(admin.createTopic({ name: 'a' }))).name).to.equal('TOPIC_ALREADY_EXISTS')
      await admin.deleteTopic('a')
      expect((await failureOf(admin.deleteTopic('a'))).name).to.equal('UNKNOWN_TOPIC_OR_PARTITION')
    })

    it('finds offsets by time, however it is said, also of a topic that was made anew', async () => {
      const admin = client.admin()
      broker.addTopic('t')
      const startMs = Date.now() - 600_000
      const write = () => {
        const producer = client.producer()
        for (let index = 0; index < 10; index++) {
          producer.write({ topic: 't', value: '', timestampMs: startMs + index * 60_000 })
        }
        return producer.close()
      }
      await write()
      const offsetOf = async (spec: OffsetSpec) => (await admin.listOffsets('t', spec))[0]!.offset
      expect(await offsetOf('earliest')).to.equal(0)
      expect(await offsetOf('latest')).to.equal(10)
      expect(await offsetOf('max-timestamp')).to.equal(9)
      expect(await offsetOf({ timestampMs: startMs + 60_000 })).to.equal(1)
      expect(await offsetOf(new Date(startMs + 60_000))).to.equal(1)
      expect(await offsetOf('-3.5m')).to.equal(7)
      for (const wrong of ['newest', 'toString', '-5x', { last: 1 }]) {
        expect((await failureOf(offsetOf(wrong as OffsetSpec))).name).to.equal('USAGE')
      }
      broker.topics.delete('t')
      broker.addTopic('t')
      await client.admin().listTopics()
      expect(await offsetOf('latest')).to.equal(0)
    })

    it('ends a question by the signal of those who asked, not by that of others', async () => {
      broker.addTopic('t')
      const abort = new AbortController()
      const first = client.admin().listOffsets('t', 'latest', { signal: abort.signal })
      const second = client.admin().listOffsets('t', 'latest')
      abort.abort(new StreamBusError('USAGE', 'enough'))
      expect((await failureOf(first)).message).to.equal('enough')
      expect(await second).to.have.length(1)
    })

    it('asks again when the connection is lost during a question that does no harm', async () => {
      let left = 2
      broker.plan = (api) => (api === Api.Metadata && left-- > 0 ? 'drop after' : 'answer')
      expect(await client.admin().listTopics()).to.deep.equal([])
    })

    it("does not repeat what it can't know the outcome of", async () => {
      broker.plan = (api) => (api === Api.CreateTopic ? 'drop after' : 'answer')
      expect((await failureOf(client.admin().createTopic({ name: 'a' }))).name).to.equal('NETWORK_EXCEPTION')
      expect(broker.requestCounts.get(Api.CreateTopic)).to.equal(1)
    })
  })
})

describe('connect', () => {
  it('says how to start a broker when none answers', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    server.close()
    const error = await failureOf(connect({ server: `127.0.0.1:${port}` }))
    expect(error.message).to.include('connection refused').and.include(String(port))
    expect(error.remedy).to.include('streambus broker')
  })

  it('says so when something else listens there', async () => {
    const server = createServer((socket) => socket.end('HTTP/1.1 404 Not Found\r\n\r\n')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const error = await failureOf(connect({ server: `127.0.0.1:${port}` }))
    server.close()
    expect(error.message).to.include('no StreamBus broker')
  })

  it('refuses an address that is none', async () => {
    for (const server of ['', 'a b', 'host:0', 'host:70000', 'http://host', 'host:port']) {
      expect((await failureOf(connect({ server }))).name, server).to.equal('USAGE')
    }
  })

  it('gives up when its signal fires', async () => {
    const server = createServer(() => {}).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const abort = new AbortController()
    const connecting = connect({ server: `127.0.0.1:${port}`, signal: abort.signal })
    abort.abort(new StreamBusError('USAGE', 'enough'))
    expect((await failureOf(connecting)).message).to.equal('enough')
    server.close()
  })
})
