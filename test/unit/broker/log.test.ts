/**
 * How log lines look, for whom, and that a reload goes on where one part of it fails.
 * Runs on: the test process, and processes of its own whose standard error is read.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { journaldLines } from '../../../src/broker/journald.js'
import { formatFor, type LogFormat } from '../../../src/broker/log.js'
import { type Log, silentLog } from '../../../src/broker/log-sink.js'
import { ReloadList } from '../../../src/broker/reload-list.js'

const module = fileURLToPath(new URL('../../../src/broker/log.js', import.meta.url))

/** Standard error of a program that logs; each line of `calls` is a call on `log`. */
function logged(level: string, format: LogFormat, calls: string, isColoured = false): string {
  const program = `
    import { createLog } from ${JSON.stringify(module)}
    const log = createLog(${JSON.stringify(level)}, ${JSON.stringify(format)}, ${isColoured})
    ${calls}`
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' })
  return stderr
}

const calls = `
  log.debug('one')
  log.warn('two\\nlines')
  log.setLevel('debug')
  log.debug('three')
  log.setLevel('silent')
  log.error('four')`

describe('createLog', () => {
  it('writes JSON, and changes its level', () => {
    const lines = logged('info', 'json', calls).trim().split('\n')
    const entries = lines.map((line) => JSON.parse(line) as { level: number; msg: string; name: string })
    expect(entries.map(({ level, msg }) => [level, msg])).to.deep.equal([
      [40, 'two\nlines'],
      [20, 'three'],
    ])
    expect(entries[0]!.name).to.equal('streambus')
  })

  it('writes a time, a level and the message for people, in colour where that is wanted', () => {
    const time = String.raw`\d\d:\d\d:\d\d\.\d{3}`
    expect(logged('info', 'text', calls)).to.match(new RegExp(`^${time} warn  two\nlines\n${time} debug three\n$`))
    expect(logged('warn', 'text', calls, true)).to.contain('\u001b[33mwarn \u001b[0m two')
  })

  it('writes each line with its priority for journald', () => {
    expect(logged('info', 'journald', calls)).to.equal('<4>two\n<4>lines\n<7>three\n')
    expect(journaldLines('error', 'a')).to.equal('<3>a')
  })

  it('writes audit lines whatever the level, silent apart, and says whose they are', () => {
    const entry = `{ principal: 'ann', address: '10.0.0.9', operation: 'DeleteTopic', resource: 'topic',
      resourceName: 't', outcome: 'denied', error: 'TOPIC_AUTHORIZATION_FAILED', details: { a: 1 } }`
    const audits = `log.audit(${entry}); log.setLevel('silent'); log.audit(${entry})`
    expect(logged('error', 'journald', audits)).to.equal(
      '<6>audit: ann: DeleteTopic topic t: denied (TOPIC_AUTHORIZATION_FAILED) ' +
        '{"principal":"ann","address":"10.0.0.9","operation":"DeleteTopic","resource":"topic","resourceName":"t",' +
        '"outcome":"denied","error":"TOPIC_AUTHORIZATION_FAILED","details":{"a":1}}\n',
    )
    const lines = logged('error', 'json', audits).trim().split('\n')
    expect(lines).to.have.length(1)
    expect(JSON.parse(lines[0]!)).to.include({ audit: true, principal: 'ann', operation: 'DeleteTopic' })
  })

  it('chooses by where standard error leads', () => {
    const around = { environment: {}, isTerminal: false, stream: '9:42' }
    expect(formatFor('auto', around)).to.equal('json')
    expect(formatFor('auto', { ...around, isTerminal: true })).to.equal('text')
    expect(formatFor('auto', { ...around, environment: { JOURNAL_STREAM: '9:42' } })).to.equal('journald')
    // Inherited, but standard error was led elsewhere.
    expect(formatFor('auto', { ...around, environment: { JOURNAL_STREAM: '9:43' } })).to.equal('json')
    expect(formatFor('json', { ...around, isTerminal: true })).to.equal('json')
  })
})

describe('ReloadList', () => {
  it('runs all in order, logs what fails, and says so', async () => {
    const errors: string[] = []
    const log: Log = { ...silentLog, error: (message) => void errors.push(message) }
    const done: string[] = []
    const list = new ReloadList()
    list.add('certificates', () => {
      throw new Error('no such file')
    })
    list.add('tokens', async () => {
      await Promise.resolve()
      done.push('tokens')
    })
    list.add('configuration', () => void done.push('configuration'))
    expect(await list.run(log)).to.equal(false)
    expect(done).to.deep.equal(['tokens', 'configuration'])
    expect(errors).to.have.length(1)
    expect(errors[0]).to.contain('the certificates').and.contain('no such file')
  })

  it('runs one round after the other', async () => {
    const steps: string[] = []
    const list = new ReloadList()
    list.add('slow', async () => {
      steps.push('begin')
      await new Promise((resolve) => setImmediate(resolve))
      steps.push('end')
    })
    await Promise.all([list.run(silentLog), list.run(silentLog)])
    expect(steps).to.deep.equal(['begin', 'end', 'begin', 'end'])
  })
})
