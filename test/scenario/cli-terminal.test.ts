/**
 * The command line on a real pseudo-terminal: what records hold never steers it, records are destroyed only after a
 * yes, tables fit, colours are for terminals that want them.
 * Runs on: the test process, with commands on terminals of their own and a broker in this process.
 */
import { expect } from 'chai'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../../src/broker/start-broker.js'
import { type Client, connect } from '../../src/client/index.js'
import { cliOnPty, endPtys, Pty, type PtyOptions, whyNoPty } from '../support/pty.js'
import { root } from '../tidy/source-tree.js'

const small = { journalMemoryBytes: 4 << 20, volatileMemoryBytes: 2 << 20, shards: 1, pinShards: false } as const
const ctrlC = '\x03'
const ctrlD = '\x04'
const bold = '\x1b[1m'

describe('command line on a terminal', function () {
  this.timeout(30_000)
  this.slow(5_000)
  let folder: string
  let broker: Broker
  let client: Client
  let topicCount = 0

  before(async function () {
    const why = whyNoPty()
    if (why !== undefined) {
      console.log(`      ${why}`)
      this.skip()
    }
    folder = mkdtempSync(join(tmpdir(), 'streambus-cli-'))
    broker = await startBroker({ ...small, dataFolder: join(folder, 'data'), port: 0 })
    client = await connect({ server: `127.0.0.1:${broker.port}` })
  })

  afterEach(endPtys)

  after(async () => {
    if (folder === undefined) return
    await client?.close()
    await broker?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  function open(args: readonly string[], options: PtyOptions = {}): Pty {
    const env = { STREAMBUS_SERVER: `127.0.0.1:${broker.port}`, XDG_CONFIG_HOME: folder, ...options.env }
    return cliOnPty(args, { ...options, env })
  }

  async function topicOf(...values: readonly string[]): Promise<string> {
    const name = `topic-${++topicCount}`
    await client.admin().createTopic({ name })
    const producer = client.producer()
    for (const value of values) await producer.send({ topic: name, key: value, value, headers: { [value]: value } })
    await producer.close()
    return name
  }

  const hasTopic = async (name: string) => (await client.admin().listTopics()).some((topic) => topic.name === name)

  it('a record cannot steer it, in any form of printing', async () => {
    const evil = '\x1b[2J\x1b]0;title\x07\x1b[31m\r\x9b1m\u202e'
    const topic = await topicOf(evil)
    for (const how of [[], ['-k', ' '], ['-f', '%k|%v|%h\\n'], ['--json'], ['--value-format', 'json']]) {
      const pty = open(['consume', topic, '--until-end', '-q', ...how])
      expect(await pty.exit, how.join(' ')).to.equal(0)
      // What is left are line ends, and nothing that a terminal acts on.
      expect(pty.output.replaceAll('\r\n', '\n'), how.join(' ')).to.match(/^[\x20-\x7e\n]+$/)
      expect(pty.output).to.contain(how.includes('--json') || how.includes('json') ? '\\u001b[2J' : '\\x1b[2J')
    }
  })

  it('lines and letters of every script stay as they are', async () => {
    const topic = await topicOf('two\n\tlines größe 注文 👩‍👩‍👧')
    const pty = open(['consume', topic, '--until-end', '-q'])
    await pty.exit
    expect(pty.output.replaceAll('\r\n', '\n')).to.equal('two\n\tlines größe 注文 👩‍👩‍👧\n')
  })

  it('Ctrl-C ends with a summary and 0', async () => {
    const topic = await topicOf('one', 'two')
    const pty = open(['consume', topic])
    await pty.until('two')
    pty.type(ctrlC)
    expect(await pty.exit).to.equal(0)
    expect(pty.output).to.contain(`${topic}: 2 records, 12 B in `).and.contain(`consume ${topic} --from 0:2`)
  })

  it('records are typed line by line until Ctrl-D', async () => {
    const topic = await topicOf()
    const pty = open(['produce', topic, '-v'])
    await pty.until(`each line is a record for ${topic}; Ctrl-D ends`)
    pty.type('hello\n')
    await pty.until('partition 0 offset 0')
    pty.type(ctrlD)
    expect(await pty.exit).to.equal(0)
    expect(pty.output).to.contain('1 record acknowledged')
  })

  it('topics and records are deleted after a yes, and after nothing else', async () => {
    const topic = await topicOf('one', 'two')
    for (const answer of ['n\n', ctrlC]) {
      const asked = open(['topic', 'delete', topic])
      await asked.until(`delete topic ${topic} and its 2 records? [y/N]`)
      asked.type(answer)
      expect(await asked.exit, JSON.stringify(answer)).to.equal(2)
      expect(asked.output).to.contain('nothing was done').and.contain('--yes')
    }
    const records = open(['topic', 'delete-records', topic, '--before', '1'])
    await records.until(`delete 1 record of topic ${topic}? [y/N]`)
    records.type('y\n')
    expect(await records.exit).to.equal(0)
    expect(records.output).to.contain('begins at offset 1 now')
    expect(await hasTopic(topic)).to.equal(true)
    const asked = open(['topic', 'delete', topic])
    await asked.until('and its 1 record? [y/N]')
    asked.type('yes\n')
    expect(await asked.exit).to.equal(0)
    expect(await hasTopic(topic)).to.equal(false)
    const sure = await topicOf('one')
    expect(await open(['topic', 'delete', sure, '--yes']).exit).to.equal(0)
  })

  it('a topic that is not there is told before anything is asked', async () => {
    const pty = open(['topic', 'delete', 'nothing'])
    expect(await pty.exit).to.equal(1)
    expect(pty.output).to.contain('there is no topic "nothing"').and.not.contain('[y/N]')
  })

  it('a table is cut to its width', async () => {
    await client.admin().createTopic({ name: 'x'.repeat(120) })
    const pty = open(['topic', 'list'], { columns: 50 })
    expect(await pty.exit).to.equal(0)
    expect(pty.output).to.match(/^x{25,40}… +1 +1\r$/m)
    for (const line of pty.screen.text.split('\n')) expect(line.length).to.be.at.most(50)
  })

  it('Tab in bash completes commands, options and topics, and runs nothing that is on the line', async () => {
    await client.admin().createTopic({ name: 'completed-by-tab' })
    const program = join(folder, 'streambus')
    writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'bin/streambus.js')}" "$@"\n`)
    chmodSync(program, 0o755)
    writeFileSync(join(folder, 'inputrc'), 'set enable-bracketed-paste off\nset bell-style none\n')
    const env = {
      PATH: `${folder}:${process.env['PATH']}`,
      STREAMBUS_SERVER: `127.0.0.1:${broker.port}`,
      PS1: '> ',
      INPUTRC: join(folder, 'inputrc'),
    }
    // A shell for each line: bash swallows Ctrl-C while it still completes.
    const line = async (typed: string, completed: string) => {
      const bash = new Pty(['bash', '--norc', '--noprofile', '-i'], { env, columns: 120 })
      bash.type('source <(streambus completion bash); echo rea""dy\n')
      await bash.until('ready\n')
      bash.type(typed)
      await bash.until(completed)
      bash.kill('SIGKILL')
      await bash.exit
    }
    await line('streambus cons\t', 'streambus consume')
    await line('streambus topic des\t', 'streambus topic describe')
    await line('streambus consume completed-\t', 'streambus consume completed-by-tab')
    await line('streambus consume t --value-format=ba\t', '--value-format=base64')
    await line(`streambus consume $(touch ${join(folder, 'run')}) --until\t`, '--until-end')
    expect(existsSync(join(folder, 'run'))).to.equal(false)
  })

  it('has colours, unless NO_COLOR says otherwise', async () => {
    const outputOf = async (args: readonly string[], env: Record<string, string>) => {
      const pty = open(args, { env })
      expect(await pty.exit).to.equal(0)
      return pty.output
    }
    for (const args of [
      ['topic', 'list'],
      ['consume', '--help'],
    ]) {
      expect(await outputOf(args, {})).to.contain(bold)
      expect(await outputOf(args, { NO_COLOR: '1' })).not.to.contain('\x1b')
      expect(await outputOf(args, { TERM: 'dumb' })).not.to.contain('\x1b')
    }
  })
})
