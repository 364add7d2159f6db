/**
 * The page of `bench slo` in a real Chromium: it asks nobody for anything, fits a telephone, and does nothing that a
 * hostile name wants; the JUnit XML in its parser.
 * Runs on: the test process, a browser.
 */
import { expect } from 'chai'
import type { Browser } from 'playwright-core'
import { htmlPage } from '../../src/bench/slo/html/page.js'
import { junitXml } from '../../src/bench/slo/junit.js'
import { exampleReport, hostileReport, hostileText } from '../support/slo-reports.js'
import { chromiumPath, launchChromium } from './chromium.js'

const pages = { example: htmlPage(exampleReport()), hostile: htmlPage(hostileReport()) }

/** Run in the page, which knows what this file does not. */
const beyondWidth = 'document.documentElement.scrollWidth - innerWidth'
const whatIsShown = `({
  background: getComputedStyle(document.body).backgroundColor,
  scripts: document.querySelectorAll('script, img, iframe, object').length,
  unnamed: document.querySelectorAll('svg:not([aria-label]):not([aria-hidden])').length,
  heading: document.querySelector('h1').textContent,
})`
const parsed = (xml: string) => `(() => {
  const document = new DOMParser().parseFromString(${JSON.stringify(xml)}, 'application/xml')
  const count = (name) => document.querySelectorAll(name).length
  return { errors: count('parsererror'), cases: count('testcase'), suites: count('testsuite') }
})()`

describe('the page of bench slo', function () {
  this.timeout(30_000)
  let browser: Browser

  before(async function () {
    if (chromiumPath === undefined) return this.skip()
    browser = await launchChromium()
  })
  after(() => browser?.close())

  for (const [name, page] of Object.entries(pages)) {
    for (const colorScheme of ['light', 'dark'] as const) {
      it(`of the ${name} report asks for nothing and fits every screen, ${colorScheme}`, async () => {
        const context = await browser.newContext({ colorScheme, viewport: { width: 360, height: 740 } })
        const tab = await context.newPage()
        const wrong: string[] = []
        tab.on('console', (message) => wrong.push(message.text()))
        tab.on('pageerror', (error) => wrong.push(error.message))
        await tab.route('**', (route) => {
          const url = route.request().url()
          if (url === 'http://page.test/') return route.fulfill({ contentType: 'text/html', body: page })
          wrong.push(url)
          return route.abort()
        })
        await tab.goto('http://page.test/')
        expect(await tab.title()).not.to.equal('owned')
        expect(await tab.evaluate(beyondWidth), 'columns beyond 360').to.equal(0)
        await tab.setViewportSize({ width: 1400, height: 900 })
        expect(await tab.evaluate(beyondWidth)).to.equal(0)
        const shown = await tab.evaluate<Record<string, unknown>>(whatIsShown)
        expect(shown).to.deep.include({ scripts: 0, unnamed: 0 })
        expect(shown.background).to.match(colorScheme === 'dark' ? /rgb\(1\d, 2\d, 2\d\)/ : /rgb\(24\d, 24\d, 249\)/)
        // What XML has no way to write stands as a sign of its own.
        const lost = hostileText.replace(/[\p{Cc}\p{Cs}]/gu, '\ufffd')
        expect(shown.heading).to.equal(name === 'hostile' ? lost : 'A profile to look at')
        expect(wrong).to.deep.equal([])
        await context.close()
      })
    }
  }

  it('has its JUnit XML read by a real parser, hostile names too', async () => {
    const tab = await browser.newPage()
    for (const report of [exampleReport(), hostileReport()]) {
      const found = await tab.evaluate<unknown>(parsed(junitXml(report)))
      const failures = report.failures.length
      expect(found).to.deep.equal({
        errors: 0,
        cases: report.objectives.length + failures,
        suites: report.profile.loads.length,
      })
    }
    await tab.close()
  })
})
