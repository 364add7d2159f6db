/**
 * TLS at the door, on both front ends: versions and ciphers, certificates replaced under live connections, client
 * certificates.
 * Runs on: the test process, over fake shards.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type ConnectionOptions } from 'node:tls'
import { expect } from 'chai'
import { WebSocket } from 'ws'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { readTls } from '../../../src/broker/tls-files.js'
import { createToken, type TokenEntry, TokenTable } from '../../../src/gateway/token-table.js'
import type { TlsMaterial } from '../../../src/gateway/transport.js'
import { Authority, type Certificate, type CertificateOptions } from '../../support/certificates.js'
import { batchOf, codeOf, frontEnds, GatewayFixture, type RawClient } from '../../support/gateway-fixture.js'

let folder: string
let ca: Authority
let foreignCa: Authority

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'streambus-tls-'))
  ca = await Authority.make()
  foreignCa = await Authority.make('CN=Foreign authority')
})
after(() => rmSync(folder, { recursive: true, force: true }))

/** For a subject of that name, at localhost. */
function issue(
  authority: Authority,
  name: string,
  validity: Pick<CertificateOptions, 'validFrom' | 'validUntil'> = {},
) {
  return authority.issue({ names: [name, 'localhost', '*.broker.example', '127.0.0.1'], ...validity })
}

/** Writes the files and reads them as a broker does. */
async function materialOf(name: string, pem: Certificate, clientCa?: Authority): Promise<TlsMaterial> {
  const paths = { tlsCertificateFile: join(folder, `${name}.crt`), tlsKeyFile: join(folder, `${name}.key`) }
  const tlsClientCaFile = clientCa === undefined ? '' : join(folder, `${name}-ca.crt`)
  writeFileSync(paths.tlsCertificateFile, pem.cert)
  writeFileSync(paths.tlsKeyFile, pem.key)
  if (clientCa !== undefined) writeFileSync(tlsClientCaFile, clientCa.cert)
  return (await readTls({ ...paths, tlsClientCaFile }, Date.now()))!
}

interface Handshake {
  readonly commonName: string
  readonly protocol: string
  readonly cipher: string
}

/** Resolves with what was agreed on, or with why not. */
function handshake(port: number, options: ConnectionOptions = {}): Promise<Handshake | string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, ca: ca.cert, servername: 'localhost', ...options }, () => {
      const { CN } = socket.getPeerCertificate().subject
      resolve({ commonName: String(CN), protocol: socket.getProtocol() ?? '', cipher: socket.getCipher().name })
      socket.destroy()
    })
    socket.on('error', (error) => resolve((error as { code?: string }).code ?? error.message))
  })
}

async function greeted(fixture: GatewayFixture, options: object): Promise<RawClient> {
  const client = await fixture.dial(['streambus.v1'], {}, options)
  await client.ask('Hello', (body) => {
    body.u16(1)
    body.string('test')
  })
  return client
}

