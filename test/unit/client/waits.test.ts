/**
 * Whatever waits ends by its AbortSignal and leaves nothing behind; a program ends when its client is closed, and not
 * before.
 * Runs on: the test process, and small programs of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { getEventListeners, once } from 'node:events'
import { createServer } from 'node:net'
import { expect } from 'chai'
import { type Client, connect, type Producer } from '../../../src/client/index.js'
import { FakeBroker } from '../../support/fake-broker.js'

type Wait = (client: Client, options: { signal: AbortSignal }) => Promise<unknown>

const admin: Record<string, Wait> = {
  createTopic: (client, options) => client.admin().createTopic({ name: 'new' }, options),
  listTopics: (client, options) => client.admin().listTopics(options),
  listBrokers: (client, options) => client.admin().listBrokers(options),
  describeTopic: (client, options) => client.admin().describeTopic('t', options),
  deleteTopic: (client, options) => client.admin().deleteTopic('other', options),
  alterTopicConfig: (client, options) => client.admin().alterTopicConfig('t', {}, options),
  deleteRecords: (client, options) => client.admin().deleteRecords('t', 0, 0, options),
  listOffsets: (client, options) => client.admin().listOffsets('t', 'latest', options),
  clusterStatus: (client, options) => client.admin().clusterStatus(options),
  describeBrokerConfig: (client, options) => client.admin().describeBrokerConfig([], options),
  alterBrokerConfig: (client, options) => client.admin().alterBrokerConfig({ logLevel: 'info' }, options),
}

const withProducer =
  (wait: (producer: Producer, options: { signal: AbortSignal }) => Promise<unknown>): Wait =>
  (client, options) => {
    const producer = client.producer({ bufferBytes: 1 })
    producer.write({ topic: 't', value: 'x' })
    return wait(producer, options)
  }

const data: Record<string, Wait> = {
  'producer.send': withProducer((producer, options) => producer.send({ topic: 't', value: 'x' }, options)),
  'producer.sendBatch': withProducer((producer, options) => producer.sendBatch([{ topic: 't', value: 'x' }], options)),
  'producer.ready': withProducer((producer, options) => producer.ready(options)),
  'producer.flush': withProducer((producer, options) => producer.flush(options)),
  'producer.close': withProducer((producer, options) => producer.close(options)),
  'consumer.lag': (client, options) => client.consumer({ topic: 't' }).lag(options),
  'consumer, by batch': async (client, { signal }) => {
    for await (const batch of client.consumer({ topic: 't', untilEnd: true, signal })) void batch
  },
  'consumer, by record': async (client, { signal }) => {
    for await (const record of client.consumer({ topic: 't', untilEnd: true, signal }).records()) void record
  },
}

const waits = { ...admin, ...data }

/** What it ended with; an error of the broker counts as an end like any other. */
async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
    return 'done'
  } catch (error) {
    return error
  }
}

