/**
 * Every row of the error table is met once: here through a real broker, or in the test that names it.
 * Runs on: the test process with a broker in it.
 */
import { expect } from 'chai'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { type ErrorName, errorNameOf, errorTable } from '../../native-free-core/errors/error-table.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { BatchLayout } from '../../native-free-core/log/record-batch.js'
import { crc32cOf } from '../../native-free-core/log/crc32c.js'
import { writeHelloRequest, writeSubscribeRequest } from '../../native-free-core/protocol/codecs.generated.js'
import type { MetadataThread } from '../../src/broker/metadata-thread.js'
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker/start-broker.js'
import { type Client, connect } from '../../src/client/index.js'
import { batchOf, RawClient } from '../support/gateway-fixture.js'
import { listFiles, readText, root } from '../tidy/source-tree.js'

const small = { journalMemoryBytes: 4 << 20, volatileMemoryBytes: 2 << 20, shards: 1, pinShards: false } as const
const dayMs = 86_400_000

/** What the error was called, by those that say nothing but a code. */
interface Met {
  readonly name: ErrorName
}

describe('every error', function () {
  this.timeout(20_000)
  let folder: string
  let broker: Broker
  let client: Client
  let raw: RawClient
  let partitionId: number

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'streambus-errors-'))
    broker = await startBroker({ ...small, dataFolder: join(folder, 'live'), port: 0, maxSendBufferBytes: 64 * 1024 })
    client = await connect({ server: `127.0.0.1:${broker.port}` })
    await client.admin().createTopic({ name: 't' })
    partitionId = (await client.admin().describeTopic('t')).partitions[0]!.partitionId
    raw = await openRaw()
  })

  after(async () => {
    raw.ws.terminate()
    await client.close()
    await broker.close()
    rmSync(folder, { recursive: true, force: true })
  })

  async function openRaw(): Promise<RawClient> {
    const opened = new RawClient(new WebSocket(broker.url, ['streambus.v1'], { perMessageDeflate: false }))
    await opened.opened
    await opened.ask('Hello', (body) => writeHelloRequest(body, { protocolVersion: 1, clientName: 'test' }))
    return opened
  }

  async function produced(batch: Uint8Array, acks = -1): Promise<Met> {
    const { error } = await raw.produce(partitionId, batch, acks)
    return { name: errorNameOf(error!.code) }
  }

  /** A batch with some bytes of its head changed, and the CRC that fits. */
  function altered(change: (view: DataView) => void): Uint8Array {
    const batch = batchOf(3)
    const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength)
    change(view)
    view.setUint32(BatchLayout.crcAt, crc32cOf(batch, BatchLayout.attributesAt, batch.length))
    return batch
  }

  async function thrownBy(body: () => Promise<unknown>): Promise<Met> {
    const error = await body().then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(StreamBusError.is(error), String(error)).to.equal(true)
    return error as StreamBusError
  }

  async function refusedStart(options: BrokerOptions): Promise<Met> {
    return thrownBy(() => startBroker({ ...small, port: 0, ...options }))
  }

  /** A clean folder with one settled segment, whose bytes are then flipped in their middle. */
  async function damagedSegment(): Promise<Met> {
    const dataFolder = join(folder, 'damaged')
    const first = await startBroker({ ...small, dataFolder, port: 0 })
    const writer = await connect({ server: `127.0.0.1:${first.port}` })
    await writer.admin().createTopic({ name: 't' })
    const producer = writer.producer()
    for (let n = 0; n < 50; n++) await producer.send({ topic: 't', value: `value ${n}` })
    await writer.close()
    await first.close()
    const file = join(dataFolder, 'topics/t-0/00000000000000000000.log')
    writeFileSync(file, readFileSync(file).subarray(0, 100))
    for (const name of readdirSync(join(dataFolder, 'topics/t-0'))) {
      if (name.endsWith('index')) rmSync(join(dataFolder, 'topics/t-0', name))
    }
    return refusedStart({ dataFolder })
  }

  /** Asks for much and reads nothing, until the broker lets go. */
  async function slowReader(): Promise<Met> {
    for (let n = 0; n < 8; n++) await raw.produce(partitionId, batchOf(1, 512 * 1024))
    const slow = await openRaw()
    slow.ws.pause()
    const request = { partitionId, offset: 0, maxBytes: 8 << 20, minBytes: 0, maxWaitMs: 0 }
    for (let n = 0; n < 64; n++) void slow.fetch(request)
    const connections = async () => (await client.admin().clusterStatus())['connections']
    while ((await connections()) !== 2);
    slow.ws.resume()
    return { name: (await slow.closed).reason as ErrorName }
  }

  /** The workers without the file that Raft is compiled into. */
  function withoutRaft(): Promise<Met> {
    const workerFolder = join(folder, 'workers')
    cpSync(join(root, 'dist/workers'), workerFolder, { recursive: true })
    rmSync(join(workerFolder, 'raft.wasm'))
    return refusedStart({ dataFolder: join(folder, 'no-raft'), workerFolder })
  }

  /** Topics are made while the thread that keeps the metadata is gone. */
  async function withoutMetadata(): Promise<Met> {
    const doomed = await startBroker({ ...small, dataFolder: join(folder, 'doomed'), port: 0 })
    const { thread } = (doomed as unknown as { metadata: { thread: MetadataThread } }).metadata
    await thread.terminate()
    const met = await thrownBy(() => doomed.change({ type: 'deleteTopic', version: 1, name: 't' }))
    await doomed.abandon()
    return met
  }

  const provoked: Partial<Record<ErrorName, () => Promise<Met>>> = {
    UNKNOWN_SERVER_ERROR: async () => StreamBusError.fromCode(32_000, 'from a later version'),
    INVALID_REQUIRED_ACKS: () => produced(batchOf(1), 7),
    UNSUPPORTED_FOR_MESSAGE_FORMAT: () => produced(altered((view) => view.setInt8(BatchLayout.magicAt, 1))),
    INVALID_RECORD: () => produced(altered((view) => view.setInt32(BatchLayout.recordCountAt, 99))),
    INVALID_TIMESTAMP: () =>
      thrownBy(() => client.producer().send({ topic: 't', value: 'x', timestampMs: Date.now() + 2 * dayMs })),
    SUBSCRIPTION_EXISTS: async () => {
      const request = { subscriptionId: 1, partitionId, offset: -1, creditBytes: 1000 }
      await raw.subscribe(request)
      const { error } = await raw.ask('Subscribe', (body) => writeSubscribeRequest(body, request))
      return { name: errorNameOf(error!.code) }
    },
    INSECURE_LISTENER: () => refusedStart({ dataFolder: join(folder, 'open'), host: '0.0.0.0' }),
    INVALID_CERTIFICATE: () => {
      const nonsense = join(folder, 'nonsense.pem')
      writeFileSync(nonsense, 'no certificate')
      return refusedStart({ dataFolder: join(folder, 'tls'), tlsCertificateFile: nonsense, tlsKeyFile: nonsense })
    },
    UNSUITABLE_RUNTIME: withoutRaft,
    NOT_CONTROLLER: withoutMetadata,
    SEGMENT_DAMAGED: damagedSegment,
    SLOW_CONSUMER: slowReader,
  }

  for (const [name, provoke] of Object.entries(provoked)) {
    it(`${name} is met`, async () => {
      expect((await provoke()).name).to.equal(name)
    })
  }

  it('that is not met here is named by the test that meets it', () => {
    const tests = listFiles(['.test.ts'], 'test').filter((path) => !path.endsWith('every-error.test.ts'))
    const text = tests.map(readText).join('\n')
    const missing = (Object.keys(errorTable) as ErrorName[])
      .filter((name) => name !== 'NONE' && !Object.hasOwn(provoked, name))
      .filter((name) => !new RegExp(`\\b${name}\\b`).test(text))
    expect(missing).to.deep.equal([])
  })

  it('is one that something of the engine says', () => {
    const engine = listFiles(['.ts']).filter(
      (path) => /^(src|workers|native-free-core)\//.test(path) && !/(error-table|message-table)\.ts$/.test(path),
    )
    const text = engine.map(readText).join('\n')
    const unused = (Object.keys(errorTable) as ErrorName[]).filter(
      (name) => name !== 'NONE' && !new RegExp(`\\b${name}\\b`).test(text),
    )
    expect(unused).to.deep.equal([])
  })
})