for (const frontEnd of frontEnds) {
  describe(`TLS (${frontEnd})`, () => {
    let fixture: GatewayFixture
    let port: number

    beforeEach(async () => {
      const tls = await materialOf('one', await issue(ca, 'one'))
      fixture = await GatewayFixture.open({ config: { frontEnd }, tls })
      port = fixture.gateway.port
    })
    afterEach(() => fixture.close())

    it('carries the protocol to those who know the CA, and no others', async () => {
      const client = await greeted(fixture, { ca: ca.cert })
      expect((await client.produce(0, batchOf(2))).error).to.equal(undefined)
      const refused = (options: object): Promise<string> =>
        fixture.dial(['streambus.v1'], {}, options).then(
          () => 'connected',
          (error: { code?: string }) => error.code ?? '',
        )
      expect(await refused({ ca: foreignCa.cert })).to.match(/UNABLE_TO_VERIFY|SELF_SIGNED|LEAF_SIGNATURE/)
      expect(await refused({ ca: ca.cert, servername: 'elsewhere.example' })).to.equal('ERR_TLS_CERT_ALTNAME_INVALID')
    })

    it('speaks TLS 1.3 and 1.2 with forward secrecy, and nothing older or weaker', async () => {
      expect(await handshake(port)).to.include({ protocol: 'TLSv1.3' })
      const older = (await handshake(port, { maxVersion: 'TLSv1.2' })) as Handshake
      expect(older.protocol).to.equal('TLSv1.2')
      expect(older.cipher).to.match(/^ECDHE-.*(GCM|POLY1305)/)
      const ciphers = 'DEFAULT:@SECLEVEL=0'
      for (const version of ['TLSv1', 'TLSv1.1'] as const) {
        expect(await handshake(port, { minVersion: version, maxVersion: version, ciphers })).to.be.a('string')
      }
      const weak = 'ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:AES128-GCM-SHA256:@SECLEVEL=0'
      expect(await handshake(port, { maxVersion: 'TLSv1.2', ciphers: weak })).to.be.a('string')
    })

    it('answers nothing to those who speak without TLS', async () => {
      const ws = new WebSocket(`ws://127.0.0.1:${port}`, ['streambus.v1'])
      const error = await new Promise((resolve) => ws.once('error', resolve).once('open', () => resolve('open')))
      expect(error).to.be.an('error')
    })

    it('gives new connections the new certificate while old ones live on, many times over', async () => {
      const old = await greeted(fixture, { ca: ca.cert })
      for (let round = 0; round < 5; round++) {
        const commonName = `round-${round}`
        const before = await greeted(fixture, { ca: ca.cert })
        await fixture.gateway.replaceTls(await materialOf(commonName, await issue(ca, commonName)))
        expect(await handshake(port)).to.include({ commonName })
        for (const client of [old, before, await greeted(fixture, { ca: ca.cert })]) {
          expect((await client.produce(0, batchOf(1))).error).to.equal(undefined)
        }
      }
      expect(fixture.gateway.connectionCount).to.equal(11)
    })

    it('goes on accepting while the certificate is replaced', async () => {
      const outcomes: (Handshake | string)[] = []
      let isDone = false
      const connectAgainAndAgain = async (): Promise<void> => {
        while (!isDone) outcomes.push(await handshake(port))
      }
      const storm = Promise.all([connectAgainAndAgain(), connectAgainAndAgain()])
      for (let round = 0; round < 3; round++) {
        const seen = outcomes.length
        while (outcomes.length < seen + 4) await new Promise((resolve) => setImmediate(resolve))
        await fixture.gateway.replaceTls(await materialOf('storm', await issue(ca, `storm-${round}`)))
      }
      isDone = true
      await storm
      // On uws a connection that the system has accepted for the old listener and we have not is reset. Here client and
      // server share a thread, so that may be each of the two that are on their way.
      const lost = outcomes.filter((outcome) => typeof outcome === 'string')
      expect(lost.length, lost.join(' ')).to.be.at.most(frontEnd === 'ws' ? 0 : 3 * 2)
      expect(lost.every((reason) => reason === 'ECONNRESET')).to.equal(true)
    })

    it('answers to the names in its certificate without being told', async () => {
      const hosts = { 'node-1.broker.example:9400': true, 'a.b.broker.example': false, 'elsewhere.example': false }
      for (const [host, isAllowed] of Object.entries(hosts)) {
        const client = await fixture.dial(['streambus.v1'], { host }, { ca: ca.cert })
        const answer = client.ask('Hello', (body) => (body.u16(1), body.string('')))
        expect(await Promise.race([answer.then(() => true), client.closed.then(() => false)]), host).to.equal(isAllowed)
      }
    })

    it('tells when the certificate expires', async () => {
      const text = (fixture.gateway as unknown as { metricsText(): string }).metricsText()
      const seconds = Number(/^streambus_tls_certificate_expiry_seconds (\S+)$/m.exec(text)?.[1])
      expect(seconds / 86_400).to.be.within(0.9, 1)
    })
  })
}

