/**
 * Certificates and tokens from files: refused at the start by name, read again when they change, kept when the new ones
 * are wrong.
 * Runs on: the test process. Touches: a temporary folder.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type BrokerConfig, brokerConfigOf } from '../../../native-free-core/config/broker-config.js'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { FileWatch, signatureOf } from '../../../src/broker/file-watch.js'
import type { Log } from '../../../src/broker/log-sink.js'
import { Security } from '../../../src/broker/security.js'
import { readTls } from '../../../src/broker/tls-files.js'
import { createToken, type TokenTable } from '../../../src/gateway/token-table.js'
import type { TlsMaterial } from '../../../src/gateway/transport.js'
import { Authority, type Certificate } from '../../support/certificates.js'

const dayMs = 86_400_000
let folder: string
let authority: Authority
let good: Certificate

before(async () => {
  authority = await Authority.make()
  good = await authority.issue()
})
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'streambus-security-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const at = (name: string): string => join(folder, name)

function write(name: string, text: string): string {
  writeFileSync(at(name), text)
  chmodSync(at(name), 0o600)
  return at(name)
}

function tlsConfig(cert: string, key: string, clientCa?: string) {
  return {
    tlsCertificateFile: write('tls.crt', cert),
    tlsKeyFile: write('tls.key', key),
    tlsClientCaFile: clientCa === undefined ? '' : write('ca.crt', clientCa),
  }
}

async function failureOf(promise: Promise<unknown>): Promise<StreamBusError> {
  const error: unknown = await promise.then(
    () => new Error('nothing failed'),
    (thrown: unknown) => thrown,
  )
  if (StreamBusError.is(error)) return error
  throw error
}

describe('certificate files', () => {
  const refused = async (config: Parameters<typeof readTls>[0], nowMs = Date.now()) => failureOf(readTls(config, nowMs))

  it('are read when all is right, names and end included', async () => {
    const material = (await readTls(tlsConfig(good.cert, good.key, authority.cert), Date.now()))!
    expect(material.names).to.deep.equal(['localhost', '127.0.0.1'])
    expect(material.expiresAtMs - Date.now()).to.be.within(0, dayMs)
    expect(await readTls({ tlsCertificateFile: '', tlsKeyFile: '', tlsClientCaFile: '' }, 0)).to.equal(undefined)
  })

  it('that expired, or are not valid yet, are refused with file and date', async () => {
    const old = await authority.issue({ validFrom: new Date(0), validUntil: new Date(Date.now() - dayMs) })
    const error = await refused(tlsConfig(old.cert, old.key))
    expect(error).to.include({ name: 'INVALID_CERTIFICATE', remedy: 'Renew the certificate.' })
    expect(error.message).to.match(/tlsCertificateFile: .*tls\.crt expired on .* \(CN=localhost\)/)
    expect((await refused(tlsConfig(good.cert, good.key), Date.now() - 2 * dayMs)).message).to.contain(
      'which is not yet',
    )
  })

  it('whose key belongs to another are refused with both files', async () => {
    const other = await authority.issue()
    const error = await refused(tlsConfig(good.cert, other.key))
    expect(error.message).to.match(/tlsKeyFile: .*tls\.key is not the key of .*tls\.crt \(CN=localhost\)/)
    expect(error.remedy).to.contain('replace both')
  })

  it('that are missing, or may not be read, are named', async () => {
    const config = tlsConfig(good.cert, good.key)
    unlinkSync(config.tlsKeyFile)
    expect((await refused(config)).message).to.match(/tlsKeyFile: .*tls\.key does not exist/)
    mkdirSync(config.tlsKeyFile)
    expect((await refused(config)).message).to.contain("can't be read (EISDIR)")
    expect((await refused({ ...config, tlsKeyFile: '' })).message).to.contain('tlsKeyFile is missing')
    expect((await refused({ ...config, tlsCertificateFile: '' })).message).to.contain('tlsCertificateFile is missing')
    const caOnly = { tlsCertificateFile: '', tlsKeyFile: '', tlsClientCaFile: at('ca.crt') }
    expect((await refused(caOnly)).message).to.contain('tlsCertificateFile is missing')
  })

  it('that hold something else are told so', async () => {
    const broken = good.cert.replace(/[A-Za-z]{20}/, 'AAAAAAAAAAAAAAAAAAAA')
    const cases: readonly (readonly [string, string, string])[] = [
      ['', good.key, 'holds no certificate'],
      ['\0\u0001\u0002', good.key, 'holds no certificate'],
      [good.key, good.key, 'holds no certificate'],
      [broken, good.key, "holds a certificate that can't be read"],
      [good.cert, 'hello', 'holds no private key'],
      [good.cert, good.cert, 'holds no private key'],
      ['x'.repeat(2 << 20), good.key, 'is larger than 1048576 bytes'],
    ]
    for (const [cert, key, expected] of cases) {
      expect((await refused(tlsConfig(cert, key))).message, expected).to.contain(expected)
    }
    expect((await refused(tlsConfig(good.cert, good.key, good.key))).message).to.contain('tlsClientCaFile:')
  })

  it('whose key is encrypted are refused, instead of asking for a password', async () => {
    const pem = execFileSync('openssl', ['pkcs8', '-topk8', '-passout', 'pass:secret'], { input: good.key }).toString()
    const error = await refused(tlsConfig(good.cert, pem))
    expect(error.message).to.contain('is encrypted')
    expect(error.remedy).to.contain('openssl pkey')
  })
})

describe('FileWatch', () => {
  async function changed(files: readonly string[], act: () => void, intervalMs = 60_000): Promise<void> {
    const known = await signatureOf(files)
    await new Promise<void>((resolve) => {
      const onChange = (): void => (watch.stop(), resolve())
      const watch = new FileWatch(files, known, onChange, intervalMs)
      act()
    })
  }

  it('sees a file written in place, renamed over, and behind a link that is turned', async () => {
    const file = write('a', 'one')
    await changed([file], () => writeFileSync(file, 'twoo'))
    await changed([file], () => renameSync(write('b', 'three'), file))
    mkdirSync(at('v1'))
    mkdirSync(at('v2'))
    for (const version of ['v1', 'v2']) writeFileSync(join(at(version), 'f'), version)
    symlinkSync('v1', at('current'))
    symlinkSync('current/f', at('f'))
    await changed([at('f')], () => {
      symlinkSync('v2', at('next'))
      renameSync(at('next'), at('current'))
    })
  })

  it('sees what no watch tells, by looking', async () => {
    mkdirSync(at('elsewhere'))
    writeFileSync(join(at('elsewhere'), 'f'), 'one')
    symlinkSync('elsewhere/f', at('link'))
    await changed([at('link')], () => writeFileSync(join(at('elsewhere'), 'f'), 'twoo'), 20)
  })

  it('works without a folder to watch', async () => {
    await changed([at('not-there/f')], () => (mkdirSync(at('not-there')), writeFileSync(at('not-there/f'), 'x')), 20)
  })
})

describe('Security', () => {
  let security: Security | undefined
  let lines: string[] = []
  let audits: string[] = []
  let tables: TokenTable[] = []
  let materials: TlsMaterial[] = []
  const tell = (line: string): void => void lines.push(line)
  const log: Log = {
    debug: tell,
    info: tell,
    warn: (line) => tell(`warn: ${line}`),
    error: (line) => tell(`error: ${line}`),
    audit: ({ operation }) => void audits.push(operation),
  }

  beforeEach(() => {
    lines = []
    audits = []
    tables = []
    materials = []
  })
  afterEach(() => security?.stop())

  async function load(config: Partial<BrokerConfig>): Promise<Security> {
    security = await Security.load(brokerConfigOf(config), log)
    security.start({
      replaceTokens: (table) => void tables.push(table),
      replaceTls: async (material) => void materials.push(material),
    })
    return security
  }

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10))
  }

  const { token, tokenHash } = createToken()
  const entry = (name: string, hash = tokenHash) => `- {name: ${name}, tokenHash: "sha256:${hash}", roles: [admin]}\n`

  it('takes tokens from a file or from the text of a variable, not from both', async () => {
    expect((await load({ tokenEntries: entry('a') })).tokens?.byToken(token)?.name).to.equal('a')
    const tokensFile = write('tokens.yaml', entry('b'))
    expect((await load({ tokensFile })).tokens?.byToken(token)?.name).to.equal('b')
    const both = await failureOf(load({ tokensFile, tokenEntries: entry('a') }))
    expect(both.message).to.contain('tokensFile and tokenEntries are both set')
    const none = await failureOf(load({ tokensFile: at('nothing') }))
    expect(none.message).to.contain(`${at('nothing')} does not exist`)
    expect(none.remedy).to.contain('streambus token create')
  })

  it('warns of names of certificates that nobody is asked for', async () => {
    await load({ tokenEntries: '- {name: a, certificateName: b, roles: [admin]}' })
    expect(lines).to.deep.equal(['warn: tlsClientCaFile is not set: the certificateName of a lets nobody in'])
  })

  it('reads tokens again when the file changes, and keeps the old when the new are wrong', async () => {
    const tokensFile = write('tokens.yaml', entry('a'))
    await load({ tokensFile })
    writeFileSync(tokensFile, '- name: b\n')
    await until(() => lines.some((line) => line.startsWith('error: ')))
    expect(lines.at(-1))
      .to.contain('the tokens are left as they were')
      .and.to.contain('tokens.yaml:1:3: roles is missing')
    expect(tables).to.have.length(0)
    writeFileSync(tokensFile, entry('b'))
    await until(() => tables.length > 0)
    expect(tables[0]!.byToken(token)?.name).to.equal('b')
    expect(audits).to.include('ReloadTokens')
  })

  it('reads certificates again when both files have changed, and keeps the old until they fit each other', async () => {
    const config = tlsConfig(good.cert, good.key)
    await load(config)
    const next = await authority.issue()
    writeFileSync(config.tlsCertificateFile, next.cert)
    await until(() => lines.some((line) => line.startsWith('error: ')))
    expect(lines.join('\n')).to.contain('the certificates are left as they were').and.to.contain('is not the key of')
    expect(materials).to.have.length(0)
    writeFileSync(config.tlsKeyFile, next.key)
    await until(() => materials.length > 0)
    expect(materials[0]!.certificate).to.equal(next.cert)
    expect(audits).to.include('ReloadCertificates')
  })

  it('reloads when it is told to, one reload after another', async () => {
    const tokensFile = write('tokens.yaml', entry('a'))
    const loaded = await load({ tokensFile })
    await Promise.all([loaded.reload('SIGHUP'), loaded.reload('SIGHUP')])
    expect(tables).to.have.length(2)
    expect(lines.filter((line) => line === 'SIGHUP: 1 tokens are in force')).to.have.length(2)
  })

  it('warns of files that others may read, and of a certificate that ends within thirty days', async () => {
    const config = { ...tlsConfig(good.cert, good.key), tokensFile: write('tokens.yaml', entry('a')) }
    chmodSync(config.tlsKeyFile, 0o644)
    chmodSync(config.tokensFile, 0o604)
    await load(config)
    const warnings = lines.join('\n')
    expect(warnings).to.contain(`warn: tlsKeyFile: everybody on this machine can read ${config.tlsKeyFile}; chmod`)
    expect(warnings).to.contain('warn: tokensFile: everybody')
    expect(warnings).to.match(/warn: the certificate .*tls\.crt expires in 0 days; renew it/)
    lines = []
    const long = await authority.issue({ validUntil: new Date(Date.now() + 31 * dayMs) })
    await load(tlsConfig(long.cert, long.key))
    expect(lines).to.deep.equal([])
  })
})
