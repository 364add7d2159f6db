/**
 * Reports: JUnit XML and the page, also of hostile texts; files of results that are none.
 * Runs on: the test process.
 */
import { expect } from 'chai'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { latencyCurve, namedPoints } from '../../../../src/bench/slo/html/latency-curve.js'
import { html } from '../../../../src/bench/slo/html/markup.js'
import { htmlPage } from '../../../../src/bench/slo/html/page.js'
import { linearAxis, logAxis, ninesAxis } from '../../../../src/bench/slo/html/scale.js'
import { thinned } from '../../../../src/bench/slo/html/time-plots.js'
import { junitXml } from '../../../../src/bench/slo/junit.js'
import { checkOutputs } from '../../../../src/bench/slo/outputs.js'
import { readReport, readRuns } from '../../../../src/bench/slo/slo-report.js'
import { latencyResult } from '../../../support/run-results.js'
import { exampleReport, hostileReport } from '../../../support/slo-reports.js'
import { elementsOf } from '../../../support/xml-check.js'

const report = exampleReport()
const page = htmlPage(report)

describe('JUnit XML', () => {
  it('has a suite a load, a case an objective; missed is a failure, void an error', () => {
    const elements = elementsOf(junitXml(report))
    const count = (name: string) => elements.filter((element) => element.name === name).length
    const [root] = elements
    expect(root).to.deep.include({ name: 'testsuites' })
    expect([count('testsuite'), count('testcase')]).to.deep.equal([3, report.objectives.length])
    const verdicts = (verdict: string) => report.objectives.filter((one) => one.verdict === verdict).length
    expect(verdicts('missed')).to.be.greaterThan(0)
    expect(verdicts('void')).to.equal(2)
    expect(root!.attributes).to.deep.include({
      tests: String(report.objectives.length),
      failures: String(verdicts('missed')),
      errors: String(verdicts('void')),
    })
    expect([count('failure'), count('error')]).to.deep.equal([verdicts('missed'), verdicts('void')])
    const failure = elements.find(({ name }) => name === 'failure')!
    expect(failure.attributes['message']).to.match(
      /^end to end P99\.9 is 1\d\.\d ms, wanted at most 6\.60 ms, \d+ % beyond/,
    )
  })

  it('names a case the same whatever its bound was', () => {
    const names = (xml: string) =>
      elementsOf(xml)
        .filter(({ name }) => name === 'testcase')
        .map((one) => one.attributes['name'])
    const wider = { ...report, objectives: report.objectives.map((one) => ({ ...one, bound: one.bound * 3 })) }
    expect(names(junitXml(wider))).to.deep.equal(names(junitXml(report)))
  })

  it('tells of a load that could not run, though it has no objective', () => {
    const failures = [{ load: 'fan-out to 10', message: 'refused' }]
    const elements = elementsOf(junitXml({ ...report, runs: [], objectives: [], failures }))
    expect(elements.filter(({ name }) => name === 'error').map((one) => one.attributes['message'])).to.deep.equal([
      'refused',
    ])
  })

  it('is well-formed with every text hostile', () => {
    const xml = junitXml(hostileReport())
    expect(elementsOf(xml).map(({ name }) => name)).not.to.include('script')
    expect(xml).to.include('&lt;script&gt;')
  })
})

