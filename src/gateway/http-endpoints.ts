/**
 * HTTP on the WebSocket port: health and metrics, nothing that changes anything.
 * Runs on: main. Touches: nothing.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { errorTable } from '../../native-free-core/errors/error-table.js'
import type { FrontDoor } from './front-door.js'
import type { HttpAnswer, HttpRequest } from './transport.js'

export interface HttpSources {
  readonly door: FrontDoor
  /** Why the broker is not ready; undefined: it is. */
  notReady(): StreamBusError | undefined
  metrics(): string
}

const jsonType = 'application/json; charset=utf-8'
const metricsType = 'text/plain; version=0.0.4; charset=utf-8'

export function answerHttp(request: HttpRequest, sources: HttpSources): HttpAnswer {
  const { door } = sources
  if (!door.isAllowedHost(request.host)) return errorAnswer(403, door.hostError(request.host))
  if (request.method !== 'GET') {
    return errorAnswer(405, new StreamBusError('INVALID_REQUEST', `${request.method} ${request.path}: expected GET`))
  }
  switch (request.path) {
    case '/health/live':
      return jsonAnswer(200, { status: 'live' })
    case '/health/ready': {
      const reason = sources.notReady()
      return reason === undefined ? jsonAnswer(200, { status: 'ready' }) : errorAnswer(503, reason)
    }
    case '/metrics':
      return { status: 200, contentType: metricsType, body: sources.metrics() }
    default:
      return errorAnswer(
        404,
        new StreamBusError('INVALID_REQUEST', `there is nothing at ${request.path.slice(0, 200)}`, {
          remedy: 'Ask for /health/live, /health/ready or /metrics; data is at ws:// on this port.',
        }),
      )
  }
}

function jsonAnswer(status: number, body: object): HttpAnswer {
  return { status, contentType: jsonType, body: `${JSON.stringify(body)}\n` }
}

function errorAnswer(status: number, { code, name, message, remedy }: StreamBusError): HttpAnswer {
  return jsonAnswer(status, { error: { code, name, message, remedy, retriable: errorTable[name].retriable } })
}
