/**
 * Deleting records through a real broker: below and above what is settled, and across a restart.
 * Runs on: test process, with a broker in it. Touches: a temporary data folder.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Broker, type Client, connect, startBroker } from '../../src/index.js'

describe('deleting records', () => {
  let folder: string
  let broker: Broker
  let client: Client

  async function start(): Promise<void> {
    broker = await startBroker({ dataFolder: join(folder, 'data'), port: 0, journalMemoryBytes: 4 << 20 })
    client = await connect({ server: `127.0.0.1:${broker.port}` })
  }

  async function stop(): Promise<void> {
    await client.close()
    await broker.close()
  }

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'streambus-delete-records-'))
    await start()
  })

  afterEach(async () => {
    await stop()
    rmSync(folder, { recursive: true, force: true })
  })

  async function produce(count: number): Promise<void> {
    const producer = client.producer()
    for (let index = 0; index < count; index++) await producer.send({ topic: 't', value: `record ${index}` })
    await producer.close()
  }

  it('moves the log start offset over records that only the journal holds, also across a restart', async () => {
    await client.admin().createTopic({ name: 't', partitions: 1 })
    await produce(4)
    await client.admin().deleteRecords('t', 0, 2)
    expect((await client.admin().describeTopic('t')).partitions[0]).to.include({ logStartOffset: 2, highWatermark: 4 })
    await stop()
    await start()
    expect((await client.admin().describeTopic('t')).partitions[0]).to.include({ logStartOffset: 2, highWatermark: 4 })
    const offsets: number[] = []
    for await (const batch of client.consumer({ topic: 't', from: 'earliest', untilEnd: true })) {
      for (const record of batch.records()) offsets.push(record.offset)
    }
    expect(offsets).to.deep.equal([2, 3])
  })

  it('closes although a shard has ended before', async () => {
    await client.admin().createTopic({ name: 't', partitions: 1 })
    await produce(1)
    await client.close()
    await broker.abandon()
    await broker.close()
    rmSync(join(folder, 'data'), { recursive: true, force: true })
    await start()
  })
})
