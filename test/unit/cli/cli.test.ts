/**
 * The command line through pipes, as a process of its own, against a broker in memory.
 * Runs on: the test process.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { Api } from '../../../native-free-core/protocol/codecs.generated.js'
import { releaseVersion } from '../../../native-free-core/version.js'
import { FakeBroker } from '../../support/fake-broker.js'
import { type CliOptions, runCli } from '../../support/run-cli.js'

describe('command line', function () {
  this.timeout(20_000)
  let broker: FakeBroker

  before(async () => {
    broker = await FakeBroker.start()
  })

  beforeEach(() => {
    broker.topics.clear()
    broker.plan = () => 'answer'
  })

  after(() => broker.stop())

  const run = (args: readonly string[], options: CliOptions = {}) =>
    runCli(args, { ...options, env: { STREAMBUS_SERVER: broker.address } })

  it('tells its version and its commands', async () => {
    expect((await run(['--version'])).stdout).to.equal(`${releaseVersion}\n`)
    const help = await run(['--help'])
    expect(help.exitCode).to.equal(0)
    for (const command of ['broker', 'topic', 'produce', 'consume', 'config', 'log', 'cluster', 'bench']) {
      expect(help.stdout).to.match(new RegExp(`^  ${command} `, 'm'))
    }
  })

  it('ends with 2 for wrong arguments and suggests what was meant', async () => {
    const unknown = await run(['consum', 't'])
    expect(unknown).to.include({ exitCode: 2, stdout: '' })
    expect(unknown.stderr).to.include('unknown command').and.include('Did you mean consume?')
    const wrong = [
      ['consume', 't', '--from', 'nonsense'],
      ['consume', 't', '--max-messages', '0'],
      ['consume'],
      ['topic', 'create', 't', '--partitions', 'many'],
      ['topic', 'create', 't', '--config', 'retention.mss=1'],
      ['topic', 'alter', 't'],
      ['produce', 't', '--acks', '2'],
      ['topic', 'list', '--server', 'no such address'],
    ]
    for (const args of wrong) expect((await run(args)).exitCode, args.join(' ')).to.equal(2)
  })

  it('creates, lists and deletes topics', async () => {
    expect((await run(['topic', 'create', 'my-topic', '--partitions', '10'])).stdout).to.include('10 partitions')
    expect((await run(['topic', 'list'])).stdout).to.match(/my-topic +10 +1/)
    expect(JSON.parse((await run(['topic', 'list', '--json'])).stdout)).to.deep.equal([
      { name: 'my-topic', partitions: 10, replicationFactor: 1 },
    ])
    const again = await run(['topic', 'create', 'my-topic'])
    expect(again.exitCode).to.equal(1)
    expect(again.stderr).to.match(/^error: topic "my-topic" exists\n {2}Choose another name/)
    expect((await run(['topic', 'delete', 'my-topic'])).exitCode).to.equal(0)
    expect(broker.topics.size).to.equal(0)
  })

  it('produces lines and consumes them; stdout carries data only', async () => {
    broker.addTopic('t')
    const produced = await run(['produce', 't'], { stdin: 'one\ntwo\n\nlast without an end' })
    expect(produced).to.deep.equal({
      exitCode: 0,
      stdout: '',
      stderr: 't: 4 records acknowledged in 1 partition\n',
    })
    const consumed = await run(['consume', 't', '--until-end'])
    expect(consumed.exitCode).to.equal(0)
    expect(consumed.stdout).to.equal('one\ntwo\n\nlast without an end\n')
    expect(consumed.stderr).to.include('from earliest')
    expect((await run(['consume', 't', '--max-messages', '2'])).stdout).to.equal('one\ntwo\n')
    expect((await run(['consume', 't', '--from', '3', '--until-end'])).stdout).to.equal('last without an end\n')
  })

  it('takes keys from lines and prints them', async () => {
    broker.addTopic('t')
    await run(['produce', 't', '--key-separator', '=>'], { stdin: 'a=>1\nb=>x=>y\n' })
    expect((await run(['consume', 't', '--until-end', '-k', ':'])).stdout).to.equal('a:1\nb:x=>y\n')
    const without = await run(['produce', 't', '--key-separator', '=>'], { stdin: 'c=>2\nno key\n' })
    expect(without.exitCode).to.equal(1)
    expect(without.stderr).to.include('line 2 has no key separator')
    expect(broker.values('t')).to.deep.equal(['1', 'x=>y', '2'])
  })

  it('ends with 1 when a record was not acknowledged', async () => {
    broker.addTopic('t')
    broker.plan = (api) => (api === Api.Produce ? new StreamBusError('MESSAGE_TOO_LARGE', 'too large') : 'answer')
    const refused = await run(['produce', 't'], { stdin: 'x\n' })
    expect(refused.exitCode).to.equal(1)
    expect(refused.stderr).to.include('1 NOT acknowledged').and.include('is too large: too large')
    broker.plan = (api) => (api === Api.Produce ? new StreamBusError('KAFKA_STORAGE_ERROR', 'no disk') : 'answer')
    expect((await run(['produce', 't', '--timeout', '0.3'], { stdin: 'x\n' })).exitCode).to.equal(1)
  })

  it('suggests the topic that was meant', async () => {
    broker.addTopic('my-topic')
    for (const args of [
      ['consume', 'my-topik'],
      ['produce', 'my-topik'],
      ['topic', 'delete', 'my-topik'],
    ]) {
      const result = await run(args, { stdin: 'x\n' })
      expect(result.exitCode).to.equal(1)
      expect(result.stderr).to.include('Did you mean "my-topic"?')
    }
  })

  it('follows until Ctrl-C and tells how much there was', async () => {
    broker.addTopic('t')
    await run(['produce', 't'], { stdin: 'one\ntwo\n' })
    const onOutput = (stdout: string) => (stdout === 'one\ntwo\n' ? ('SIGINT' as const) : undefined)
    const consumed = await run(['consume', 't'], { onOutput })
    expect(consumed).to.include({ exitCode: 0, stdout: 'one\ntwo\n' })
    expect(consumed.stderr).to.include('from earliest, following until Ctrl-C').and.include('t: 2 records')
  })

  it('ends quietly with 0 when nobody reads its output any more', async () => {
    const topic = broker.addTopic('t')
    await run(['produce', 't'], { stdin: `${'x'.repeat(1000)}\n`.repeat(5000) })
    expect(topic.partitions[0]!.endOffset).to.equal(5000)
    const consumed = await run(['consume', 't'], { onOutput: () => 'close stdout' })
    expect(consumed.exitCode).to.equal(0)
    expect(consumed.stderr).not.to.include('rror')
  })

  it('ends quietly with 0 when nobody reads a list', async () => {
    await run(['topic', 'create', 'unread'])
    const { exitCode, stderr } = await run(['topic', 'list'], { isUnread: true })
    expect({ exitCode, stderr }).to.deep.equal({ exitCode: 0, stderr: '' })
  })

  it('ends quietly with 0 when nobody reads the help', async () => {
    const { exitCode, stderr } = await run(['--help'], { isUnread: true })
    expect({ exitCode, stderr }).to.deep.equal({ exitCode: 0, stderr: '' })
  })

  it('refuses options that it has not', async () => {
    const result = await run(['consume', 't', '--group', 'g'])
    expect(result.exitCode).to.equal(2)
    expect(result.stderr).to.include("unknown option '--group'")
  })

  it('tells errors as one JSON object with --json', async () => {
    const unknown = await run(['--json', 'consume', 'none'])
    expect(unknown).to.include({ exitCode: 1, stdout: '' })
    expect(JSON.parse(unknown.stderr)).to.deep.equal({
      error: {
        name: 'UNKNOWN_TOPIC_OR_PARTITION',
        code: 3,
        message: 'there is no topic "none"',
        remedy: 'Create it: npx streambus-cli topic create none --partitions 1',
        retriable: true,
      },
    })
    const wrong = await run(['consume', 't', '--max-messages', '0', '--json'])
    expect(wrong).to.include({ exitCode: 2, stdout: '' })
    expect(JSON.parse(wrong.stderr).error).to.include({ name: 'USAGE', retriable: false })
    expect(JSON.parse(wrong.stderr).error.message).to.include("'0' is invalid")
  })

  it('says how to start a broker when none answers', async () => {
    const result = await runCli(['topic', 'list', '--server', '127.0.0.1:1'])
    expect(result.exitCode).to.equal(1)
    expect(result.stderr).to.include('connection refused').and.include('npm start')
  })

  it('dumps files of a data folder and refuses others', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'streambus-cli-'))
    const topic = broker.addTopic('t')
    await run(['produce', 't', '-k', ':'], { stdin: 'key:Hello\n' })
    const segment = join(folder, '00000000000000000000.log')
    writeFileSync(segment, topic.partitions[0]!.batches[0]!.bytes)
    const dumped = await run(['log', 'dump', segment, '--records'])
    expect(dumped.exitCode).to.equal(0)
    expect(dumped.stdout).to.include('baseOffset: 0').and.include('Hello')
    const other = join(folder, 'letter.txt')
    writeFileSync(other, 'Dear Sir or Madam')
    for (const path of [other, folder, join(folder, 'none.log')]) {
      const refused = await run(['log', 'dump', path])
      expect(refused, path).to.include({ exitCode: 2, stdout: '' })
      expect(refused.stderr).to.match(/^error: /)
    }
    rmSync(folder, { recursive: true })
  })

  it('tells the state of the cluster', async () => {
    expect(JSON.parse((await run(['cluster', 'status', '--json'])).stdout)).to.deep.equal({ brokers: [] })
    expect((await run(['cluster', 'status'])).stdout).to.equal('brokers  []\n')
  })
})
