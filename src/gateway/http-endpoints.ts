/**
 * HTTP on the WebSocket port: health and metrics, nothing that changes anything.
 * Runs on: main. Touches: nothing.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { errorTable } from '../../native-free-core/errors/error-table.js'
import type { AuthenticationFailures } from './authentication-failures.js'
import type { Authenticator } from './authenticator.js'
import { type Authorize, requireRight, rowOf } from './authorize.js'
import type { FrontDoor } from './front-door.js'
import { nobody, type Principal } from './principal.js'
import type { HttpAnswer, HttpRequest } from './transport.js'

export interface HttpSources {
  readonly door: FrontDoor
  readonly authenticator: Authenticator
  readonly failures: AuthenticationFailures
  readonly authorize: Authorize
  /** Why the broker is not ready; undefined: it is. */
  notReady(): StreamBusError | undefined
  /** They keep nobody but their own readers from anything: the broker is ready all the same. */
  damagedSegments(): number
  metrics(): string
}

const jsonType = 'application/json; charset=utf-8'
const metricsType = 'text/plain; version=0.0.4; charset=utf-8'

export function answerHttp(request: HttpRequest, sources: HttpSources): HttpAnswer {
  const { door } = sources
  // Probes ask by address, and a foreign page may know that a broker is up.
  const isHealth = request.path.startsWith('/health/')
  if (!isHealth && !door.isAllowedHost(request.host)) return errorAnswer(403, door.hostError(request.host))
  if (request.method !== 'GET') {
    return errorAnswer(405, new StreamBusError('INVALID_REQUEST', `${request.method} ${request.path}: expected GET`))
  }
  switch (request.path) {
    case '/health/live':
      return jsonAnswer(200, { status: 'live' })
    case '/health/ready': {
      const reason = sources.notReady()
      if (reason !== undefined) return errorAnswer(503, reason)
      const damagedSegments = sources.damagedSegments()
      return jsonAnswer(200, { status: 'ready', ...(damagedSegments === 0 ? {} : { damagedSegments }) })
    }
    case '/metrics':
      return metricsAnswer(request, sources)
    default:
      return errorAnswer(
        404,
        new StreamBusError('INVALID_REQUEST', `there is nothing at ${request.path.slice(0, 200)}`, {
          remedy: 'Ask for /health/live, /health/ready or /metrics; data is at ws:// on this port.',
        }),
      )
  }
}

/** Tells as much of the broker as ClusterStatus does, so it needs the same right. */
function metricsAnswer(request: HttpRequest, sources: HttpSources): HttpAnswer {
  try {
    const principal = principalOf(request, sources.authenticator)
    requireRight(sources.authorize, principal, rowOf('ClusterStatus'), '')
  } catch (thrown) {
    const error = StreamBusError.from(thrown)
    if (errorTable[error.name].http !== 401) return errorAnswer(errorTable[error.name].http, error)
    const reason = error.name === 'AUTHENTICATION_REQUIRED' ? 'missing' : 'token'
    const delayMs = sources.failures.add(request.remoteAddress, reason)
    return { ...errorAnswer(401, error), headers: { 'www-authenticate': 'Bearer realm="streambus"' }, delayMs }
  }
  return { status: 200, contentType: metricsType, body: sources.metrics() }
}

/** Throws AUTHENTICATION_REQUIRED, SASL_AUTHENTICATION_FAILED. */
function principalOf({ path, authorization, certificateName }: HttpRequest, authenticator: Authenticator): Principal {
  const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
  if (token !== undefined) return authenticator.authenticate(token)
  const principal = authenticator.atOpening(certificateName)
  if (principal !== nobody) return principal
  throw new StreamBusError('AUTHENTICATION_REQUIRED', `GET ${path} came without a token`, {
    remedy:
      'Send the header Authorization: Bearer TOKEN, with the token of a principal that has the role metrics or admin.',
  })
}

function jsonAnswer(status: number, body: object): HttpAnswer {
  return { status, contentType: jsonType, body: `${JSON.stringify(body)}\n` }
}

function errorAnswer(status: number, { code, name, message, remedy }: StreamBusError): HttpAnswer {
  return jsonAnswer(status, { error: { code, name, message, remedy, retriable: errorTable[name].retriable } })
}
