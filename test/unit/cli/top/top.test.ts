/**
 * `top` against a real broker: on a terminal, through pipes, and while the broker is away.
 * Runs on: the test process, with a broker in it and processes of its own.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Broker, startBroker } from '../../../../src/broker/start-broker.js'
import { type Client, connect } from '../../../../src/client/index.js'
import { FakeBroker } from '../../../support/fake-broker.js'
import { cliOnPty, endPtys, whyNoPty } from '../../../support/pty.js'
import { runCli } from '../../../support/run-cli.js'

describe('top', function () {
  this.timeout(30_000)
  const folder = mkdtempSync(join(tmpdir(), 'streambus-top-'))
  let broker: Broker
  let client: Client
  let sending: NodeJS.Timeout

  before(async () => {
    broker = await startBroker({ dataFolder: folder, port: 0, shards: 1 })
    client = await connect({ server: `127.0.0.1:${broker.port}` })
    await client.admin().createTopic({ name: 'flights', partitions: 2 })
    await client.admin().createTopic({ name: 'quiet', partitions: 1 })
    const producer = client.producer()
    sending = setInterval(() => producer.write({ topic: 'flights', value: 'x' }), 5)
  })

  after(async () => {
    clearInterval(sending)
    await client.close()
    await broker.close()
    rmSync(folder, { recursive: true, force: true })
  })

  afterEach(endPtys)

  const env = () => ({ STREAMBUS_SERVER: `127.0.0.1:${broker.port}` })
  const needsPty = (test: Mocha.Context): void => {
    const why = whyNoPty()
    if (why === undefined) return
    console.log(`    skipped: ${why}`)
    test.skip()
  }

  it('draws on a terminal, takes keys, and leaves the screen as it was', async function () {
    needsPty(this)
    const pty = cliOnPty(['top', '--interval', '0.2'], { env: env() })
    await pty.until(/^in +[1-9]\d* records\/s/m)
    await pty.until(/^flights +2 +[1-9]\d*  /m)
    expect(pty.screen.hasColour).to.equal(true)
    expect(pty.screen.text.split('\n').at(-1)).to.match(/^q quit {3}p pause {3}s sort: records\/s {3}\? help/)
    pty.type('s')
    await pty.until('sort: name')
    pty.type('p')
    await pty.until('paused')
    pty.resize(120, 30)
    await pty.until('PARTITIONS  RECORDS/S')
    pty.type('q')
    expect(await pty.exit).to.equal(0)
    expect(pty.screen).to.include({ isAlternate: false, isCursorVisible: true, text: '' })
  })

  it('draws ten frames a second, though it asks less often', async function () {
    needsPty(this)
    const pty = cliOnPty(['top', '--interval', '5'], { env: env() })
    const age = () => Number(/answer (\d+\.\d) s old/.exec(pty.screen.text)?.[1] ?? Number.NaN)
    await pty.until(() => age() >= 0.3)
    const [startAge, startCount] = [age(), pty.screen.updateCount]
    await pty.until(() => age() >= startAge + 1.5)
    // A machine that is busy with other things may miss some; there are never more.
    const perSecond = (pty.screen.updateCount - startCount) / (age() - startAge)
    expect(perSecond).to.be.within(6, 11)
    pty.type('\x03')
    expect(await pty.exit).to.equal(0)
  })

  it('has no colours with NO_COLOR', async function () {
    needsPty(this)
    const pty = cliOnPty(['top'], { env: { ...env(), NO_COLOR: '1' } })
    await pty.until(/^flights/m)
    expect(pty.screen.hasColour).to.equal(false)
    expect(pty.output).to.not.match(/\[[129]m/)
    pty.type('q')
    expect(await pty.exit).to.equal(0)
  })

  it('says so while the broker is away, and goes on when it is back', async function () {
    needsPty(this)
    const other = mkdtempSync(join(tmpdir(), 'streambus-top-'))
    let first = await startBroker({ dataFolder: other, port: 0, shards: 1 })
    const { port } = first
    const pty = cliOnPty(['top', '--interval', '0.2'], { env: { STREAMBUS_SERVER: `127.0.0.1:${port}` } })
    await pty.until('none yet')
    await first.close()
    await pty.until('connection lost, connecting again')
    first = await startBroker({ dataFolder: other, port, shards: 1 })
    await pty.until(({ text }) => !text.includes('connection lost'))
    pty.type('q')
    expect(await pty.exit).to.equal(0)
    await first.close()
    rmSync(other, { recursive: true, force: true })
  })

  it('prints one table where there is no terminal', async () => {
    const { exitCode, stdout, stderr } = await runCli(['top'], { env: env() })
    expect({ exitCode, stderr }).to.deep.equal({ exitCode: 0, stderr: '' })
    expect(stdout).to.match(/^in +[1-9]\d* records\/s/m)
    expect(stdout).to.match(/^quiet +1 +0 +0 +0 B +0 +-$/m)
    expect(stdout).to.not.include('\x1b')
  })

  it('prints a line of JSON for each look', async () => {
    const { exitCode, stdout, stderr } = await runCli(['top', '--json', '-n', '2', '--interval', '0.3'], { env: env() })
    expect({ exitCode, stderr }).to.deep.equal({ exitCode: 0, stderr: '' })
    const documents = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(documents).to.have.length(2)
    expect(documents[1].in.recordsPerSecond).to.be.greaterThan(0)
    expect(documents[1].topics.map(({ name }: { name: string }) => name)).to.deep.equal(['flights', 'quiet'])
    expect(documents[1].shards).to.have.length(1)
  })

  it('refuses what makes no sense, and a broker that tells too little', async () => {
    const fake = await FakeBroker.start()
    const wrong = await runCli(['top', '--interval', '0.01'], { env: env() })
    expect(wrong).to.include({ exitCode: 2 })
    expect((await runCli(['top', '--count', '3'], { env: env() })).exitCode).to.equal(2)
    const old = await runCli(['top', '--once'], { env: { STREAMBUS_SERVER: fake.address } })
    await fake.stop()
    expect(old.exitCode).to.equal(1)
    expect(old.stderr).to.include('does not tell its counters').and.include('0.2.0 or later')
  })
})
