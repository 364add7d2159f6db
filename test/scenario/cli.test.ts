/**
 * The command line through pipes, as processes of its own, against a real broker in this process: what is printed, told
 * and returned, with one deliberate mistake at each command.
 * Runs on: the test process, with commands and shells as processes of their own.
 */
import { expect } from 'chai'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../../src/broker/start-broker.js'
import { type Client, connect } from '../../src/client/index.js'
import { runProgram } from '../../src/cli/run-program.js'
import { type CliOptions, type CliResult, runCli } from '../support/run-cli.js'

const small = { journalMemoryBytes: 4 << 20, volatileMemoryBytes: 2 << 20, shards: 1, pinShards: false } as const

describe('command line with a broker', function () {
  this.timeout(30_000)
  this.slow(5_000)
  let folder: string
  let broker: Broker
  let client: Client
  let topicCount = 0

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'streambus-cli-'))
    broker = await startBroker({ ...small, dataFolder: join(folder, 'data'), port: 0 })
    client = await connect({ server: `127.0.0.1:${broker.port}` })
  })

  after(async () => {
    await client.close()
    await broker.close()
    rmSync(folder, { recursive: true, force: true })
  })

  function run(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
    const env = { STREAMBUS_SERVER: `127.0.0.1:${broker.port}`, XDG_CONFIG_HOME: folder, TZ: 'UTC', ...options.env }
    return runCli(args, { ...options, env, cwd: folder })
  }

  async function succeed(args: readonly string[], stdin = ''): Promise<string> {
    const { exitCode, stdout, stderr } = await run(args, { stdin })
    expect(exitCode, `${args.join(' ')}\n${stderr}`).to.equal(0)
    return stdout
  }

  async function newTopic(partitions = 1): Promise<string> {
    const name = `topic-${++topicCount}`
    await client.admin().createTopic({ name, partitions })
    return name
  }

  const read = (topic: string, ...options: string[]) => succeed(['consume', topic, '--until-end', '-q', ...options])

  describe('produce and consume', () => {
    it('copy a topic through a pipe of two processes: bytes, times, headers and partitions', async () => {
      const source = await newTopic(3)
      const copy = await newTopic(3)
      const producer = client.producer()
      const odd = Buffer.from([0, 0xff, 0x0a, 0x80])
      for (let index = 0; index < 30; index++) {
        void producer.send({
          topic: source,
          key: index % 3 === 0 ? odd : `key-${index}`,
          value: index % 5 === 0 ? null : index % 7 === 0 ? odd : `größe "${index}"\n`,
          headers: [
            ['n', String(index)],
            ['n', odd],
            ['none', null],
          ],
          timestampMs: 1_790_000_000_000 + index,
        })
      }
      await producer.close()
      const lines = await read(source, '--json')
      expect(await succeed(['produce', copy, '--format', 'ndjson', '-q'], lines)).to.equal('')
      const sorted = (text: string) => text.replaceAll(`"${copy}"`, `"${source}"`).trim().split('\n').sort()
      expect(sorted(await read(copy, '--json'))).to.deep.equal(sorted(lines))
      expect(sorted(lines)).to.have.lengthOf(30)
    })

    it('print by template, in hex, with keys; raw where it is a pipe', async () => {
      const topic = await newTopic()
      const stdin = 'a:1\nb:\x1b[31m\n'
      const told = await run(['produce', topic, '-k', ':', '-v', '-H', 'h=x', '-H', 'h=y'], { stdin })
      expect(told).to.deep.equal({
        exitCode: 0,
        stdout: 'partition 0 offset 0\npartition 0 offset 1\n',
        stderr: `${topic}: 2 records acknowledged in 1 partition\n`,
      })
      expect(await read(topic, '-f', '%t %p %o %k=%v [%h] %S\\n')).to.equal(
        `${topic} 0 0 a=1 [h=x,h=y] 1\n${topic} 0 1 b=\x1b[31m [h=x,h=y] 5\n`,
      )
      expect(await read(topic, '-k', ' ', '--value-format', 'hex')).to.equal('a 31\nb 1b5b33316d\n')
      expect(await read(topic, '--value-format', 'json')).to.equal('1\n"\\u001b[31m"\n')
    })

    it('begin and end where they are told', async () => {
      const topic = await newTopic(2)
      const producer = client.producer()
      for (let index = 0; index < 10; index++) {
        const timestampMs = Date.now() - (10 - index) * 60_000
        await producer.send({ topic, partition: index % 2, value: `v${index}`, timestampMs })
      }
      await producer.close()
      const lines = async (...options: string[]) => (await read(topic, ...options)).trim().split('\n').sort()
      expect(await lines('--last', '3')).to.deep.equal(['v7', 'v8', 'v9'])
      expect(await lines('-o', '-3')).to.deep.equal(['v7', 'v8', 'v9'])
      expect(await lines('-o', '-150s')).to.deep.equal(['v8', 'v9'])
      expect(await lines('-o', '0:4,1:3')).to.deep.equal(['v7', 'v8', 'v9'])
      expect(await lines('-p', '1', '-o', '3')).to.deep.equal(['v7', 'v9'])
      expect(await lines('-p', '1', '-n', '2')).to.deep.equal(['v1', 'v3'])
      expect(await lines('-o', 'latest')).to.deep.equal([''])
    })

    it('filter by key, header and value, and tell how many were looked at', async () => {
      const topic = await newTopic()
      const json = [
        { key: 'a', value: 'Error 1', headers: { kind: 'x' } },
        { key: 'ab', value: 'fine', headers: { kind: 'y' } },
        { key: 'a', value: 'error 2' },
      ]
      await succeed(
        ['produce', topic, '--format', 'ndjson'],
        json.map((record) => `${JSON.stringify(record)}\n`).join(''),
      )
      expect(await read(topic, '--key', 'a')).to.equal('Error 1\nerror 2\n')
      expect(await read(topic, '--key-regex', '^.b')).to.equal('fine\n')
      expect(await read(topic, '--header', 'kind=x')).to.equal('Error 1\n')
      expect(await read(topic, '--grep', '^error', '-i', '-n', '1')).to.equal('Error 1\n')
      const { stderr } = await run(['consume', topic, '--until-end', '--grep', '^error'])
      expect(stderr).to.contain(`${topic}: 1 record of 3 read, 8 B in `)
    })

    it('tell at Ctrl-C how to go on, and going on so misses and repeats nothing', async () => {
      const topic = await newTopic(2)
      await succeed(['produce', topic, '-k', ':'], 'a:1\nb:2\nc:3\nd:4\n')
      const onOutput = (stdout: string) => (stdout.split('\n').length === 5 ? ('SIGINT' as const) : undefined)
      const first = await run(['consume', topic, '-k', "'", '--grep', '.'], { onOutput })
      expect(first.exitCode).to.equal(0)
      expect(first.stderr).to.match(/: 4 records, 8 B in \d+\.\d s \(\d+ records\/s\)\n/)
      const again = /^go on with: npx streambus-cli (consume .*)$/m.exec(first.stderr)![1]!
      expect(again).to.match(new RegExp(`^consume ${topic} --key-separator ''\\\\''' --grep . --from 0:\\d,1:\\d$`))
      await succeed(['produce', topic, '-k', ':'], 'a:5\nb:6\n')
      const args = ['consume', topic, '--from', / --from (\S+)$/.exec(again)![1]!, '--until-end']
      expect((await run(args)).stdout.split('\n').sort().join('')).to.equal('56')
    })

    it('say everything as JSON with --json', async () => {
      const topic = await newTopic()
      const produced = await run(['--json', 'produce', topic, '-v'], { stdin: 'x\n' })
      expect(JSON.parse(produced.stdout)).to.deep.equal({ topic, partition: 0, offset: 0, record: 1 })
      expect(JSON.parse(produced.stderr)).to.deep.equal({
        summary: { topic, acknowledged: 1, sent: 1, failed: 0, partitions: [0] },
      })
      const { summary } = JSON.parse((await run(['consume', topic, '--json', '-n', '1'])).stderr)
      expect(summary).to.include({ topic, records: 1, recordsRead: 1, bytes: 1 })
      expect(summary.next).to.deep.equal({ 0: 1 })
      expect(summary.resume).to.equal(`npx streambus-cli consume ${topic} --json --max-messages 1 --from 0:1`)
    })

    it('take files, whole inputs, empty values as null, and a rate', async () => {
      const topic = await newTopic()
      const bytes = Buffer.from([0, 10, 0xff, 10])
      writeFileSync(join(folder, 'raw.bin'), bytes)
      await succeed(['produce', topic, 'raw.bin', '--raw', '--key', 'k', '-p', '0', '--compression', 'gzip'])
      await succeed(['produce', topic, '-', '-Z', '--rate', '1000'], '\n')
      const records = (await read(topic, '--json'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
      expect(records[0]).to.include({ key: 'k', value: bytes.toString('base64'), encoding: 'base64' })
      expect(records[1]).to.include({ key: null, value: null })
    })

    it('keep to the rate', async () => {
      const topic = await newTopic()
      await succeed(['produce', topic, '--rate', '40'], 'x\n'.repeat(20))
      const times = (await read(topic, '-f', '%T\\n')).trim().split('\n').map(Number)
      const spanMs = times.at(-1)! - times[0]!
      expect(spanMs, 'of 20 records at 40 a second').to.be.within(300, 5000)
    })

    it('say which records were not acknowledged', async () => {
      const topic = await newTopic(2)
      await client.admin().alterTopicConfig(topic, { 'max.message.bytes': '1024' })
      // A batch is refused as a whole: the large ones go to another partition.
      const large = 'x'.repeat(2000)
      const records = ['ok', large, 'ok', large].map((value, index) => ({ value, partition: index % 2 }))
      const stdin = records.map((record) => `${JSON.stringify(record)}\n`).join('')
      const { exitCode, stderr } = await run(['produce', topic, '--format', 'ndjson'], { stdin })
      expect(exitCode).to.equal(1)
      expect(stderr).to.contain(`${topic}: 2 records acknowledged in 1 partition; 2 NOT acknowledged: record 2, 4\n`)
      expect(stderr).to.contain('error: ').and.contain('max.message.bytes')
      const asJson = await run(['produce', topic, '--json'], { stdin: `${'x'.repeat(2000)}\n` })
      const [summary, error] = asJson.stderr
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
      expect(summary.summary).to.include({ acknowledged: 0, failed: 1, failedRecords: '1' })
      expect(error.error).to.include({ name: 'MESSAGE_TOO_LARGE', retriable: false })
    })
  })

  describe('topics', () => {
    it('are created, described, altered and deleted', async () => {
      expect(await succeed(['topic', 'create', 'life', '-p', '2', '--config', 'retention.ms=1000'])).to.equal(
        'created topic life with 2 partitions\n',
      )
      expect(await succeed(['topic', 'create', 'life', '--if-not-exists'])).to.equal('topic life exists\n')
      await succeed(['produce', 'life', '-k', ':'], 'a:1\nb:2\n')
      const described = await succeed(['topic', 'describe', 'life'])
      expect(described)
        .to.match(/^records +2$/m)
        .and.match(/^ {2}retention\.ms +1000$/m)
      expect(await succeed(['topic', 'alter', 'life', '--unset', 'retention.ms'])).to.equal('changed topic life\n')
      const asJson = JSON.parse(await succeed(['topic', 'describe', 'life', '--json']))
      expect(asJson.configs['retention.ms']).to.equal('604800000')
      expect(await succeed(['topic', 'delete', 'life', '--yes'])).to.equal('deleted topic life\n')
      expect(JSON.parse(await succeed(['topic', 'create', 'life', '--json']))).to.include({
        topic: 'life',
        created: true,
      })
    })

    it('lose records before an offset, a time, or all of them', async () => {
      const topic = await newTopic(2)
      const producer = client.producer()
      for (let index = 0; index < 10; index++) {
        const timestampMs = Date.now() - (10 - index) * 60_000
        await producer.send({ topic, partition: index % 2, value: `v${index}`, timestampMs })
      }
      await producer.close()
      const remove = (...options: string[]) => succeed(['topic', 'delete-records', topic, ...options])
      expect(await remove('--before', '1', '-p', '1')).to.equal(`${topic} partition 1 begins at offset 1 now\n`)
      await remove('--before', '-270s')
      expect((await read(topic)).trim().split('\n').sort()).to.deep.equal(['v6', 'v7', 'v8', 'v9'])
      await remove('--before', '0:4,1:4')
      expect((await read(topic)).trim().split('\n').sort()).to.deep.equal(['v8', 'v9'])
      const asJson = JSON.parse(await remove('--before', 'latest', '--json'))
      expect(asJson.partitions).to.deep.equal([
        { partition: 0, logStartOffset: 5 },
        { partition: 1, logStartOffset: 5 },
      ])
      expect(await read(topic)).to.equal('')
    })

    it('tell the state of the cluster with units', async () => {
      const status = await succeed(['cluster', 'status'])
      expect(status)
        .to.match(/^residentBytes +[\d.,]+ [MG]iB \([\d,]+ bytes\)$/m)
        .and.match(/^uptimeMs +[\d.:]+/m)
      expect(status).to.match(/^shardDetails\nSHARD /m)
    })
  })

  describe('contexts', () => {
    it('stand for a broker; tokens are not shown', async () => {
      const plain = { env: { STREAMBUS_SERVER: '' } }
      const server = `127.0.0.1:${broker.port}`
      writeFileSync(join(folder, 'token'), 'very-secret\n')
      const add = (...args: string[]) => run(['context', 'add', ...args], plain)
      expect((await add('here', '--server', server)).stdout).to.equal('added context here, now in use\n')
      expect((await add('far', '--server', 'far:1', '--token-file', 'token')).stdout).to.equal('added context far\n')
      const list = await run(['context', 'list'], plain)
      expect(list.stdout)
        .to.match(/^\* +here +127/m)
        .and.match(/^ +far +far:1 +yes +-$/m)
      expect(list.stdout + (await run(['context', 'list', '--json'], plain)).stdout).not.to.contain('secret')
      expect(statSync(join(folder, 'streambus/contexts.json')).mode & 0o777).to.equal(0o600)
      expect((await run(['topic', 'list', '--json'], plain)).exitCode).to.equal(0)
      const used = await run(['context', 'use', 'far'])
      expect(used.stdout).to.equal('using context far: far:1\n')
      expect(used.stderr).to.contain(`STREAMBUS_SERVER is set to ${server}`)
      expect((await run(['topic', 'list', '--context', 'here'], plain)).exitCode).to.equal(0)
      expect((await run(['context', 'remove', 'far'])).stdout).to.contain('none is in use now')
      expect(readFileSync(join(folder, 'streambus/contexts.json'), 'utf8')).not.to.contain('far')
    })
  })

  describe('completion', () => {
    it('knows the topics of the broker, and is silent when there is none', async () => {
      const topic = await newTopic()
      const completed = await succeed(['complete', '--', 'consume', topic.slice(0, -1)])
      expect(completed).to.contain(`${topic}\t\n`).and.match(/:4\n$/)
      const nowhere = await run(['complete', '--', 'consume', ''], { env: { STREAMBUS_SERVER: '127.0.0.1:1' } })
      expect(nowhere).to.deep.equal({ exitCode: 0, stdout: ':4\n', stderr: '' })
    })

    for (const shell of ['bash', 'zsh', 'fish']) {
      it(`prints a script for ${shell}`, async () => {
        expect(await succeed(['completion', shell])).to.contain('streambus-cli complete --')
      })
    }
  })

  describe('mistakes', () => {
    /** In this process: nothing is started for what is refused before it is done. */
    async function runHere(args: readonly string[]): Promise<{ exitCode: number; stderr: string }> {
      const write = process.stderr.write
      const variables = { ...process.env }
      let stderr = ''
      process.stderr.write = (text: string | Uint8Array) => {
        stderr += String(text)
        return true
      }
      Object.assign(process.env, { STREAMBUS_SERVER: `127.0.0.1:${broker.port}`, XDG_CONFIG_HOME: folder })
      try {
        const exitCode = await runProgram(args, { name: 'streambus', typed: 'streambus' })
        return { exitCode, stderr }
      } finally {
        process.stderr.write = write
        process.env = variables
      }
    }

    const usage: readonly (readonly [args: readonly string[], expected: readonly string[]])[] = [
      [['consume', 'life', '-f', '%q'], ['%q, which stands for nothing']],
      [['consume', 'life', '-f', '%v', '--json'], ['its own form, and --format in another']],
      [['consume', 'life', '--last', '1', '-o', '2'], ['cannot be used with']],
      [['consume', 'life', '--grep', '('], ['Unterminated group']],
      [['consume', 'life', '--value-format', 'xml'], ['Allowed choices are text, json, hex, base64']],
      [['consume', 'life', '-p', 'x'], ['partitions such as 3']],
      [['produce', 'life', '--raw', '-k', ':'], ['cannot be used with']],
      [['produce', 'life', '--format', 'ndjson', '-k', ':'], ['--key-separator is for lines']],
      [['produce', 'life', 'no-file'], ['no-file: there is no such file']],
      [['produce', 'life', '.'], ['EISDIR']],
      [['produce', 'life', '-H', 'x'], ['NAME=VALUE']],
      [['produce', 'life', '--rate', '0'], ['above 0']],
      [
        ['topic', 'creat', 'x'],
        ["unknown command 'creat'", 'Did you mean create?'],
      ],
      [['topic', 'delete-records', 'life'], ["required option '--before <WHERE>'"]],
      [['topic', 'delete-records', 'life', '--before', '-5'], ['--before does not take that place']],
      [['context', 'add', 'a b', '--server', 'x:1'], ['"a b" is no name']],
      [['context', 'add', 'x'], ['needs the address']],
      [['context', 'add', 'x', '--server', 'x:99999'], ['no address of a broker']],
      [
        ['context', 'use', 'hree'],
        ['no context "hree"', 'Did you mean "here"?'],
      ],
      [
        ['context', 'remove', 'nothing'],
        ['no context "nothing"', 'context add'],
      ],
      [['topic', 'list', '--context', 'nothing'], ['no context "nothing"']],
      [['topic', 'list', '--token-file', 'none'], ['--token-file none: there is no such file']],
      [['completion', 'tcsh'], ['Allowed choices are bash, zsh, fish']],
      [['cluster', 'stats'], ['Did you mean status?']],
      [
        ['consume', 'life', '--form', 'x'],
        ["unknown option '--form'", 'Did you mean'],
      ],
    ]
    for (const [args, expected] of usage) {
      it(`"${args.join(' ')}" is told as wrong usage`, async () => {
        const { exitCode, stderr } = await runHere(args)
        for (const text of expected) expect(stderr).to.contain(text)
        const start = args.includes('--json') ? /^\{"error":\{/ : /^error: /m
        expect(stderr).to.match(start)
        expect(stderr).not.to.match(/^\s+at /m)
        expect(exitCode).to.equal(2)
      })
    }

    const refused: readonly (readonly [args: readonly string[], expected: readonly string[], stdin?: string])[] = [
      [
        ['produce', 'life', '--format', 'ndjson'],
        ['line 2: value is missing', 'null for a tombstone'],
        '{"value":1}\n{}\n',
      ],
      [['topic', 'delete-records', 'life', '--before', '99'], ['partition 0 of life has no offset 99 yet: it ends at']],
      [
        ['topic', 'delete-records', 'lief', '--before', 'latest'],
        ['no topic "lief"', 'Did you mean "life"?'],
      ],
      [['consume', 'life', '-p', '0,9'], ['no partition 9']],
    ]
    for (const [args, expected, stdin = ''] of refused) {
      it(`"${args.join(' ')}" is refused`, async () => {
        const { exitCode, stderr } = await run(args, { stdin })
        for (const text of expected) expect(stderr).to.contain(text)
        expect(stderr)
          .to.match(/^error: /m)
          .and.not.to.match(/^\s+at /m)
        expect(exitCode).to.equal(1)
      })
    }

    it('an offset for several partitions at once is refused', async () => {
      const topic = await newTopic(2)
      const { exitCode, stderr } = await run(['topic', 'delete-records', topic, '--before', '1'])
      expect(exitCode).to.equal(2)
      expect(stderr).to.contain('another record in each of 2 partitions').and.contain('--before 0:1,1:1')
    })
  })
})
