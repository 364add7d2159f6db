/**
 * The client in a real Chromium, against real brokers: what it does in Node.js it does there.
 * Runs on: the test process, a browser, broker processes.
 *
 * Functions given to `evaluate` run in the page: they see nothing of this file but their argument.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import type * as Streambus from '../../src/client/index.js'
import { type Client, connect } from '../../src/client/index.js'
import { BrokerProcess, freePort } from '../chaos/broker-process.js'
import { FakeBroker } from '../support/fake-broker.js'
import { TcpProxy } from '../support/tcp-proxy.js'
import { chromiumPath, launchChromium, TestSite } from './chromium.js'

/** What the functions that run in the page find there. */
declare const streambus: typeof Streambus
declare const pageState: {
  client: Streambus.Client
  offsets: number[]
  texts: string[]
  sent: Promise<{ offset: number }>[]
  states: string[]
}

describe('the client in Chromium', function () {
  this.timeout(60_000)
  let browser: Browser
  let site: TestSite
  let foreignSite: TestSite
  let folder: string
  let port: number
  let server: string
  let broker: BrokerProcess
  let context: BrowserContext
  let page: Page
  let errors: Error[]
  let node: Client

  const startBroker = () =>
    new BrokerProcess({
      dataFolder: join(folder, 'data'),
      port,
      shards: 1,
      journalMemoryBytes: 4 << 20,
      allowedOrigins: [site.origin],
    })

  before(async function () {
    if (chromiumPath === undefined) {
      console.log('    left out: there is no Chromium (apt-get install chromium, or name one in STREAMBUS_CHROMIUM)')
      return this.skip()
    }
    folder = mkdtempSync(join(tmpdir(), 'streambus-browser-'))
    site = await TestSite.start()
    foreignSite = await TestSite.start()
    port = await freePort()
    server = `127.0.0.1:${port}`
    broker = startBroker()
    browser = await launchChromium()
    await broker.ready
    node = await connect({ server })
  })

  after(async () => {
    await node?.close()
    await browser?.close()
    await broker?.stop()
    await site?.stop()
    await foreignSite?.stop()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  beforeEach(async () => {
    context = await browser.newContext()
    const opened = await site.open(context)
    page = opened.page
    errors = opened.errors
  })

  afterEach(async () => {
    await context.close()
    expect(errors).to.deep.equal([])
  })

  async function textsIn(topic: string): Promise<string[]> {
    const texts: string[] = []
    for await (const batch of node.consumer({ topic, untilEnd: true })) {
      for (const { value } of batch.records()) texts.push(Buffer.from(value!).toString())
    }
    return texts
  }

  it('produces and consumes, with keys, headers and gzip, and agrees with Node.js', async () => {
    await node.admin().createTopic({ name: 'both', partitions: 1 })
    const producer = node.producer({ compression: 'gzip' })
    for (let index = 0; index < 500; index++)
      producer.write({ topic: 'both', key: 'k', value: `from Node.js ${index} ü` })
    await producer.close()

    const read = await page.evaluate(async (address) => {
      const client = await streambus.connect({ server: address })
      const own = client.producer({ compression: 'gzip' })
      const pending: Promise<unknown>[] = []
      for (let index = 0; index < 500; index++) {
        pending.push(own.send({ topic: 'both', key: 'k', value: `from the page ${index} ü`, headers: { h: 'v' } }))
      }
      await Promise.all(pending)
      await own.close()
      const decoder = new TextDecoder()
      const texts: string[] = []
      for await (const batch of client.consumer({ topic: 'both', untilEnd: true })) {
        for (const { value } of batch.records()) texts.push(decoder.decode(value!))
      }
      await client.close()
      return texts
    }, server)
    expect(read).to.have.length(1000)
    expect(read).to.include('from Node.js 499 ü').and.to.include('from the page 499 ü')
    expect(await textsIn('both')).to.deep.equal(read)
  })

  it('runs in a worker of the page', async () => {
    const name = await page.evaluate(
      async ([origin, address]) => {
        const code = `
          import { connect } from '${origin}/client/browser.js'
          const client = await connect({ server: '${address}' })
          const [broker] = await client.admin().listBrokers()
          postMessage(String(broker.port))`
        const url = (globalThis as any).URL.createObjectURL(
          new (globalThis as any).Blob([code], { type: 'text/javascript' }),
        )
        const worker = new (globalThis as any).Worker(url, { type: 'module' })
        return new Promise<string>((resolve, reject) => {
          worker.onmessage = (event: { data: string }) => resolve(event.data)
          worker.onerror = (event: { message: string }) => reject(new Error(event.message))
        })
      },
      [site.origin, server] as const,
    )
    expect(name).to.equal(String(port))
  })

  /** In the page: a consumer that notes what it gets, and a producer that sends `count` records as it goes. */
  async function startStream(topic: string, at = server): Promise<void> {
    await node.admin().createTopic({ name: topic, partitions: 1 })
    await page.evaluate(
      async ([address, name]) => {
        const state = { offsets: [], texts: [], sent: [], states: [] } as unknown as typeof pageState
        Object.assign(globalThis, { pageState: state })
        state.client = await streambus.connect({
          server: address,
          requestTimeoutMs: 2000,
          onStateChange: (change) => state.states.push(change),
        })
        const decoder = new TextDecoder()
        void (async () => {
          for await (const batch of state.client.consumer({ topic: name })) {
            for (const { offset, value } of batch.records()) {
              state.offsets.push(offset)
              state.texts.push(decoder.decode(value!))
            }
          }
        })()
      },
      [at, topic] as const,
    )
  }

  async function produceInPage(topic: string, first: number, count: number): Promise<void> {
    await page.evaluate(
      async ([name, from, total]) => {
        const producer = pageState.client.producer()
        for (let index = from; index < from + total; index++) {
          pageState.sent.push(producer.send({ topic: name, value: String(index) }))
          if (index % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
        }
      },
      [topic, first, count] as const,
    )
  }

  /** Waits until all is acknowledged and read; returns what was read. */
  function finishStream(): Promise<{ offsets: number[]; texts: string[]; states: string[] }> {
    return page.evaluate(async () => {
      const acknowledged = await Promise.all(pageState.sent)
      while (pageState.offsets.length < acknowledged.length) await new Promise((resolve) => setTimeout(resolve, 10))
      await pageState.client.close()
      const { offsets, texts, states } = pageState
      return { offsets, texts, states }
    })
  }

  const numbersTo = (count: number) => Array.from({ length: count }, (_, index) => index)

  it('goes on exactly where it was after the broker is killed and started again', async () => {
    await startStream('killed')
    await produceInPage('killed', 0, 1000)
    const sending = produceInPage('killed', 1000, 1000)
    await broker.kill()
    await sending
    broker = startBroker()
    await broker.ready
    await produceInPage('killed', 2000, 100)
    const { offsets, texts, states } = await finishStream()
    expect(offsets).to.deep.equal(numbersTo(2100))
    expect(texts.map(Number).sort((a, b) => a - b)).to.deep.equal(numbersTo(2100))
    expect(states).to.deep.equal(['connected', 'lost', 'connected'])
  })

  it('goes on exactly where it was after the network was away', async () => {
    const proxy = await TcpProxy.start(port)
    await startStream('offline', proxy.address)
    await produceInPage('offline', 0, 200)
    // Chromium refuses new connections then; those that are open it leaves alone.
    await context.setOffline(true)
    const isTriedAgain = page.waitForEvent('websocket')
    proxy.cutAll()
    await page.waitForFunction(() => pageState.states.length === 2)
    await produceInPage('offline', 200, 200)
    await isTriedAgain
    expect(proxy.connectionCount).to.equal(1)
    await context.setOffline(false)
    const { offsets, texts, states } = await finishStream()
    await proxy.stop()
    expect(offsets).to.deep.equal(numbersTo(400))
    expect(texts.map(Number).sort((a, b) => a - b)).to.deep.equal(numbersTo(400))
    expect(states).to.deep.equal(['connected', 'lost', 'connected'])
  })

  it('sends the token in the first frame, never in the address', async () => {
    const fake = await FakeBroker.start()
    fake.token = 'only for the broker'
    const frames: string[] = []
    const urls: string[] = []
    page.on('websocket', (socket) => {
      urls.push(socket.url())
      socket.on('framesent', ({ payload }) => frames.push(payload.toString()))
    })
    const messages = await page.evaluate(async (address) => {
      const client = await streambus.connect({ server: address, token: 'only for the broker' })
      await client.close()
      const error: Streambus.StreamBusError = await streambus.connect({ server: address, token: 'wrong' }).then(
        () => undefined as never,
        (caught: Streambus.StreamBusError) => caught,
      )
      return [error.name, error.remedy]
    }, fake.address)
    expect(urls).to.deep.equal([`ws://${fake.address}/`, `ws://${fake.address}/`])
    await fake.stop()
    expect(frames[0]).to.contain('only for the broker')
    expect(messages[0]).to.equal('SASL_AUTHENTICATION_FAILED')
  })

  async function connectErrorIn(where: Page, options: Streambus.ConnectOptions): Promise<Record<string, unknown>> {
    return where.evaluate(async (given) => {
      try {
        await (await streambus.connect(given)).close()
        return { name: 'connected' }
      } catch (error) {
        const { name, message, remedy, retriable } = error as Streambus.StreamBusError
        return { name, message, remedy, retriable }
      }
    }, options as never)
  }

  it('tells a page of a foreign origin which line the configuration needs', async () => {
    const { page: foreign } = await foreignSite.open(context)
    const error = await connectErrorIn(foreign, { server })
    expect(error).to.include({ name: 'ORIGIN_NOT_ALLOWED', retriable: false })
    expect(error['message']).to.contain(`allowedOrigins: [${foreignSite.origin}]`)
  })

  it('says what it knows when nobody answers, and what a browser has no use for', async () => {
    const gone = await connectErrorIn(page, { servers: ['127.0.0.1:1', 'wss://127.0.0.1:2'] })
    expect(gone).to.include({ name: 'NETWORK_EXCEPTION', retriable: true })
    expect(gone['message']).to.contain('127.0.0.1:1').and.to.contain('wss://127.0.0.1:2')
    const tls = await connectErrorIn(page, { server, tls: { ca: 'x' } })
    expect(tls).to.include({ name: 'USAGE' })
  })

  it('takes no more than its credit while nobody reads', async () => {
    await node.admin().createTopic({ name: 'much', partitions: 1 })
    const producer = node.producer({ batchBytes: 16 * 1024 })
    for (let index = 0; index < 4000; index++) producer.write({ topic: 'much', value: 'x'.repeat(1000) })
    await producer.close()
    let receivedBytes = 0
    page.on('websocket', (socket) => {
      socket.on('framereceived', ({ payload }) => {
        receivedBytes += payload.length
      })
    })
    const creditBytes = 256 * 1024
    await page.evaluate(
      async ([address, credit]) => {
        const state = { offsets: [], texts: [], sent: [], states: [] } as unknown as typeof pageState
        Object.assign(globalThis, { pageState: state })
        state.client = await streambus.connect({ server: address })
        const consumer = state.client.consumer({ topic: 'much', creditBytes: credit, untilEnd: true })
        Object.assign(state, { consumer })
        // A second consumer on the same connection reads everything: the first is not in its way.
        let count = 0
        for await (const batch of state.client.consumer({ topic: 'much', untilEnd: true })) count += batch.recordCount
        state.offsets.push(count)
      },
      [server, creditBytes] as const,
    )
    const readBytes = 4000 * 1000
    expect(receivedBytes).to.be.greaterThan(readBytes)
    expect(receivedBytes - readBytes).to.be.lessThan(creditBytes + 200_000)
    const counts = await page.evaluate(async () => {
      const { consumer } = pageState as unknown as { consumer: Streambus.Consumer }
      let count = 0
      for await (const batch of consumer) count += batch.recordCount
      await pageState.client.close()
      return [pageState.offsets[0], count]
    })
    expect(counts).to.deep.equal([4000, 4000])
  })

  it('makes writers wait while the broker takes nothing', async () => {
    const fake = await FakeBroker.start()
    fake.addTopic('slow')
    await page.evaluate(async (address) => {
      const client = await streambus.connect({ server: address })
      const producer = client.producer({ bufferBytes: 100_000, batchBytes: 10_000 })
      const state = { texts: [] as string[], client }
      Object.assign(globalThis, { pageState: state })
      await producer.send({ topic: 'slow', value: 'known now' })
      Object.assign(state, { producer })
    }, fake.address)
    fake.pauseAll()
    const writtenCount = await page.evaluate(() => {
      const { producer, texts } = pageState as unknown as { producer: Streambus.Producer; texts: string[] }
      let count = 1
      while (producer.write({ topic: 'slow', value: 'x'.repeat(1000) })) count++
      void producer.ready().then(() => texts.push('ready'))
      return count
    })
    expect(writtenCount).to.be.within(50, 100)
    expect(await page.evaluate(() => pageState.texts.length)).to.equal(0)
    fake.resumeAll()
    await page.waitForFunction(() => pageState.texts.length === 1)
    await page.evaluate(async () => {
      const { producer } = pageState as unknown as { producer: Streambus.Producer }
      await producer.close()
      await pageState.client.close()
    })
    expect(fake.values('slow')).to.have.length(writtenCount + 1)
    await fake.stop()
  })
})
