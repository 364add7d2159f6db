/**
 * The broker as a service: what systemd is told, that a worker which is stuck ends the watchdog's signs of life, what
 * SIGHUP and SIGTERM do, and that the unit file is what the pages say.
 * Runs on: the test process, with brokers as processes of their own. Touches: temporary folders, a datagram socket.
 */
import { expect } from 'chai'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { closeSync, existsSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brokerConfigOf } from '../../native-free-core/config/broker-config.js'
import { connect } from '../../src/client/index.js'
import { DatagramSocket } from '../support/datagram-socket.js'
import { endPtys, Pty, whyNoPty } from '../support/pty.js'
import { readText, root } from '../tidy/source-tree.js'

const mainFile = fileURLToPath(new URL('../support/broker-main.js', import.meta.url))
const cliFile = fileURLToPath(new URL('../support/run-cli.js', import.meta.url))
const stuckDisk = fileURLToPath(new URL('../support/stuck-disk.js', import.meta.url))
const small = 'port: 0\njournalMemoryBytes: 4MiB\nvolatileMemoryBytes: 2MiB\nshards: 2\npinShards: false\n'

describe('a broker under systemd', function () {
  this.timeout(30_000)
  let folder: string
  let stuck: string
  let config: string
  let socket: DatagramSocket | undefined
  let child: ChildProcess | undefined
  let said = ''

  before(function () {
    if (process.platform !== 'linux') this.skip()
  })

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'streambus-systemd-'))
    stuck = join(folder, 'stuck')
    config = join(folder, 'broker.yaml')
    writeConfig('')
  })

  afterEach(async () => {
    rmSync(stuck, { force: true })
    if (child !== undefined && child.exitCode === null) {
      child.kill('SIGKILL')
      await ended()
    }
    socket?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  function writeConfig(yaml: string): void {
    writeFileSync(config, `${small}dataFolder: ${join(folder, 'data')}\n${yaml}`)
  }

  function start(environment: Record<string, string>): void {
    said = ''
    const { NOTIFY_SOCKET: _socket, WATCHDOG_USEC: _interval, ...env } = process.env
    child = spawn(process.execPath, [mainFile, config, stuckDisk], {
      env: { ...env, STREAMBUS_TEST_STUCK: stuck, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout!.on('data', (chunk) => (said += chunk))
    child.stderr!.on('data', (chunk) => (said += chunk))
  }

  function listen(path: string): DatagramSocket {
    socket = DatagramSocket.open(path)
    return socket!
  }

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (child!.exitCode !== null) throw new Error(`the broker ended with ${child!.exitCode}: ${said}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  function ended(): Promise<number> {
    if (child!.exitCode !== null) return Promise.resolve(child!.exitCode)
    return new Promise((resolve) => child!.once('exit', (code) => resolve(code ?? -1)))
  }

  const has = (text: string) => (received: readonly string[]) => received.some((datagram) => datagram.includes(text))

  it('tells that it is ready, reloads and stops, to a path and to an abstract address', async () => {
    for (const path of [join(folder, 'notify'), `@streambus-test-${process.pid}-${Date.now()}`]) {
      const notices = listen(path)
      start({ NOTIFY_SOCKET: path })
      await notices.until(has('READY=1'))
      expect(notices.received[0]).to.match(/^READY=1\nSTATUS=ready on ws:\/\/127\.0\.0\.1:\d+, 2 shards$/)
      child!.kill('SIGHUP')
      await notices.until((received) => received.length >= 3)
      expect(notices.received[1]).to.match(/^RELOADING=1\nMONOTONIC_USEC=\d+$/)
      expect(notices.received[2]).to.match(/^READY=1\nSTATUS=ready on/)
      const sentUsec = Number(/USEC=(\d+)/.exec(notices.received[1]!)![1])
      expect(Number(process.hrtime.bigint() / 1000n) - sentUsec).to.be.within(0, 20_000_000)
      child!.kill('SIGTERM')
      expect(await ended()).to.equal(0)
      expect(notices.drain()[3]).to.match(/^STOPPING=1\nSTATUS=SIGTERM: .*\nEXTEND_TIMEOUT_USEC=40000000$/)
      expect(notices.received).to.have.length(4)
      notices.close()
    }
    socket = undefined
  })

  it('gives signs of life while all workers answer, none while one is stuck, and again when it is free', async () => {
    const notices = listen(join(folder, 'notify'))
    start({ NOTIFY_SOCKET: join(folder, 'notify'), WATCHDOG_USEC: '300000' })
    const signs = (): number => notices.drain().filter((datagram) => datagram === 'WATCHDOG=1').length
    await until(() => signs() >= 3)
    const port = /127\.0\.0\.1:(\d+)/.exec(notices.received[0]!)![1]!
    const client = await connect({ server: `127.0.0.1:${port}` })
    await client.admin().createTopic({ name: 't', partitions: 2 })
    const producer = client.producer()
    await producer.send({ topic: 't', partition: 0, value: 'a' })
    const works = {
      'shard [01]': () => producer.send({ topic: 't', partition: 0, value: 'b' }),
      metadata: () => client.admin().createTopic({ name: 'other' }),
    }
    try {
      for (const [worker, work] of Object.entries(works)) {
        said = ''
        writeFileSync(stuck, '')
        const done = work()
        await until(() => new RegExp(`"${worker} has not answered for \\d+ ms`).test(said))
        const before = signs()
        // The interval is 300 ms: in a second there would have been many.
        const stuckUntil = performance.now() + 1000
        await until(() => performance.now() > stuckUntil)
        expect(signs(), worker).to.equal(before)
        rmSync(stuck)
        await done
        await until(() => signs() > before)
        await until(() => said.includes('answers again'))
      }
    } finally {
      rmSync(stuck, { force: true })
      await producer.close()
      await client.close()
    }
    child!.kill('SIGTERM')
    expect(await ended()).to.equal(0)
  })

  it('gives no signs of life that are meant for another process', async () => {
    const notices = listen(join(folder, 'notify'))
    start({ NOTIFY_SOCKET: join(folder, 'notify'), WATCHDOG_USEC: '30000', WATCHDOG_PID: '1' })
    await notices.until(has('READY=1'))
    child!.kill('SIGTERM')
    await ended()
    expect(notices.drain().filter((datagram) => datagram.includes('WATCHDOG'))).to.deep.equal([])
  })

  it('tells it through the program systemd-notify where the package koffi is missing', async function () {
    if (spawnSync('systemd-notify', ['--version']).status !== 0) this.skip()
    const preload = join(folder, 'no-koffi.cjs')
    writeFileSync(
      preload,
      `const module_ = require('node:module')
      const resolve = module_._resolveFilename
      module_._resolveFilename = (name, ...rest) => {
        if (name === 'koffi') throw new Error('not installed')
        return resolve(name, ...rest)
      }`,
    )
    const notices = listen(join(folder, 'notify'))
    start({ NOTIFY_SOCKET: join(folder, 'notify'), NODE_OPTIONS: `--require=${preload}` })
    await notices.until(has('READY=1'))
    child!.kill('SIGTERM')
    expect(await ended()).to.equal(0)
    expect(has('STOPPING=1')(notices.drain())).to.equal(true)
  })

  it('reloads while its terminal is there, stops cleanly when that is closed', async function () {
    if (whyNoPty() !== undefined) this.skip()
    const log = join(folder, 'log')
    const words = [process.execPath, mainFile, config, stuckDisk].join(' ')
    const pty = new Pty(['sh', '-c', `cd ${folder} && exec ${words} 2> ${log}`])
    const logged = (): string => readFileSync(log, 'utf8')
    try {
      await pty.until('Ctrl-C stops the broker.')
      const { pid } = pty
      process.kill(pid, 'SIGHUP')
      while (!logged().includes('SIGHUP: reloaded')) await new Promise((resolve) => setTimeout(resolve, 5))
      const parent = Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1])
      process.kill(parent, 'SIGKILL')
      while (existsSync(`/proc/${pid}`)) await new Promise((resolve) => setTimeout(resolve, 5))
      expect(logged()).to.match(/stopped cleanly after \d+ ms[^\n]*\n$/)
    } finally {
      endPtys()
    }
  })

  it('tells the journal that what kept it from starting is an error, line by line', () => {
    writeConfig('prot: 9400\n')
    const journal = join(folder, 'journal')
    const file = openSync(journal, 'w')
    const { dev, ino } = fstatSync(file)
    for (const args of [
      ['broker', '--config', config],
      ['broker', '--confg', config],
    ]) {
      const env = { ...process.env, JOURNAL_STREAM: `${dev}:${ino}` }
      spawnSync(process.execPath, [cliFile, ...args], { env, stdio: ['ignore', 'ignore', file] })
    }
    closeSync(file)
    const lines = readFileSync(journal, 'utf8').trimEnd().split('\n')
    expect(lines.length).to.be.at.least(4)
    expect(lines.filter((line) => !line.startsWith('<3>'))).to.deep.equal([])
    expect(lines.join('\n')).to.contain('<3>error: ').and.contain('prot').and.contain('--confg')
    // Standard error leads elsewhere: the variable was inherited.
    const { stderr } = spawnSync(process.execPath, [cliFile, 'broker', '--config', config], {
      env: { ...process.env, JOURNAL_STREAM: `${dev}:${ino}` },
    })
    expect(stderr.toString()).to.match(/^error: /)
  })

  it('runs all the same when nobody listens on the socket', async () => {
    start({ NOTIFY_SOCKET: join(folder, 'nobody') })
    await until(() => said.includes("systemd can't be told"))
    child!.kill('SIGTERM')
    expect(await ended()).to.equal(0)
  })

  it('reloads on SIGHUP: what may change does, what needs a restart is told, mistakes change nothing', async () => {
    const notices = listen(join(folder, 'notify'))
    start({ NOTIFY_SOCKET: join(folder, 'notify') })
    await notices.until(has('READY=1'))
    writeConfig('maxConnections: 7\nbrokerId: 3\nlogLevel: debug\n')
    child!.kill('SIGHUP')
    await until(() => said.includes('SIGHUP: reloaded'))
    expect(said).to.match(/brokerId is 3 in .*broker\.yaml:8: that needs a restart; 0 stays in force/)
    expect(said).to.contain('maxConnections is 7 now (was 10000), from')
    writeConfig('maxConnections: none\n')
    child!.kill('SIGHUP')
    await notices.until(has('the last reload failed'))
    await until(() => said.includes('what was in force stays'))
    const port = /127\.0\.0\.1:(\d+)/.exec(notices.received[0]!)![1]!
    const client = await connect({ server: `127.0.0.1:${port}` })
    const [entry] = await client.admin().describeBrokerConfig(['maxConnections'])
    expect(entry!.value).to.equal('7')
    await client.close()
    child!.kill('SIGTERM')
    expect(await ended()).to.equal(0)
  })

  it('stops within shutdownTimeoutMs, as it is when the signal comes, although a disk does not answer', async () => {
    const notices = listen(join(folder, 'notify'))
    start({ NOTIFY_SOCKET: join(folder, 'notify') })
    await notices.until(has('READY=1'))
    const port = /127\.0\.0\.1:(\d+)/.exec(notices.received[0]!)![1]!
    const client = await connect({ server: `127.0.0.1:${port}` })
    await client.admin().alterBrokerConfig({ shutdownTimeoutMs: '200ms' })
    writeFileSync(stuck, '')
    await client.close()
    child!.kill('SIGTERM')
    await until(() => said.includes('not settled after 200 ms')).catch(() => undefined)
    expect(await ended()).to.equal(0)
    expect(said).to.contain('not settled after 200 ms (shutdownTimeoutMs)')
  })
})

