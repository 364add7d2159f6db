/**
 * The pages that docs/browser.md prints work as printed, but for the broker's address.
 * Runs on: the test process, a browser, a broker in the process.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Browser } from 'playwright-core'
import { type Broker, connect, startBroker } from '../../src/index.js'
import { blocksOf } from '../docs/page-blocks.js'
import { chromiumPath, launchChromium, TestSite } from './chromium.js'

describe('docs/browser.md', function () {
  this.timeout(60_000)
  const [reading, writing] = blocksOf('docs/browser.md', readFileSync('docs/browser.md', 'utf8'))
    .filter(({ language }) => language === 'html')
    .map(({ text }) => text)
  let browser: Browser
  let site: TestSite
  let folder: string
  let broker: Broker

  before(async function () {
    if (chromiumPath === undefined) return this.skip()
    folder = mkdtempSync(join(tmpdir(), 'streambus-browser-page-'))
    site = await TestSite.start()
    const small = { dataFolder: folder, port: 0, shards: 1, journalMemoryBytes: 4 << 20 }
    broker = await startBroker({ ...small, allowedOrigins: [site.origin] })
    browser = await launchChromium()
    const client = await connect({ server: `127.0.0.1:${broker.port}` })
    await client.admin().createTopic({ name: 'flights', partitions: 1 })
    await client.close()
  })

  after(async () => {
    await browser?.close()
    await broker?.close()
    await site?.stop()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  it('prints a page that writes and one that reads what was written', async () => {
    const show = async (html: string) => {
      site.html = html.replaceAll('127.0.0.1:9400', `127.0.0.1:${broker.port}`)
      const page = await browser.newPage()
      await page.goto(site.origin)
      return page
    }
    const writer = await show(writing!)
    await writer.waitForFunction("document.getElementById('send').onclick !== null")
    await writer.click('#send')
    await writer.waitForSelector('#said:not(:empty)')
    expect(await writer.textContent('#said')).to.equal('stored in partition 0 at offset 0')
    const reader = await show(reading!)
    await reader.waitForSelector('#records li')
    expect(await reader.textContent('#records')).to.equal('0 a flight')
  })
})
