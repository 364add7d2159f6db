/**
 * Configuration from file, environment and overrides; every wrong value is named with its place and what was expected.
 * Runs on: the test process, on real files.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { brokerConfigOf, brokerConfigRows } from '../../../native-free-core/config/broker-config.js'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { ConfigError } from '../../../src/broker/config-problems.js'
import { environmentNameOf } from '../../../src/broker/config-variables.js'
import { loadConfig, readConfig } from '../../../src/broker/load-config.js'

describe('loadConfig', () => {
  const folder = mkdtempSync(join(tmpdir(), 'streambus-config-'))
  const file = join(folder, 'broker.yaml')
  after(() => rmSync(folder, { recursive: true }))

  function problems(yaml: string, environment: Record<string, string> = {}, overrides = {}): string {
    writeFileSync(file, yaml)
    try {
      loadConfig(file, environment, overrides)
    } catch (error) {
      if (StreamBusError.is(error)) return error.message.replaceAll(file, 'broker.yaml')
      throw error
    }
    return ''
  }

  const wrong: [string, string, string][] = [
    ['a port out of range', 'brokerId: 0\nport: 70000\n', 'broker.yaml:2:7: port is 70000; expected 0 to 65535'],
    ['a text where a number belongs', 'port: "9400"\n', 'broker.yaml:1:7: port is "9400"; expected 0 to 65535'],
    ['an unknown key, with the nearest', 'datafolder: ./x\n', 'datafolder is unknown; did you mean dataFolder?'],
    ['a word that is no choice', 'frontEnd: nginx\n', 'broker.yaml:1:11: frontEnd is "nginx"; expected auto, uws, ws'],
    ['a flag that is no flag', 'allowInsecure: 1\n', 'allowInsecure is 1; expected true or false'],
    ['a single text for a list', 'allowedHosts: a\n', 'allowedHosts is "a"; expected a list of texts'],
    ['YAML that can not be read', 'port: [1\n', 'broker.yaml:'],
    ['a list instead of keys', '- a\n', 'expected lines of the form "key: value"'],
    ['a key twice', 'port: 1\nport: 2\n', 'broker.yaml:2:1'],
    [
      'a ring that is no power of two',
      'requestRingBytes: 3000000\n',
      'requestRingBytes is 3000000; expected a power of two',
    ],
  ]
  for (const [what, yaml, expected] of wrong) {
    it(`refuses ${what}`, () => expect(problems(yaml)).to.contain(expected))
  }

  it('tells of all errors at once', () => {
    expect(problems('port: -1\nshards: 100\nhosst: x\n').split('\n').length).to.equal(3)
  })

  it('names the environment variable, or the option, that is wrong', () => {
    expect(problems('', { STREAMBUS_PORT: 'x' })).to.contain('STREAMBUS_PORT: port is "x"; expected 0 to 65535')
    expect(problems('', {}, { port: 1e9 })).to.contain('option port: port is 1000000000')
  })

  it('lets the environment win over the file, and overrides over both', () => {
    writeFileSync(file, 'port: 1\nhost: 127.0.0.2\nbrokerId: 4\n')
    const config = loadConfig(file, { STREAMBUS_PORT: '2', STREAMBUS_ALLOWED_HOSTS: 'a, b' }, { port: 3 })
    expect(config).to.deep.include({ port: 3, host: '127.0.0.2', brokerId: 4, allowedHosts: ['a', 'b'] })
  })

  it('gives the defaults without a file', () => {
    expect(loadConfig(undefined, {})).to.deep.equal(brokerConfigOf())
  })

  it('says so when the file is not there', () => {
    expect(() => loadConfig(join(folder, 'none.yaml'), {})).to.throw(/none\.yaml can't be read/)
  })

  it('takes sizes and durations with units, from the file and from the environment alike', () => {
    writeFileSync(file, 'maxFrameBytes: 1 MiB\nidleTimeoutMs: 1.5m\nmaxFetchBytes: 100kB\nshards: 3\n')
    const environment = { STREAMBUS_MAX_FETCH_BYTES: '2MiB', STREAMBUS_MAX_FETCH_WAIT_MS: '0', STREAMBUS_SHARDS: '2' }
    const expected = { maxFrameBytes: 1 << 20, idleTimeoutMs: 90_000, maxFetchBytes: 2 << 20, maxFetchWaitMs: 0 }
    expect(loadConfig(file, environment)).to.deep.include({ ...expected, shards: 2 })
  })

  it('refuses a unit that means two things, and one where there is none, with the range in units', () => {
    expect(problems('maxFrameBytes: 64M\n')).to.contain(
      'maxFrameBytes is "64M"; expected 65536 to 67108864 bytes (64KiB to 64MiB)',
    )
    expect(problems('idleTimeoutMs: 1s\n')).to.contain('is 1000; expected 8000 to 960000 ms (8s to 16m)')
    expect(problems('shards: 2B\n')).to.contain('shards is "2B"; expected 0 to 64')
    expect(problems('', { STREAMBUS_MAX_FRAME_BYTES: '1.0001KiB' })).to.contain('maxFrameBytes is "1.0001KiB"')
  })

  it('refuses a variable that means nothing, with the nearest, and leaves those of others alone', () => {
    const found = problems('', { STREAMBUS_PROT: '1', STREAMBUS_DATAFOLDER: 'x', STREAMBUS_ZZZ: '', OTHER_PORT: '1' })
    expect(found.split('\n')).to.deep.equal([
      'environment: STREAMBUS_PROT is unknown; did you mean STREAMBUS_PORT?',
      'environment: STREAMBUS_DATAFOLDER is unknown; did you mean STREAMBUS_DATA_FOLDER?',
      'environment: STREAMBUS_ZZZ is unknown; unset it',
    ])
    for (const name of ['SERVER', 'TOKEN', 'CONTEXT', 'TLS_CA', 'TEST_REPORTER', 'SEED']) {
      expect(problems('', { [`STREAMBUS_${name}`]: 'x' }), name).to.equal('')
    }
  })

  it('takes no harm from a Kubernetes service that is called streambus', () => {
    const links = {
      STREAMBUS_PORT: 'tcp://10.3.2.1:9400',
      STREAMBUS_SERVICE_HOST: '10.3.2.1',
      STREAMBUS_SERVICE_PORT: '9400',
      STREAMBUS_SERVICE_PORT_CLIENTS: '9400',
      STREAMBUS_PORT_9400_TCP: 'tcp://10.3.2.1:9400',
      STREAMBUS_PORT_9400_TCP_ADDR: '10.3.2.1',
    }
    expect(loadConfig(undefined, links)).to.deep.equal(brokerConfigOf())
  })

  it('knows where each value came from', () => {
    writeFileSync(file, 'port: 1\n\n# more\nshards: 2\n')
    const { origins } = readConfig(file, { STREAMBUS_SHARDS: '3' }, { logLevel: 'warn' })
    expect(origins.port.text).to.equal(`${file}:1`)
    expect(origins.shards).to.deep.equal({ layer: 'environment', text: 'STREAMBUS_SHARDS' })
    expect(origins.logLevel.layer).to.equal('option')
    expect(origins.host.layer).to.equal('default')
  })

  it('names the place of a value that is wrong only beside others', () => {
    expect(problems('port: 1\nreplyRingBytes: 3000000\n')).to.contain('broker.yaml:2:17: replyRingBytes is 3000000')
  })

  it('shows the line with a mark on a terminal, and lets nothing of the file steer it', () => {
    writeFileSync(file, 'brokerId: 0\nport: 70000 # \u0007\u009b31m\nprot: 1\n')
    const error = refusalOf(() => loadConfig(file, { STREAMBUS_SHARDS: 'x' }))
    expect(error.terminalText(false).replaceAll(file, 'broker.yaml')).to.equal(
      [
        'error: port is 70000; expected 0 to 65535',
        ' --> broker.yaml:2:7',
        '  |',
        '2 | port: 70000 # ??31m',
        '  |       ^^^^^ expected 0 to 65535',
        '',
        'error: prot is unknown; did you mean port?',
        ' --> broker.yaml:3:1',
        '  |',
        '3 | prot: 1',
        '  | ^^^^ did you mean port?',
        '',
        'error: shards is "x"; expected 0 to 64',
        '  --> STREAMBUS_SHARDS',
        '',
        'error: 3 problems in the configuration',
        '  See docs/configuration.md for the names and ranges.',
        '',
      ].join('\n'),
    )
    expect(error.terminalText(true)).to.contain('\u001b[31;1m^^^^^ expected')
  })

  function refusalOf(act: () => unknown): ConfigError {
    try {
      act()
    } catch (error) {
      if (error instanceof ConfigError) return error
    }
    throw new Error('it was accepted')
  }

  for (const key of Object.keys(brokerConfigRows)) {
    it(`has an environment name for ${key}`, () => expect(environmentNameOf(key)).to.match(/^STREAMBUS_[A-Z0-9_]+$/))
  }

  for (const name of ['broker', 'development', 'production']) {
    it(`reads config/${name}.yaml`, () => {
      expect(readFileSync(`config/${name}.yaml`, 'utf8')).to.match(/^#/)
      expect(loadConfig(`config/${name}.yaml`, {})).to.be.an('object')
    })
  }
})
