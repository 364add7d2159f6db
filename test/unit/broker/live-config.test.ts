/**
 * What may change while a broker runs: all keys or none, what needs a restart is refused, a reload keeps what was set.
 * Runs on: the test process. Touches: a temporary file.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { LiveConfig } from '../../../src/broker/live-config.js'
import { readConfig } from '../../../src/broker/load-config.js'
import type { Log } from '../../../src/broker/log-sink.js'

describe('LiveConfig', () => {
  const folder = mkdtempSync(join(tmpdir(), 'streambus-live-'))
  const file = join(folder, 'broker.yaml')
  after(() => rmSync(folder, { recursive: true }))

  let lines: string[] = []
  let level = ''
  const note = (of: string) => (message: string) => void lines.push(`${of} ${message.replaceAll(file, 'broker.yaml')}`)
  const log: Log = {
    debug: note('debug'),
    info: note('info'),
    warn: note('warn'),
    error: note('error'),
    setLevel: (next) => {
      level = next
    },
  }

  function open(yaml: string, variables: Record<string, string> = {}): LiveConfig {
    lines = []
    writeFileSync(file, yaml)
    return new LiveConfig(readConfig(file, variables), log)
  }

  function set(live: LiveConfig, configs: Record<string, string>, reset: string[] = []) {
    return live.alter({ configs: Object.entries(configs).map(([name, value]) => ({ name, value })), reset }, 'ann')
  }

  it('changes what everybody reads, tells those who keep copies, and logs who did it', () => {
    const live = open('maxConnections: 7\n')
    const { config } = live
    let told = 0
    live.onChange(() => told++)
    const { entries, note: sentence } = set(live, { maxConnections: '5', idleTimeoutMs: '1m', logLevel: 'debug' })
    expect(config).to.include({ maxConnections: 5, idleTimeoutMs: 60_000, logLevel: 'debug' })
    expect(entries[0]).to.deep.equal({
      key: 'maxConnections',
      value: '5',
      source: 'set while running',
      restart: false,
    })
    expect(sentence).to.contain('until the next start')
    expect({ told, level }).to.deep.equal({ told: 1, level: 'debug' })
    expect(lines[0]).to.equal('info maxConnections is 5 now (was 7), until the next start, by ann')
  })

  it('changes nothing when one of several is wrong, and tells all that is', () => {
    const live = open('port: 1\n', { STREAMBUS_SHARDS: '2' })
    const wrong = { maxConnections: '5', maxFetchBytes: '1', port: '2', shards: '3', prot: '1', brokerId: '1' }
    expect(() => set(live, wrong, ['hosst']))
      .to.throw()
      .with.property(
        'message',
        [
          'hosst is unknown; did you mean host?',
          'prot is unknown; did you mean port?',
          'maxFetchBytes is 1; expected 65536 to 67108864 bytes (64KiB to 64MiB)',
          `port needs a restart: put it into ${file}`,
          'shards needs a restart: change the variable STREAMBUS_SHARDS',
          `brokerId needs a restart: put it into ${file}`,
        ].join('\n'),
      )
    expect(live.config).to.include({ maxConnections: 10_000, port: 1 })
    expect(lines).to.deep.equal([])
  })

  it('goes back to what the file says', () => {
    const live = open('allowedOrigins: [https://a.example]\n')
    set(live, { allowedOrigins: '' })
    expect(live.config.allowedOrigins).to.deep.equal([])
    expect(set(live, {}, ['allowedOrigins']).entries[0]!.value).to.equal('https://a.example')
    expect(live.describe(['allowedOrigins'])[0]!.source).to.equal(`${file}:1`)
  })

  it('lets a program keep its own log level', () => {
    const { setLevel: _own, ...given } = log
    const live = new LiveConfig(readConfig(undefined, {}), given)
    expect(() => set(live, { logLevel: 'debug' })).to.throw('logLevel belongs to the program')
  })

  it('reloads what may change, says what waits for a restart, and keeps what was set while running', () => {
    const live = open('port: 1\nmaxConnections: 7\nmaxFetchWaitMs: 1s\n')
    set(live, { maxConnections: '5' })
    lines = []
    writeFileSync(file, '# new\nport: 2\nmaxConnections: 8\nmaxFetchWaitMs: 2s\n')
    live.reload(readConfig(file, {}))
    expect(live.config).to.include({ port: 1, maxConnections: 5, maxFetchWaitMs: 2000 })
    expect(lines).to.deep.equal([
      'warn port is 2 in broker.yaml:2: that needs a restart; 1 stays in force',
      'warn maxConnections stays 5, which was set while running; broker.yaml:3 says 8',
      'info maxFetchWaitMs is 2s now (was 1s), from broker.yaml:4',
    ])
    set(live, {}, ['maxConnections'])
    expect(live.config.maxConnections).to.equal(8)
    expect(live.describe(['port'])[0]).to.include({ value: '1', source: `${file}:1`, restart: true })
  })

  it('describes every key, and refuses one that there is none of', () => {
    const live = open('')
    expect(live.describe([]).map(({ key }) => key)).to.include.members(['brokerId', 'shutdownTimeoutMs'])
    expect(() => live.describe(['maxConection'])).to.throw('did you mean maxConnections?')
    expect(() => live.describe(['constructor'])).to.throw('constructor is unknown')
  })
})
