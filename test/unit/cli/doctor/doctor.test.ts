/**
 * `doctor` with a machine that answers as a test wants, and once with the real one.
 * Runs on: the test process; one process of its own.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { brokerConfigOf } from '../../../../native-free-core/config/broker-config.js'
import { StreamBusError } from '../../../../native-free-core/errors/streambus-error.js'
import { releaseVersion } from '../../../../native-free-core/version.js'
import { startBroker } from '../../../../src/broker/start-broker.js'
import { examine } from '../../../../src/cli/commands/doctor.js'
import { type Answer, brokerCheck, brokerClockCheck, portCheck } from '../../../../src/cli/doctor/broker-checks.js'
import { diskChecks } from '../../../../src/cli/doctor/disk-checks.js'
import type { Finding } from '../../../../src/cli/doctor/finding.js'
import * as checks from '../../../../src/cli/doctor/machine-checks.js'
import { machine, type Probes } from '../../../../src/cli/doctor/probes.js'
import { runCli } from '../../../support/run-cli.js'

const GiB = 2 ** 30

const healthy: Probes = {
  nodeVersion: 'v22.12.0',
  platform: 'linux',
  nowMs: () => Date.UTC(2026, 6, 1),
  whyNotUws: () => undefined,
  existingFolder: (folder) => folder,
  isWritable: () => true,
  fileSystem: () => ({ type: 0xef53, freeBytes: 50 * GiB, totalBytes: 100 * GiB }),
  syncedWrites: (_folder, count) => Array.from({ length: count }, (_, n) => 0.2 + n / 100),
  openFilesLimit: () => 65_536,
  memoryBytes: () => 16 * GiB,
  cores: () => [0, 1, 2, 3],
  cpuQuota: () => undefined,
  canPin: () => true,
  isClockSynced: () => true,
  whyNotListen: () => Promise.resolve(undefined),
}

const config = brokerConfigOf()
const answer: Answer = {
  server: '127.0.0.1:9400',
  version: releaseVersion,
  pid: 42,
  clockDifferenceMs: 3,
  uncertaintyMs: 1,
}
const refused = new StreamBusError('NETWORK_EXCEPTION', 'no broker answers at 127.0.0.1:9400: connection refused')

/** What a check says of a machine that is healthy but for this. */
function disk(changes: Partial<Probes>, given = config): readonly Finding[] {
  return diskChecks({ ...healthy, ...changes }, given, '/data', 3)
}

const fileSystem = (type: number, freeBytes = 50 * GiB) => ({
  fileSystem: () => ({ type, freeBytes, totalBytes: 100 * GiB }),
})
const found = (findings: readonly Finding[], check: string) => findings.find((finding) => finding.check === check)!

