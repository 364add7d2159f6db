/**
 * A real broker whose topics come and go: the metadata forgets the deleted ones while it runs, and neither a kill -9
 * nor a start takes another's folder for theirs, or finds one that nobody knows.
 * Runs on: the test process with a broker in it, and broker processes.
 */
import { expect } from 'chai'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker/start-broker.js'
import type { Seams } from '../../src/broker/surroundings.js'
import { type Client, connect } from '../../src/client/index.js'
import { BrokerProcess } from '../chaos/broker-process.js'
import { type Random, seedOfRun, withSeedAsync } from '../support/random.js'

describe('deleted topics', function () {
  this.timeout(60_000)
  let dataFolder: string
  let running: Broker | undefined

  beforeEach(() => {
    dataFolder = mkdtempSync(join(tmpdir(), 'streambus-forgotten-'))
  })

  afterEach(async () => {
    await running?.abandon()
    running = undefined
    rmSync(dataFolder, { recursive: true, force: true })
  })

  function options(forgetAfterMs: number): BrokerOptions {
    const memory = { journalMemoryBytes: 4 << 20, volatileMemoryBytes: 2 << 20, pinShards: false }
    // Threads and sockets are real.
    return { dataFolder, port: 0, shards: 2, ...memory, seams: { forgetAfterMs } as Seams }
  }

  async function start(forgetAfterMs: number): Promise<Broker> {
    running = await startBroker(options(forgetAfterMs))
    return running
  }

  async function until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 10))
  }

  async function makeAndDelete(client: Client, name: string): Promise<void> {
    await client.admin().createTopic({ name, partitions: 3 })
    const producer = client.producer()
    for (let partition = 0; partition < 3; partition++) await producer.send({ topic: name, partition, value: 'gone' })
    await producer.close()
    await client.admin().deleteTopic(name)
  }

  async function keep(client: Client, topic: string, values: readonly string[]): Promise<void> {
    const names = (await client.admin().listTopics()).map(({ name }) => name)
    if (!names.includes(topic)) await client.admin().createTopic({ name: topic })
    const producer = client.producer()
    for (const value of values) await producer.send({ topic, value })
    await producer.close()
  }

  async function valuesOf(client: Client, topic: string): Promise<string[]> {
    const found: string[] = []
    for await (const batch of client.consumer({ topic, from: 'earliest', untilEnd: true })) {
      for (const { value } of batch.records()) found.push(String(value))
    }
    return found
  }

  /** No folder but those of topics that there are; those on their way out are renamed. */
  function expectNoStrangers(broker: Broker): void {
    const known = broker
      .image()
      .topics.flatMap(({ name, partitions }) => partitions.map((_, index) => `${name}-${index}`))
    const there = readdirSync(join(dataFolder, 'topics')).filter((name) => !name.endsWith('-deleted'))
    expect(there).to.have.members(known)
  }

  it('are forgotten while the broker runs and hardly writes, and one made anew under such a name is not', async () => {
    const broker = await start(100)
    const client = await connect({ server: `127.0.0.1:${broker.port}` })
    for (let index = 0; index < 20; index++) await makeAndDelete(client, `t-${index}`)
    await keep(client, 't-0', ['new', 'newer'])
    await until(() => broker.image().deletedTopics.length === 0)
    await client.close()
    await broker.abandon()
    const again = await start(100)
    expect(again.image().deletedTopics).to.deep.equal([])
    expectNoStrangers(again)
    const reader = await connect({ server: `127.0.0.1:${again.port}` })
    expect(await valuesOf(reader, 't-0')).to.deep.equal(['new', 'newer'])
    await reader.close()
  })

  it('are forgotten sooner where many are, for nothing waits a minute then', async () => {
    const broker = await start(60_000)
    const client = await connect({ server: `127.0.0.1:${broker.port}` })
    for (let index = 0; index < 70; index++) await makeAndDelete(client, `t-${index}`)
    expect(broker.image().deletedTopics.length).to.equal(70)
    await keep(client, 'kept', ['one'])
    // Enough for the journals of both shards to be settled twice, which is when they say that the topics are gone.
    await client.admin().createTopic({ name: 'much', partitions: 2 })
    const producer = client.producer()
    while (broker.image().deletedTopics.length > 0) {
      for (const partition of [0, 1]) await producer.send({ topic: 'much', partition, value: 'm'.repeat(100_000) })
    }
    await producer.close()
    expect(await valuesOf(client, 'kept')).to.deep.equal(['one'])
    await client.close()
  })

  it('leave nothing that a start after a kill -9 does not know, forgotten or not', async () => {
    const seed = seedOfRun()
    await withSeedAsync(seed, 'npm test -- test/scenario/forgotten-topics.test.ts', async (random) => {
      const kept: string[] = []
      for (let round = 0; round < 5; round++) await killedRound(random, round, kept)
    })
    const broker = await start(50)
    expectNoStrangers(broker)
    await until(() => broker.image().deletedTopics.length === 0)
    expectNoStrangers(broker)
  })

  /** Topics come and go for a while; what is kept is there after each kill. */
  async function killedRound(random: Random, round: number, kept: string[]): Promise<void> {
    const child = new BrokerProcess(options(random.pick([5, 50, 300])))
    await child.ready
    const client = await connect({ server: child.server })
    if (kept.length > 0) expect(await valuesOf(client, 'kept')).to.deep.equal(kept)
    for (let count = random.between(2, 12); count > 0; count--) {
      await makeAndDelete(client, `t-${random.below(3)}`)
      kept.push(`${round} ${count}`)
      await keep(client, 'kept', kept.slice(-1))
    }
    await child.kill()
    await client.close()
  }
})
