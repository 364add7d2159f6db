/**
 * The configuration and its files, the port, and the broker that answers there, if one does.
 * Runs on: main. Touches: the probes, files that the configuration names, the client.
 */
import type { BrokerConfig } from '../../../native-free-core/config/broker-config.js'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { releaseVersion } from '../../../native-free-core/version.js'
import { checkListener } from '../../broker/listener-rule.js'
import { silentLog } from '../../broker/log-sink.js'
import { Security } from '../../broker/security.js'
import { connect, type ConnectOptions } from '../../client/index.js'
import { latencyText } from '../terminal/quantities.js'
import { printable } from '../terminal/text-width.js'
import { fail, type Finding, ok, warn } from './finding.js'
import type { Probes } from './probes.js'

const connectTimeoutMs = 3000
const mostClockDifferenceMs = 1000

export interface Answer {
  readonly server: string
  readonly version: string
  readonly pid: number
  /** Its clock minus ours; at most `uncertaintyMs` wrong. */
  readonly clockDifferenceMs: number
  readonly uncertaintyMs: number
}

/** Asks the broker who it is. Throws what the client throws. */
export async function askBroker(options: ConnectOptions, nowMs: () => number): Promise<Answer> {
  const client = await connect({ ...options, connectTimeoutMs, requestTimeoutMs: connectTimeoutMs })
  try {
    const startMs = nowMs()
    const { pid, timeMs } = await client.admin().clusterStatus()
    const uncertaintyMs = (nowMs() - startMs) / 2
    return {
      server: client.server,
      version: printable(client.brokerVersion),
      pid: typeof pid === 'number' ? pid : Number.NaN,
      clockDifferenceMs: typeof timeMs === 'number' ? timeMs - (startMs + uncertaintyMs) : Number.NaN,
      uncertaintyMs,
    }
  } finally {
    await client.close()
  }
}

/** Who may connect, and the certificates and tokens for it. */
export async function doorCheck(config: BrokerConfig): Promise<Finding> {
  try {
    const risk = checkListener(config)
    await Security.load(config, silentLog)
    if (risk !== undefined)
      return warn('listener', risk, 'Set tlsCertificateFile, tlsKeyFile and tokensFile; see docs/security.md.')
    const has = [config.tlsCertificateFile === '' ? 'no TLS' : 'TLS']
    has.push(config.tokensFile === '' && config.tokenEntries === '' ? 'no tokens' : 'tokens')
    return ok('listener', `${config.host}, ${has.join(', ')}`)
  } catch (error) {
    const { message, remedy } = StreamBusError.from(error)
    return fail('listener', message, remedy)
  }
}

/** `answer`: of the broker at the configured address, or why there is none. */
export async function portCheck(
  probes: Probes,
  { host, port }: BrokerConfig,
  answer: Answer | StreamBusError,
): Promise<Finding> {
  if (port === 0) return ok('port', '0: a free one is taken at the start')
  const error = await probes.whyNotListen(host, port)
  if (error === undefined) return ok('port', `${host}:${port} is free`)
  if (!(answer instanceof StreamBusError)) {
    return ok('port', `${host}:${port} is taken by the broker that runs (version ${answer.version}, pid ${answer.pid})`)
  }
  return fail('port', error.message, `${error.remedy} It does not answer as a broker: ${answer.message}`)
}

/** `isAsked`: somebody named this broker, so that it should be there. */
export function brokerCheck(answer: Answer | StreamBusError, server: string, isAsked: boolean): Finding {
  if (answer instanceof StreamBusError) {
    if (!isAsked && answer.name === 'NETWORK_EXCEPTION') return ok('broker', `none runs at ${server}`)
    return isAsked ? fail('broker', answer.message, answer.remedy) : warn('broker', answer.message, answer.remedy)
  }
  const found = `${answer.server} answers, version ${answer.version}`
  if (answer.version === releaseVersion) return ok('broker', found)
  return warn(
    'broker',
    `${found}; this command line is ${releaseVersion}`,
    'Restart the broker, or use its own version.',
  )
}

/** Undefined: there is no broker to compare with, or it is too old to tell. */
export function brokerClockCheck(answer: Answer | StreamBusError): Finding | undefined {
  if (answer instanceof StreamBusError || Number.isNaN(answer.clockDifferenceMs)) return undefined
  const { clockDifferenceMs, uncertaintyMs } = answer
  const size = Math.abs(clockDifferenceMs)
  const found = `the broker's is ${latencyText(size)} ${clockDifferenceMs < 0 ? 'behind' : 'ahead'}`
  if (size <= mostClockDifferenceMs + uncertaintyMs) return ok("broker's clock", found)
  const remedy = 'Set both by a time server: times of records come from clients, retention goes by the broker.'
  return warn("broker's clock", found, remedy)
}
