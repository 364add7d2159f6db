/**
 * A report as JUnit XML, the way Jenkins, GitLab and others read it: a suite for each load, a case for each objective.
 * Runs on: main. Touches: nothing.
 *
 * Missed is a failure; void, not measured and a load that did not run are errors: a test that did not take place.
 */
import type { ObjectiveResult, SloReport } from './slo-report.js'
import { boundText, marginText, valueText } from './slo-text.js'

export function junitXml(report: SloReport): string {
  const suites = report.profile.loads.map((load) => suiteOf(report, load.name))
  const body = suites.map(({ lines }) => lines).flat()
  const sum = (of: (suite: Suite) => number) => suites.reduce((total, suite) => total + of(suite), 0)
  const totals = { tests: sum((s) => s.tests), failures: sum((s) => s.failures), errors: sum((s) => s.errors) }
  const head = `testsuites${attributes({ name: report.profile.name, ...totals, time: report.seconds.toFixed(3) })}`
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${head}>\n${body.join('\n')}\n</testsuites>\n`
}

interface Suite {
  readonly lines: readonly string[]
  readonly tests: number
  readonly failures: number
  readonly errors: number
}

function suiteOf(report: SloReport, load: string): Suite {
  const objectives = report.objectives.filter((one) => one.load === load)
  const failure = report.failures.find((one) => one.load === load)
  const runs = report.runs.filter((run) => run.name === load)
  const cases = objectives.map(caseOf)
  // A load without objectives that could not run would else be told of nowhere.
  if (failure !== undefined) cases.unshift(testCase(load, 'runs to its end', [element('error', failure.message)]))
  const failures = objectives.filter(({ verdict }) => verdict === 'missed').length
  const errors = cases.length - failures - objectives.filter(({ verdict }) => verdict === 'held').length
  const seconds = runs.reduce((total, run) => total + run.seconds + run.warmUpSeconds, 0)
  const facts = {
    name: `${report.profile.name}: ${load}`,
    tests: cases.length,
    failures,
    errors,
    skipped: 0,
    time: seconds.toFixed(3),
    timestamp: (runs[0]?.startedAt ?? report.startedAt).replace(/\.\d+Z$/, ''),
  }
  const open = `  <testsuite${attributes(facts)}>`
  return { lines: [open, ...cases, '  </testsuite>'], tests: cases.length, failures, errors }
}

/** Its name is the same from run to run, whatever the bound: servers keep the history of a case by its name. */
function caseOf(one: ObjectiveResult): string {
  const bound = boundText(one)
  const measured = valueText(one, one.measured)
  const range = `lowest ${valueText(one, one.lowest)}, highest ${valueText(one, one.highest)} of ${one.runs} runs`
  if (one.verdict === 'held') {
    return testCase(one.load, one.title, [output(`${measured}, wanted ${bound} (${marginText(one)}); ${range}`)])
  }
  if (one.verdict === 'missed') {
    const margin = one.marginPercent === undefined ? '' : `, ${marginText(one)}`
    return testCase(one.load, one.title, [
      element('failure', `${one.title} is ${measured}, wanted ${bound}${margin}; ${range}`),
    ])
  }
  return testCase(one.load, one.title, [element('error', `${one.verdict}: ${one.reason ?? ''}`)])
}

function testCase(load: string, name: string, children: readonly string[]): string {
  const body = children.map((child) => `      ${child}\n`).join('')
  return `    <testcase${attributes({ name, classname: load, time: '0' })}>\n${body}    </testcase>`
}

function output(text: string): string {
  return `<system-out>${escapeXml(text)}</system-out>`
}

/** The message is what lists show, the text what a case shows. */
function element(name: 'failure' | 'error', message: string): string {
  return `<${name}${attributes({ message, type: name })}>${escapeXml(message)}</${name}>`
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('')
}

/** XML 1.0 has no way to write most control characters, nor halves of surrogate pairs. */
const notXml = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu
const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '\n': '&#10;',
  '\r': '&#13;',
  '\t': '&#9;',
}

/** For text and for attributes, of XML and of HTML. */
export function escapeXml(text: string): string {
  return text.replace(notXml, '\ufffd').replace(/[&<>"'\n\r\t]/g, (character) => entities[character]!)
}