describe('deploy/systemd/streambus.service', () => {
  const unit = 'deploy/systemd/streambus.service'
  const lines = readText(unit).split('\n')
  const valueOf = (name: string): string | undefined =>
    lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1)
  const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0

  it('lets a stop take as long as the broker may take, and does not start what is configured wrong again', () => {
    expect(valueOf('Type')).to.equal('notify')
    expect(Number(valueOf('TimeoutStopSec'))).to.be.greaterThan(brokerConfigOf().shutdownTimeoutMs / 1000)
    expect(valueOf('Restart')).to.equal('on-failure')
    expect(valueOf('RestartPreventExitStatus')).to.equal('2')
    expect(valueOf('ExecReload')).to.contain('-HUP')
    expect(Number(valueOf('LimitNOFILE'))).to.be.greaterThan(brokerConfigOf().maxConnections)
  })

  it('has the exposure that docs/operations.md quotes, and systemd understands every line', function () {
    if (!hasAnalyze) this.skip()
    const { stdout, stderr } = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', unit], {
      encoding: 'utf8',
      cwd: root,
    })
    const score = /Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]
    const quoted = /exposure level of ([\d.]+)/.exec(readText('docs/operations.md'))?.[1]
    expect(score, `${stdout}${stderr}`).to.equal(quoted)
    expect(Number(score)).to.be.at.most(2)
    expect(stderr).not.to.match(/streambus\.service:\d+:/)
  })
})
