/**
 * Makes failed authentication slow, counts it, and tells of it.
 * Runs on: main. Touches: metrics, the log.
 * Each failure from an address waits twice as long for its answer as the one before. Only the failed wait: whoever has
 * a right token is answered at once, from the same address too. A wait is a timer; what is remembered is bounded.
 */
import { isIPv6 } from 'node:net'
import type { AuditSink } from './audit.js'
import type { GatewayMetrics } from './gateway-metrics.js'

export const firstFailureDelayMs = 100
/** Times the first. */
const longestDelayFactor = 50
const forgetAfterMs = 10 * 60_000
const keptAddresses = 10_000

export type FailureReason = 'token' | 'missing' | 'mechanism'

interface Failures {
  count: number
  lastMs: number
}

export class AuthenticationFailures {
  private readonly metrics: GatewayMetrics
  private readonly audit: AuditSink
  private readonly firstDelayMs: number
  /** In the order of their last failures. */
  private readonly byAddress = new Map<string, Failures>()

  constructor(metrics: GatewayMetrics, audit: AuditSink, firstDelayMs = firstFailureDelayMs) {
    this.metrics = metrics
    this.audit = audit
    this.firstDelayMs = firstDelayMs
  }

  /** How long the answer has to wait. */
  add(address: string, reason: FailureReason, nowMs = performance.now()): number {
    this.metrics.authenticationFailed(reason)
    const network = networkOf(address)
    const before = this.byAddress.get(network)
    const isFresh = before === undefined || nowMs - before.lastMs > forgetAfterMs
    const count = isFresh ? 1 : before.count + 1
    this.byAddress.delete(network)
    this.byAddress.set(network, { count, lastMs: nowMs })
    if (this.byAddress.size > keptAddresses) this.byAddress.delete(this.byAddress.keys().next().value!)
    this.tell(address, reason, count)
    return this.firstDelayMs * Math.min(longestDelayFactor, 2 ** Math.min(count - 1, 16))
  }

  get addressCount(): number {
    return this.byAddress.size
  }

  /** The 1st, 2nd, 4th, 8th ... of an address: a flood of failures must not become one of lines. */
  private tell(address: string, reason: FailureReason, count: number): void {
    if ((count & (count - 1)) !== 0) return
    this.audit.audit({
      principal: '',
      address,
      operation: 'Authenticate',
      resource: 'cluster',
      resourceName: '',
      outcome: 'denied',
      details: { reason, failuresOfThisAddress: count },
    })
  }
}

/** An IPv6 network of 64 bits is one peer: it has as many addresses as it likes. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [head = ''] = address.split('::')
  const groups = address.includes('::') ? [...head.split(':'), '', '', '', ''] : address.split(':')
  return groups.slice(0, 4).join(':')
}
