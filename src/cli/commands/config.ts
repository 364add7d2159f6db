/**
 * `config check`, `config explain`, `config print`: a broker's configuration without a broker.
 * Runs on: main. Touches: the configuration file, the environment, stdout.
 */
import {
  type BrokerConfig,
  type BrokerConfigKey,
  brokerConfigOf,
  brokerConfigRows,
} from '../../../native-free-core/config/broker-config.js'
import {
  type ConfigRow,
  type ConfigValue,
  hiddenValue,
  quantityExpectationOf,
  valueText,
} from '../../../native-free-core/config/config-row.js'
import { topicConfigRows } from '../../../native-free-core/config/topic-config.js'
import { StreamBusError } from '../../../native-free-core/errors/streambus-error.js'
import { environmentNameOf } from '../../broker/config-variables.js'
import { checkListener } from '../../broker/listener-rule.js'
import { configKeys, type ConfigOrigin, type LoadedConfig } from '../../broker/config-layers.js'
import { readConfig } from '../../broker/load-config.js'
import { nearestOf } from '../../broker/nearest.js'
import type { Invocation } from '../environment.js'
import { countOf, notice, printFacts, printJson, printLine } from '../output.js'

/** Throws INVALID_CONFIG with every problem of the file and the environment, INSECURE_LISTENER. */
export function checkConfig({ isJson }: Invocation, file: string | undefined): void {
  const { config, origins } = readConfig(file, process.env)
  const insecurity = checkListener(config)
  if (insecurity !== undefined) notice({ isJson }, `warning: ${insecurity}`)
  const count = (layer: ConfigOrigin['layer']): number =>
    configKeys.filter((key) => origins[key].layer === layer).length
  const fromFile = count('file')
  const fromEnvironment = count('environment')
  if (isJson) return printJson({ file: file ?? null, keysFromFile: fromFile, keysFromEnvironment: fromEnvironment })
  const variables = `${countOf(fromEnvironment, 'key')} from the environment`
  printLine(file === undefined ? `right: ${variables}` : `${file} is right: ${countOf(fromFile, 'key')}, ${variables}`)
}

/** Of a broker's key, its environment variable, or a topic's entry. Throws USAGE with the nearest name. */
export function explainKey({ isJson, environment }: Invocation, name: string): void {
  const key = configKeys.find((candidate) => candidate === name || environmentNameOf(candidate) === name)
  if (key !== undefined) return explainBrokerKey(key, isJson, environment.typed)
  const row = Object.hasOwn(topicConfigRows, name) ? topicConfigRows[name as keyof typeof topicConfigRows] : undefined
  if (row === undefined) throw unknownKey(name)
  if (isJson) return printJson({ key: name, of: 'topic', ...jsonOf(row) })
  printLine(`${name}: ${row.description}\n`)
  printFacts([
    ['default', String(row.defaultValue)],
    ['accepts', quantityExpectationOf(row)],
    ['set it with', `${environment.typed} topic alter TOPIC --config ${name}=VALUE`],
  ])
}

function explainBrokerKey(key: BrokerConfigKey, isJson: boolean, typed: string): void {
  const row = brokerConfigRows[key]
  const variable = environmentNameOf(key)
  if (isJson) return printJson({ key, of: 'broker', ...jsonOf(row), environment: variable, restart: row.restart })
  const sample = fileValue(row.defaultValue, row)
  printLine(`${key}: ${row.description}\n`)
  printFacts([
    ['default', shown(row.defaultValue, row)],
    ['accepts', quantityExpectationOf(row)],
    ['in the file', `${key}: ${sample}`],
    ['environment', variable],
    [
      'while running',
      row.restart ? 'no: it needs a restart' : `yes: ${typed} broker config set ${key}=VALUE, or the file and SIGHUP`,
    ],
  ])
}

function jsonOf({ type, defaultValue, min, max, choices, unit, description }: ConfigRow): Record<string, unknown> {
  return { type, default: defaultValue, min, max, choices, unit, description }
}

function unknownKey(name: string): StreamBusError {
  const known = [...configKeys, ...configKeys.map(environmentNameOf), ...Object.keys(topicConfigRows)]
  const near = nearestOf(name, known)
  return new StreamBusError('USAGE', `there is no configuration key "${name}"`, {
    remedy: `${near === undefined ? '' : `Did you mean ${near}? `}streambus config print --defaults lists all keys.`,
  })
}

export interface PrintOptions {
  readonly defaults?: boolean
}

/** As YAML that a broker reads; where each value came from stands beside it. */
export function printConfig({ isJson }: Invocation, file: string | undefined, { defaults }: PrintOptions): void {
  if (defaults) return isJson ? printJson(brokerConfigOf()) : printDefaults()
  const loaded = readConfig(file, process.env)
  if (isJson) return printJson(Object.fromEntries(configKeys.map((key) => [key, entryOf(key, loaded)])))
  const lines = configKeys.map((key) => lineOf(key, loaded.config))
  const width = Math.max(...lines.map((line) => (line.length < 60 ? line.length : 0)))
  for (const [index, key] of configKeys.entries()) {
    printLine(`${lines[index]!.padEnd(width)}  # ${loaded.origins[key].text}`)
  }
}

function entryOf(key: BrokerConfigKey, { config, origins }: LoadedConfig): object {
  const isHidden = brokerConfigRows[key].secret && config[key] !== ''
  return { value: isHidden ? hiddenValue : config[key], from: origins[key].text }
}

/** Every key with what it means, to begin a file with. */
function printDefaults(): void {
  const defaults = brokerConfigOf()
  for (const key of configKeys) {
    const row = brokerConfigRows[key]
    const restart = row.restart ? '' : ' Changes while running.'
    printLine(`# ${row.description} (${quantityExpectationOf(row)}.${restart})`)
    printLine(`${lineOf(key, defaults)}\n`)
  }
}

/** What is not set, or not to be shown, is a comment. */
function lineOf(key: BrokerConfigKey, config: BrokerConfig): string {
  const row = brokerConfigRows[key]
  const value = config[key]
  if (value === '') return `# ${key}:`
  return row.secret ? `# ${key}: ${hiddenValue}` : `${key}: ${fileValue(value, row)}`
}

/** As YAML: JSON is YAML, and a text that could mean something else is quoted. */
function fileValue(value: ConfigValue, row: ConfigRow): string {
  if (typeof value === 'object') return JSON.stringify(value)
  if (typeof value !== 'string' || plainText.test(value)) return valueText(value, row)
  return JSON.stringify(value)
}

const plainText = /^(?!(true|false|null)$)([A-Za-z./][\w./-]*|\d+\.\d+\.\d+\.\d+)$/i

function shown(value: ConfigValue, row: ConfigRow): string {
  const text = valueText(value, row)
  if (text === '') return 'none'
  return typeof value === 'number' && text !== String(value) ? `${text} (${value} ${row.unit})` : text
}
