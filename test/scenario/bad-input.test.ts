/**
 * Every bad input that a person can give, to the real broker and the real command line: the message says what was
 * wrong, with the value, and what to do; the exit code says that it failed; the broker goes on.
 * Runs on: the test process, with brokers and commands as processes of their own.
 */
import { expect } from 'chai'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import type { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { superblockBytes } from '../../native-free-core/journal/superblock.js'
import { crc32cOf } from '../../native-free-core/log/crc32c.js'
import { releaseVersion } from '../../native-free-core/version.js'
import { type Broker, startBroker } from '../../src/broker/start-broker.js'
import { connect } from '../../src/client/index.js'
import { frontEnds } from '../support/gateway-fixture.js'
import { type CliOptions, runCli } from '../support/run-cli.js'

const small = { journalMemoryBytes: 4 << 20, volatileMemoryBytes: 2 << 20, shards: 1, pinShards: false } as const
const nobody = 65_534

/** Texts that the message must hold, besides `error: `. */
type Expected = readonly string[]

async function expectFailure(
  args: readonly string[],
  expected: Expected,
  exitCode: number,
  options: CliOptions = {},
): Promise<void> {
  const result = await runCli(args, options)
  expect(result.stderr).to.match(/^error: \S/m)
  for (const text of expected) expect(result.stderr).to.contain(text)
  expect(result.stderr, 'no stack for what people can mend').not.to.match(/^\s+at /m)
  expect(result.stdout).to.equal('')
  expect(result.exitCode).to.equal(exitCode)
}

describe('bad input', function () {
  this.timeout(20_000)
  let folder: string
  let broker: Broker
  let server: string

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'streambus-bad-input-'))
    broker = await startBroker({ ...small, dataFolder: join(folder, 'live'), port: 0 })
    server = `127.0.0.1:${broker.port}`
    const client = await connect({ server })
    await client.admin().createTopic({ name: 'orders', partitions: 3 })
    await client.close()
  })

  after(async () => {
    await broker.close()
    rmSync(folder, { recursive: true, force: true })
  })

  describe('in the configuration of a broker', () => {
    const table: readonly (readonly [what: string, yaml: string | Buffer, expected: Expected])[] = [
      ['an unknown key', 'port: 0\nprot: 1\n', ['c.yaml:2:1: prot is unknown; did you mean port?']],
      ['a text for a number', 'port: "x"\n', ['c.yaml:1:7: port is "x"; expected 0 to 65535']],
      ['a number out of range', 'shards: 65\n', ['c.yaml:1:9: shards is 65; expected 0 to 64']],
      ['a size with a letter only', 'maxFrameBytes: 1M\n', ['maxFrameBytes is "1M"; expected 65536 to 67108864 bytes']],
      ['a fraction', 'shards: 1.5\n', ['shards is 1.5; expected 0 to 64']],
      ['a list for a text', 'host: [a]\n', ['c.yaml:1:7: host is ["a"]; expected a text']],
      ['a text for a list', 'allowedHosts: a.example\n', ['allowedHosts is "a.example"; expected a list of texts']],
      ['a word that is no choice', 'frontEnd: nginx\n', ['frontEnd is "nginx"; expected auto, uws, ws']],
      ['a name that every object has', 'constructor: 1\n__proto__: 2\n', ['constructor is unknown', '__proto__ is']],
      ['a ring that is no power of two', 'replyRingBytes: 5000000\n', ['replyRingBytes is 5000000; expected a power']],
      ['a bracket that is not closed', 'port: [\n', ['c.yaml:2:1: ']],
      ['a tab', '\tport: 1\n', ['c.yaml:1:1: Tabs are not allowed']],
      ['a key twice', 'port: 1\nport: 2\n', ['c.yaml:2:1: Map keys must be unique']],
      ['no keys at all', 'hello\n', ['c.yaml:1:1: expected lines of the form "key: value"']],
      ['bytes that are no text', Buffer.from([0xff, 0xfe, 0, 1]), ['c.yaml:1:1: ']],
    ]
    for (const [what, yaml, expected] of table) {
      it(`${what} is told with its place`, async () => {
        writeFileSync(join(folder, 'c.yaml'), yaml)
        await expectFailure(['broker', '--config', 'c.yaml'], [...expected, 'docs/configuration.md'], 2, {
          cwd: folder,
        })
      })
    }

    it('a file that is not there, or is a folder, is named', async () => {
      await expectFailure(['broker', '-c', 'no.yaml'], ['no.yaml', 'ENOENT', '--config'], 2, { cwd: folder })
      await expectFailure(['broker', '-c', '.'], ['EISDIR', '--config'], 2, { cwd: folder })
    })

    it('all wrong variables of the environment are named', async () => {
      const env = { STREAMBUS_PORT: 'x', STREAMBUS_SHARDS: '99' }
      const expected = ['STREAMBUS_PORT: port is "x"', 'STREAMBUS_SHARDS: shards is 99; expected 0 to 64']
      await expectFailure(['broker'], expected, 2, { env, cwd: folder })
    })

    it('a variable that means nothing is named, with the nearest that does', async () => {
      const env = { STREAMBUS_DATAFOLDER: 'x' }
      const expected = ['STREAMBUS_DATAFOLDER is unknown; did you mean STREAMBUS_DATA_FOLDER?']
      await expectFailure(['broker'], expected, 2, { env, cwd: folder })
    })

    it('wrong options of startBroker are refused before anything is made', async () => {
      const wrong = { dataFolder: join(folder, 'never'), port: 70_000, shard: 1 } as object
      const error = await startBroker(wrong).catch((thrown: unknown) => thrown as StreamBusError)
      expect(error).to.include({ name: 'INVALID_CONFIG' })
      expect((error as StreamBusError).message).to.contain('port is 70000; expected 0 to 65535')
      expect((error as StreamBusError).message).to.contain('shard is unknown; did you mean shards?')
    })
  })

  describe('around a broker', () => {
    let listener: Server
    let takenPort: number

    before((done) => {
      listener = createServer().listen(0, '127.0.0.1', () => {
        takenPort = (listener.address() as { port: number }).port
        done()
      })
    })
    after(() => listener.close())

    /** Runs a broker that must not start, over a data folder of its own. */
    function refuseStart(yaml: string, expected: Expected, options: CliOptions = {}, exitCode = 1): Promise<void> {
      const memory = Object.entries(small).map(([key, value]) => `${key}: ${value}\n`)
      writeFileSync(join(folder, 'c.yaml'), `${yaml}\n${memory.join('')}`)
      return expectFailure(['broker', '-c', 'c.yaml'], expected, exitCode, { cwd: folder, ...options })
    }

    async function usedFolder(name: string): Promise<string> {
      const dataFolder = join(folder, name)
      const first = await startBroker({ ...small, dataFolder, port: 0 })
      await first.close()
      return dataFolder
    }

    for (const frontEnd of frontEnds) {
      it(`a port that is taken is named (${frontEnd})`, () =>
        refuseStart(`port: ${takenPort}\ndataFolder: p\nfrontEnd: ${frontEnd}`, [
          `port is ${takenPort}: 127.0.0.1:${takenPort} is taken by another process`,
          'choose another port',
        ]))
    }

    it('an address that others can reach is refused while there is no security', () =>
      refuseStart('port: 0\ndataFolder: i\nhost: 0.0.0.0', ['host is 0.0.0.0', 'allowInsecure: true'], {}, 2))

    it('an address of another machine is named', () =>
      refuseStart('port: 0\ndataFolder: a\nhost: 198.51.100.7\nallowInsecure: true', [
        'host is 198.51.100.7: this machine has no such address',
        '127.0.0.1',
      ]))

    it('a folder that another broker uses is refused with its pid', () =>
      refuseStart('port: 0\ndataFolder: live', [`in use by the broker with pid ${process.pid}`, 'dataFolder']))

    it('a lock whose process is gone is taken over', async () => {
      const dataFolder = await usedFolder('stale')
      writeFileSync(join(dataFolder, 'broker.lock'), '4194304 1 another-boot token\n')
      const next = await startBroker({ ...small, dataFolder, port: 0 })
      await next.close()
    })

    it('a data folder that is a file is refused', () => {
      writeFileSync(join(folder, 'file'), '')
      return refuseStart('port: 0\ndataFolder: file', [join(folder, 'file'), "can't be used"])
    })

    it('a folder without rights is refused, naming it and the remedy', async function () {
      const dataFolder = join(folder, 'closed')
      mkdirSync(dataFolder)
      chmodSync(folder, 0o755)
      chmodSync(dataFolder, 0o555)
      const isRoot = process.getuid?.() === 0
      const options = isRoot ? { userId: nobody } : {}
      // The other user may be unable to read this clone at all.
      if (isRoot && (await runCli(['--version'], options)).exitCode !== 0) this.skip()
      await refuseStart('port: 0\ndataFolder: closed', [dataFolder, 'EACCES', 'right to read and write'], options)
    })

    it('a folder of a newer format is refused, naming the version to start', async () => {
      const dataFolder = await usedFolder('newer')
      const path = join(dataFolder, 'broker.meta')
      const text = readFileSync(path, 'utf8').replace('format 1', 'format 9').replace(releaseVersion, '9.8.7')
      writeFileSync(path, text)
      await refuseStart('port: 0\ndataFolder: newer', [path, 'format 9', 'Start version 9.8.7 or a newer one'])
    })

    it('a journal of a newer format is refused, naming the file', async () => {
      const dataFolder = await usedFolder('newer-journal')
      const path = join(dataFolder, 'journals/shard-0.journal')
      const bytes = readFileSync(path)
      for (const at of [0, superblockBytes]) {
        bytes.writeUInt32LE(99, at + 4)
        bytes.writeUInt32LE(crc32cOf(bytes, at, at + superblockBytes - 4), at + superblockBytes - 4)
      }
      writeFileSync(path, bytes)
      await refuseStart('port: 0\ndataFolder: newer-journal', [path, 'format 99', 'newer'])
    })

    it('a data folder of another broker number is refused, telling the number', async () => {
      await usedFolder('numbered')
      await refuseStart('port: 0\nbrokerId: 3\ndataFolder: numbered', ['belongs to broker 0', 'brokerId: 0'])
    })
  })

  describe('on the command line', () => {
    const usage: readonly (readonly [args: readonly string[], expected: Expected])[] = [
      [['brocker'], ["unknown command 'brocker'"]],
      [['broker', '--port', '1'], ["unknown option '--port'"]],
      [['consume', 'orders', '--group', 'g'], ["unknown option '--group'"]],
      [['topic', 'create'], ["missing required argument 'NAME'"]],
      [
        ['topic', 'create', 't', '--partitions', '0'],
        ["'0' is invalid", 'whole number of at least 1'],
      ],
      [['topic', 'create', 't', '--partitions', 'ten'], ["'ten' is invalid"]],
      [
        ['topic', 'create', 't', '--config', 'flush'],
        ["'flush' is invalid", 'NAME=VALUE'],
      ],
      [
        ['topic', 'create', 't', '--config', 'retention.m=1'],
        ['"retention.m"', 'Did you mean retention.ms?'],
      ],
      [
        ['topic', 'create', 't', '--config', '__proto__=1'],
        ['"__proto__"', 'There are cleanup.policy'],
      ],
      [
        ['topic', 'alter', 'orders'],
        ['nothing to change', '--unset'],
      ],
      [
        ['consume', 'orders', '--from', 'yesterday'],
        ["'yesterday' is invalid", 'earliest, latest, an offset'],
      ],
      [['consume', 'orders', '--max-messages', '-1'], ["'-1' is invalid"]],
      [
        ['produce', 'orders', '--acks', '2'],
        ["'2' is invalid", 'Expected all, 1 or 0'],
      ],
      [
        ['topic', 'list', '--server', 'localhost:99999'],
        ['"localhost:99999" is no address', 'HOST:PORT'],
      ],
      [
        ['log', 'dump', 'nothing.log'],
        ['nothing.log', 'no such file', 'Check the path'],
      ],
      [['log', 'dump', '.'], ['is no file']],
    ]
    for (const [args, expected] of usage) {
      it(`"${args.join(' ')}" is told as wrong usage`, () => expectFailure(args, expected, 2, onServer()))
    }

    const refused: readonly (readonly [args: readonly string[], expected: Expected, stdin?: string])[] = [
      [
        ['topic', 'create', 'a b'],
        ['topic name "a b" holds the character " "', 'a-z A-Z 0-9 . _ -'],
      ],
      [['topic', 'create', '..'], ['topic name ".." names a folder']],
      [['topic', 'create', 'x'.repeat(250)], ['has 250 characters; at most 249']],
      [['topic', 'create', 'Grüße'], ['holds the character "ü"']],
      [
        ['topic', 'create', 'orders'],
        ['topic orders exists', 'another name'],
      ],
      [
        ['topic', 'create', 't', '--partitions', '10001'],
        ['10001', '1 to 10000'],
      ],
      [
        ['topic', 'create', 't', '--replication-factor', '3'],
        ['replication factor 3', 'number of brokers is 1'],
      ],
      [['topic', 'create', 't', '--config', 'flush=never'], ['flush is "never"; expected commit, interval, os']],
      [['topic', 'create', 't', '--config', 'segment.bytes=1'], ['segment.bytes is "1"; expected 65536 to']],
      [
        ['topic', 'describe', 'oders'],
        ['there is no topic "oders"', 'Did you mean "orders"?'],
      ],
      [
        ['topic', 'delete', 'nothing-like-it'],
        ['there is no topic "nothing-like-it"', 'topic create'],
      ],
      [
        ['topic', 'alter', 'oders', '--config', 'flush=os'],
        ['no topic "oders"', '"orders"'],
      ],
      [['produce', 'oders'], ['there is no topic "oders"', 'Did you mean "orders"?'], 'x\n'],
      [['produce', 'orders', '--partition', '3'], ['"orders" has no partition 3', '0 to 2'], 'x\n'],
      [['produce', 'orders', '--key-separator', ':'], ['line 1 has no key separator ":"'], 'x\n'],
      [['produce', 'orders'], ['1048588', 'max.message.bytes'], `${'x'.repeat(2_000_000)}\n`],
      [
        ['consume', 'oders'],
        ['there is no topic "oders"', 'Did you mean "orders"?'],
      ],
      [
        ['consume', 'orders', '--partition', '7'],
        ['"orders" has no partition 7', '0 to 2'],
      ],
      [
        ['consume', 'orders', '--from', '99'],
        ['99', 'orders', 'earliest'],
      ],
      [
        ['topic', 'list', '--server', '127.0.0.1:1'],
        ['no broker answers at 127.0.0.1:1', 'npm start'],
      ],
    ]
    for (const [args, expected, stdin = ''] of refused) {
      const shown = args.map((arg) => (arg.length > 40 ? `${arg.slice(0, 9)}...` : arg)).join(' ')
      it(`"${shown}" is refused`, async () => {
        const { stderr, exitCode } = await runCli(args, { ...onServer(), stdin })
        for (const text of expected) expect(stderr).to.contain(text)
        expect(stderr).to.match(/^error: /m)
        expect(stderr).not.to.match(/^\s+at /m)
        expect(exitCode).to.equal(1)
      })
    }

    it('something that is no broker is told as such', async () => {
      const listener = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'))
      await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
      const { port } = listener.address() as { port: number }
      await expectFailure(['topic', 'list', '--server', `127.0.0.1:${port}`], ['no StreamBus broker', 'Check host'], 1)
      listener.close()
    })

    function onServer(): CliOptions {
      return { env: { STREAMBUS_SERVER: server }, cwd: folder }
    }
  })

  describe('on a WebSocket', () => {
    interface Refusal {
      readonly closeCode: number
      readonly message: string
    }

    /** What a client hears that offers these subprotocols and headers. */
    function refusalOf(protocols: string[], headers: Record<string, string> = {}): Promise<Refusal> {
      return new Promise((resolve, reject) => {
        const socket = new WebSocket(`ws://${server}`, protocols, { headers })
        let message = ''
        socket.on('message', (data) => (message += String(data)))
        socket.on('close', (closeCode) => resolve({ closeCode, message }))
        socket.on('error', reject)
      })
    }

    it('a subprotocol that the broker does not speak is answered with those that it speaks', async () => {
      const { closeCode, message } = await refusalOf(['mqtt'])
      expect(closeCode).to.equal(4406)
      expect(message).to.contain('UNSUPPORTED_SUBPROTOCOL').and.contain('mqtt').and.contain('streambus.json.v1')
    })

    it('a page of a foreign origin is told which entry would let it in', async () => {
      const { closeCode, message } = await refusalOf(['streambus.json.v1'], { origin: 'https://evil.example' })
      expect(closeCode).to.equal(4403)
      expect(message).to.contain('allowedOrigins: [https://evil.example]')
    })

    it('a foreign Host is told which entry would let it in', async () => {
      const { closeCode, message } = await refusalOf(['streambus.json.v1'], { host: 'evil.example' })
      expect(closeCode).to.equal(4403)
      expect(message).to.contain('allowedHosts: [evil.example]')
    })
  })

  it('has not hurt the broker: it still takes and gives records', async () => {
    const client = await connect({ server })
    const producer = client.producer()
    const { offset } = await producer.send({ topic: 'orders', partition: 2, value: 'well' })
    expect(offset).to.be.at.least(0)
    await producer.close()
    await client.close()
  })
})
