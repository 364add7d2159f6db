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
import { environmentNameOf, loadConfig } from '../../../src/broker/load-config.js'

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