describe('waiting', () => {
  let broker: FakeBroker
  let client: Client

  beforeEach(async () => {
    broker = await FakeBroker.start()
    broker.addTopic('t')
    client = await connect({ server: broker.address })
  })

  afterEach(async () => {
    await client.close({ timeoutMs: 0 }).catch(() => undefined)
    await broker.stop()
  })

  for (const [name, wait] of Object.entries(waits)) {
    it(`${name} ends by its signal, and leaves no listener on it, aborted or not`, async () => {
      broker.pauseAll()
      const aborted = new AbortController()
      const waiting = outcomeOf(wait(client, aborted))
      await new Promise((resolve) => setImmediate(resolve))
      const reason = new Error('no longer wanted')
      aborted.abort(reason)
      expect(await waiting).to.equal(reason)
      expect(getEventListeners(aborted.signal, 'abort')).to.deep.equal([])
      broker.resumeAll()
      const { signal } = new AbortController()
      await outcomeOf(wait(client, { signal }))
      expect(getEventListeners(signal, 'abort')).to.deep.equal([])
    })

    it(`${name} does not begin with a signal that has fired`, async () => {
      const reason = new Error('never wanted')
      expect(await outcomeOf(wait(client, { signal: AbortSignal.abort(reason) }))).to.equal(reason)
    })
  }

  it('connect ends by its signal, also while the token is waited for, and leaves nothing behind', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as { port: number }
    const never = () => new Promise<string>(() => {})
    for (const options of [{ server: `127.0.0.1:${port}` }, { server: broker.address, token: never }]) {
      const timersBefore = timerCount()
      const controller = new AbortController()
      const connecting = outcomeOf(connect({ ...options, signal: controller.signal }))
      await new Promise((resolve) => setImmediate(resolve))
      const reason = new Error('no longer wanted')
      controller.abort(reason)
      expect(await connecting).to.equal(reason)
      expect(getEventListeners(controller.signal, 'abort')).to.deep.equal([])
      expect(timerCount()).to.be.at.most(timersBefore)
    }
    silent.close()
  })

  it('one that is aborted does not end another that waits for the same answer', async () => {
    broker.pauseAll()
    const controller = new AbortController()
    const first = outcomeOf(client.admin().listOffsets('t', 'latest', { signal: controller.signal }))
    const second = client.admin().listOffsets('t', 'latest')
    controller.abort(new Error('only mine'))
    expect(await first)
      .to.be.an('error')
      .with.property('message', 'only mine')
    broker.resumeAll()
    expect((await second)[0]!.offset).to.equal(0)
  })

  it('ends with a typed error for whoever waits when the client is closed, twice if need be', async () => {
    broker.pauseAll()
    const asked = outcomeOf(client.admin().listTopics())
    const read = outcomeOf(data['consumer, by batch']!(client, new AbortController()))
    await client.close()
    await client.close()
    expect(await asked).to.include({ name: 'NETWORK_EXCEPTION' })
    expect(await asked).to.have.property('message', 'the client is closed')
    expect(await read, 'a loop over a consumer ends').to.equal('done')
    expect(await outcomeOf(client.admin().listTopics())).to.have.property('message', 'the client is closed')
  })
})

/** Of this process, those that keep it alive. */
function timerCount(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
}

describe('a program with a client', function () {
  this.timeout(20_000)
  let broker: FakeBroker
  const children: ChildProcess[] = []

  beforeEach(async () => {
    broker = await FakeBroker.start()
    broker.addTopic('t')
  })

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
    await broker.stop()
  })

  /** Lines that it printed, until it ended by itself. */
  function run(code: string): { child: ChildProcess; ended: Promise<string> } {
    const program = `import { connect } from './dist/client/index.js'
      const client = await connect({ server: '${broker.address}', requestTimeoutMs: 500 })
      ${code}`
    const child = spawn(process.execPath, ['--input-type=module', '--unhandled-rejections=strict', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    let output = ''
    child.stdout.on('data', (bytes: Buffer) => {
      output += bytes.toString()
    })
    const ended = once(child, 'close').then(([exitCode]) => `${output.trim()} ${exitCode}`)
    return { child, ended }
  }

  it('ends when the client is closed, though the broker does not answer the close', async () => {
    const { child, ended } = run(`process.once('SIGUSR2', () => client.close()); process.stdout.write('connected')`)
    await once(child.stdout!, 'data')
    broker.pauseAll()
    child.kill('SIGUSR2')
    expect(await ended).to.equal('connected 0')
  })

  it('does not end before what it waits for has come, over a lost connection', async () => {
    const { child, ended } = run(`
      process.once('SIGUSR2', async () => {
        const { offset } = await client.producer().send({ topic: 't', value: 'x' })
        console.log('', offset)
        await client.close()
      })
      process.stdout.write('connected')`)
    await once(child.stdout!, 'data')
    const { port } = broker
    await broker.stop()
    child.kill('SIGUSR2')
    broker = await FakeBroker.start(port)
    broker.addTopic('t')
    expect(await ended).to.equal('connected 0 0')
  })

  it('hears of no unhandled rejection when everything fails at once', async () => {
    const { child, ended } = run(`
      const producer = client.producer({ deliveryTimeoutMs: 200 })
      for (let n = 0; n < 100; n++) producer.write({ topic: 't', value: 'x' })
      const sent = producer.send({ topic: 't', value: 'x' }).then(() => 'stored', (error) => error.name)
      const consumer = client.consumer({ topic: 't' })
      process.once('SIGUSR2', async () => {
        console.log(await sent, await client.close().then(() => 'closed', (error) => error.name))
      })
      process.stdout.write('connected ')`)
    await once(child.stdout!, 'data')
    await broker.stop()
    child.kill('SIGUSR2')
    expect(await ended).to.match(/^connected (stored|[A-Z_]+) (closed|[A-Z_]+) 0$/)
    broker = await FakeBroker.start()
  })
})
