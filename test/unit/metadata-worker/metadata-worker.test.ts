/**
 * The metadata worker as a thread of its own: started, stopped, killed in the middle, and refused.
 * Runs on: the test process and real workers.
 */
import { expect } from 'chai'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { MetadataCommand } from '../../../native-free-core/metadata/metadata-command.js'
import type { MetadataSettings } from '../../../native-free-core/metadata/metadata-control.js'
import type { MetadataImage } from '../../../native-free-core/metadata/metadata-image.js'
import { type MetadataListeners, MetadataProxy } from '../../../src/broker/metadata-proxy.js'
import { MetadataThread } from '../../../src/broker/metadata-thread.js'

const workerUrl = new URL('../../../workers/metadata/main.js', import.meta.url)
const register: MetadataCommand = {
  type: 'registerBroker',
  version: 1,
  brokerId: 0,
  host: 'localhost',
  port: 9400,
  incarnation: 'i',
}

function create(number: number): MetadataCommand {
  const topicId = number.toString(16).padStart(32, '0')
  return {
    type: 'createTopic',
    version: 1,
    name: `t${number}`,
    topicId,
    partitions: 3,
    replicationFactor: 1,
    configs: {},
  }
}

function allocate(count: number): MetadataCommand {
  return { type: 'allocateProducerIds', version: 1, brokerId: 0, count }
}

