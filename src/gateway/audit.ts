/**
 * Who changed what: one line for each administrative request, done, failed or denied.
 * Runs on: main. Touches: the log.
 */
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { Principal } from './principal.js'

/** One administrative request, or one failed authentication, and what came of it. */
export interface AuditEntry {
  /** Empty: nobody that is known. */
  readonly principal: string
  /** Where the request came from. */
  readonly address: string
  /** The message, as the protocol table calls it. */
  readonly operation: string
  readonly resource: 'topic' | 'cluster'
  readonly resourceName: string
  readonly outcome: 'done' | 'denied' | 'failed'
  /** The error's name. */
  readonly error?: string
  /** What was asked for; of a failure, its message. */
  readonly details: Readonly<Record<string, unknown>>
}

export interface AuditSink {
  audit(entry: AuditEntry): void
}

interface Requester {
  readonly principal: Principal
  readonly remoteAddress: string
}

export interface Audited {
  readonly operation: string
  readonly resource: 'topic' | 'cluster'
  readonly resourceName: string
  readonly details: Readonly<Record<string, unknown>>
}

/** Carries out an administrative request and writes down what came of it. */
export async function audited<Result>(
  sink: AuditSink,
  { principal, remoteAddress }: Requester,
  what: Audited,
  act: () => Result | Promise<Result>,
): Promise<Result> {
  const entry = { principal: principal.name, address: remoteAddress, ...what, resourceName: cut(what.resourceName) }
  try {
    const result = await act()
    sink.audit({ ...entry, outcome: 'done' })
    return result
  } catch (thrown) {
    const { name, message } = StreamBusError.from(thrown)
    const outcome = name.endsWith('_AUTHORIZATION_FAILED') ? 'denied' : 'failed'
    sink.audit({ ...entry, outcome, error: name, details: { ...entry.details, message: cut(message) } })
    throw thrown
  }
}

/** Names come from requests: a line stays a line. */
function cut(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}...` : text
}
