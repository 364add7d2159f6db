/**
 * Short runs of every kind against a broker in memory, as a library and as a command.
 * Runs on: the test process; worker threads; the command line in processes.
 */
import { expect } from 'chai'
import { type LoadOptions, planOf } from '../../../src/bench/load-options.js'
import { type RunResult, runResultVersion } from '../../../src/bench/run-result.js'
import { type LoadProgress, runLoad } from '../../../src/bench/run-load.js'
import { StreamBusError } from '../../../src/client/index.js'
import { FakeBroker } from '../../support/fake-broker.js'
import { runCli } from '../../support/run-cli.js'

const short = { seconds: 0.2, maxLatenessMs: 1e6 }
const whole = { lost: 0, duplicated: 0, outOfOrder: 0 }

describe('a load', function () {
  this.timeout(30_000)
  let broker: FakeBroker
  before(async () => {
    broker = await FakeBroker.start()
  })
  after(() => broker.stop())

  const run = (load: LoadOptions): Promise<RunResult> => runLoad({ server: broker.address }, load)

  it('produces at a rate over threads, connections, topics and keys, after a warm-up that does not count', async () => {
    const many = { threads: 2, connections: 4, topics: 2, partitions: 3, keys: 7, recordBytes: '30..60', topic: 'many' }
    const result = await run({ kind: 'produce', rate: 2000, ...many, ...short, warmUpSeconds: 0.1 })
    expect(result.version).to.equal(runResultVersion)
    expect(result.load).to.include({ threads: 2, connections: 4, topics: 2, partitions: 3, keys: 7, flush: 'commit' })
    expect(result.records).to.deep.equal({ sent: 400, acknowledged: 400, failed: 0, ...whole })
    expect(result.latency.produce!.count).to.equal(400)
    expect(result.lateness!.count).to.be.greaterThan(100)
    expect(result.environment.node).to.equal(process.version)
    expect(result.calibrationMs).to.be.greaterThan(0)
    expect(result.mebibytesPerSecond / result.recordsPerSecond).to.be.closeTo(45 / 1024 / 1024, 3 / 1024 / 1024)
    const stored = [...broker.topics.values()].filter(({ name }) => name.startsWith('many-'))
    // One for each place and connection come first.
    const count = stored.flatMap(({ partitions }) => partitions).reduce((sum, { endOffset }) => sum + endOffset, 0)
    expect(count).to.equal(2 * 3 * 4 + 200 + 400)
  })

  it('produces flat out, with a codec, and deletes the topics that it created', async () => {
    const result = await run({ kind: 'produce', topic: 'gone', deleteTopics: true, compression: 'gzip', ...short })
    expect(result.records.acknowledged).to.be.greaterThan(100)
    expect(result.records).to.include(whole)
    expect(result.latency).to.deep.equal({})
    expect(broker.topics.has('gone')).to.equal(false)
  })

  it('replays batches, and says that it did', async () => {
    const result = await run({ kind: 'replay', topic: 'replayed', batchBytes: 4096, ...short })
    expect(result.load.kind).to.equal('replay')
    expect(result.records.acknowledged).to.be.greaterThan(100)
    expect(result.records).to.not.have.property('lost')
  })

  it('fills a topic and reads it again and again', async () => {
    const result = await run({ kind: 'consume', topic: 'filled', fill: 500, decode: true, ...short })
    expect(broker.topics.get('filled')!.partitions[0]!.endOffset).to.equal(500)
    expect(result.records.delivered).to.be.greaterThan(500)
  })

  it('measures to the delivery, at a rate and one at a time', async () => {
    const atRate = await run({ kind: 'e2e', topic: 'way', partitions: 2, threads: 2, rate: 500, ...short })
    expect(atRate.records).to.deep.equal({ sent: 100, acknowledged: 100, failed: 0, delivered: 100, ...whole })
    expect(atRate.latency.endToEnd!.count).to.equal(100)
    const inTurn = await run({ kind: 'e2e', topic: 'turn', oneAtATime: true, ...short })
    expect(inTurn.records.delivered).to.be.greaterThan(5)
    expect(inTurn.records).to.include(whole)
    expect(inTurn.load).to.include({ oneAtATime: true, lingerMs: 0 })
  })

  it('measures to each of many subscribers on several threads, and to the last of them', async () => {
    const result = await run({
      kind: 'fanout',
      topic: 'fan',
      subscribers: 7,
      threads: 2,
      connections: 3,
      rate: 200,
      ...short,
    })
    expect(result.records).to.deep.equal({ sent: 40, acknowledged: 40, failed: 0, delivered: 280, ...whole })
    expect(result.latency.endToEnd!.count).to.equal(280)
    expect(result.latency.fanOut!.count).to.equal(40)
  })

  it('is void when it was later than its bound, and reads nothing back when it is asked not to', async () => {
    const result = await run({ kind: 'produce', rate: 1000, seconds: 0.1, maxLatenessMs: 0.0001, verify: false })
    expect(result.records).to.deep.equal({ sent: 100, acknowledged: 100, failed: 0 })
    expect(result.void).to.match(/the load itself was late: P99 .* ms, and the bound is 0.0001 ms/)
  })

  it('tells how far it has come, and ends when it is told to', async () => {
    const ending = new AbortController()
    const seen: LoadProgress[] = []
    const onProgress = (progress: LoadProgress) => {
      seen.push(progress)
      if (progress.phase === 'measuring' && progress.records > 0) ending.abort(new Error('enough'))
    }
    const load = { kind: 'produce', rate: 1000, seconds: 60, topic: 'long' } as const
    const error = await runLoad({ server: broker.address }, load, { onProgress, signal: ending.signal }).catch((e) => e)
    expect(error).to.have.property('message', 'enough')
    expect(seen.at(-1)).to.include({ ofSeconds: 60 })
  })

  it('rejects with what the broker says', async () => {
    broker.plan = (api) => (api === 1 ? new StreamBusError('CLUSTER_AUTHORIZATION_FAILED', 'not you') : 'answer')
    try {
      const error = await runLoad({ server: '127.0.0.1:1' }, { kind: 'produce' }).catch((e) => e)
      expect(StreamBusError.is(error)).to.equal(true)
    } finally {
      broker.plan = () => 'answer'
    }
  })

  it('tells one size as a number, however it was given', () => {
    expect(planOf({ kind: 'produce', recordBytes: '100' }).recordBytes).to.equal(100)
    expect(planOf({ kind: 'produce', recordBytes: '50..60' }).recordBytes).to.equal('50..60')
  })

  for (const [options, message] of [
    [{ threads: 0 }, '--threads is 0'],
    [{ threads: 4, connections: 2 }, '--connections is 2'],
    [{ recordBytes: 'x' }, '--record-bytes is x'],
    [{ compression: 'zip' }, '--compression is "zip"'],
    [{ rate: -1 }, '--rate is -1'],
    [{ oneAtATime: true }, '--one-at-a-time is for e2e alone'],
    [{ kind: 'e2e', oneAtATime: true, rate: 5 }, 'contradict'],
    [{ kind: 'e2e', oneAtATime: true, threads: 2 }, '--one-at-a-time has one thread'],
    [{ kind: 'replay', rate: 5 }, '--replay is flat out'],
  ] as const) {
    it(`refuses ${JSON.stringify(options)}`, () => {
      expect(() => planOf({ kind: 'produce', ...options })).to.throw(message)
    })
  }
})

describe('bench', function () {
  this.timeout(30_000)

  it('prints a result for people or as JSON; its exit code says whether it may be used', async () => {
    const broker = await FakeBroker.start()
    const env = { STREAMBUS_SERVER: broker.address }
    const args = ['bench', 'produce', '--topic', 'b', '--rate', '1000', '--seconds', '0.2']
    const asJson = await runCli([...args, '--max-lateness', '1000', '--json'], { env })
    expect(asJson, asJson.stderr).to.include({ exitCode: 0 })
    expect((JSON.parse(asJson.stdout) as RunResult).records.acknowledged).to.equal(200)
    broker.keep = () => []
    const asText = await runCli([...args, '--max-lateness', '0.0001'], { env })
    expect(asText.exitCode).to.equal(1)
    expect(asText.stdout)
      .to.match(/VOID +the load itself was late/)
      .and.match(/READ BACK +\d+ lost/)
    await broker.stop()
  })
})
