/**
 * Certificates for tests of TLS: authorities, and what they sign, valid or not.
 * Runs on: the test process. Touches: nothing.
 */
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

export interface Certificate {
  /** PEM. */
  readonly cert: string
  readonly key: string
}

export interface CertificateOptions {
  /** DNS names and IP addresses, default localhost and 127.0.0.1. */
  readonly names?: readonly string[]
  readonly validFrom?: Date
  readonly validUntil?: Date
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const dayMs = 86_400_000

x509.cryptoProvider.set(webcrypto)

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>
}

async function keyPem(keys: webcrypto.CryptoKeyPair): Promise<string> {
  const bytes = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return x509.PemConverter.encode(bytes, 'PRIVATE KEY')
}

export class Authority {
  /** PEM, for `ca`. */
  readonly cert: string
  private readonly keys: webcrypto.CryptoKeyPair
  private readonly name: string
  private serial = 1

  private constructor(name: string, keys: webcrypto.CryptoKeyPair, cert: string) {
    this.name = name
    this.keys = keys
    this.cert = cert
  }

  static async make(name = 'CN=StreamBus test authority'): Promise<Authority> {
    const keys = await newKeys()
    const made = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: '01',
      name,
      notBefore: new Date(Date.now() - dayMs),
      notAfter: new Date(Date.now() + dayMs),
      signingAlgorithm: algorithm,
      keys: keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      ],
    })
    return new Authority(name, keys, made.toString('pem'))
  }

  async issue(options: CertificateOptions = {}): Promise<Certificate> {
    const names = options.names ?? ['localhost', '127.0.0.1']
    const keys = await newKeys()
    this.serial++
    const made = await x509.X509CertificateGenerator.create({
      serialNumber: this.serial.toString(16).padStart(2, '0'),
      subject: `CN=${names[0]}`,
      issuer: this.name,
      notBefore: options.validFrom ?? new Date(Date.now() - dayMs),
      notAfter: options.validUntil ?? new Date(Date.now() + dayMs),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: this.keys.privateKey,
      extensions: [
        new x509.SubjectAlternativeNameExtension(
          names.map((value) => ({ type: /^[\d.]+$|:/.test(value) ? 'ip' : 'dns', value })),
        ),
      ],
    })
    return { cert: made.toString('pem'), key: await keyPem(keys) }
  }
}

/** Signed by itself, with no authority. */
export async function selfSigned(): Promise<Certificate> {
  const keys = await newKeys()
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=localhost',
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + dayMs),
    signingAlgorithm: algorithm,
    keys: keys,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])],
  })
  return { cert: made.toString('pem'), key: await keyPem(keys) }
}
