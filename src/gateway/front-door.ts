/**
 * Who may come in: Host against DNS rebinding, Origin against foreign web pages, the subprotocol.
 * Runs on: main. Touches: nothing.
 */
import type { BrokerConfig } from '../../native-free-core/config/broker-config.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import type { UpgradeRequest } from './transport.js'

export const binarySubprotocol = 'streambus.v1'
export const jsonSubprotocol = 'streambus.json.v1'
export type Subprotocol = typeof binarySubprotocol | typeof jsonSubprotocol

export type Verdict =
  | { readonly allowed: true; readonly protocol: Subprotocol }
  | {
      readonly allowed: false
      readonly reason: 'host' | 'origin' | 'subprotocol'
      readonly error: StreamBusError
      readonly closeCode: number
      /** What the answer to the upgrade names: a page sees the error only when one that it offered is taken. */
      readonly protocol: string | undefined
    }

/** The WebSocket close code for an error: 4000 and its HTTP status. */
export const closeCodes = {
  malformed: 4400,
  unauthenticated: 4401,
  forbidden: 4403,
  subprotocol: 4406,
  timeout: 4408,
  tooLarge: 4413,
  slow: 4429,
  down: 4503,
} as const

type DoorConfig = Pick<BrokerConfig, 'host' | 'allowedHosts' | 'allowedOrigins'>

export class FrontDoor {
  private readonly config: DoorConfig
  private hosts: ReadonlySet<string> = new Set()
  private origins: ReadonlySet<string> = new Set()
  /** Of the certificate: a foreign page can't have it, so these names are no way in for one. */
  private certificateNames: readonly string[] = []

  constructor(config: DoorConfig) {
    this.config = config
    this.reconfigure()
  }

  /** The configuration has changed. Who is in stays in. */
  reconfigure(): void {
    const { config } = this
    this.hosts = new Set([...config.allowedHosts, config.host].map((host) => host.toLowerCase()))
    this.origins = new Set(config.allowedOrigins.map((origin) => origin.toLowerCase().replace(/\/$/, '')))
  }

  answerTo(certificateNames: readonly string[]): void {
    this.certificateNames = certificateNames
  }

  admit(request: UpgradeRequest): Verdict {
    const offered = request.protocols.find((name) => name === binarySubprotocol || name === jsonSubprotocol)
    const protocol = offered ?? request.protocols[0]
    if (!this.isAllowedHost(request.host)) {
      return {
        allowed: false,
        reason: 'host',
        error: this.hostError(request.host),
        closeCode: closeCodes.forbidden,
        protocol,
      }
    }
    if (request.origin !== undefined && !this.isAllowedOrigin(request.origin, request.host)) {
      const error = originError(request.origin)
      return { allowed: false, reason: 'origin', error, closeCode: closeCodes.forbidden, protocol }
    }
    if (offered !== undefined) return { allowed: true, protocol: offered as Subprotocol }
    const error = subprotocolError(request.protocols)
    return { allowed: false, reason: 'subprotocol', error, closeCode: closeCodes.subprotocol, protocol }
  }

  /** `host` as in the header, with or without port. */
  isAllowedHost(host: string): boolean {
    const name = hostNameOf(host)
    if (isLoopbackName(name) || this.hosts.has(name)) return true
    return this.certificateNames.some((known) => known === name || isCovered(name, known))
  }

  /** A page that this broker's own address served passes; everything else must be in the list. */
  private isAllowedOrigin(origin: string, host: string): boolean {
    const given = origin.toLowerCase()
    return (
      this.origins.has(given) || given === `http://${host.toLowerCase()}` || given === `https://${host.toLowerCase()}`
    )
  }

  hostError(host: string): StreamBusError {
    const name = hostNameOf(host)
    const known = [...this.config.allowedHosts, name].join(', ')
    return new StreamBusError('HOST_NOT_ALLOWED', `the Host header is "${host}"; this broker does not answer to it`, {
      remedy: `If the name is this broker's, add to its configuration: allowedHosts: [${known}]`,
    })
  }
}

function originError(origin: string): StreamBusError {
  return new StreamBusError('ORIGIN_NOT_ALLOWED', `a web page of ${origin} may not connect to this broker`, {
    remedy: `If the page is yours, add to the broker's configuration: allowedOrigins: [${origin}]`,
  })
}

function subprotocolError(protocols: readonly string[]): StreamBusError {
  const offered = protocols.length === 0 ? 'none' : protocols.join(', ')
  return new StreamBusError(
    'UNSUPPORTED_SUBPROTOCOL',
    `the WebSocket subprotocol offered is ${offered}; expected ${binarySubprotocol} or ${jsonSubprotocol}`,
  )
}

/** Without port and brackets, in lower case. */
function hostNameOf(host: string): string {
  const text = host.trim().toLowerCase()
  if (text.startsWith('[')) return text.slice(1, Math.max(1, text.indexOf(']')))
  // Exactly one colon: name and port. More: an IPv6 address without brackets.
  return text.split(':').length === 2 ? text.slice(0, text.indexOf(':')) : text
}

/** `*.example.org` stands for one label. */
function isCovered(name: string, pattern: string): boolean {
  return pattern.startsWith('*.') && name.includes('.') && name.slice(name.indexOf('.')) === pattern.slice(1)
}

function isLoopbackName(name: string): boolean {
  if (name === 'localhost' || name.endsWith('.localhost') || name === '::1') return true
  return /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name)
}

/** Whether an address to listen on can be reached from this machine only. */
export function isLoopbackAddress(host: string): boolean {
  return isLoopbackName(host.toLowerCase())
}
