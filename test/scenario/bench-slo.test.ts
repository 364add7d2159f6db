/**
 * `bench slo` with a broker of its own: a miss is told and ends with 1, Ctrl-C keeps what was measured, and nothing is
 * left behind.
 * Runs on: the test process; the command and its broker as processes of their own.
 */
import { expect } from 'chai'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SloReport } from '../../src/bench/slo/slo-report.js'
import { runCli } from '../support/run-cli.js'
import { elementsOf } from '../support/xml-check.js'

const profile = `
broker: { shards: 1 }
seconds: 300ms
warmUp: 0
repeat: 1
loads:
  - { name: produce, kind: produce, objectives: { recordsPerSecond: 1 } }
  - { name: never, kind: produce, objectives: { recordsPerSecond: 1000000000 } }
  - name: long
    kind: e2e
    rate: 100
    seconds: 1m
    maxLateness: 1m
`

describe('bench slo with a broker of its own', function () {
  this.timeout(60_000)
  let folder = ''
  before(() => (folder = mkdtempSync(join(tmpdir(), 'streambus-slo-'))))
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('tells a miss, and at Ctrl-C judges and writes what was measured before', async () => {
    const file = join(folder, 'slo.yaml')
    const temporary = join(folder, 'tmp')
    writeFileSync(file, profile)
    const outputs = { '--save': 'slo.json', '--junit': 'slo.xml', '--html': 'slo.html' }
    const options = Object.entries(outputs).flatMap(([option, name]) => [option, join(folder, name)])
    mkdirSync(temporary)
    const { exitCode, stdout, stderr } = await runCli(['bench', 'slo', '--profile', file, '--own-broker', ...options], {
      env: { TMPDIR: temporary },
      // Two are done, the third takes a minute.
      onOutput: (_stdout, told) => (told.includes('[2/3]') ? 'SIGINT' : undefined),
    })
    expect(exitCode, stderr).to.equal(1)
    expect(stdout).to.match(/produce +records per second +at least 1\/s .* held\n/)
    expect(stdout).to.match(/never +records per second .* MISSED\n/)
    expect(stdout).to.match(/9 of 10 objectives held, 1 missed, stopped after 2 of 3 runs\n$/)
    expect(stderr).to.match(
      /^missed: never: records per second is [\d,]+\/s, wanted at least 1,000,000,000\/s \(\d+ % beyond\)$/m,
    )
    expect(stderr).to.match(/^stopped after 2 of 3 runs$/m)
    const report = JSON.parse(readFileSync(join(folder, 'slo.json'), 'utf8')) as SloReport
    expect(report.runs.map(({ name }) => name)).to.deep.equal(['produce', 'never'])
    expect(report.runs[0]!.records).to.deep.include({ failed: 0, lost: 0, duplicated: 0, outOfOrder: 0 })
    const cases = elementsOf(readFileSync(join(folder, 'slo.xml'), 'utf8')).filter(({ name }) => name === 'testcase')
    expect(cases).to.have.length(report.objectives.length)
    expect(readFileSync(join(folder, 'slo.html'), 'utf8')).to.include('stopped after 2 of 3 runs')
    expect(readdirSync(temporary).filter((name) => name.startsWith('streambus-'))).to.deep.equal([])
    const again = await runCli(['bench', 'report', join(folder, 'slo.json')])
    expect(again).to.deep.include({ exitCode: 1, stdout })
  })
})
