/**
 * The wall clock is set forward and back under a running broker: nothing waits for the time that was taken away, and
 * retention takes no records for a time that never passed.
 * Runs on: the test process, with a broker as a process of its own. Touches: a temporary folder.
 */
import { expect } from 'chai'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Client, connect } from '../../src/client/index.js'
import { BrokerProcess } from '../chaos/broker-process.js'
import { JsonSocket } from '../support/json-socket.js'

const clockFile = fileURLToPath(new URL('../support/shifted-clock.js', import.meta.url))
/** Less than the hour by which records may be ahead of the broker's clock. */
const setBackMs = 1_800_000
const dayMs = 86_400_000

describe('a broker whose clock is set', function () {
  this.timeout(30_000)
  let folder: string
  let broker: BrokerProcess
  let client: Client

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'streambus-clock-'))
    setClock(0)
    const small = { journalMemoryBytes: 4 << 20, shards: 1, pinShards: false, retentionCheckIntervalMs: 50 } as const
    broker = new BrokerProcess(
      { dataFolder: join(folder, 'data'), port: 0, ...small },
      { STREAMBUS_TEST_CLOCK: join(folder, 'clock') },
      [],
      ['--import', clockFile],
    )
    await broker.ready
    client = await connect({ server: broker.server, requestTimeoutMs: 5000 })
  })

  afterEach(async () => {
    await client.close().catch(() => undefined)
    await broker.kill()
    rmSync(folder, { recursive: true })
  })

  function setClock(shiftMs: number): void {
    writeFileSync(join(folder, 'clock'), String(shiftMs))
  }

  /** How far the broker's clock is ahead of ours. */
  async function aheadMs(): Promise<number> {
    return ((await client.admin().clusterStatus())['timeMs'] as number) - Date.now()
  }

  async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  async function produce(count: number): Promise<void> {
    const producer = client.producer()
    for (let index = 0; index < count; index++) await producer.send({ topic: 't', partition: 0, value: `v${index}` })
    await producer.close()
  }

  it('back by half an hour answers waiting fetches, makes and deletes topics, and keeps what it is given', async () => {
    const admin = client.admin()
    await admin.createTopic({ name: 't', partitions: 1 })
    await produce(1)
    setClock(-setBackMs)
    await until(async () => (await aheadMs()) < -setBackMs / 2)
    // Busy, so that the shard never sleeps: it has to look at its messages all the same.
    let isBusy = true
    const busy = (async () => {
      while (isBusy) await produce(20)
    })()
    const startedMs = performance.now()
    await admin.createTopic({ name: 'made-later', partitions: 3 })
    await admin.deleteTopic('made-later')
    isBusy = false
    await busy
    // At the end of the log: each fetch waits its time, then is answered with nothing.
    const { highWatermark } = (await admin.describeTopic('t')).partitions[0]!
    const socket = await JsonSocket.open(broker.server)
    const fetch = { op: 'fetch', topic: 't', partition: 0, offset: highWatermark, minBytes: 1, maxWaitMs: 2000 }
    const fetched = socket.ask(fetch)
    // The shard takes requests in their order: then it has the fetch.
    await socket.ask({ op: 'describeTopic', topic: 't' })
    setClock(-2 * setBackMs)
    expect(await fetched).to.deep.include({ ok: true, records: [] })
    socket.close()
    expect(performance.now() - startedMs).to.be.below(10_000)
  })

  it('ahead by a month does not let retention take what is an hour old, and tells of it', async () => {
    const admin = client.admin()
    await admin.createTopic({ name: 't', partitions: 1, configs: { 'retention.ms': String(dayMs) } })
    const bySize = { 'segment.bytes': '65536', 'retention.bytes': '65536' }
    await admin.createTopic({ name: 'by-size', partitions: 1, configs: bySize })
    await produce(50)
    setClock(30 * dayMs)
    await until(() => broker.complaint.includes('clock'))
    expect(broker.complaint).to.match(/warn: .*clock.*30\.0 days.*retention/)
    // Retention goes on to look, and to take what is too much.
    const producer = client.producer()
    await until(async () => {
      await producer.send({ topic: 'by-size', value: Buffer.alloc(60_000) })
      return (await admin.describeTopic('by-size')).partitions[0]!.logStartOffset > 0
    })
    await producer.close()
    const { logStartOffset, highWatermark } = (await admin.describeTopic('t')).partitions[0]!
    expect({ logStartOffset, highWatermark }).to.deep.equal({ logStartOffset: 0, highWatermark: 50 })
  })
})
