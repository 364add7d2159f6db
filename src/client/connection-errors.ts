/**
 * What failed connections mean, in words that say what to do.
 * Runs on: main thread of clients, browsers. Touches: nothing.
 */
import type { ErrorName } from '../../native-free-core/errors/error-table.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { ServerAddress } from './server-address.js'

interface Cause {
  readonly name: ErrorName
  readonly what: string
  readonly remedy: string
}

const startRemedy =
  'Start a broker with `npm start` or `streambus broker`, or name another: --server HOST:PORT or STREAMBUS_SERVER.'
const trustRemedy = "Give the certificate of the authority that signed the broker's: tls: { ca }, or --tls-ca FILE."
const renewRemedy = "Renew the broker's certificate; see that both clocks are right."
const plainRemedy = 'If the broker has no TLS, write the address without wss:// and give no tls options.'

function network(what: string, remedy: string): Cause {
  return { name: 'NETWORK_EXCEPTION', what, remedy }
}

function tls(what: string, remedy: string): Cause {
  return { name: 'TLS_HANDSHAKE_FAILED', what, remedy }
}

const untrusted = tls('its certificate is signed by an authority that is not trusted here', trustRemedy)
const selfSigned = tls('its certificate is self-signed and not trusted here', trustRemedy)
const cutShort = network(
  'the connection was reset',
  'See that a broker listens there, and look at its log; if it has TLS, write wss://HOST:PORT.',
)
const cutShortWithTls = network(
  'the connection was reset',
  "Look at the broker's log: it may want a certificate of this client, or refuse the one that it got.",
)

/** By the system's error code. */
const causes: Readonly<Record<string, Cause>> = {
  ECONNREFUSED: network('connection refused', startRemedy),
  ECONNRESET: cutShort,
  EPIPE: cutShort,
  ENOTFOUND: network('the host name is unknown', 'Check the host name.'),
  EAI_AGAIN: network("the host name can't be looked up now", 'Check the host name and the name service.'),
  EHOSTUNREACH: network("the host can't be reached", 'Check the address and the network.'),
  ENETUNREACH: network("the network can't be reached", 'Check the address and the network.'),
  ETIMEDOUT: network('the connection timed out', 'Check the address, the network and firewalls.'),
  DEPTH_ZERO_SELF_SIGNED_CERT: selfSigned,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  CERT_SIGNATURE_FAILURE: untrusted,
  CERT_HAS_EXPIRED: tls('its certificate has expired', renewRemedy),
  CERT_NOT_YET_VALID: tls('its certificate is not valid yet', renewRemedy),
  CERT_REVOKED: tls('its certificate is revoked', renewRemedy),
}

