/**
 * The door of a whole broker, as an operator meets it: the commands of docs/security.md, starts that are refused, and
 * certificates and tokens that change while records flow.
 * Runs on: the test process, with brokers and commands as processes of their own.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { expect } from 'chai'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { type Broker, startBroker } from '../../src/broker/start-broker.js'
import { connect } from '../../src/client/index.js'
import { createToken } from '../../src/gateway/token-table.js'
import { freePort } from '../chaos/broker-process.js'
import { blocksOf } from '../docs/page-blocks.js'
import { Authority, type Certificate } from '../support/certificates.js'
import { frontEnds } from '../support/gateway-fixture.js'
import { runCli } from '../support/run-cli.js'
import { readText, root } from '../tidy/source-tree.js'

const small = { journalMemoryBytes: 4 << 20, volatileMemoryBytes: 2 << 20, shards: 1, pinShards: false } as const
const bin = join(root, 'bin/streambus.js')

describe('the door', function () {
  this.timeout(30_000)
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'streambus-door-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }

  describe('set up as docs/security.md says', () => {
    let broker: ChildProcess | undefined
    let log = ''

    afterEach(async () => {
      if (broker === undefined || broker.exitCode !== null) return
      const gone = new Promise((resolve) => broker!.once('exit', resolve))
      // The shell is gone at once; a broker that stops cleanly would still write into the folder.
      process.kill(-broker.pid!, 'SIGKILL')
      await gone
    })

    const environment = { ...process.env, STREAMBUS_PIN_SHARDS: 'false', STREAMBUS_SHARDS: '1', NO_COLOR: '1' }

    /** Runs a script in the folder, with `streambus` in the path. */
    function start(script: string): ChildProcess {
      const lines = `streambus() { "${process.execPath}" "${bin}" "$@"; }\nset -e\n${script}`
      return spawn('bash', ['-c', lines], { cwd: folder, env: environment, detached: true, stdio: 'pipe' })
    }

    async function until(condition: () => boolean): Promise<void> {
      while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10))
    }

    it('serves those who have a token, writes down what they change, renews at SIGHUP', async () => {
      const port = await freePort()
      const blocks = blocksOf('docs/security.md', readText('docs/security.md')).filter(
        ({ language }) => language === 'sh',
      )
      const [server, client] = blocks.map(({ text }) => text.replaceAll('9443', String(port)))
      broker = start(server!)
      broker.stdout!.on('data', (bytes) => (log += String(bytes)))
      broker.stderr!.on('data', (bytes) => (log += String(bytes)))
      await until(() => log.includes('is ready') || broker!.exitCode !== null)
      expect(log).to.contain('TLS; whoever connects needs a token').and.to.contain(`wss://`)

      const commands = start(client!)
      let printed = ''
      commands.stdout!.on('data', (bytes) => (printed += String(bytes)))
      commands.stderr!.on('data', (bytes) => (printed += String(bytes)))
      const exitCode = await new Promise((resolve) => commands.once('exit', resolve))
      expect(exitCode, printed).to.equal(0)
      expect(printed).to.contain('{"item":"tea"}').and.to.contain('streambus_connections')
      expect(log).to.match(/audit.*CreateTopic.*orders\.eu.*done/)

      const without = await runCli(['topic', 'list', '--server', `wss://localhost:${port}`], {
        env: { STREAMBUS_TLS_CA: join(folder, 'tls.crt') },
      })
      expect(without.exitCode).to.equal(1)
      expect(without.stderr)
        .to.match(/^error: /)
        .and.to.contain('this broker answers only those who authenticate')

      const before = await fingerprint(port)
      execFileSync('bash', ['-c', blocks[0]!.text.split('\nstreambus')[0]!], { cwd: folder, stdio: 'ignore' })
      process.kill(Number(/pid (\d+)/.exec(log)![1]), 'SIGHUP')
      await until(() => log.includes('new connections get the certificate'))
      expect(await fingerprint(port)).not.to.equal(before)
    })

    function fingerprint(port: number): Promise<string> {
      return new Promise((resolve, reject) => {
        const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
          resolve(socket.getPeerCertificate().fingerprint256)
          socket.destroy()
        })
        socket.on('error', reject)
      })
    }
  })

  describe('a start that is refused', () => {
    it('says which keys and commands make a listener safe, at once and with exit code 2', async () => {
      const started = performance.now()
      const result = await runCli(['broker'], { cwd: folder, env: { STREAMBUS_HOST: '0.0.0.0' } })
      expect(performance.now() - started).to.be.lessThan(5000)
      expect(result.exitCode).to.equal(2)
      for (const text of [
        'error: host is 0.0.0.0, which others can reach',
        'no TLS (tlsCertificateFile, tlsKeyFile) and no tokens (tokensFile)',
        'STREAMBUS_TLS_CERTIFICATE_FILE, STREAMBUS_TLS_KEY_FILE, STREAMBUS_TOKENS_FILE',
        'streambus token create --name admin --roles admin --add-to tokens.yaml',
        'STREAMBUS_ALLOW_INSECURE=true',
      ]) {
        expect(result.stderr).to.contain(text)
      }
    })

    it('names what is still missing', async () => {
      const tokensFile = write('t.yaml', '- {name: a, certificateName: b, roles: [admin]}\n')
      const result = await runCli(['broker'], {
        cwd: folder,
        env: { STREAMBUS_HOST: '0.0.0.0', STREAMBUS_TOKENS_FILE: tokensFile },
      })
      expect(result.stderr).to.contain('there are no TLS').and.not.to.contain('no tokens (')
      expect(result.exitCode).to.equal(2)
    })

    it('tells mistakes in the files of tokens and certificates, with exit code 2', async () => {
      write('c.yaml', 'tokensFile: t.yaml\n')
      write('t.yaml', '- name: a\n  roles: [root]\n')
      const tokens = await runCli(['broker', '-c', 'c.yaml'], { cwd: folder })
      expect(tokens.exitCode).to.equal(2)
      expect(tokens.stderr).to.contain('t.yaml:2:10: roles is ["root"]; expected a list of admin')
      const authority = await Authority.make()
      const old = await authority.issue({ validFrom: new Date(0), validUntil: new Date(1e12) })
      write('tls.crt', old.cert)
      write('tls.key', old.key)
      write('c.yaml', 'tlsCertificateFile: tls.crt\ntlsKeyFile: tls.key\n')
      const expired = await runCli(['broker', '-c', 'c.yaml'], { cwd: folder })
      expect(expired.exitCode).to.equal(2)
      expect(expired.stderr)
        .to.contain('tlsCertificateFile: tls.crt expired on')
        .and.to.contain('Renew the certificate.')
    })
  })

  for (const frontEnd of frontEnds) {
    describe(`changes while records flow (${frontEnd})`, () => {
      let broker: Broker
      let authority: Authority
      const admin = createToken()
      const app = createToken()
      const entryOf = (name: string, hash: string) => `- {name: ${name}, tokenHash: "sha256:${hash}", roles: [admin]}\n`

      const putCertificate = ({ cert, key }: Certificate): void => {
        // As renewing tools do: the new files are moved over the old.
        for (const [name, text] of [
          ['tls.crt', cert],
          ['tls.key', key],
        ] as const) {
          renameSync(write(`${name}.new`, text), join(folder, name))
        }
      }

      beforeEach(async () => {
        authority = await Authority.make()
        putCertificate(await authority.issue())
        broker = await startBroker({
          ...small,
          frontEnd,
          port: 0,
          dataFolder: join(folder, 'data'),
          tlsCertificateFile: join(folder, 'tls.crt'),
          tlsKeyFile: join(folder, 'tls.key'),
          tokensFile: write('tokens.yaml', entryOf('admin', admin.tokenHash) + entryOf('app', app.tokenHash)),
        })
      })
      afterEach(() => broker.close())

      const open = (token: string) =>
        connect({ server: `wss://127.0.0.1:${broker.port}`, token, tls: { ca: authority.cert } })

      it('lose no record when the certificate is replaced, and end a revoked client for good', async () => {
        const [ours, theirs] = await Promise.all([open(admin.token), open(app.token)])
        await ours.admin().createTopic({ name: 't' })
        const producer = ours.producer()
        await producer.send({ topic: 't', value: '0' })
        putCertificate(await authority.issue())
        await broker.reload('test')
        await producer.send({ topic: 't', value: '1' })
        await (await open(admin.token)).close()

        writeFileSync(join(folder, 'tokens.yaml'), entryOf('admin', admin.tokenHash))
        await broker.reload('test')
        const error: unknown = await theirs
          .admin()
          .listTopics()
          .then(
            () => undefined,
            (thrown: unknown) => thrown,
          )
        expect(StreamBusError.is(error) && error.name).to.equal('SASL_AUTHENTICATION_FAILED')
        const last = await producer.send({ topic: 't', value: '2' })
        expect(last.offset).to.equal(2)
        await producer.close()
        await Promise.all([ours.close(), theirs.close()])
      })
    })
  }

  it('keeps no token on disk', async () => {
    const { token, tokenHash } = createToken()
    const broker = await startBroker({
      ...small,
      port: 0,
      dataFolder: join(folder, 'data'),
      tokenEntries: `[{name: a, tokenHash: "sha256:${tokenHash}", roles: [admin]}]`,
    })
    const client = await connect({ server: `127.0.0.1:${broker.port}`, token })
    await client.admin().createTopic({ name: 't' })
    await client.close()
    await broker.close()
    const found = execFileSync('bash', ['-c', 'grep -rlF -- "$0" . || true', token.slice(4)], { cwd: folder })
    expect(found.toString()).to.equal('')
    expect(readFileSync(join(folder, 'data/broker.meta'), 'utf8')).to.contain('streambus data folder')
  })
})
