/**
 * A broker process whose disk fails under it: system calls on chosen files are answered with EIO or ENOSPC by strace.
 * Nothing acknowledged is lost, what is not is refused with a typed error, the other shard goes on, the broker says
 * which operation, file and error it was, and a start on the mended disk has everything.
 * Runs on: the test process, with brokers and strace as processes of their own; skipped, with the reason, where strace
 * is missing or may not trace. Touches: temporary folders; a small file system in memory where one may be mounted.
 */
import { expect } from 'chai'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrokerOptions } from '../../src/broker/start-broker.js'
import { type Client, connect } from '../../src/client/index.js'
import { BrokerProcess } from '../chaos/broker-process.js'
import { InjectedErrors, type Injection } from '../support/injected-errors.js'
import { JsonSocket } from '../support/json-socket.js'

const MiB = 2 ** 20
const shardCount = 2
const valueBytes = 20_000
/** Three times what a shard's journal of 2 MiB holds: it is settled, and its head moves, several times. */
const mostRecords = 300
const writes = ['pwrite64', 'pwritev', 'write']

interface Case {
  readonly what: string
  readonly calls: readonly string[]
  readonly error?: Injection['error']
  /** Of the shard and of the folder of the partition that is written to. */
  readonly path: (journals: string, shard: number, partition: string) => string
  /** What the log says after the path. */
  readonly says: string
}

const cases: readonly Case[] = [
  {
    what: 'a journal write',
    calls: writes,
    path: (journals, shard) => `${journals}/shard-${shard}.journal`,
    says: 'write at \\d+ failed: EIO: i/o error, write',
  },
  {
    what: "a segment's settling write",
    calls: writes,
    path: (_, __, partition) => `${partition}/00000000000000000000.log`,
    says: 'write at \\d+ failed: EIO: i/o error, write',
  },
  {
    what: "a segment's settling write, for want of room,",
    calls: writes,
    error: 'ENOSPC',
    path: (_, __, partition) => `${partition}/00000000000000000000.log`,
    says: 'write at \\d+ failed: ENOSPC: no space left on device, write. Free space on that disk',
  },
  {
    what: "a segment's sync",
    calls: ['fdatasync'],
    path: (_, __, partition) => `${partition}/00000000000000000000.log`,
    says: 'sync failed: EIO: i/o error',
  },
  {
    what: "a partition's folder's sync",
    calls: ['fsync'],
    path: (_, __, partition) => partition,
    says: 'sync of the folder failed: EIO: i/o error',
  },
  {
    what: "the recovery point's write",
    calls: writes,
    path: (journals, shard) => `${journals}/shard-${shard}.recovery-point.new`,
    says: 'write at 0 failed: EIO: i/o error, write',
  },
  {
    what: "the recovery point's sync",
    calls: ['fdatasync'],
    path: (journals, shard) => `${journals}/shard-${shard}.recovery-point.new`,
    says: 'replacement failed: EIO: i/o error',
  },
  {
    what: "the recovery point's publishing",
    calls: ['rename', 'renameat', 'renameat2'],
    path: (journals, shard) => `${journals}/shard-${shard}.recovery-point.new`,
    says: 'replacement failed: EIO: i/o error',
  },
]

