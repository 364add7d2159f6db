/**
 * What keeps a disk from hurting: writes stop before it is full, and the scrubber finds what it damaged.
 * Runs on: test process, with a broker in it. Touches: a temporary data folder; a small file system in memory where one
 * may be mounted.
 */
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Client, connect, startBroker, StreamBusError } from '../../src/index.js'
import type { BrokerOptions } from '../../src/broker/start-broker.js'
import { scrub } from '../../workers/jobs/scrub.js'
import { createDisk } from '../../workers/shared/disk.js'

const MiB = 2 ** 20

describe('care for the disk', () => {
  let folder: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'streambus-disk-care-'))
  })

  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  async function withBroker(options: BrokerOptions, use: (client: Client, port: number) => Promise<void>) {
    const small = { dataFolder: folder, port: 0, journalMemoryBytes: 4 << 20 }
    const broker = await startBroker({ ...small, ...options })
    const client = await connect({ server: `127.0.0.1:${broker.port}` })
    try {
      await use(client, broker.port)
    } finally {
      await client.close()
      await broker.close()
    }
  }

  it('refuses writes with a typed error while less than the reserve is free', async () => {
    await withBroker({ diskReserveBytes: 2 ** 40 }, async (client) => {
      await client.admin().createTopic({ name: 't', partitions: 1 })
      // Retriable, so that the producer goes on trying: it ends when its delivery time is over.
      const producer = client.producer({ deliveryTimeoutMs: 500 })
      const error = await producer.send({ topic: 't', value: 'x' }).then(
        () => undefined,
        (caught: unknown) => StreamBusError.from(caught),
      )
      await producer.close()
      expect(error?.name).to.be.oneOf(['DISK_RESERVE_REACHED', 'REQUEST_TIMED_OUT'])
      expect((await client.admin().describeTopic('t')).partitions[0]!.highWatermark).to.equal(0)
    })
  })

  it('keeps the reserve free however fast records come, and little more', async function () {
    this.timeout(60_000)
    const mount = join(folder, 'small')
    mkdirSync(mount)
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=128m', 'tmpfs', mount]).status !== 0) {
      console.log('    skipped: no file system may be mounted here')
      return this.skip()
    }
    const [diskReserveBytes, journalMemoryBytes] = [48 * MiB, 16 * MiB]
    const freeBytes = (): number => statfsSync(mount).bavail * statfsSync(mount).bsize
    try {
      const options = { dataFolder: join(mount, 'data'), shards: 2, diskReserveBytes, journalMemoryBytes }
      await withBroker(options, async (client) => {
        await client.admin().createTopic({ name: 't', partitions: 3 })
        const producer = client.producer({ batchBytes: 500_000, deliveryTimeoutMs: 1500 })
        let isRefused = false
        const send = (): Promise<unknown> => producer.send({ topic: 't', value: Buffer.alloc(20_000) })
        while (!isRefused) await Promise.all(Array.from({ length: 100 }, send)).catch(() => (isRefused = true))
        await producer.close().catch(() => undefined)
      })
      // The stop has settled everything.
      const besides = (freeBytes() - diskReserveBytes) / MiB
      expect(besides).to.be.within(-2, journalMemoryBytes / MiB + 1)
    } finally {
      spawnSync('umount', [mount])
    }
  })

  it('frees the space of removed segments, though they were read', async function () {
    this.timeout(20_000)
    if (!existsSync('/proc/self/fd')) return this.skip()
    const topic = { name: 't', partitions: 1, configs: { 'segment.bytes': '65536' } }
    await withBroker({}, async (client) => {
      await client.admin().createTopic(topic)
      const producer = client.producer({ batchBytes: 16_384 })
      for (let index = 0; index < 3000; index++) producer.write({ topic: 't', value: 'x'.repeat(100) })
      await producer.close()
    })
    const open = (): string[] =>
      readdirSync('/proc/self/fd')
        .map((name) => linkOf(`/proc/self/fd/${name}`))
        .filter((path) => path.startsWith(join(folder, 'topics')) && path.includes('.log'))
    // Started anew, it has nothing in memory.
    await withBroker({}, async (client) => {
      const consumer = client.consumer({ topic: 't', from: 'earliest', untilEnd: true })
      let count = 0
      for await (const batch of consumer) count += batch.recordCount
      expect(count).to.equal(3000)
      expect(open().length).to.be.at.least(3)
      await client.admin().deleteRecords('t', 0, 2500)
      // The shard has its last segment open, and nobody any other.
      while (open().length > 1) await pause()
    })
  })

  it('finds a flipped bit in a sealed segment, and nothing in a sound folder', async () => {
    await withBroker({}, async (client) => {
      await client.admin().createTopic({ name: 't', partitions: 1, configs: { 'segment.bytes': '65536' } })
      const producer = client.producer({ batchBytes: 16_384 })
      for (let index = 0; index < 3000; index++) producer.write({ topic: 't', value: 'x'.repeat(100) })
      await producer.close()
    })
    const sound = scrub(createDisk(), folder, 2 ** 30)
    expect(sound.segments).to.be.greaterThan(2)
    expect(sound.damages).to.deep.equal([])
    const segments = join(folder, 'topics', 't-0')
    const path = join(segments, readdirSync(segments).filter((name) => name.endsWith('.log'))[1]!)
    const bytes = readFileSync(path)
    bytes[1000]! ^= 1
    writeFileSync(path, bytes)
    expect(scrub(createDisk(), folder, 2 ** 30).damages.map((damage) => damage.path)).to.deep.equal([path])
    await withBroker({ scrubIntervalMs: 20 }, async (client, port) => {
      const get = async (what: string): Promise<string> => (await fetch(`http://127.0.0.1:${port}${what}`)).text()
      while (!/^streambus_damaged_segments 1$/m.test(await get('/metrics'))) await pause()
      expect(JSON.parse(await get('/health/ready'))).to.deep.equal({ status: 'ready', damagedSegments: 1 })
      expect(await client.admin().clusterStatus()).to.include({ damagedSegments: 1 })
      bytes[1000]! ^= 1
      writeFileSync(path, bytes)
      while (!/^streambus_damaged_segments 0$/m.test(await get('/metrics'))) await pause()
      expect(JSON.parse(await get('/health/ready'))).to.deep.equal({ status: 'ready' })
    })
  })
})

/** Of a descriptor, which may be closed just now. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10))
}
