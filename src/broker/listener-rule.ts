/**
 * A listener that others can reach is safe, or somebody has said that it need not be.
 * Runs on: main, at the start. Touches: nothing.
 */
import type { BrokerConfig } from '../../native-free-core/config/broker-config.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { isLoopbackAddress } from '../gateway/front-door.js'
import { environmentNameOf } from './config-variables.js'

const firstToken = 'streambus token create --name admin --roles admin --add-to tokens.yaml'

/** What is missing for a listener to be safe, in words; empty: nothing. */
function lacksOf(config: BrokerConfig): string[] {
  const lacks: string[] = []
  if (config.tlsCertificateFile === '') lacks.push('no TLS (tlsCertificateFile, tlsKeyFile)')
  if (config.tokensFile === '' && config.tokenEntries === '') lacks.push('no tokens (tokensFile)')
  return lacks
}

/** Throws INSECURE_LISTENER. Returns what is to be said at every start, where it was allowed to be unsafe. */
export function checkListener(config: BrokerConfig): string | undefined {
  const { host, allowInsecure } = config
  const lacks = lacksOf(config)
  if (isLoopbackAddress(host) || lacks.length === 0) return undefined
  const what = `host is ${host}, which others can reach, and there are ${lacks.join(' and ')}`
  if (allowInsecure) return `allowInsecure: ${what}`
  const names = ['tlsCertificateFile', 'tlsKeyFile', 'tokensFile'].map(environmentNameOf).join(', ')
  throw new StreamBusError('INSECURE_LISTENER', what, {
    remedy:
      `Set tlsCertificateFile, tlsKeyFile and tokensFile (${names}); ` +
      `\`${firstToken}\` makes the first token. Or, where everybody who can reach it may read, write and delete ` +
      `everything: allowInsecure: true (${environmentNameOf('allowInsecure')}=true). See docs/security.md.`,
  })
}
