/**
 * What a consumer does beyond reading on: records, callbacks, pause, seek, lag, the end; and any mix of them with lost
 * connections, against a plain list.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import fc from 'fast-check'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { Api } from '../../../native-free-core/protocol/codecs.generated.js'
import { type Client, connect, type ConsumedRecord, type ConsumerOptions } from '../../../src/client/index.js'
import { FakeBroker } from '../../support/fake-broker.js'
import { seedOfRun } from '../../support/random.js'

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing failed')
}

const numbersTo = (count: number) => Array.from({ length: count }, (_, index) => index)

describe('consumer', () => {
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

  /** `count` records in each of `partitionCount` partitions; values are their offsets. */
  async function fill(partitionCount: number, count: number, batchBytes = 300): Promise<void> {
    broker.addTopic('t', partitionCount)
    const producer = client.producer({ batchBytes })
    for (const number of numbersTo(count)) {
      for (const partition of numbersTo(partitionCount)) {
        const headers = { number: String(number), again: ['a', 'b'] }
        const record = { topic: 't', key: `k${number}`, value: String(number), partition, headers }
        if (!producer.write(record)) await producer.ready()
      }
    }
    await producer.close()
  }

  const consumerOf = (options: Partial<ConsumerOptions> = {}) =>
    client.consumer({ topic: 't', untilEnd: true, ...options })

  describe('by record', () => {
    it('gives each record in order, and moves the position record by record', async () => {
      await fill(2, 100)
      const consumer = consumerOf()
      const next = [0, 0]
      for await (const record of consumer.records()) {
        expect(record.offset).to.equal(next[record.partition]!++)
        expect(record.text()).to.equal(String(record.offset))
        expect(consumer.position(record.partition)).to.equal(record.offset + 1)
      }
      expect(next).to.deep.equal([100, 100])
    })

    it('begins in the middle of a batch, and goes on in the middle of one', async () => {
      await fill(1, 50, 5000)
      const consumer = consumerOf({ from: 20 })
      for await (const record of consumer.records()) if (record.offset === 30) break
      expect(consumer.positions()).to.deep.equal({ 0: 31 })
      const rest: number[] = []
      const further = consumerOf({ from: { offsets: consumer.positions() } })
      for await (const record of further.records()) rest.push(record.offset)
      expect(rest).to.deep.equal(numbersTo(50).slice(31))
    })

    it('gives records that may be kept, touched late and copied', async () => {
      await fill(1, 60)
      const kept: ConsumedRecord[] = []
      for await (const record of consumerOf().records()) kept.push(record)
      for (const [index, original] of kept.entries()) {
        for (const record of [original, original.copy(), original.copy().copy()]) {
          expect(String(record.key)).to.equal(`k${index}`)
          expect(record.keyText()).to.equal(`k${index}`)
          expect(record.json()).to.equal(index)
          expect(record.headers.map(({ key, value }) => [key, String(value)])).to.deep.equal([
            ['number', String(index)],
            ['again', 'a'],
            ['again', 'b'],
          ])
          expect(String(record.header('again'))).to.equal('b')
          expect(record.header('none')).to.equal(undefined)
        }
      }
      expect(kept[7]!.copy().key!.buffer.byteLength).to.be.below(100)
      expect(JSON.parse(JSON.stringify(kept[7]))).to.include({ topic: 't', offset: 7, key: 'k7', value: '7' })
    })

    it('copies records without key, value or headers', async () => {
      broker.addTopic('t')
      const producer = client.producer()
      await producer.sendBatch([
        { topic: 't', value: null },
        { topic: 't', key: 'k', value: null },
        { topic: 't', value: 'v' },
        { topic: 't', value: '' },
        { topic: 't', value: null, headers: { h: null } },
      ])
      const seen: unknown[] = []
      for await (const record of consumerOf().records()) {
        const copied = record.copy()
        expect(copied.toJSON()).to.deep.equal(record.toJSON())
        seen.push([record.keyText(), record.text(), record.headers.length])
      }
      expect(seen).to.deep.equal([
        [null, null, 0],
        ['k', null, 0],
        [null, 'v', 0],
        [null, '', 0],
        [null, null, 1],
      ])
    })

    it('says which record is no JSON', async () => {
      broker.addTopic('t')
      await client.producer().send({ topic: 't', value: '{"a":' })
      for await (const record of consumerOf().records()) {
        expect(() => record.json()).to.throw('record 0 of t-0: its value is not JSON')
      }
    })

    it('closes the consumer when the loop is left', async () => {
      await fill(1, 50)
      const consumer = client.consumer({ topic: 't' })
      for await (const _ of consumer.records()) break
      expect((await failureOf(consumer.seek(0, 0))).message).to.include('has ended')
    })
  })

  describe('run', () => {
    it('calls for each record in the order of its partition, several partitions at a time', async () => {
      await fill(4, 60)
      const next = [0, 0, 0, 0]
      const inWork = new Set<number>()
      let most = 0
      await consumerOf().run({
        partitionConcurrency: 3,
        eachRecord: async ({ partition, offset }) => {
          expect(inWork.has(partition), 'one record of a partition at a time').to.equal(false)
          expect(offset).to.equal(next[partition]!++)
          inWork.add(partition)
          most = Math.max(most, inWork.size)
          await new Promise((resolve) => setImmediate(resolve))
          inWork.delete(partition)
        },
      })
      expect(next).to.deep.equal([60, 60, 60, 60])
      expect(most).to.equal(3)
    })

    it('calls for each batch, one at a time by default', async () => {
      await fill(3, 60)
      const next = [0, 0, 0]
      let inWork = 0
      await consumerOf().run({
        eachBatch: async (batch) => {
          expect(inWork++).to.equal(0)
          expect(batch.baseOffset).to.equal(next[batch.partition])
          await new Promise((resolve) => setImmediate(resolve))
          next[batch.partition] = batch.lastOffset + 1
          inWork--
        },
      })
      expect(next).to.deep.equal([60, 60, 60])
    })

    it('ends with the error of a callback, waits for the others, and knows where it was', async () => {
      await fill(3, 40)
      const consumer = client.consumer({ topic: 't' })
      const done = [0, 0, 0]
      const error = new Error('no such account')
      const running = consumer.run({
        partitionConcurrency: 3,
        eachRecord: async ({ partition, offset }) => {
          await new Promise((resolve) => setImmediate(resolve))
          if (partition === 1 && offset === 17) throw error
          done[partition] = offset + 1
        },
      })
      expect(await failureOf(running)).to.equal(error)
      expect(done[1]).to.equal(17)
      expect(consumer.positions()).to.deep.equal({ 0: done[0], 1: 17, 2: done[2] })
    })

    it('skips what onError says, naming it; a callback that is not async may throw, too', async () => {
      await fill(1, 10)
      const failed: unknown[] = []
      const seen: number[] = []
      await consumerOf().run({
        eachRecord: ({ offset }) => {
          if (offset % 4 === 3) throw new Error('odd')
          seen.push(offset)
        },
        onError: (error, at) => {
          failed.push([(error as Error).message, at])
          return 'skip'
        },
      })
      expect(failed).to.deep.equal([3, 7].map((offset) => ['odd', { topic: 't', partition: 0, offset }]))
      expect(seen).to.deep.equal([0, 1, 2, 4, 5, 6, 8, 9])
    })

    it('resolves when the consumer is closed, after the callback at work', async () => {
      await fill(1, 40)
      const consumer = client.consumer({ topic: 't' })
      const seen: number[] = []
      await consumer.run({
        eachRecord: async ({ offset }) => {
          if (offset === 5) await consumer.close()
          await new Promise((resolve) => setImmediate(resolve))
          seen.push(offset)
        },
      })
      expect(seen).to.deep.equal([0, 1, 2, 3, 4, 5])
    })

    it('refuses both callbacks, none, and a second run', async () => {
      broker.addTopic('t')
      const consumer = client.consumer({ topic: 't' })
      const eachRecord = () => {}
      expect((await failureOf(consumer.run({}))).message).to.include('one of eachRecord and eachBatch')
      expect((await failureOf(consumer.run({ eachRecord, eachBatch: eachRecord }))).message).to.include('one of')
      const wrong = consumer.run({ eachRecord, partitionConcurrency: 0 })
      expect((await failureOf(wrong)).message).to.include('partitionConcurrency is 0')
      const running = consumer.run({ eachRecord })
      expect((await failureOf(consumer.run({ eachRecord }))).message).to.include('before')
      await consumer.close()
      await running
    })
  })

  describe('pause and resume', () => {
    it('gives nothing of a paused partition, not even the rest of a batch, until it is resumed', async () => {
      await fill(2, 40, 5000)
      const consumer = client.consumer({ topic: 't' })
      const seen: [number, number][] = []
      for await (const { partition, offset } of consumer.records()) {
        seen.push([partition, offset])
        if (partition === 0 && offset === 9) {
          consumer.pause([0])
          expect(consumer.paused()).to.deep.equal([0])
        }
        if (partition === 1 && offset === 39) {
          expect(seen.filter(([one]) => one === 0)).to.have.length(10)
          consumer.resume()
        }
        if (seen.length === 80) break
      }
      expect(seen.filter(([one]) => one === 0).map(([, offset]) => offset)).to.deep.equal(numbersTo(40))
    })

    it('may be paused before the first record', async () => {
      await fill(2, 5)
      const consumer = client.consumer({ topic: 't' })
      consumer.pause([1])
      const seen: number[] = []
      for await (const { partition } of consumer.records()) {
        seen.push(partition)
        if (seen.length === 5) consumer.resume([1])
        if (seen.length === 10) break
      }
      expect(seen).to.deep.equal([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    })

    it('keeps a paused partition within its credit', async () => {
      await fill(1, 2000)
      const consumer = client.consumer({ topic: 't', creditBytes: 2000 })
      consumer.pause()
      while ((broker.requestCounts.get(Api.Subscribe) ?? 0) === 0) await client.admin().listTopics()
      await client.admin().listTopics()
      expect(broker.requestCounts.get(Api.Credit) ?? 0).to.equal(0)
      expect(broker.largestCreditBytes).to.be.at.most(2000)
      await consumer.close()
    })

    it('refuses partitions that are not read', async () => {
      await fill(3, 1)
      const consumer = consumerOf({ partitions: [0, 2] })
      for await (const _ of consumer.records()) {
        expect(() => consumer.pause([1]))
          .to.throw('partition 1 of t is not read')
          .with.property('remedy', 'It reads partition 0, 2.')
      }
    })
  })

  describe('seek', () => {
    it('goes elsewhere at once, forwards and back', async () => {
      await fill(1, 40, 5000)
      const consumer = client.consumer({ topic: 't' })
      const seen: number[] = []
      const leaps = new Map([
        [3, 20],
        [22, 10],
        [12, 38],
      ])
      for await (const { offset } of consumer.records()) {
        seen.push(offset)
        const to = leaps.get(offset)
        if (to !== undefined) await consumer.seek(0, to)
        if (offset === 39) break
      }
      expect(seen).to.deep.equal([0, 1, 2, 3, 20, 21, 22, 10, 11, 12, 38, 39])
    })

    it('takes every place that a consumer may begin at', async () => {
      await fill(1, 40)
      const consumer = client.consumer({ topic: 't', from: 5 })
      const seen: number[] = []
      const places = [{ last: 3 }, 'earliest', '-1h', new Date(0), { offsets: { 0: 30 } }] as const
      for await (const { offset } of consumer.records()) {
        seen.push(offset)
        const to = places[seen.length - 1]
        if (to === undefined) break
        await consumer.seek(0, to)
      }
      expect(seen).to.deep.equal([5, 37, 0, 0, 0, 30])
    })

    it('reads on with untilEnd after a partition was read to its end', async () => {
      await fill(2, 10)
      const consumer = consumerOf()
      let sought = false
      let count = 0
      for await (const { partition, offset } of consumer.records()) {
        count++
        if (sought || partition !== 0 || offset !== 9) continue
        sought = true
        await consumer.seek(0, 5)
      }
      expect(count).to.equal(25)
    })

    it('goes on where it was when the new place is none, or is not known', async () => {
      await fill(1, 10, 5000)
      const consumer = consumerOf()
      const seen: number[] = []
      for await (const { offset } of consumer.records()) {
        seen.push(offset)
        if (offset !== 4) continue
        expect((await failureOf(consumer.seek(0, -5))).message).to.include('an offset is -5')
        expect((await failureOf(consumer.seek(7, 0))).message).to.include('partition 7')
        broker.plan = (api) => (api === Api.ListOffsets ? new StreamBusError('INVALID_REQUEST', 'not now') : 'answer')
        expect((await failureOf(consumer.seek(0, '-1h'))).message).to.include('not now')
      }
      expect(seen).to.deep.equal(numbersTo(10))
    })
  })

  describe('position and lag', () => {
    it('tells how much is left, before the first record and after the last', async () => {
      await fill(2, 30)
      const consumer = client.consumer({ topic: 't' })
      expect(await consumer.lag()).to.deep.equal({ 0: 30, 1: 30 })
      let count = 0
      for await (const _ of consumer.records()) {
        if (++count < 60) continue
        expect(await consumer.lag()).to.deep.equal({ 0: 0, 1: 0 })
        const producer = client.producer()
        await producer.send({ topic: 't', value: 'x', partition: 1 })
        await producer.close()
        expect(await consumer.lag()).to.deep.equal({ 0: 0, 1: 1 })
        break
      }
      const latest = client.consumer({ topic: 't', from: 'latest', partitions: [0] })
      expect(await latest.lag()).to.deep.equal({ 0: 0 })
      await latest.close()
    })
  })

  describe('the end', () => {
    it('of a closed consumer comes at once, with what is left undone', async () => {
      await fill(1, 40)
      const consumer = client.consumer({ topic: 't' })
      const seen: number[] = []
      for await (const { offset } of consumer.records()) {
        seen.push(offset)
        if (offset === 3) await consumer.close()
      }
      expect(seen).to.deep.equal([0, 1, 2, 3])
      expect(consumer.position(0)).to.equal(4)
    })

    it('of an aborted one is its reason, at once', async () => {
      await fill(1, 40)
      const abort = new AbortController()
      const consumer = client.consumer({ topic: 't', signal: abort.signal })
      const seen: number[] = []
      const reading = (async () => {
        for await (const { offset } of consumer.records()) {
          seen.push(offset)
          if (offset === 3) abort.abort(new Error('enough'))
        }
      })()
      expect((await failureOf(reading)).message).to.equal('enough')
      expect(seen).to.deep.equal([0, 1, 2, 3])
    })

    it('comes with the block of `await using`', async () => {
      await fill(1, 4)
      let inside
      {
        await using consumer = client.consumer({ topic: 't' })
        inside = consumer
        for await (const _ of consumer.records()) break
      }
      expect((await failureOf(inside.seek(0, 0))).message).to.include('has ended')
    })

    it('of a batch that is damaged names it, and closes the consumer', async () => {
      await fill(1, 4, 5000)
      const [batch] = broker.topics.get('t')!.partitions[0]!.batches
      const { RecordBatchView } = await import('../../../native-free-core/log/record-batch.js')
      const { crc32c } = await import('../../../native-free-core/log/crc32c.js')
      new RecordBatchView(batch!.bytes).view.setUint16(21, 1)
      new RecordBatchView(batch!.bytes).view.setUint32(17, crc32c(batch!.bytes, 21, batch!.bytes.length))
      const consumer = consumerOf()
      const error = await failureOf(consumer.records().next())
      expect(error).to.have.property('name', 'CORRUPT_MESSAGE')
      expect((await failureOf(consumer.seek(0, 0))).message).to.include('has ended')
    })
  })

  it('loses nothing and repeats nothing, whatever is paused, sought and lost on the way', async function () {
    this.timeout(20_000)
    await fill(3, 60, 200)
    broker.deliveryBytes = 400
    const partition = fc.nat(2)
    const action = fc.oneof(
      fc.record({ kind: fc.constant('pause' as const), partition }),
      fc.record({ kind: fc.constant('resume' as const), partition }),
      fc.record({ kind: fc.constant('seek' as const), partition, offset: fc.nat(60) }),
      fc.record({ kind: fc.constant('drop' as const), partition }),
    )
    const plan = fc.array(fc.tuple(fc.nat(12), action), { maxLength: 12 })
    const property = fc.asyncProperty(plan, fc.constantFrom('records', 'run'), async (steps, form) => {
      const consumer = client.consumer({ topic: 't', creditBytes: 500 })
      const next = [0, 0, 0]
      const paused = new Set<number>()
      let step = 0
      let recordsUntilStep = steps[0]?.[0] ?? 0
      const isStuck = () => next.every((offset, index) => offset === 60 || paused.has(index))
      const act = async () => {
        const [, { kind, partition: which, ...rest }] = steps[step]!
        if (kind === 'drop') broker.dropAll()
        if (kind === 'pause') {
          paused.add(which)
          consumer.pause([which])
        }
        if (kind === 'resume') {
          paused.delete(which)
          consumer.resume([which])
        }
        if (kind === 'seek') {
          next[which] = (rest as { offset: number }).offset
          await consumer.seek(which, next[which])
        }
        recordsUntilStep = steps[++step]?.[0] ?? 0
      }
      const take = async ({ partition: from, offset }: ConsumedRecord) => {
        expect(paused.has(from), 'a record of a paused partition').to.equal(false)
        expect(offset).to.equal(next[from]!++)
        recordsUntilStep--
        while (step < steps.length && (recordsUntilStep < 0 || isStuck())) await act()
        if (!isStuck()) return
        if (paused.size === 0) await consumer.close()
        paused.clear()
        consumer.resume()
        if (isStuck()) await consumer.close()
      }
      if (form === 'run') await consumer.run({ eachRecord: take })
      else for await (const record of consumer.records()) await take(record)
      expect(consumer.positions()).to.deep.equal({ 0: 60, 1: 60, 2: 60 })
    })
    await fc.assert(property, { numRuns: 40, seed: seedOfRun() })
  })
})
