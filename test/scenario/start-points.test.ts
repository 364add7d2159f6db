/**
 * Every place that a consumer may begin at, seek and lag, on a real broker: records in segments and in the journal.
 * Runs on: the test process, with the built workers.
 */
import { expect } from 'chai'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../../src/broker/start-broker.js'
import { type Client, connect, type StartPoint } from '../../src/client/index.js'

const partitionCount = 3
const recordCount = 300
const minuteMs = 60_000

describe('where a consumer begins, on a real broker', function () {
  this.timeout(30_000)
  let dataFolder: string
  let broker: Broker
  let client: Client
  let startMs: number

  before(async () => {
    dataFolder = mkdtempSync(join(tmpdir(), 'streambus-start-points-'))
    await start()
    await client.admin().createTopic({ name: 't', partitions: partitionCount })
    // The last record is a minute old: one a minute, over the partitions in turn.
    startMs = Date.now() - recordCount * minuteMs
    await produce(0, 200)
    // Closing settles what is there into segments; what follows is in the journal.
    await stop()
    await start()
    await produce(200, recordCount)
  })

  after(async () => {
    await stop()
    rmSync(dataFolder, { recursive: true, force: true })
  })

  async function start(): Promise<void> {
    const memory = { journalMemoryBytes: 4 << 20, volatileMemoryBytes: 2 << 20, pinShards: false }
    broker = await startBroker({ dataFolder, port: 0, shards: 1, ...memory })
    client = await connect({ server: `127.0.0.1:${broker.port}` })
  }

  async function stop(): Promise<void> {
    await client.close()
    await broker.close()
  }

  async function produce(first: number, end: number): Promise<void> {
    const producer = client.producer()
    for (let number = first; number < end; number++) {
      const value = `${number}`.padStart(100, '0')
      producer.write({
        topic: 't',
        value,
        partition: number % partitionCount,
        timestampMs: startMs + number * minuteMs,
      })
    }
    await producer.close()
  }

  async function numbersFrom(from: StartPoint, partitions?: number[]): Promise<number[]> {
    const numbers: number[] = []
    const consumer = client.consumer({ topic: 't', from, partitions, untilEnd: true })
    for await (const record of consumer.records()) numbers.push(Number(record.text()))
    return numbers.sort((a, b) => a - b)
  }

  const lastOf = (count: number) => Array.from({ length: count }, (_, index) => recordCount - count + index)

  it('earliest, latest and an offset', async () => {
    expect(await numbersFrom('earliest')).to.deep.equal(lastOf(recordCount))
    expect(await numbersFrom('latest')).to.deep.equal([])
    expect(await numbersFrom(98)).to.deep.equal(lastOf(6))
    expect(await numbersFrom({ offsets: { 0: 99, 1: 99, 2: 98 } })).to.deep.equal([296, 297, 298, 299])
  })

  it('a time: as a number, a Date, and so long ago', async () => {
    const timeOf = (number: number) => startMs + number * minuteMs
    expect(await numbersFrom({ timestampMs: timeOf(150) })).to.deep.equal(lastOf(150))
    expect(await numbersFrom(new Date(timeOf(290)))).to.deep.equal(lastOf(10))
    expect(await numbersFrom(new Date(timeOf(289) + 1))).to.deep.equal(lastOf(10))
    expect(await numbersFrom('-150.5m')).to.deep.equal(lastOf(150))
    expect(await numbersFrom('-2h30m30s')).to.deep.equal(lastOf(150))
    expect(await numbersFrom('-1s')).to.deep.equal([])
  })

  it('the last records of the topic, and of some of its partitions', async () => {
    for (const last of [0, 1, 10, 99, 150, 299, 300, 1000]) {
      expect(await numbersFrom({ last }), `last ${last}`).to.deep.equal(lastOf(Math.min(last, recordCount)))
    }
    expect(await numbersFrom({ last: 5 }, [1])).to.deep.equal([286, 289, 292, 295, 298])
    expect(await numbersFrom({ last: 4 }, [0, 2])).to.deep.equal([294, 296, 297, 299])
  })

  it('seek to each of them, and lag from there', async () => {
    const consumer = client.consumer({ topic: 't', from: 'latest', partitions: [1] })
    expect(await consumer.lag()).to.deep.equal({ 1: 0 })
    const places: [StartPoint, number][] = [
      ['earliest', 100],
      [40, 60],
      [{ last: 7 }, 7],
      ['-30m', 9],
      [new Date(startMs), 100],
      ['latest', 0],
    ]
    for (const [to, lag] of places) {
      await consumer.seek(1, to)
      expect((await consumer.lag())[1], JSON.stringify(to)).to.be.within(lag, lag + 1)
    }
    await consumer.seek(1, 99)
    const { value: record } = await consumer.records().next()
    expect(record?.offset).to.equal(99)
    await consumer.close()
  })

  it('a record that is too large for its topic fails alone, with both numbers', async () => {
    await client.admin().createTopic({ name: 'small', configs: { 'max.message.bytes': '2048' } })
    const producer = client.producer({ compression: 'none' })
    const sends = Array.from({ length: 200 }, (_, index) =>
      producer.send({ topic: 'small', value: index === 100 ? 'x'.repeat(5000) : `${index}`.padStart(100, '0') }),
    )
    const results = await Promise.allSettled(sends)
    const failed = results.filter((result) => result.status === 'rejected')
    expect(failed).to.have.length(1)
    const { message } = (failed[0] as PromiseRejectedResult).reason as Error
    expect(message)
      .to.match(/^a record of 50\d\d bytes for small-0 is too large/)
      .and.include('max.message.bytes is 2048')
    expect(results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.offset] : []))).to.deep.equal(
      Array.from({ length: 199 }, (_, index) => index),
    )
  })

  for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    it(`takes and gives back what is packed with ${compression}`, async () => {
      await client.admin().createTopic({ name: compression })
      const texts = Array.from({ length: 500 }, (_, index) => `the same again, number ${index}`)
      await client.producer({ compression }).sendBatch(texts.map((value) => ({ topic: compression, value })))
      const seen: (string | null)[] = []
      const consumer = client.consumer({ topic: compression, untilEnd: true })
      for await (const record of consumer.records()) seen.push(record.text())
      expect(seen).to.deep.equal(texts)
    })
  }
})
