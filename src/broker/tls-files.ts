/**
 * Reads certificate, key and client CA, and checks all that can be known before anybody connects.
 * Runs on: main, at the start and when a file changes. Touches: the three files.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import type { BrokerConfig } from '../../native-free-core/config/broker-config.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { TlsMaterial } from '../gateway/transport.js'
import { ConfigError } from './config-problems.js'

export type TlsConfig = Pick<BrokerConfig, 'tlsCertificateFile' | 'tlsKeyFile' | 'tlsClientCaFile'>
type TlsKey = keyof TlsConfig

const maxFileBytes = 1 << 20
const certificateBegin = '-----BEGIN CERTIFICATE-----'
const certificatePem = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Undefined: no TLS is configured. Throws INVALID_CONFIG, INVALID_CERTIFICATE with the file and the remedy. */
export async function readTls(config: TlsConfig, nowMs: number): Promise<TlsMaterial | undefined> {
  const { tlsCertificateFile, tlsKeyFile, tlsClientCaFile } = config
  if (tlsCertificateFile === '' && tlsKeyFile === '' && tlsClientCaFile === '') return undefined
  if (tlsCertificateFile === '') throw missing('tlsCertificateFile')
  if (tlsKeyFile === '') throw missing('tlsKeyFile')
  const certificate = await readPem('tlsCertificateFile', tlsCertificateFile)
  const key = await readPem('tlsKeyFile', tlsKeyFile)
  const clientCa = tlsClientCaFile === '' ? undefined : await readPem('tlsClientCaFile', tlsClientCaFile)
  const leaf = parseCertificates('tlsCertificateFile', tlsCertificateFile, certificate)[0]!
  refuseOutdated('tlsCertificateFile', tlsCertificateFile, leaf, nowMs)
  if (!leaf.checkPrivateKey(parseKey(tlsKeyFile, key))) {
    throw unusable('tlsKeyFile', tlsKeyFile, `is not the key of ${tlsCertificateFile} (${oneLine(leaf.subject)})`, {
      remedy: 'Give the key that the certificate was made with; renewing tools replace both.',
    })
  }
  if (clientCa !== undefined) {
    for (const ca of parseCertificates('tlsClientCaFile', tlsClientCaFile, clientCa)) {
      refuseOutdated('tlsClientCaFile', tlsClientCaFile, ca, nowMs)
    }
  }
  letOpenSslJudge(tlsCertificateFile, certificate, key, clientCa)
  return {
    certificateFile: resolve(tlsCertificateFile),
    keyFile: resolve(tlsKeyFile),
    certificate,
    key,
    clientCa,
    expiresAtMs: Date.parse(leaf.validTo),
    names: namesOf(leaf),
  }
}

function missing(key: TlsKey): StreamBusError {
  const problem = { place: '', message: `${key} is missing: TLS needs tlsCertificateFile and tlsKeyFile` }
  return new ConfigError([problem], 'Set both, or none of the keys that begin with tls.')
}

function unusable(
  key: TlsKey,
  file: string,
  what: string,
  options: { remedy?: string; cause?: unknown } = {},
): StreamBusError {
  return new StreamBusError('INVALID_CERTIFICATE', `${key}: ${file} ${what}`, options)
}

async function readPem(key: TlsKey, file: string): Promise<string> {
  try {
    const { size } = await stat(file)
    if (size <= maxFileBytes) return await readFile(file, 'latin1')
  } catch (cause) {
    const { code } = cause as { code?: string }
    const why = code === 'ENOENT' ? 'does not exist' : `can't be read (${code})`
    throw unusable(key, file, why, { cause, remedy: 'Check the path, and that the user of the broker may read it.' })
  }
  throw unusable(key, file, `is larger than ${maxFileBytes} bytes: this is no PEM file`)
}

/** The first is the broker's own. */
function parseCertificates(key: TlsKey, file: string, pem: string): X509Certificate[] {
  const texts = pem.match(certificatePem)
  if (texts === null) {
    throw unusable(key, file, `holds no certificate: there is no "${certificateBegin}" in it`, {
      remedy: 'Give a PEM file; `openssl x509 -inform der -in FILE` turns DER into PEM.',
    })
  }
  return texts.map((text) => {
    try {
      return new X509Certificate(text)
    } catch (cause) {
      throw unusable(key, file, "holds a certificate that can't be read", { cause })
    }
  })
}

function parseKey(file: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch (cause) {
    if (/ENCRYPTED/.test(pem)) {
      throw unusable('tlsKeyFile', file, 'is encrypted, and the broker has nobody to ask for the password', {
        cause,
        remedy:
          'Write the key without one, for the user of the broker alone: openssl pkey -in FILE -out NEW; chmod 600.',
      })
    }
    throw unusable('tlsKeyFile', file, 'holds no private key that can be read (PEM)', { cause })
  }
}

function refuseOutdated(key: TlsKey, file: string, certificate: X509Certificate, nowMs: number): void {
  const { subject, validFrom, validTo } = certificate
  if (Date.parse(validTo) <= nowMs) {
    throw unusable(key, file, `expired on ${validTo} (${oneLine(subject)})`, { remedy: 'Renew the certificate.' })
  }
  if (Date.parse(validFrom) > nowMs) {
    throw unusable(key, file, `is valid from ${validFrom} on (${oneLine(subject)}), which is not yet`, {
      remedy: 'Wait, or set the clock of this machine right.',
    })
  }
}

/** Weak keys and signatures, and whatever else it may dislike. */
function letOpenSslJudge(file: string, cert: string, key: string, clientCa: string | undefined): void {
  try {
    createSecureContext({ cert, key, ...(clientCa === undefined ? {} : { ca: clientCa }) })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw unusable('tlsCertificateFile', file, `is not accepted by OpenSSL: ${reason}`, { cause })
  }
}

/** The names and addresses that the certificate is for. */
function namesOf({ subjectAltName }: X509Certificate): string[] {
  const names: string[] = []
  for (const part of (subjectAltName ?? '').split(', ')) {
    const name = /^(?:DNS|IP Address):([\w.:*-]+)$/.exec(part)?.[1]
    if (name !== undefined) names.push(name.toLowerCase())
  }
  return names
}

function oneLine(subject: string): string {
  return subject.replaceAll('\n', ', ').slice(0, 200)
}
