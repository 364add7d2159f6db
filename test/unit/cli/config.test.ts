/**
 * `config check`, `explain` and `print` as people run them: through pipes, as processes of their own.
 * Runs on: the test process. Touches: a temporary folder.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { brokerConfigOf, brokerConfigRows } from '../../../native-free-core/config/broker-config.js'
import { loadConfig } from '../../../src/broker/load-config.js'
import { runCli } from '../../support/run-cli.js'

describe('config', function () {
  this.timeout(20_000)
  const folder = mkdtempSync(join(tmpdir(), 'streambus-config-cli-'))
  after(() => rmSync(folder, { recursive: true }))

  const run = (args: readonly string[], env: Record<string, string> = {}) =>
    runCli(['config', ...args], { env, cwd: folder })

  it('check tells every mistake with its place, and ends with 2', async () => {
    writeFileSync(join(folder, 'wrong.yaml'), 'port: 70000\nprot: 1\n')
    const { exitCode, stdout, stderr } = await run(['check', 'wrong.yaml'], { STREAMBUS_SHARD: '1' })
    expect(stderr).to.contain(
      'error: wrong.yaml:1:7: port is 70000; expected 0 to 65535\nwrong.yaml:2:1: prot is unknown',
    )
    expect(stderr).to.contain('STREAMBUS_SHARD is unknown; did you mean STREAMBUS_SHARDS?')
    expect({ exitCode, stdout }).to.deep.equal({ exitCode: 2, stdout: '' })
  })

  it('check says what it found when all is right', async () => {
    writeFileSync(join(folder, 'right.yaml'), 'port: 1\n')
    const { stdout } = await run(['check', 'right.yaml'], { STREAMBUS_SHARDS: '1' })
    expect(stdout).to.equal('right.yaml is right: 1 key, 1 key from the environment\n')
    const json = await run(['check', 'right.yaml', '--json'])
    expect(JSON.parse(json.stdout)).to.deep.equal({ file: 'right.yaml', keysFromFile: 1, keysFromEnvironment: 0 })
  })

  it('check refuses a listener that others can reach without TLS and tokens, as a start would', async () => {
    const { exitCode, stderr } = await run(['check'], { STREAMBUS_HOST: '0.0.0.0' })
    expect(stderr).to.contain('host is 0.0.0.0').and.contain('tokensFile')
    expect(exitCode).to.equal(2)
  })

  it('explain tells a key by its name or its variable, and suggests the nearest', async () => {
    const { stdout } = await run(['explain', 'STREAMBUS_MAX_CONNECTIONS'])
    expect(stdout).to.contain('maxConnections: Open connections').and.contain('1 to 1000000')
    expect((await run(['explain', 'retention.ms'])).stdout).to.contain('topic alter TOPIC --config retention.ms=VALUE')
    const unknown = await run(['explain', 'maxConection'])
    expect(unknown.stderr).to.contain('no configuration key "maxConection"').and.contain('Did you mean maxConnections?')
    expect(unknown.exitCode).to.equal(2)
  })

  it('print tells each value and where it came from, as a file that a broker reads', async () => {
    writeFileSync(join(folder, 'some.yaml'), '# mine\nport: 9401\nallowedHosts: [a, "b: c"]\nhost: "true"\n')
    const { stdout } = await run(['print', 'some.yaml'], { STREAMBUS_SHARDS: '2' })
    expect(stdout).to.match(/^port: 9401 +# some.yaml:2$/m)
    expect(stdout).to.match(/^shards: 2 +# STREAMBUS_SHARDS$/m)
    expect(stdout).to.match(/^maxFrameBytes: 16MiB +# default$/m)
    writeFileSync(join(folder, 'printed.yaml'), stdout)
    const expected = loadConfig(join(folder, 'some.yaml'), { STREAMBUS_SHARDS: '2' })
    expect(loadConfig(join(folder, 'printed.yaml'), {})).to.deep.equal(expected)
    const json = JSON.parse((await run(['print', 'some.yaml', '--json'])).stdout) as Record<string, unknown>
    expect(json['port']).to.deep.equal({ value: 9401, from: 'some.yaml:2' })
  })

  it('print --defaults begins a file: every key, explained', async () => {
    const { stdout } = await run(['print', '--defaults'])
    for (const row of Object.values(brokerConfigRows)) expect(stdout).to.contain(row.description)
    writeFileSync(join(folder, 'defaults.yaml'), stdout)
    expect(loadConfig(join(folder, 'defaults.yaml'), {})).to.deep.equal(brokerConfigOf())
  })
})
