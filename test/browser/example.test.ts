/**
 * The topic viewer of examples/browser in Chromium: it shows a topic, goes on over a restart, and says what is wrong.
 * Runs on: the test process, a browser, a broker process, the example's server.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Browser, Page } from 'playwright-core'
import { connect } from '../../src/client/index.js'
import { BrokerProcess, freePort } from '../chaos/broker-process.js'
import { chromiumPath, launchChromium } from './chromium.js'

describe('the topic viewer', function () {
  this.timeout(60_000)
  let browser: Browser
  let page: Page
  let folder: string
  let port: number
  let broker: BrokerProcess
  let site: ChildProcess
  let origin: string

  const startBroker = () =>
    new BrokerProcess({
      dataFolder: join(folder, 'data'),
      port,
      shards: 1,
      journalMemoryBytes: 4 << 20,
      allowedOrigins: [origin],
    })

  async function produce(first: number, count: number): Promise<void> {
    const client = await connect({ server: `127.0.0.1:${port}` })
    const producer = client.producer()
    for (let index = first; index < first + count; index++) {
      producer.write({
        topic: 'flights',
        key: `flight ${index % 7}`,
        value: JSON.stringify({ index, seats: index % 300 }),
      })
    }
    await client.close()
  }

  const textOf = (id: string) => page.textContent(`#${id}`)

  before(async function () {
    if (chromiumPath === undefined) return this.skip()
    folder = mkdtempSync(join(tmpdir(), 'streambus-viewer-'))
    port = await freePort()
    site = spawn(process.execPath, ['examples/browser/serve.mjs'], {
      env: { ...process.env, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [said] = (await once(site.stdout!, 'data')) as [Buffer]
    origin = /http:\/\/127\.0\.0\.1:\d+/.exec(said.toString())![0]
    broker = startBroker()
    browser = await launchChromium()
    await broker.ready
    const client = await connect({ server: `127.0.0.1:${port}` })
    await client.admin().createTopic({ name: 'flights', partitions: 3 })
    await client.close()
    await produce(0, 100)
    page = await browser.newPage({ viewport: { width: 1100, height: 720 } })
    await page.goto(`${origin}/?server=127.0.0.1:${port}&topic=flights`)
  })

  after(async () => {
    await browser?.close()
    await broker?.stop()
    site?.kill()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  it('shows the last records, and those that come', async () => {
    await page.waitForFunction("document.querySelectorAll('tbody tr').length === 50")
    await produce(100, 20)
    await page.waitForFunction("document.getElementById('count').textContent === '70'")
    expect(await textOf('state')).to.equal('connected')
    expect(await page.textContent('tbody')).to.contain('{"index":119,"seats":119}')
    const path = process.env['STREAMBUS_SCREENSHOT']
    if (path !== undefined) await page.screenshot({ path })
  })

  it('goes on where it was after the broker was killed', async () => {
    await broker.kill()
    await page.waitForFunction("document.getElementById('state').dataset.state === 'lost'")
    broker = startBroker()
    await broker.ready
    await produce(120, 30)
    await page.waitForFunction("document.getElementById('count').textContent === '100'")
    expect(await textOf('state')).to.equal('connected')
  })

  it('shows text as text, whatever is in a record', async () => {
    const client = await connect({ server: `127.0.0.1:${port}` })
    await client.producer().send({ topic: 'flights', value: '<img src=x onerror="document.title=1">' })
    await client.close()
    await page.waitForFunction("document.getElementById('count').textContent === '101'")
    expect(await page.locator('tbody img').count()).to.equal(0)
  })

  it('says what is wrong and what to do', async () => {
    await page.click('#toggle')
    await page.fill('[name=topic]', 'flight')
    await page.click('#toggle')
    await page.waitForSelector('#error:not([hidden])')
    expect(await textOf('error'))
      .to.contain('there is no topic "flight"')
      .and.to.contain('topic create')
  })
})