/** By what the error says, where there is no code that says it. */
const patterns: readonly (readonly [RegExp, (error: Error) => Cause])[] = [
  [/ERR_OSSL_|PEM routines|X509_KEY|ERR_INVALID_ARG/, badOptions],
  [/ALTNAME_INVALID|does not match certificate's altnames/, (error) => wrongName(error)],
  [/WRONG_VERSION_NUMBER|wrong version number|packet length too long|HTTP_REQUEST/i, () => noTls],
  [
    /alert.*(certificate required|bad certificate)|ALERT_(BAD_CERTIFICATE|CERTIFICATE_REQUIRED)/i,
    () => wantsCertificate,
  ],
  [/alert.*(unknown ca|certificate (unknown|expired|revoked))/i, () => refusesCertificate],
  [/alert.*(handshake failure|protocol version)/i, (error) => tls(`no common version of TLS: ${error.message}`, '')],
  [/socket hang up/, () => cutShort],
  [/HPE_|Parse Error: Expected HTTP|Parse Error: Data after/, () => notHttp],
  [/^Unexpected server response|subprotocol|Invalid Sec-WebSocket-Accept|Invalid Upgrade header/, noBroker],
]

const noTls = tls('something listens there, but it speaks no TLS', plainRemedy)
const wantsCertificate = tls('the broker asks for a certificate', 'Give yours: tls: { cert, key }.')
const refusesCertificate = tls("the broker refuses this client's certificate", 'Give another: tls: { cert, key }.')
const notHttp = network(
  'what listens there speaks no HTTP; it may be a port for TLS',
  'If the broker has TLS, write wss://HOST:PORT; else check host and port.',
)

function wrongName(error: Error): Cause {
  const { host, cert } = error as { host?: string; cert?: { subjectaltname?: string } }
  return tls(
    `its certificate is for another name: ${cert?.subjectaltname ?? 'it has none'}, and not for ${host}`,
    "Use a name that is in the broker's certificate, or say which to expect: tls: { serverName }.",
  )
}

function badOptions({ message }: Error): Cause {
  const remedy = 'ca, cert and key are PEM texts, and key belongs to cert.'
  return { name: 'USAGE', what: `the tls options can't be used: ${message}`, remedy }
}

function noBroker(error: Error): Cause {
  return network(`${error.message}; this is no StreamBus broker`, 'Check host and port.')
}

/** A socket could not be opened. `error`: what the system threw or told; browsers tell nothing. */
export function connectError(error: unknown, address: ServerAddress): StreamBusError {
  if (StreamBusError.is(error)) return error
  if (!(error instanceof Error)) return untold(address)
  const first = error instanceof AggregateError ? ((error.errors[0] as Error | undefined) ?? error) : error
  const found = causeOf(first)
  const { name, what, remedy } = found === cutShort && address.isSecure ? cutShortWithTls : found
  const message = name === 'USAGE' ? what : `no broker answers at ${address.text}: ${what}`
  return new StreamBusError(name, message, { cause: error, ...(remedy === '' ? {} : { remedy }) })
}

function causeOf(error: Error): Cause {
  const code = (error as { code?: string }).code ?? ''
  const text = `${code} ${error.message}`
  const pattern = patterns.find(([expression]) => expression.test(error.message) || expression.test(text))
  return causes[code] ?? pattern?.[1](error) ?? network(error.message, startRemedy)
}

function untold(address: ServerAddress): StreamBusError {
  const trust = address.isSecure ? ', its certificate is one that the browser trusts,' : ''
  const policy = 'and that the page may connect to it (Content-Security-Policy connect-src)'
  const message = `no broker answers at ${address.text}; a browser does not tell why`
  return new StreamBusError('NETWORK_EXCEPTION', message, {
    remedy: `See that a broker runs there${trust} ${policy}.`,
  })
}

/** Something took the connection and did not finish the handshake in time. */
export function noAnswer(address: ServerAddress, timeoutMs: number): StreamBusError {
  const message = `no broker answers at ${address.text}: nothing came within ${timeoutMs} ms`
  return new StreamBusError('NETWORK_EXCEPTION', message, {
    remedy: 'Check host, port and firewalls; a broker that is stopped or stuck looks like this too.',
  })
}

/** The program's function for the token failed. */
export function noToken(cause: unknown): StreamBusError {
  if (StreamBusError.is(cause)) return cause
  const why = cause instanceof Error ? cause.message : String(cause)
  return new StreamBusError('NETWORK_EXCEPTION', `the function that connect() got as token failed: ${why}`, {
    cause,
    remedy: 'Mend what it asks for the token; it is asked again at the next attempt to connect.',
  })
}

/** An open connection broke. */
export function brokenConnection(error: Error, address: ServerAddress): StreamBusError {
  const { what, remedy } = causeOf(error)
  const message = `the connection to ${address.text} broke: ${what}`
  return new StreamBusError('NETWORK_EXCEPTION', message, { cause: error, remedy })
}

/** For a WebSocket that was closed without an error. */
export function endOfConnection(address: ServerAddress, code: number, reason: string): StreamBusError {
  const why = reason === '' ? `close code ${code}` : `${reason} (close code ${code})`
  return new StreamBusError('NETWORK_EXCEPTION', `the connection to ${address.text} ended: ${why}`)
}