describe('doctor', function () {
  this.timeout(30_000)

  it('has nothing to say against a healthy machine', async () => {
    const findings = await examine(healthy, undefined, { servers: ['127.0.0.1:9400'] }, { STREAMBUS_PORT: '1' })
    expect(findings.filter(({ status }) => status !== 'ok')).to.deep.equal([])
    expect(findings.map(({ check }) => check)).to.deep.equal([
      'Node.js',
      'front end',
      'configuration',
      'listener',
      'data folder',
      'file system',
      'synced write',
      'free space',
      'cores',
      'memory',
      'open files',
      'clock',
      'port',
      'broker',
    ])
  })

  const rows: readonly (readonly [what: string, Finding, status: Finding['status'], words: RegExp])[] = [
    [
      'a line of Node.js without support',
      checks.nodeCheck({ ...healthy, nodeVersion: 'v23.1.0' }),
      'warn',
      /v23\.1\.0/,
    ],
    [
      'no binary for uws',
      checks.frontEndCheck({ ...healthy, whyNotUws: () => 'there is no binary' }, config),
      'ok',
      /^ws, because there is no binary/,
    ],
    [
      'uws wanted without a binary',
      checks.frontEndCheck({ ...healthy, whyNotUws: () => 'there is no binary' }, { ...config, frontEnd: 'uws' }),
      'fail',
      /frontEnd is uws, but there is no binary/,
    ],
    ['memory instead of a disk', found(disk(fileSystem(0x01021994)), 'file system'), 'warn', /^tmpfs: .*gone/],
    ['a layer of a container', found(disk(fileSystem(0x794c7630)), 'file system'), 'warn', /^overlay: .*deleted/],
    ['a network', found(disk(fileSystem(0x6969)), 'file system'), 'warn', /^nfs: over the network/],
    ['a number with its sign', found(disk(fileSystem(0x9123683e | 0)), 'file system'), 'warn', /^btrfs: copies/],
    ['an unknown file system', found(disk(fileSystem(0xabc)), 'file system'), 'ok', /0xabc/],
    ['a folder of others', found(disk({ isWritable: () => false }), 'data folder'), 'fail', /\/data can't be written/],
    [
      'a disk too fast to be honest',
      found(disk({ syncedWrites: () => [0.01, 0.012, 0.5] }), 'synced write'),
      'warn',
      /^0\.01 ms .*too fast for a disk/,
    ],
    ['a slow disk', found(disk({ syncedWrites: () => [9, 20, 30] }), 'synced write'), 'warn', /^20\.0 ms/],
    [
      'a disk that refuses',
      found(
        disk({
          syncedWrites: () => {
            throw new Error('EIO: i/o error')
          },
        }),
        'synced write',
      ),
      'fail',
      /EIO/,
    ],
    ['a full disk', found(disk(fileSystem(0xef53, 0.9 * GiB)), 'free space'), 'fail', /^922 MiB free .*stop at 1 GiB/],
    ['a disk nearly full', found(disk(fileSystem(0xef53, 1.5 * GiB)), 'free space'), 'warn', /1\.5 GiB free/],
    [
      'no room for the journals',
      found(disk({ existingFolder: () => '/', ...fileSystem(0xef53, 1.1 * GiB) }), 'free space'),
      'fail',
      /and 126 MiB of journals/,
    ],
    ['a quota', checks.coresCheck({ ...healthy, cpuQuota: () => 1.5 }, config, 3), 'warn', /quota of 1\.5 cores/],
    ['one core', checks.coresCheck({ ...healthy, cores: () => [0] }, config, 1), 'warn', /1 shard on 1 core:/],
    ['too many shards', checks.coresCheck(healthy, config, 4), 'warn', /4 shards on 4 cores: too many/],
    ['no koffi', checks.coresCheck({ ...healthy, canPin: () => false }, config, 3), 'warn', /koffi/],
    ['little memory', checks.memoryCheck({ ...healthy, memoryBytes: () => GiB / 4 }, config, 3), 'fail', /of 256 MiB/],
    ['just enough memory', checks.memoryCheck({ ...healthy, memoryBytes: () => GiB }, config, 3), 'warn', /room for/],
    ['few files', checks.filesCheck({ ...healthy, openFilesLimit: () => 4096 }, config), 'warn', /^4,096 allowed/],
    ['too few files', checks.filesCheck({ ...healthy, openFilesLimit: () => 256 }, config), 'fail', /too few/],
    ['a clock of the past', checks.clockCheck({ ...healthy, nowMs: () => 0 }), 'fail', /1970/],
    [
      'a clock that nobody keeps',
      checks.clockCheck({ ...healthy, isClockSynced: () => false }),
      'warn',
      /no time server/,
    ],
    ['a broker that is asked for and not there', brokerCheck(refused, '127.0.0.1:9400', true), 'fail', /refused/],
    [
      'a broker of another version',
      brokerCheck({ ...answer, version: '0.0.9' }, 'x', false),
      'warn',
      /version 0\.0\.9/,
    ],
    ['a clock far from ours', brokerClockCheck({ ...answer, clockDifferenceMs: -5000 })!, 'warn', /5000 ms behind/],
    ['a clock like ours', brokerClockCheck(answer)!, 'ok', /ahead/],
  ]
  for (const [what, finding, status, words] of rows) {
    it(`says ${status} to ${what}`, () => {
      expect(finding.status).to.equal(status)
      expect(finding.found).to.match(words)
      if (status !== 'ok') expect(finding.remedy).to.match(/^[A-Z].*\.$/s)
    })
  }

  it('tells a port that a broker has from one that something else has', async () => {
    const taken = new StreamBusError('ADDRESS_IN_USE', 'port is 9400: 127.0.0.1:9400 is taken by another process')
    const probes = { ...healthy, whyNotListen: () => Promise.resolve(taken) }
    expect(await portCheck(probes, config, answer)).to.include({ status: 'ok' })
    expect((await portCheck(probes, config, answer)).found).to.include('pid 42')
    const other = await portCheck(probes, config, refused)
    expect(other).to.include({ status: 'fail', found: taken.message })
    expect(other.remedy).to.include('does not answer as a broker')
  })

  it('goes on with the defaults when the configuration is wrong, and tells every mistake', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'streambus-doctor-'))
    const file = join(folder, 'broker.yaml')
    writeFileSync(file, 'prot: 9400\nshards: many\n')
    const findings = await examine(healthy, file, { servers: ['127.0.0.1:9400'] }, {})
    rmSync(folder, { recursive: true })
    const { status, found: words } = found(findings, 'configuration')
    expect(status).to.equal('fail')
    expect(words).to.include('did you mean port?').and.include('shards')
    expect(findings.length).to.be.greaterThan(10)
  })

  it('fails for a listener beyond loopback that nothing protects', async () => {
    const findings = await examine(healthy, undefined, {}, { STREAMBUS_HOST: '0.0.0.0', STREAMBUS_PORT: '1' })
    expect(found(findings, 'listener')).to.include({ status: 'fail' })
    expect(found(findings, 'listener').remedy).to.include('tokensFile')
  })

  it('examines this machine and the broker on it, and leaves nothing behind', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'streambus-doctor-'))
    const broker = await startBroker({ dataFolder: folder, port: 0, shards: 1 })
    const before = readdirSync(folder)
    const env = { STREAMBUS_DATA_FOLDER: folder, STREAMBUS_PORT: String(broker.port), NO_COLOR: '' }
    const text = await runCli(['doctor'], { env: { ...env, STREAMBUS_SERVER: '' } })
    const json = await runCli(['doctor', '--json', '--server', `127.0.0.1:${broker.port}`], { env })
    expect(readdirSync(folder)).to.deep.equal(before)
    await broker.close()
    rmSync(folder, { recursive: true, force: true })
    expect(text.stdout).to.include(`taken by the broker that runs (version ${releaseVersion}, pid ${process.pid})`)
    expect(text.stdout).to.match(/^\d+ ok, \d+ warnings?, \d+ failures?$/m)
    const document = JSON.parse(json.stdout) as { findings: Finding[]; failures: number }
    expect(json.exitCode).to.equal(document.failures === 0 ? 0 : 1)
    expect(found(document.findings, 'broker')).to.include({ status: 'ok' })
    expect(found(document.findings, "broker's clock")).to.include({ status: 'ok' })
  })

  it('ends with 1 when a check fails', async () => {
    const { exitCode, stdout } = await runCli(['doctor', '--server', '127.0.0.1:1'])
    expect(exitCode).to.equal(1)
    expect(stdout).to.match(/^fail {2}broker .*refused/m)
  })

  it('asks the real machine without an error', () => {
    expect(machine.memoryBytes()).to.be.greaterThan(0)
    expect(machine.syncedWrites(tmpdir(), 3)).to.have.length(3)
    expect(machine.fileSystem(tmpdir()).totalBytes).to.be.greaterThan(0)
    expect(machine.existingFolder('/not/there')).to.equal('/')
    expect([true, false, undefined]).to.include(machine.isClockSynced())
  })
})
