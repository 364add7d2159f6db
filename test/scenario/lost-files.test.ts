/**
 * Files that vanish or change under a broker, and a disk that is full: typed errors, a word in the log, nothing lost
 * without a word.
 * Runs on: the test process, with brokers as processes of their own. Touches: temporary folders; a small file system in
 * memory where it may be mounted.
 */
import { expect } from 'chai'
import { spawnSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrokerOptions } from '../../src/broker/start-broker.js'
import { type Client, connect, StreamBusError } from '../../src/client/index.js'
import { BrokerProcess } from '../chaos/broker-process.js'
import { JsonSocket } from '../support/json-socket.js'

const MiB = 2 ** 20
const valueBytes = 1000

describe('files that are lost', function () {
  this.timeout(60_000)
  let folder: string
  let dataFolder: string
  let broker: BrokerProcess
  let client: Client

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'streambus-lost-files-'))
    dataFolder = join(folder, 'data')
  })

  afterEach(async () => {
    await client.close().catch(() => undefined)
    await broker.kill()
    rmSync(folder, { recursive: true, force: true })
  })

  async function start(options: BrokerOptions = {}): Promise<void> {
    broker = new BrokerProcess({
      dataFolder,
      port: 0,
      shards: 1,
      pinShards: false,
      journalMemoryBytes: 4 * MiB,
      volatileMemoryBytes: 2 * MiB,
      ...options,
    })
    await broker.ready
    client = await connect({ server: broker.server, requestTimeoutMs: 10_000 })
  }

  async function end(how: 'stop' | 'kill'): Promise<void> {
    await client.close()
    await broker[how]()
  }

  /** Records of 1,000 bytes in segments of 64 KiB. */
  async function produce(count: number): Promise<void> {
    const producer = client.producer({ batchBytes: 10_000 })
    for (let index = 0; index < count; index++) producer.write({ topic: 't', value: Buffer.alloc(valueBytes, index) })
    await producer.close()
  }

  async function readAll(): Promise<number> {
    let count = 0
    for await (const batch of client.consumer({ topic: 't', from: 'earliest', untilEnd: true }))
      count += batch.recordCount
    return count
  }

  const refusalOf = (starting: Promise<void>): Promise<string> =>
    starting.then(
      () => expect.fail('the broker started'),
      (error: Error) => error.message,
    )

  const segments = (): string[] =>
    readdirSync(join(dataFolder, 'topics/t-0'))
      .filter((name) => name.endsWith('.log'))
      .map((name) => join(dataFolder, 'topics/t-0', name))

  const baseOf = (path: string): number => Number(/(\d+)\.log$/.exec(path)![1])

  it('a journal that is gone is refused by name, until the loss is accepted', async () => {
    for (const how of ['kill', 'stop'] as const) {
      rmSync(dataFolder, { recursive: true, force: true })
      await start()
      await client.admin().createTopic({ name: 't', partitions: 1 })
      await produce(50)
      await end(how)
      const journal = join(dataFolder, 'journals/shard-0.journal')
      unlinkSync(journal)
      const refusal = await refusalOf(start())
      expect(refusal).to.contain(`${journal} is missing`).and.contain(`${journal}.lost`)
      expect(await refusalOf(start()), 'again').to.contain('is missing')
      writeFileSync(`${journal}.lost`, '')
      await start()
      await produce(1)
      await end('stop')
      unlinkSync(journal)
      expect(await refusalOf(start()), 'accepted once').to.contain('is missing')
    }
  })

  it('a segment changed, cut or removed under the broker fails its readers alone, and is logged', async () => {
    await start()
    await client.admin().createTopic({ name: 't', partitions: 1, configs: { 'segment.bytes': '65536' } })
    await produce(500)
    await end('stop')
    // Started anew, it has nothing in memory.
    await start()
    const [, flipped, headless, cut, removed] = segments()
    const bytes = readFileSync(flipped!)
    bytes[500]! ^= 1
    writeFileSync(flipped!, bytes)
    const head = readFileSync(headless!)
    head[8]! ^= 0x40
    writeFileSync(headless!, head)
    writeFileSync(cut!, readFileSync(cut!).subarray(0, 3000))
    unlinkSync(removed!)
    const socket = await JsonSocket.open(broker.server)
    const errorAt = async (path: string): Promise<string | undefined> => {
      const answer = await socket.ask({ op: 'fetch', topic: 't', partition: 0, offset: baseOf(path), maxBytes: 20_000 })
      const [record] = (answer['records'] ?? []) as { error?: { name: string } }[]
      return (answer['error'] as { name: string } | undefined)?.name ?? record?.error?.name
    }
    expect(await errorAt(flipped!)).to.equal('CORRUPT_MESSAGE')
    for (const path of [headless!, cut!, removed!]) {
      expect(await errorAt(path), path).to.be.oneOf(['SEGMENT_DAMAGED', 'KAFKA_STORAGE_ERROR'])
      // At most one line a second.
      while (!broker.complaint.includes(path)) await errorAt(path)
    }
    socket.close()
    const failed = await readAll().then(
      () => undefined,
      (error: unknown) => StreamBusError.from(error).name,
    )
    expect(failed).to.equal('CORRUPT_MESSAGE')
    // Others go on, and so does this one at its end.
    await produce(1)
    expect((await client.admin().describeTopic('t')).partitions[0]!.highWatermark).to.equal(501)
  })

  it('a disk that is full takes no writes, says so, gives what it has, and goes on later', async function () {
    dataFolder = join(folder, 'small', 'data')
    const mount = join(folder, 'small')
    mkdirSync(mount)
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', mount]).status !== 0) {
      // Not allowed here.
      await start()
      return this.skip()
    }
    try {
      await start()
      await client.admin().createTopic({ name: 't', partitions: 1, configs: { 'segment.bytes': '1048576' } })
      let kept = 0
      const producer = client.producer({ batchBytes: 100_000, deliveryTimeoutMs: 5000 })
      let refused: StreamBusError | undefined
      while (refused === undefined) {
        await producer.send({ topic: 't', value: Buffer.alloc(90_000, kept) }).then(
          () => kept++,
          (error: unknown) => (refused = StreamBusError.from(error)),
        )
      }
      expect(refused.name).to.be.oneOf(['DISK_RESERVE_REACHED', 'REQUEST_TIMED_OUT'])
      while (!/warn: .*the reserve is .*writes are refused/.test(broker.complaint)) await pause()
      // Somebody else takes the rest.
      const filler = join(mount, 'filler')
      const { bavail, bsize } = statfsSync(mount)
      writeFileSync(filler, Buffer.alloc(bavail * bsize))
      expect(await readAll()).to.be.at.least(kept)
      await producer.close({ signal: AbortSignal.timeout(1) }).catch(() => undefined)
      await end('kill')
      // With no room at all it either serves what it has, or says what it needs; then it starts again.
      await start().catch((error: unknown) => expect(String(error)).to.contain('ENOSPC'))
      await end('kill')
      unlinkSync(filler)
      // Of what was kept free for the journal, settling took its part: less than the journal's size may be free now.
      expect(spawnSync('mount', ['-o', 'remount,size=64m', mount]).status).to.equal(0)
      await start({ diskReserveBytes: 65_536 })
      expect(await readAll()).to.be.at.least(kept)
      await produce(1)
    } finally {
      await end('kill')
      spawnSync('umount', [mount])
    }
  })
})

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10))
}