describe('the page', () => {
  it('needs nothing from anywhere and runs nothing', () => {
    expect(page).to.match(/^<!doctype html>/)
    expect(page).not.to.match(/<script|<iframe|<object|@import|url\(/i)
    const addresses = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address)
    expect(addresses.filter((address) => !/^(#|data:,$)/.test(address!))).to.deep.equal([])
    expect(page).to.include('default-src &#39;none&#39;')
  })

  it('says first whether all held, and links each load', () => {
    expect(page).to.include('<title>not held: A profile to look at')
    const held = htmlPage({ ...report, objectives: report.objectives.filter(({ verdict }) => verdict === 'held') })
    expect(held).to.include('<title>held: A profile')
    for (const at of [1, 2, 3]) expect(page).to.include(`id="load-${at}"`).and.include(`href="#load-${at}"`)
  })

  it('has a name for every drawing, and a table beside every plot', () => {
    const drawings = page.match(/<svg[^>]*>/g)!
    expect(drawings.filter((one) => !/role="img"\s+aria-label="[^"]+"|aria-hidden/.test(one))).to.deep.equal([])
    const figures = page.match(/<figure[\s\S]*?<\/figure>/g)!
    expect(figures.length).to.be.greaterThan(9)
    expect(figures.filter((one) => !one.includes('<table'))).to.deep.equal([])
    expect(page).not.to.match(/NaN|Infinity|undefined|\[object/)
  })

  it('shows hostile texts and does nothing with them', () => {
    const hostile = htmlPage(hostileReport())
    expect(hostile).not.to.match(/<script|<img|onerror="[^&]/)
    expect(hostile).to.include('&lt;script&gt;')
    expect(hostile.replaceAll('\n', ' ')).not.to.match(/NaN|Infinity|\p{Cc}/u)
  })

  it('stays small for a run of a day', () => {
    const [first] = report.runs
    const timeline = Array.from({ length: 86_400 }, (_, at) => ({ ...first!.timeline[at % 10]!, atSeconds: at + 1 }))
    const long = { ...report, runs: [{ ...first!, timeline }] }
    expect(htmlPage(long).length).to.be.lessThan(400_000)
  })

  it('tells of loads that were not run at all', () => {
    const none = htmlPage({
      ...report,
      runs: [],
      objectives: [],
      failures: [{ load: 'fan-out to 10', message: 'x<y' }],
    })
    expect(none).to.include('No run was done').and.include('x&lt;y')
  })
})

describe('markup', () => {
  it('escapes whatever is put into it, once', () => {
    const inner = html`<b>${'<&"'}</b>`
    expect(html`<a title="${'"'}">${[inner, undefined, 1.239]}</a>`.text).to.equal(
      '<a title="&quot;"><b>&lt;&amp;&quot;</b>1.24</a>',
    )
  })
})

describe('an axis', () => {
  const texts = (axis: { ticks: readonly { text: string }[] }) => axis.ticks.map(({ text }) => text).join(' ')

  it('ends at a round number above all values', () => {
    expect(texts(linearAxis('', 9912))).to.equal('0 5,000 10,000')
    expect(texts(linearAxis('', 47, String, 2))).to.equal('0 50')
    expect(texts(linearAxis('', 0))).to.match(/^0 /)
    expect(linearAxis('', 10).place(5)).to.equal(0.5)
  })

  it('of a logarithmic scale holds all values, and at least a decade', () => {
    expect(texts(logAxis('', [0.6, 14]))).to.equal('0.5 1 2 5 10 20')
    expect(texts(logAxis('', [3, 3]))).to.equal('2 5 10 20')
    expect(texts(logAxis('', [0.01, 900]))).to.equal('0.01 0.1 1 10 100 1,000')
    expect(logAxis('', []).place(Number.NaN)).to.equal(0)
  })

  it('of percentiles gives each nine the same room', () => {
    const axis = ninesAxis('', 4)
    const place = (percent: number) => Number(axis.place(percent).toFixed(3))
    expect([place(0), place(90), place(99), place(99.9), place(99.99)]).to.deep.equal([0, 0.25, 0.5, 0.75, 1])
    expect(texts(axis)).to.equal('0 50 90 99 99.9 99.99')
  })
})

describe('a latency curve', () => {
  it('comes from the histogram, and from the named percentiles where that is none', () => {
    const latency = latencyResult(5, 1)
    const curve = latencyCurve(latency)
    expect(curve.length).to.be.greaterThan(90)
    const at99 = curve.find(([percent]) => Math.abs(percent - 99) < 1e-9)!
    expect(at99[1]).to.be.closeTo(latency.p99Ms, 0.01)
    expect(latencyCurve({ ...latency, histogram: 'HISTFAAAnonsense' })).to.deep.equal(namedPoints(latency))
    const { histogram: _histogram, ...without } = latency
    expect(latencyCurve(without)).to.deep.equal(namedPoints(latency))
  })

  it('keeps the highest of points that are too many to draw', () => {
    const points = Array.from({ length: 1000 }, (_, at) => [at, at === 517 ? 99 : 1] as const)
    const kept = thinned(points, 100)
    expect(kept).to.have.length(100)
    expect(kept.some(([at, value]) => at === 517 && value === 99)).to.equal(true)
  })
})

describe('files of results', () => {
  let folder = ''
  before(() => (folder = mkdtempSync(join(tmpdir(), 'streambus-report-'))))
  after(() => rmSync(folder, { recursive: true }))
  const file = (name: string, content: unknown) => {
    const path = join(folder, name)
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
    return path
  }

  it('are read as they were written, and single results too', () => {
    const path = file('report.json', report)
    expect(readReport(path)).to.deep.equal(JSON.parse(JSON.stringify(report)))
    expect(readRuns(path)).to.have.length(9)
    expect(readRuns(file('one.json', report.runs[0]))).to.have.length(1)
    expect(readRuns(file('list.json', report.runs))).to.have.length(9)
  })

  it('that are none are refused with the file and what was expected', () => {
    const bad: readonly unknown[] = [
      '{',
      '[]',
      '5',
      'null',
      {},
      { ...report, runs: [{}] },
      { ...report, objectives: 'x' },
      { ...report, objectives: [{ ...report.objectives[0], bound: 'x' }] },
      { ...report, objectives: [{ ...report.objectives[0], verdict: 'fine' }] },
      { ...report, profile: { name: 5, loads: [] } },
      { ...report, version: 2 },
      { ...report, runs: [{ ...report.runs[0], version: 9 }] },
    ]
    for (const [at, content] of bad.entries()) {
      const path = file(`bad-${at}.json`, content)
      expect(() => readReport(path), JSON.stringify(content).slice(0, 60))
        .to.throw(path)
        .with.property('name', 'USAGE')
    }
    expect(() => readRuns(file('empty.json', []))).to.throw('no results')
    expect(() => readRuns(join(folder, 'none.json'))).to.throw("can't be read")
  })

  it('that can not be written are told before the first run', () => {
    expect(() => checkOutputs({ html: join(folder, 'no/folder/page.html') })).to.throw('its folder does not exist')
    expect(() => checkOutputs({ junit: folder })).to.throw(`--junit ${folder}`)
  })
})