describe('client certificates', () => {
  let fixture: GatewayFixture | undefined
  let clientCa: Authority
  const { token, tokenHash } = createToken()
  const entries: TokenEntry[] = [
    { name: 'orders-app', roles: ['produce'], topics: ['t'], tokenHash: undefined, certificateName: 'orders.client' },
    { name: 'admin', roles: ['admin'], topics: [], tokenHash, certificateName: undefined },
  ]

  before(async () => {
    clientCa = await Authority.make('CN=Client authority')
  })
  afterEach(async () => {
    await fixture?.close()
    fixture = undefined
  })

  async function open(frontEnd = 'auto'): Promise<GatewayFixture> {
    const tls = await materialOf('mutual', await issue(ca, 'broker'), clientCa)
    fixture = await GatewayFixture.open({ config: { frontEnd }, tls, tokens: new TokenTable(entries) })
    return fixture
  }

  /** Connects with a certificate and says Hello; resolves with the connection or why there is none. */
  async function dial(pem: Certificate | undefined): Promise<RawClient | string> {
    const identity = pem === undefined ? {} : { cert: pem.cert, key: pem.key }
    try {
      return await fixture!.dial(['streambus.v1'], {}, { ca: ca.cert, ...identity })
    } catch (error) {
      return (error as { code?: string }).code ?? String(error)
    }
  }

  it('run on ws, and say why', async () => {
    const { gateway } = await open('auto')
    expect(gateway.frontEnd).to.equal('ws')
    expect(gateway.frontEndReason).to.contain('tlsClientCaFile is set')
  })

  it('are refused on uws by name', async () => {
    const error: unknown = await open('uws').catch((thrown: unknown) => thrown)
    expect(StreamBusError.is(error) && error.name).to.equal('UNSUITABLE_RUNTIME')
    expect((error as Error).message).to.contain('does not enforce client certificates')
  })

  it('keep out who has none, one of another CA, an expired one, or one not valid yet', async () => {
    await open()
    const dayMs = 86_400_000
    const wrong = [
      undefined,
      await issue(foreignCa, 'orders.client'),
      await issue(ca, 'orders.client'),
      await issue(clientCa, 'orders.client', {
        validFrom: new Date(Date.now() - 2 * dayMs),
        validUntil: new Date(Date.now() - dayMs),
      }),
      await issue(clientCa, 'orders.client', { validFrom: new Date(Date.now() + dayMs / 2) }),
    ]
    for (const pem of wrong) expect(await dial(pem)).to.be.a('string')
    expect(fixture!.gateway.connectionCount).to.equal(0)
  })

  it('name the principal, without a token', async () => {
    await open()
    const client = (await dial(await issue(clientCa, 'orders.client'))) as RawClient
    const hello = await client.ask('Hello', (body) => (body.u16(1), body.string('')))
    expect(hello.error).to.equal(undefined)
    expect((await client.produce(0, batchOf(1))).error).to.equal(undefined)
    const fetched = await client.fetch({ partitionId: 0, offset: 0, maxBytes: 1, minBytes: 0, maxWaitMs: 0 })
    expect(fetched.error?.message).to.contain('orders-app (roles produce; topics t)')
  })

  it('that nobody is named for let their owner authenticate with a token', async () => {
    await open()
    const pem = await issue(clientCa, 'unknown.client')
    const client = (await dial(pem)) as RawClient
    expect((await client.greet(token)).error).to.equal(undefined)
    const other = (await dial(pem)) as RawClient
    void other.ask('Hello', (body) => (body.u16(1), body.string('')))
    await other.closed
    expect(other.failure()?.code).to.equal(codeOf('AUTHENTICATION_REQUIRED'))
  })

  it('that are revoked end their connections', async () => {
    await open()
    const client = (await dial(await issue(clientCa, 'orders.client'))) as RawClient
    await client.ask('Hello', (body) => (body.u16(1), body.string('')))
    fixture!.gateway.replaceTokens(new TokenTable(entries.slice(1)))
    expect((await client.closed).code).to.equal(4401)
  })

  it('of a CA that was replaced are refused from then on, resumed sessions included', async () => {
    const { gateway } = await open()
    const pem = await issue(clientCa, 'orders.client')
    const identity = { cert: pem.cert, key: pem.key }
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const session = await sessionOf(gateway.port, { ...identity, maxVersion })
      await gateway.replaceTls(await materialOf('mutual-2', await issue(ca, 'broker'), foreignCa))
      expect(await httpOver(gateway.port, { ...identity, maxVersion, session })).to.not.contain('200 OK')
      await gateway.replaceTls(await materialOf('mutual-3', await issue(ca, 'broker'), clientCa))
      expect(await httpOver(gateway.port, { ...identity, maxVersion, session })).to.contain('200 OK')
    }
  })
})

/** A TLS session that could be resumed. */
function sessionOf(port: number, options: ConnectionOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ca: ca.cert, servername: 'localhost', ...options })
    socket.on('error', reject)
    socket.once('session', (session) => {
      resolve(session)
      socket.destroy()
    })
  })
}

/** What GET /health/live gives; an error's text when there is no connection. */
function httpOver(port: number, options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, ca: ca.cert, servername: 'localhost', ...options })
    let text = ''
    socket.on('error', (error) => resolve(String(error)))
    socket.on('data', (data) => (text += data.toString()))
    socket.on('close', () => resolve(text))
    socket.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  })
}