describe('a disk that fails under a broker', function () {
  this.timeout(60_000)
  let folder: string
  let dataFolder: string
  let broker: BrokerProcess
  let client: Client
  let socket: JsonSocket
  let injected: InjectedErrors | undefined

  before(async function () {
    const obstacle = await InjectedErrors.obstacle()
    if (obstacle === undefined) return
    console.log(`    skipped: nothing can be injected here (${obstacle}); apt-get install strace, run as root`)
    this.skip()
  })

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'streambus-disk-errors-'))
    dataFolder = join(folder, 'data')
    injected = undefined
  })

  afterEach(async () => {
    await injected?.end()
    socket.close()
    await client.close().catch(() => undefined)
    await broker.kill()
    rmSync(folder, { recursive: true, force: true })
  })

  async function start(options: BrokerOptions = {}): Promise<void> {
    broker = new BrokerProcess({
      dataFolder,
      port: 0,
      shards: shardCount,
      pinShards: false,
      journalMemoryBytes: 4 * MiB,
      volatileMemoryBytes: 2 * MiB,
      ...options,
    })
    await broker.ready
    client = await connect({ server: broker.server, requestTimeoutMs: 10_000 })
    socket = await JsonSocket.open(broker.server)
  }

  async function inject(injection: Omit<Injection, 'error'> & Partial<Injection>): Promise<void> {
    injected = await InjectedErrors.into(broker.pid, { error: 'EIO', ...injection })
  }

  async function heal(): Promise<void> {
    await injected!.end()
    injected = undefined
  }

  async function restart(how: 'stop' | 'kill'): Promise<void> {
    socket.close()
    await client.close()
    await broker[how]()
    await start()
  }

  /** The name of the error, if there is one. */
  async function produce(partition: number, number: number): Promise<string | undefined> {
    const value = String(number).padEnd(valueBytes, '.')
    const answer = await socket.ask({ op: 'produce', topic: 't', partition, records: [{ value, encoding: 'text' }] })
    return (answer['error'] as { name: string } | undefined)?.name
  }

  /** Numbers that were acknowledged, up to the first that is refused, which is with KAFKA_STORAGE_ERROR. */
  async function produceUntilRefused(partition: number, from: number): Promise<number[]> {
    const acknowledged: number[] = []
    for (let number = from; number < mostRecords; number++) {
      const error = await produce(partition, number)
      if (error === undefined) {
        acknowledged.push(number)
        continue
      }
      expect(error).to.equal('KAFKA_STORAGE_ERROR')
      return acknowledged
    }
    return expect.fail('nothing was refused')
  }

  async function produceAll(partition: number, from: number, count: number): Promise<number[]> {
    const numbers = Array.from({ length: count }, (_, index) => from + index)
    for (const number of numbers) expect(await produce(partition, number)).to.equal(undefined)
    return numbers
  }

  async function read(partition: number): Promise<number[]> {
    const found: number[] = []
    const consumer = client.consumer({ topic: 't', partitions: [partition], from: 'earliest', untilEnd: true })
    for await (const record of consumer.records())
      found.push(Number.parseInt(Buffer.from(record.value!).toString(), 10))
    return found
  }

  async function shardOf(partition: number): Promise<number> {
    const { partitions } = await client.admin().describeTopic('t')
    return partitions.find((one) => one.partition === partition)!.partitionId % shardCount
  }

  /** Its log comes through a pipe. */
  async function said(word: RegExp): Promise<void> {
    for (let waitedMs = 0; waitedMs < 10_000 && !word.test(broker.complaint); waitedMs += 10) await pause()
    expect(broker.complaint).to.match(word)
  }

  const get = (path: string): Promise<Response> => fetch(`http://${broker.server}${path}`)

  async function offlineShards(): Promise<string[]> {
    const text = await (await get('/metrics')).text()
    return [...text.matchAll(/^streambus_shard_offline\{shard="(\d+)"\} 1$/gm)].map(([, shard]) => shard!)
  }

  for (const [index, { what, calls, error = 'EIO', path: pathOf, says }] of cases.entries()) {
    it(`at ${what} takes one shard offline, with a word, and loses nothing`, async () => {
      await start()
      await client.admin().createTopic({ name: 't', partitions: 2 })
      const here = await produceAll(0, 0, 3)
      const there = await produceAll(1, 0, 3)
      const shard = await shardOf(0)
      const path = pathOf(join(dataFolder, 'journals'), shard, join(dataFolder, 'topics/t-0'))
      await inject({ calls, error, paths: [path] })
      here.push(...(await produceUntilRefused(0, here.length)))
      expect(injected!.count).to.be.at.least(1)
      there.push(...(await produceAll(1, there.length, 60)))
      const named = path.replaceAll('.', '\\.').replace(/\\\.new$/, '(\\.new)?')
      const word = new RegExp(`error: shard ${shard} takes no writes any more: ${named}: ${says}`)
      await said(word)
      const health = await get('/health/ready')
      expect(health.status).to.equal(503)
      expect(((await health.json()) as { error: { message: string } }).error.message).to.contain(`failed: ${error}`)
      expect(await offlineShards()).to.deep.equal([String(shard)])
      expect(await read(0), 'while it is offline').to.deep.equal(here)
      expect(await read(1), 'of the other shard').to.deep.equal(there)
      expect(await produce(0, 999)).to.equal('KAFKA_STORAGE_ERROR')
      await heal()
      expect(await produce(0, 999), 'until a restart').to.equal('KAFKA_STORAGE_ERROR')
      await restart(index % 2 === 0 ? 'kill' : 'stop')
      expect(broker.complaint).not.to.contain('error: ')
      expect(await offlineShards()).to.deep.equal([])
      // What was refused may be there, but nothing between and nothing twice.
      const kept = await read(0)
      expect(kept.slice(0, here.length)).to.deep.equal(here)
      expect(kept.slice(here.length)).to.deep.equal(kept.length > here.length ? [here.length] : [])
      expect(await read(1)).to.deep.equal(there)
      await produceAll(0, 1000, 1)
      expect((await get('/health/ready')).status).to.equal(200)
    })
  }

  it('at filling a journal ahead of its commits is told, and nothing is refused', async () => {
    await start({ journalMemoryBytes: 32 * MiB })
    const path = join(dataFolder, 'journals/shard-0.journal')
    await inject({ calls: ['fdatasync'], paths: [path] })
    await client.admin().createTopic({ name: 't', partitions: 2 })
    const here = [await produceAll(0, 0, 150), await produceAll(1, 0, 150)]
    expect(injected!.count).to.be.at.least(1)
    await said(/warn: .*shard-0\.journal: filling ahead of the commits failed: EIO/)
    expect(await offlineShards()).to.deep.equal([])
    await restart('kill')
    expect([await read(0), await read(1)]).to.deep.equal(here)
  })

  it('at a sync of the whole file system goes on with syncs of single files', async () => {
    await start()
    await client.admin().createTopic({ name: 't', partitions: 64 })
    await inject({ calls: ['syncfs'], paths: [dataFolder] })
    const numbers = [...Array.from({ length: 3 }).keys()]
    for (let partition = 0; partition < 64; partition++) await produceAll(partition, 0, numbers.length)
    expect(await offlineShards()).to.deep.equal([])
    await heal()
    await restart('stop')
    for (let partition = 0; partition < 64; partition++) expect(await read(partition)).to.deep.equal(numbers)
  })

  it('at a read fails that read alone, with a word', async () => {
    await start()
    await client.admin().createTopic({ name: 't', partitions: 2 })
    const numbers = await produceAll(0, 0, 10)
    await produceAll(1, 0, 10)
    // Started anew, it has nothing in memory.
    await restart('stop')
    const path = join(dataFolder, 'topics/t-0/00000000000000000000.log')
    await inject({ calls: ['pread64', 'preadv'], paths: [path] })
    const answer = await socket.ask({ op: 'fetch', topic: 't', partition: 0, offset: 0 })
    expect((answer['error'] as { name: string }).name).to.equal('KAFKA_STORAGE_ERROR')
    await said(/error: a read failed: .*t-0\/0+\.log: read of \d+ bytes at 0 failed: EIO/)
    expect(await read(1)).to.have.lengthOf(10)
    numbers.push(...(await produceAll(0, 10, 1)))
    expect(await offlineShards()).to.deep.equal([])
    await heal()
    expect(await read(0)).to.deep.equal(numbers)
  })

  it('at the journal of the metadata ends the broker, which says so, and loses nothing', async () => {
    await start()
    await client.admin().createTopic({ name: 't', partitions: 2 })
    const numbers = await produceAll(0, 0, 10)
    const names = readdirSync(join(dataFolder, 'metadata')).map((name) => join(dataFolder, 'metadata', name))
    await inject({ calls: writes, paths: names })
    await client
      .admin()
      .createTopic({ name: 'u', partitions: 1 })
      .then(
        () => expect.fail('it was created'),
        () => undefined,
      )
    expect(await broker.ended).to.equal(70)
    await said(/data\/metadata\/.*: write at \d+ failed: EIO/)
    await heal()
    await restart('kill')
    expect(await read(0)).to.deep.equal(numbers)
  })

  it("at a journal's last word, that it was closed, is told", async () => {
    await start()
    await client.admin().createTopic({ name: 't', partitions: 2 })
    const numbers = await produceAll(0, 0, 3)
    await restart('stop')
    const path = join(dataFolder, 'journals/shard-1.journal')
    await inject({ calls: writes, paths: [path] })
    socket.close()
    await client.close()
    expect(await broker.stop()).to.equal(0)
    await said(/error: shard 1 takes no writes any more: .*shard-1\.journal: write at \d+ failed: EIO/)
    await heal()
    await start()
    expect(await read(0)).to.deep.equal(numbers)
    await produceAll(0, 1000, 1)
  })

  it('for want of room while it stops is told, and nothing is lost', async function () {
    const mount = join(folder, 'small')
    dataFolder = join(mount, 'data')
    mkdirSync(mount)
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', mount])
    if (mounted.status !== 0) {
      console.log(`    skipped: no file system may be mounted here (${mounted.stderr.toString().trim()})`)
      dataFolder = join(folder, 'data')
      await start()
      return this.skip()
    }
    try {
      await start({ diskReserveBytes: 65_536 })
      await client.admin().createTopic({ name: 't', partitions: 2 })
      // Less than what settling starts at: all of it lies in the journals alone.
      const numbers = await produceAll(0, 0, 20)
      const filler = join(mount, 'filler')
      // Whoever else takes some of the rest, nothing of it is left.
      const { bavail, bsize } = statfsSync(mount)
      expect(() => writeFileSync(filler, Buffer.alloc((bavail + 1) * bsize))).to.throw('ENOSPC')
      socket.close()
      await client.close()
      await broker.stop()
      await said(/shard \d takes no writes any more: .*t-0\/0+\.log: .*failed: ENOSPC/)
      unlinkSync(filler)
      await start({ diskReserveBytes: 65_536 })
      expect(await read(0)).to.deep.equal(numbers)
      await produceAll(0, 1000, 1)
    } finally {
      socket.close()
      await client.close().catch(() => undefined)
      await broker.kill()
      spawnSync('umount', [mount])
    }
  })
})

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10))
}
