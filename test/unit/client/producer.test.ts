/**
 * What a producer takes and tells: headers, partitioners, many at once, batches that are too large, reports, the end.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { setTimeout as pass } from 'node:timers/promises'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { partitionForKey } from '../../../native-free-core/log/murmur2.js'
import { RecordBatchView } from '../../../native-free-core/log/record-batch.js'
import { Api } from '../../../native-free-core/protocol/codecs.generated.js'
import {
  type Client,
  connect,
  type ConsumedRecord,
  type DeliveryReport,
  type ProducerRecord,
} from '../../../src/client/index.js'
import { FakeBroker } from '../../support/fake-broker.js'

async function failureOf(promise: Promise<unknown>): Promise<StreamBusError> {
  try {
    await promise
  } catch (error) {
    if (StreamBusError.is(error)) return error
    throw error
  }
  throw new Error('nothing failed')
}

const numbersTo = (count: number) => Array.from({ length: count }, (_, index) => index)

describe('producer', () => {
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

  async function readAll(): Promise<ConsumedRecord[]> {
    const records: ConsumedRecord[] = []
    for await (const record of client.consumer({ topic: 't', untilEnd: true }).records()) records.push(record)
    return records
  }

  /** A batch that is larger than this is refused, as a topic with this max.message.bytes does. */
  function limitTo(maxBytes: number): void {
    broker.checkBatch = (bytes) => {
      if (bytes.length <= maxBytes) return
      throw new StreamBusError(
        'MESSAGE_TOO_LARGE',
        `a batch of ${bytes.length} bytes. Its max.message.bytes is ${maxBytes}.`,
      )
    }
  }

  describe('records', () => {
    it('take headers by name, with several values, as pairs, and as they were consumed', async () => {
      broker.addTopic('t')
      const producer = client.producer()
      const byName = { a: '1', b: ['2', null], c: new Uint8Array([51]) }
      await producer.send({ topic: 't', value: '', headers: byName })
      const pairs = [
        ['b', '2'],
        ['a', '1'],
        ['b', null],
      ] as const
      await producer.send({ topic: 't', value: '', headers: pairs })
      const [first] = await readAll()
      await producer.send({ topic: 't', value: '', headers: first!.headers })
      const seen = (await readAll()).map(({ headers }) =>
        headers.map(({ key, value }) => [key, value && String(value)]),
      )
      const named = [
        ['a', '1'],
        ['b', '2'],
        ['b', null],
        ['c', '3'],
      ]
      expect(seen).to.deep.equal([named, pairs, named])
    })

    it('are refused when they are none, saying what is wrong', async () => {
      broker.addTopic('t')
      const producer = client.producer()
      const wrong: [object, string][] = [
        [{ value: { a: 1 } }, 'the value of a record is an object'],
        [{ value: 5 }, 'the value of a record is a number'],
        [{}, 'the value of a record is missing'],
        [{ value: 'x', key: 5 }, 'the key of a record is a number'],
        [{ value: 'x', headers: { h: 5 } }, 'the header h of a record is a number'],
        [{ value: 'x', timestampMs: Number.NaN }, 'timestampMs is NaN'],
        [{ value: 'x', timestampMs: 1.5 }, 'timestampMs is 1.5'],
        [{ value: 'x', partition: -1 }, 'no partition -1'],
        [{ value: 'x', partition: 0.5 }, 'no partition 0.5'],
      ]
      for (const [record, message] of wrong) {
        const sent = { topic: 't', ...record } as ProducerRecord
        // The first is held until the topic is known, the second is looked at at once.
        expect((await failureOf(producer.send(sent))).message).to.include(message)
        expect((await failureOf(producer.send(sent))).message).to.include(message)
        expect(() => producer.write(sent)).to.throw(message)
      }
    })
  })

  describe('records of a topic whose partitions are not known yet', () => {
    const loseQuestions = () => {
      broker.plan = (api) => (api === Api.Metadata ? 'drop before' : 'answer')
    }

    it('are sent when the broker tells them, as long as their time lasts', async () => {
      broker.addTopic('t')
      const impatient = await connect({ server: broker.address, requestTimeoutMs: 200 })
      loseQuestions()
      const reports: DeliveryReport[] = []
      const producer = impatient.producer({ deliveryTimeoutMs: 20_000, onDelivery: (report) => reports.push(report) })
      producer.write({ topic: 't', value: 'written' })
      const sent = producer.send({ topic: 't', value: 'sent' })
      // Several times as long as a request may take.
      await pass(1000)
      expect(broker.requestCounts.get(Api.Metadata)).to.be.above(1)
      broker.plan = () => 'answer'
      expect((await sent).offset).to.equal(1)
      await producer.close()
      expect(reports.map(({ error, recordCount }) => [error, recordCount])).to.deep.equal([[undefined, 2]])
      await impatient.close()
    })

    it('fail when their time is over, however long a request may take', async () => {
      broker.addTopic('t')
      loseQuestions()
      const reports: DeliveryReport[] = []
      const producer = client.producer({ deliveryTimeoutMs: 300, onDelivery: (report) => reports.push(report) })
      const startMs = performance.now()
      producer.write({ topic: 't', value: 'written' })
      const error = await failureOf(producer.send({ topic: 't', value: 'sent' }))
      expect(error.name).to.equal('REQUEST_TIMED_OUT')
      expect(error.message).to.match(/^2 records for t were not sent within 300 ms: the broker did not tell/)
      expect(performance.now() - startMs).to.be.within(250, 3000)
      expect(reports.map(({ error: told, recordCount }) => [told?.name, recordCount])).to.deep.equal([
        ['REQUEST_TIMED_OUT', 1],
      ])
      broker.plan = () => 'answer'
      expect((await producer.send({ topic: 't', value: 'later' })).offset).to.equal(0)
    })
  })

  describe('partitions', () => {
    it('are those of the key by murmur2, as with other clients', async () => {
      broker.addTopic('t', 7)
      const keys = numbersTo(50).map((number) => `key ${number}`)
      const sent = await client.producer().sendBatch(keys.map((key) => ({ topic: 't', key, value: '' })))
      const expected = keys.map((key) => partitionForKey(Buffer.from(key), 7))
      expect(sent.map(({ partition }) => partition)).to.deep.equal(expected)
    })

    it('may be chosen by a function', async () => {
      broker.addTopic('t', 4)
      const producer = client.producer({
        partitioner: ({ topic, key, value, partitionCount }) => {
          expect([topic, partitionCount, key]).to.deep.equal(['t', 4, null])
          return Number(String(value)) % partitionCount
        },
      })
      const sent = await producer.sendBatch(numbersTo(8).map((number) => ({ topic: 't', value: String(number) })))
      expect(sent.map(({ partition }) => partition)).to.deep.equal([0, 1, 2, 3, 0, 1, 2, 3])
      expect((await producer.send({ topic: 't', value: 'x', partition: 2 })).partition, 'named').to.equal(2)
    })

    it('are refused when the function gives none', async () => {
      broker.addTopic('t', 4)
      for (const given of [4, -1, 0.5, Number.NaN, undefined]) {
        const producer = client.producer({ partitioner: () => given as number })
        const error = await failureOf(producer.send({ topic: 't', value: '' }))
        expect(error.message).to.equal(`the partitioner gave ${given} for topic "t"; expected 0 to 3`)
      }
    })
  })

  describe('sendBatch', () => {
    it('tells where each record is, in their order', async () => {
      broker.addTopic('t', 3)
      broker.addTopic('u')
      const records = numbersTo(3000).map((number) => {
        return { topic: number % 10 === 0 ? 'u' : 't', key: `k${number % 7}`, value: String(number) }
      })
      const sent = await client.producer({ batchBytes: 2000, bufferBytes: 20_000 }).sendBatch(records)
      expect(sent).to.have.length(3000)
      for (const [index, { topic, partition, offset }] of sent.entries()) {
        expect(topic).to.equal(records[index]!.topic)
        expect(broker.values(topic, partition)[offset]).to.equal(String(index))
      }
    })

    it('keeps the order of what was written before the topic was known', async () => {
      broker.addTopic('t')
      const producer = client.producer()
      producer.write({ topic: 't', value: 'first' })
      await producer.sendBatch([{ topic: 't', value: 'second' }])
      expect(broker.values('t')).to.deep.equal(['first', 'second'])
    })

    it('says how many failed, and stores the others', async () => {
      broker.addTopic('t', 2)
      limitTo(500)
      const records = numbersTo(6).map((number) => {
        return { topic: 't', value: number % 3 === 2 ? 'x'.repeat(1000) : String(number), partition: 0 }
      })
      const error = await failureOf(client.producer().sendBatch([...records, { ...records[0]!, partition: 2 }]))
      expect(error.name).to.equal('MESSAGE_TOO_LARGE')
      expect(error.message).to.include('3 of 7 records failed, first number 2: a record of')
      expect(broker.values('t')).to.deep.equal(['0', '1', '3', '4'])
      const unknown = await failureOf(client.producer().sendBatch([{ topic: 'none', value: '' }]))
      expect(unknown.name).to.equal('UNKNOWN_TOPIC_OR_PARTITION')
      expect(await client.producer().sendBatch([])).to.deep.equal([])
    })

    it('stops waiting when its signal fires, as send does', async () => {
      broker.addTopic('t')
      broker.plan = (api) => (api === Api.Produce ? new StreamBusError('KAFKA_STORAGE_ERROR', 'no disk') : 'answer')
      const producer = client.producer({ deliveryTimeoutMs: 500 })
      for (const start of [
        (signal: AbortSignal) => producer.send({ topic: 't', value: '' }, { signal }),
        (signal: AbortSignal) => producer.sendBatch([{ topic: 't', value: '' }], { signal }),
        (signal: AbortSignal) => producer.flush({ signal }),
      ]) {
        const abort = new AbortController()
        const waiting = start(abort.signal)
        setImmediate(() => abort.abort(new StreamBusError('USAGE', 'enough')))
        expect((await failureOf(waiting)).message).to.equal('enough')
      }
      await producer.close()
    })
  })

  describe('batches that are too large for the topic', () => {
    it('are divided; records that are too large fail alone, and order is kept', async () => {
      const topic = broker.addTopic('t')
      limitTo(1000)
      const reports: DeliveryReport[] = []
      const producer = client.producer({ batchBytes: 50_000, onDelivery: (report) => reports.push(report) })
      const sends = numbersTo(400).map(async (number) => {
        const value = number % 100 === 50 ? 'x'.repeat(2000) : String(number)
        return producer.send({ topic: 't', key: 'k', value, headers: { n: String(number) } })
      })
      const results = await Promise.allSettled(sends)
      const failed = results.flatMap(({ status }, index) => (status === 'rejected' ? [index] : []))
      expect(failed).to.deep.equal([50, 150, 250, 350])
      const error = (results[50] as PromiseRejectedResult).reason as StreamBusError
      expect(error.message).to.match(/^a record of 2\d\d\d bytes for t-0 is too large: .*max.message.bytes is 1000/)
      const stored = numbersTo(400).filter((number) => number % 100 !== 50)
      expect(broker.values('t')).to.deep.equal(stored.map(String))
      const offsets = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.offset] : []))
      expect(offsets).to.deep.equal(numbersTo(396))
      expect((await readAll()).map(({ headers }) => String(headers[0]!.value))).to.deep.equal(stored.map(String))
      expect(reports.reduce((sum, { recordCount }) => sum + recordCount, 0)).to.equal(400)
      expect(reports.filter((report) => report.error !== undefined)).to.have.length(4)
      // What is sent later is no longer made too large, apart from what the last refusals still allow.
      const before = broker.requestCounts.get(Api.Produce)!
      const storedBefore = topic.partitions[0]!.batches.length
      await producer.sendBatch(numbersTo(100).map((number) => ({ topic: 't', key: 'k', value: String(number) })))
      const refusedCount =
        broker.requestCounts.get(Api.Produce)! - before - (topic.partitions[0]!.batches.length - storedBefore)
      expect(refusedCount).to.be.at.most(2)
    })

    it('are divided in the middle of others, whatever is lost on the way', async () => {
      broker.addTopic('t')
      limitTo(700)
      let count = 0
      broker.plan = (api) => (api === Api.Produce && ++count % 5 === 0 ? 'drop after' : 'answer')
      const producer = client.producer({ batchBytes: 2000, lingerMs: 0 })
      for (const number of numbersTo(500)) {
        const value = number === 250 ? 'x'.repeat(3000) : String(number)
        if (!producer.write({ topic: 't', value })) await producer.ready()
      }
      expect((await failureOf(producer.close())).message).to.include('a record of 3')
      expect(broker.values('t')).to.deep.equal(
        numbersTo(500)
          .filter((number) => number !== 250)
          .map(String),
      )
    }).timeout(20_000)

    it('of more than a frame of the broker are divided, too, instead of sent for ever', async () => {
      broker.addTopic('t')
      broker.maxFrameBytes = 10_000
      broker.dropAll()
      const producer = client.producer({ batchBytes: 100_000 })
      const sent = numbersTo(40).map((number) => ({ topic: 't', value: String(number).padStart(1000, 'x') }))
      await producer.sendBatch(sent)
      expect(broker.values('t')).to.deep.equal(sent.map(({ value }) => value))
      const error = await failureOf(producer.send({ topic: 't', value: 'x'.repeat(20_000) }))
      expect(error.name).to.equal('MESSAGE_TOO_LARGE')
      expect(error.message).to.include("the broker's maxFrameBytes is 10000")
    })
  })

  describe('reports', () => {
    it('say how often a batch was sent again', async () => {
      broker.addTopic('t')
      let left = 3
      const refusal = new StreamBusError('KAFKA_STORAGE_ERROR', 'the disk rests')
      broker.plan = (api) => (api === Api.Produce && left-- > 0 ? refusal : 'answer')
      const reports: DeliveryReport[] = []
      const producer = client.producer({ onDelivery: (report) => reports.push(report) })
      await producer.send({ topic: 't', value: 'a' })
      await producer.send({ topic: 't', value: 'b' })
      expect(reports.map(({ retryCount, baseOffset, error }) => [retryCount, baseOffset, error])).to.deep.equal([
        [3, 0, undefined],
        [0, 1, undefined],
      ])
    })

    it('of nobody who asked come out of flush, also when others of the batch were waited for', async () => {
      broker.addTopic('t')
      broker.plan = (api) => (api === Api.Produce ? new StreamBusError('INVALID_RECORD', 'no') : 'answer')
      const producer = client.producer()
      producer.write({ topic: 't', value: 'a' })
      expect((await failureOf(producer.flush())).name).to.equal('INVALID_RECORD')
      await producer.flush()
      const sending = failureOf(producer.send({ topic: 't', value: 'a' }))
      producer.write({ topic: 't', value: 'b' })
      expect((await failureOf(producer.flush())).name).to.equal('INVALID_RECORD')
      await sending
      await failureOf(producer.send({ topic: 't', value: 'a' }))
      await producer.close()
    })

    it('that a callback throws on do not harm the connection', async () => {
      broker.addTopic('t')
      const producer = client.producer({
        onDelivery: () => {
          throw new Error('of the program')
        },
      })
      const listeners = process.listeners('uncaughtException')
      process.removeAllListeners('uncaughtException')
      const uncaught: Error[] = []
      const onUncaught = (error: Error) => uncaught.push(error)
      process.on('uncaughtException', onUncaught)
      try {
        await producer.send({ topic: 't', value: 'a' })
        await producer.send({ topic: 't', value: 'b' })
        await producer.close()
        expect(uncaught.map(({ message }) => message)).to.deep.equal(['of the program', 'of the program'])
      } finally {
        process.off('uncaughtException', onUncaught)
        for (const listener of listeners) process.on('uncaughtException', listener)
      }
      expect(broker.connectionCount).to.equal(1)
    })
  })

  describe('numbers', () => {
    it('has at most five unacknowledged batches of a partition, with sequence numbers', async () => {
      const topic = broker.addTopic('t')
      const producer = client.producer({ batchBytes: 300, lingerMs: 1000 })
      await producer.sendBatch(numbersTo(200).map((number) => ({ topic: 't', value: String(number) })))
      const views = topic.partitions[0]!.batches.map(({ bytes }) => new RecordBatchView(bytes))
      let sequence = 0
      for (const { producerId, baseSequence, recordCount } of views) {
        expect(producerId).to.be.at.least(0)
        expect(baseSequence).to.equal(sequence)
        sequence += recordCount
      }
      expect(broker.largestInFlight).to.be.within(2, 5)
    })
  })

  describe('batches behind five others', () => {
    for (const lingerMs of [0, 1]) {
      it(`take the records of later turns, too, until they can be sent: lingerMs ${lingerMs}`, async () => {
        const topic = broker.addTopic('t')
        const producer = client.producer({ lingerMs })
        await producer.send({ topic: 't', value: 'first' })
        broker.holdAnswers()
        const sent: Promise<unknown>[] = []
        for (const number of numbersTo(40)) {
          sent.push(producer.send({ topic: 't', value: String(number) }))
          await pass(lingerMs + 1)
        }
        broker.releaseAnswers()
        await Promise.all(sent)
        expect(broker.values('t')).to.deep.equal(['first', ...numbersTo(40).map(String)])
        const counts = topic.partitions[0]!.batches.map(({ bytes }) => new RecordBatchView(bytes).recordCount)
        expect(counts.slice(0, 2)).to.deep.equal([1, 1])
        expect(counts.length, `batches of ${counts.join(', ')}`).to.be.within(7, 12)
      })
    }
  })

  describe('the end', () => {
    it('of a client flushes its producers and closes its consumers', async () => {
      broker.addTopic('t')
      const own = await connect({ server: broker.address })
      const producer = own.producer({ lingerMs: 10_000 })
      for (const number of numbersTo(10)) producer.write({ topic: 't', value: String(number) })
      const consumer = own.consumer({ topic: 't', from: 'latest' })
      const reading = consumer.records().next()
      await own.close()
      expect(broker.values('t')).to.deep.equal(numbersTo(10).map(String))
      expect(await reading).to.deep.equal({ done: true, value: undefined })
      expect(() => producer.write({ topic: 't', value: '' })).to.throw('closed')
    })

    it('of a client does not wait for ever, and says so', async () => {
      broker.addTopic('t')
      const own = await connect({ server: broker.address })
      broker.plan = (api) => (api === Api.Produce ? new StreamBusError('KAFKA_STORAGE_ERROR', 'no disk') : 'answer')
      const producer = own.producer()
      const sending = failureOf(producer.send({ topic: 't', value: '' }))
      const error = await failureOf(own.close({ timeoutMs: 100 }))
      expect(error.message).to.include('within 100 ms')
      expect((await sending).message).to.include('closed before')
    })

    it('comes with the block of `await using`', async () => {
      broker.addTopic('t')
      {
        await using own = await connect({ server: broker.address })
        await using producer = own.producer({ lingerMs: 10_000 })
        producer.write({ topic: 't', value: 'a' })
      }
      expect(broker.values('t')).to.deep.equal(['a'])
    })
  })

  it('refuses options that are none', () => {
    const wrong = [
      [{ acks: 2 }, 'acks is 2'],
      [{ compression: 'brotli' }, 'compression is "brotli"'],
      [{ batchBytes: 0 }, 'batchBytes is 0'],
      [{ lingerMs: -1 }, 'lingerMs is -1'],
      [{ acks: 0, idempotent: true }, 'acks is 0'],
    ] as const
    for (const [options, message] of wrong) expect(() => client.producer(options as never)).to.throw(message)
  })
})
