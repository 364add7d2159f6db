/**
 * A Chromium for tests, and a site on loopback whose pages have the client's bundle.
 * Runs on: the test process. Touches: a browser process, a port.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** STREAMBUS_CHROMIUM, or where packages put it; undefined: there is none. */
export const chromiumPath = process.env['STREAMBUS_CHROMIUM'] ?? places.find((path) => existsSync(path))

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath!, args: flags })
}

const blankPage = '<!doctype html><meta charset="utf-8"><title>Test</title><link rel="icon" href="data:,">'

/** Serves a page, blank if none is given, and dist/client below /client/ and as /streambus.js. */
export class TestSite {
  html = blankPage
  private readonly server: Server

  private constructor(server: Server) {
    this.server = server
  }

  static async start(): Promise<TestSite> {
    const server = createServer((request, response) => void site.answer(request.url ?? '/', response))
    const site = new TestSite(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return site
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** A page with the client's exports as `streambus`. What the page throws fails the test that asks `errors`. */
  async open(context: BrowserContext): Promise<{ page: Page; errors: Error[] }> {
    const page = await context.newPage()
    const errors: Error[] = []
    page.on('pageerror', (error) => errors.push(error))
    await page.goto(this.origin)
    await page.evaluate("import('/client/browser.js').then((module) => { globalThis.streambus = module })")
    return { page, errors }
  }

  private async answer(url: string, response: ServerResponse): Promise<void> {
    const script = url === '/streambus.js' ? 'browser.js' : /^\/client\/([a-z.]+\.js)$/.exec(url)?.[1]
    response.setHeader('content-type', script === undefined ? 'text/html' : 'text/javascript')
    response.end(script === undefined ? this.html : await readFile(`dist/client/${script}`))
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }
}