describe('metadata worker', function () {
  this.timeout(20_000)
  let dataFolder: string
  const running: MetadataProxy[] = []

  beforeEach(() => {
    dataFolder = mkdtempSync(join(tmpdir(), 'streambus-metadata-'))
  })

  afterEach(async () => {
    for (const proxy of running.splice(0)) await proxy.terminate()
    rmSync(dataFolder, { recursive: true, force: true })
  })

  function settings(): MetadataSettings {
    return { dataFolder, brokerId: 0, clusterId: 'c'.repeat(32), diskModule: undefined }
  }

  async function start(listeners: MetadataListeners = {}): Promise<MetadataProxy> {
    const thread = new MetadataThread((_, options) => new Worker(workerUrl, options))
    const proxy = await MetadataProxy.start(thread, settings(), listeners)
    running.push(proxy)
    return proxy
  }

  /** As kill -9 does, but for the process: it lives, so its lock would count. */
  async function kill(proxy: MetadataProxy): Promise<void> {
    await proxy.terminate()
    rmSync(join(dataFolder, 'broker.lock'), { force: true })
  }

  async function failure(promise: Promise<unknown>): Promise<{ name: string; message: string }> {
    try {
      await promise
    } catch (error) {
      return error as Error
    }
    throw new Error('it did not fail')
  }

  it('starts empty, applies commands, and shows each change before it answers', async () => {
    const proxy = await start()
    expect(proxy.image.topics).to.deep.equal([])
    expect(proxy.image.clusterId).to.equal('c'.repeat(32))
    await proxy.propose(register)
    const { version } = await proxy.propose(create(1))
    expect(proxy.image.version).to.be.at.least(version)
    expect(proxy.image.topicByName('t1')?.partitions.map((partition) => partition.partitionId)).to.deep.equal([0, 1, 2])
    expect(new Uint8Array(proxy.imageBytes)).to.deep.equal(new Uint8Array(proxy.image.encode()))
  })

  it('answers what is wrong by itself and what is wrong by the state', async () => {
    const proxy = await start()
    expect(await failure(proxy.propose(create(1)))).to.include({ name: 'INVALID_REPLICATION_FACTOR' })
    await proxy.propose(register)
    const wrongName = { ...create(1), name: 'no spaces' } as MetadataCommand
    expect(await failure(proxy.propose(wrongName))).to.include({ name: 'INVALID_TOPIC_EXCEPTION' })
    await proxy.propose(create(1))
    expect(await failure(proxy.propose(create(1)))).to.include({
      name: 'TOPIC_ALREADY_EXISTS',
      message: 'topic t1 exists',
    })
  })

  it('gives commands that arrive together one image', async () => {
    const images: MetadataImage[] = []
    const proxy = await start({ onImage: (image) => images.push(image) })
    await proxy.propose(register)
    images.length = 0
    await Promise.all(Array.from({ length: 20 }, (_, number) => proxy.propose(create(number))))
    expect(proxy.image.topics.length).to.equal(20)
    expect(images.length).to.be.lessThan(10)
  })

  it('has everything again after a stop', async () => {
    const first = await start()
    await first.propose(register)
    await first.propose(create(1))
    await first.propose({ type: 'alterTopicConfig', version: 1, name: 't1', configs: { 'retention.ms': '77' } })
    const before = first.image.encode()
    await first.stop()
    expect(await failure(first.propose(register))).to.include({ name: 'SHUTTING_DOWN' })
    const second = await start()
    expect(second.image.encode()).to.deep.equal(before)
  })

  it('keeps what it answered when it is killed in the middle, again and again, and past snapshots', async () => {
    const ends: number[] = []
    for (let life = 0; life < 4; life++) {
      const proxy = await start()
      await proxy.propose(register)
      expect(proxy.image.nextProducerId).to.be.at.least(ends.at(-1) ?? 0)
      const outcomes = Array.from({ length: 400 }, async () => {
        const { value } = await proxy.propose(allocate(10))
        ends.push((value as { end: number }).end)
      })
      await Promise.race([Promise.all(outcomes.slice(0, 50 + life * 100)), failure(Promise.all(outcomes))])
      await kill(proxy)
      await Promise.allSettled(outcomes)
    }
    expect(new Set(ends).size, 'no block was given twice').to.equal(ends.length)
    const last = await start()
    expect(last.image.nextProducerId).to.be.at.least(Math.max(...ends))
  })

  it('takes snapshots, so that its log stays small', async () => {
    const proxy = await start()
    await proxy.propose(register)
    for (let count = 0; count < 300; count++) await proxy.propose(allocate(1))
    await proxy.stop()
    const names = readdirSync(join(dataFolder, 'metadata'))
    expect(names).to.have.length(2)
    expect(names.at(-1)).to.match(/^snapshot-0*[1-9]\d*$/)
    expect((await start()).image.nextProducerId).to.equal(300)
  })

  it('tells what failed before it was asked for anything', async () => {
    const failed = new Worker('throw new RangeError("no such module")', { eval: true })
    const thread = new MetadataThread(() => failed)
    await thread.exited
    const error = await failure(MetadataProxy.start(thread, settings()))
    expect(error.message).to.contain('no such module')
  })

  it('touches no folder before it is told which', async () => {
    const worker = new Worker(workerUrl)
    const thread = new MetadataThread(() => worker)
    // It is up when it has answered; to what it can't do yet with its end.
    thread.send({ kind: 'ping', token: 1 })
    await thread.exited
    expect(readdirSync(dataFolder)).to.deep.equal([])
    expect(await failure(MetadataProxy.start(thread, settings()))).to.include({ name: 'UNKNOWN_SERVER_ERROR' })
  })

  it('does not start on a damaged log, and says what to do', async () => {
    await (await start()).stop()
    writeFileSync(join(dataFolder, 'metadata/raft.journal'), 'nonsense')
    const error = await failure(start())
    expect(error).to.include({ name: 'JOURNAL_DAMAGED' })
    expect(error.message).to.match(/refuses to vote/)
  })

  it('does not start anew beside topics that it does not know', async () => {
    mkdirSync(join(dataFolder, 'topics/orders-0'), { recursive: true })
    expect((await failure(start())).message).to.match(/holds topics/)
  })

  it('rejects what waits, and says so once, when the thread ends by itself', async () => {
    const told: string[] = []
    const proxy = await start({ onFatal: (error) => told.push(error.name) })
    // The folder goes away under it: the next snapshot can't be written.
    rmSync(join(dataFolder, 'metadata'), { recursive: true })
    const outcomes = Array.from({ length: 600 }, () => proxy.propose(register))
    const results = await Promise.allSettled(outcomes)
    for (let count = 0; count < 600 && told.length === 0; count++) {
      await failure(proxy.propose({ ...register, incarnation: String(count) } as MetadataCommand)).catch(
        () => undefined,
      )
    }
    expect(told).to.deep.equal(['KAFKA_STORAGE_ERROR'])
    expect(await failure(proxy.propose(register))).to.include({ name: 'KAFKA_STORAGE_ERROR' })
    expect(results).to.have.length(600)
  })
})
