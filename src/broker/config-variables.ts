/**
 * The environment as a layer of the configuration: STREAMBUS_DATA_FOLDER for dataFolder.
 * Runs on: main, the command line. Touches: nothing.
 * A variable that begins so and means nothing is refused: a misspelt setting must not be ignored in silence.
 */
import type { BrokerConfigKey } from '../../native-free-core/config/broker-config.js'
import type { ConfigProblem } from './config-problems.js'
import { nearestOf } from './nearest.js'

export type Variables = Readonly<Record<string, string | undefined>>

const prefix = 'STREAMBUS_'

/** Variables that are no keys of a broker: the command line's and the client's. */
const otherVariables: readonly string[] = [
  'STREAMBUS_CONTEXT',
  'STREAMBUS_SERVER',
  'STREAMBUS_TLS_CA',
  'STREAMBUS_TLS_CERT',
  'STREAMBUS_TLS_KEY',
  'STREAMBUS_TOKEN',
]

/** Those of people who work on StreamBus itself: tests and tools. */
const developmentVariables = /^STREAMBUS_(TEST_\w+|KAFKA_JARS|LONG|REWRITE|SEED)$/

/**
 * Kubernetes gives every container such variables for a Service named "streambus"; STREAMBUS_PORT is among them, with
 * an address as its value.
 */
const serviceLink = /^STREAMBUS_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/
const serviceLinkValue = /^(tcp|udp|sctp):\/\//

export function environmentNameOf(key: string): string {
  return `${prefix}${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

export interface VariableTexts {
  /** By key; what is not set is not there. */
  readonly texts: ReadonlyMap<BrokerConfigKey, string>
  readonly problems: readonly ConfigProblem[]
}

/** The texts of all keys in the environment; a variable that begins like ours and is none is a problem. */
export function readVariables(environment: Variables, keys: readonly BrokerConfigKey[]): VariableTexts {
  const keyOf = new Map(keys.map((key) => [environmentNameOf(key), key]))
  const texts = new Map<BrokerConfigKey, string>()
  const problems: ConfigProblem[] = []
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(prefix) || text === undefined) continue
    const key = keyOf.get(name)
    if (key !== undefined) {
      if (!serviceLinkValue.test(text)) texts.set(key, text)
    } else if (!isOther(name)) problems.push(unknownVariable(name, [...keyOf.keys(), ...otherVariables]))
  }
  return { texts, problems }
}

function isOther(name: string): boolean {
  return otherVariables.includes(name) || developmentVariables.test(name) || serviceLink.test(name)
}

function unknownVariable(name: string, known: readonly string[]): ConfigProblem {
  const nearest = nearestOf(
    name.slice(prefix.length),
    known.map((other) => other.slice(prefix.length)),
  )
  const hint = nearest === undefined ? '; unset it' : `; did you mean ${prefix}${nearest}?`
  return { place: 'environment', message: `${name} is unknown${hint}` }
}
