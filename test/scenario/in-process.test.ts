/**
 * Brokers within one process: stopped, crashed, started again over the same folder.
 * Runs on: the test process, with the built workers.
 */
import { expect } from 'chai'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker/start-broker.js'
import { type Seams, workersIn } from '../../src/broker/surroundings.js'
import { findWorkers } from '../../src/broker/worker-files.js'
import { connect } from '../../src/client/index.js'
import { canWriteDirectly } from '../support/direct-writes.js'
import { openFilesOf } from '../support/open-files.js'

describe('a broker in this process', function () {
  this.timeout(20_000)
  let dataFolder: string
  const running: Broker[] = []

  beforeEach(() => {
    dataFolder = mkdtempSync(join(tmpdir(), 'streambus-in-process-'))
  })

  afterEach(async () => {
    for (const broker of running.splice(0)) await broker.abandon()
    rmSync(dataFolder, { recursive: true, force: true })
  })

  async function start(
    onFatal: (error: StreamBusError) => void = () => undefined,
    options: BrokerOptions = {},
  ): Promise<Broker> {
    const memory = { journalMemoryBytes: 4 << 20, volatileMemoryBytes: 2 << 20, pinShards: false }
    const broker = await startBroker({ dataFolder, port: 0, shards: 1, ...memory, onFatal, ...options })
    running.push(broker)
    return broker
  }

  async function produce(broker: Broker, value: string): Promise<void> {
    const client = await connect({ server: `127.0.0.1:${broker.port}` })
    const topics = await client.admin().listTopics()
    if (topics.length === 0) await client.admin().createTopic({ name: 'orders' })
    const producer = client.producer()
    await producer.send({ topic: 'orders', value })
    await producer.close()
    await client.close()
  }

  async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
    for (;;) {
      const found = await look()
      if (found !== undefined) return found
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  async function values(broker: Broker): Promise<string[]> {
    const client = await connect({ server: `127.0.0.1:${broker.port}` })
    const found: string[] = []
    for await (const batch of client.consumer({ topic: 'orders', untilEnd: true })) {
      for (const record of batch.records()) found.push(String(record.value))
    }
    await client.close()
    return found
  }

  it('tells stage by stage where the time of a produce goes', async () => {
    const broker = await start()
    for (const value of ['one', 'two', 'three']) await produce(broker, value)
    // Shards publish their counts every 100 ms.
    const text = await until(async () => {
      const answer = await (await fetch(`http://127.0.0.1:${broker.port}/metrics`)).text()
      return /_count\{stage="commit",.*\} 3$/m.test(answer) ? answer : undefined
    })
    const figure = (stage: string, what: 'sum' | 'count'): number =>
      Number(
        new RegExp(`^streambus_produce_stage_seconds_${what}\\{stage="${stage}",.*\\} (\\S+)$`, 'm').exec(text)?.[1],
      )
    const stages = ['receive', 'ring', 'gather', 'commit', 'reply', 'send']
    for (const stage of [...stages, 'total']) expect(figure(stage, 'count'), stage).to.equal(3)
    const parts = stages.reduce((sum, stage) => sum + figure(stage, 'sum'), 0)
    expect(parts, 'the stages together').to.be.closeTo(figure('total', 'sum'), 0.001)
    expect(text).to.match(/^streambus_heap_allocated_bytes_total\{thread="shard-0"\} \d+$/m)
  })

  for (const directSegments of [true, false]) {
    it(`settles past the page cache or not, as it is told: directSegments ${directSegments}`, async function () {
      if (process.platform !== 'linux') this.skip()
      const broker = await start(undefined, { directSegments })
      const client = await connect({ server: `127.0.0.1:${broker.port}` })
      await client.admin().createTopic({ name: 'orders', partitions: 1 })
      const producer = client.producer({ batchBytes: 65_536 })
      const sent = Array.from({ length: 3000 }, () => producer.send({ topic: 'orders', value: Buffer.alloc(1000) }))
      await Promise.all(sent)
      await client.close()
      const segments = () =>
        openFilesOf((path) => path.startsWith(`${dataFolder}/topics/orders-0/`) && path.endsWith('.log'))
      const settled = () => segments().find(({ path }) => statSync(path).size > 500_000)
      const { path } = await until(async () => settled())
      expect(segments().some(({ isDirect }) => isDirect)).to.equal(directSegments && canWriteDirectly(path))
    })
  }

  it('is refused while another has the folder, and starts when that has stopped', async () => {
    const first = await start()
    await produce(first, 'one')
    const error = await start().catch((thrown: unknown) => thrown as StreamBusError)
    expect(error).to.include({ name: 'DATA_FOLDER_IN_USE' })
    await first.close()
    expect(await values(await start())).to.deep.equal(['one'])
  })

  it('starts again after an abandoned one, with all that was acknowledged', async () => {
    const first = await start()
    await produce(first, 'one')
    await first.abandon()
    const second = await start()
    await produce(second, 'two')
    expect(await values(second)).to.deep.equal(['one', 'two'])
  })

  it('starts again after one whose metadata worker died without a word', async () => {
    let died: (error: StreamBusError) => void = () => undefined
    const death = new Promise<StreamBusError>((resolve) => {
      died = resolve
    })
    const first = await start((error) => died(error))
    await produce(first, 'one')
    const { metadata } = first as unknown as { metadata: { thread: { terminate(): Promise<void> } } }
    await metadata.thread.terminate()
    await death
    expect(readdirSync(dataFolder)).to.include('broker.lock')
    const refused = await start().catch((thrown: unknown) => thrown as StreamBusError)
    expect(refused, 'its shards still run').to.include({ name: 'DATA_FOLDER_IN_USE' })
    await first.abandon()
    expect(await values(await start())).to.deep.equal(['one'])
  })

  it('starts the sync worker with the first record', async () => {
    const spawned: string[] = []
    const startWorker: Seams['startWorker'] = (name, options) => {
      spawned.push(name)
      return workersIn(findWorkers())(name, options)
    }
    // The sockets are real.
    const seams = { startWorker } as Seams
    const broker = await start(undefined, { seams, journalMemoryBytes: 32 << 20 })
    // A shard that answers has had a turn, and asked for what it needs before.
    await Promise.all(broker.probe().map(({ answered }) => answered))
    expect(spawned).to.deep.equal(['metadata', 'shard'])
    await produce(broker, 'one')
    await until(async () => (spawned.includes('sync') ? true : undefined))
  })

  it('in a temporary folder leaves nothing behind, closed or abandoned', async () => {
    for (const end of ['close', 'abandon'] as const) {
      const broker = await startBroker({ temporary: true, port: 0, shards: 1 })
      running.push(broker)
      await produce(broker, 'one')
      expect(await values(broker)).to.deep.equal(['one'])
      expect(relative(tmpdir(), broker.dataFolder)).to.match(/^streambus-\w+$/)
      expect(existsSync(broker.dataFolder)).to.equal(true)
      await broker[end]()
      expect(existsSync(broker.dataFolder), end).to.equal(false)
    }
  })

  it('in a temporary folder leaves nothing behind when the program ends without closing it', () => {
    const index = pathToFileURL(join('dist', 'index.js')).href
    const program = `const { startBroker } = await import('${index}')
      const broker = await startBroker({ temporary: true, port: 0, shards: 1 })
      console.log(broker.dataFolder)
      process.exit(3)`
    const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
    expect(status).to.equal(3)
    expect(existsSync(stdout.trim()), stdout).to.equal(false)
  })

  it('makes no folder that nobody named', async () => {
    for (const wrong of [{ port: 0 }, { port: 0, temporary: true, dataFolder }]) {
      const started = startBroker(wrong)
      started.then((broker) => running.push(broker)).catch(() => undefined)
      const error = await started.catch((thrown: unknown) => thrown as StreamBusError)
      expect(error).to.include({ name: 'INVALID_CONFIG' })
      expect((error as StreamBusError).remedy).to.contain('temporary: true')
    }
    expect(readdirSync(dataFolder)).to.deep.equal([])
  })
})
