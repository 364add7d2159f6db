/**
 * Reads a broker's configuration: defaults, then the YAML file, then the environment, then overrides.
 * Runs on: main, at the start. Touches: the configuration file, the environment.
 * All errors are found in one go; each names file, line, column, value and what was expected.
 */
import { readFileSync } from 'node:fs'
import fastestValidator, { type ValidationSchema } from 'fastest-validator'
import { isMap, LineCounter, parseDocument, type Document } from 'yaml'
import {
  type BrokerConfig,
  type BrokerConfigKey,
  brokerConfigOf,
  brokerConfigRows,
} from '../../native-free-core/config/broker-config.js'
import { type ConfigRow, expectationOf } from '../../native-free-core/config/config-row.js'
import { StreamBusError } from '../../native-free-core/errors/streambus-error.js'
import { nearestOf } from './nearest.js'

const keys = Object.keys(brokerConfigRows) as BrokerConfigKey[]
// The package's types speak of a default export inside the default export; what it exports is the class.
const Validator = fastestValidator as unknown as typeof fastestValidator.default
const validate = new Validator({ haltOnFirstError: false }).compile(schemaOf())

function schemaOf(): ValidationSchema {
  const schema: Record<string, unknown> = { $$strict: false }
  for (const key of keys) schema[key] = ruleOf(brokerConfigRows[key])
  return schema as ValidationSchema
}

function ruleOf(row: ConfigRow): Record<string, unknown> {
  switch (row.type) {
    case 'integer':
      return { type: 'number', integer: true, min: row.min, max: row.max, optional: true }
    case 'boolean':
      return { type: 'boolean', optional: true }
    case 'choice':
      return { type: 'enum', values: [...(row.choices ?? [])], optional: true }
    case 'strings':
      return { type: 'array', items: 'string', optional: true }
    case 'string':
      return { type: 'string', empty: false, optional: true }
  }
}

/** Where a value came from, for messages: `config/broker.yaml:12:7`, or the environment variable. */
type Place = (key: string, part?: 'key' | 'value') => string

/** Throws INVALID_CONFIG with every problem, one a line. `overrides` come from the command line or a caller. */
export function loadConfig(
  file: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  overrides: Partial<BrokerConfig> = {},
): BrokerConfig {
  const problems: string[] = []
  const fromFile = file === undefined ? {} : readFile(file, problems)
  const fromEnvironment = readEnvironment(environment, problems)
  check(overrides as Record<string, unknown>, (key) => `option ${key}`, problems)
  if (problems.length > 0) throw new StreamBusError('INVALID_CONFIG', problems.join('\n'))
  const config = brokerConfigOf({ ...fromFile, ...fromEnvironment, ...overrides })
  checkTogether(config, problems)
  if (problems.length > 0) throw new StreamBusError('INVALID_CONFIG', problems.join('\n'))
  return config
}

function readFile(file: string, problems: string[]): Partial<BrokerConfig> {
  const text = readText(file)
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true })
  for (const error of document.errors) {
    const { line, col } = lines.linePos(error.pos[0])
    problems.push(`${file}:${line}:${col}: ${plain(error.message)}`)
  }
  if (document.errors.length > 0 || document.contents === null) return {}
  if (!isMap(document.contents)) {
    problems.push(`${file}:1:1: expected lines of the form "key: value"`)
    return {}
  }
  const values = document.toJS({ maxAliasCount: 10 }) as Record<string, unknown>
  check(values, placesIn(file, document, lines), problems)
  return values as Partial<BrokerConfig>
}

/** The place comes first already. */
function plain(message: string): string {
  return message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '')
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new StreamBusError('INVALID_CONFIG', `${file} can't be read: ${reason}`, {
      cause: error,
      remedy: 'Name the file with --config, or leave the option out to run with the defaults.',
    })
  }
}

function placesIn(file: string, document: Document, lines: LineCounter): Place {
  return (key, part) => {
    const map = document.contents
    const pair = isMap(map) ? map.items.find((item) => String(item.key) === key) : undefined
    const node = ((part === 'key' ? undefined : pair?.value) ?? pair?.key) as
      | { range?: readonly number[] | null }
      | undefined
    if (node?.range === undefined || node.range === null) return file
    const { line, col } = lines.linePos(node.range[0]!)
    return `${file}:${line}:${col}`
  }
}

/** STREAMBUS_DATA_FOLDER for dataFolder. */
export function environmentNameOf(key: string): string {
  return `STREAMBUS_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  problems: string[],
): Partial<BrokerConfig> {
  const values: Record<string, unknown> = {}
  for (const key of keys) {
    const text = environment[environmentNameOf(key)]
    if (text !== undefined) values[key] = fromText(text, brokerConfigRows[key])
  }
  check(values, environmentNameOf, problems)
  return values as Partial<BrokerConfig>
}

function fromText(text: string, row: ConfigRow): unknown {
  if (row.type === 'integer' && /^-?\d+$/.test(text)) return Number(text)
  if (row.type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  if (row.type === 'strings')
    return text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
  return text
}

function check(values: Record<string, unknown>, place: Place, problems: string[]): void {
  for (const key of Object.keys(values)) {
    if ((keys as string[]).includes(key)) continue
    const near = nearestOf(key, keys)
    problems.push(`${place(key, 'key')}: ${key} is unknown${near === undefined ? '' : `; did you mean ${near}?`}`)
  }
  const wrong = new Set<string>()
  const result = validate({ ...values })
  if (Array.isArray(result)) for (const error of result) wrong.add(String(error.field).split(/[.[]/)[0]!)
  for (const key of wrong) {
    const row = brokerConfigRows[key as BrokerConfigKey]
    problems.push(`${place(key)}: ${key} is ${JSON.stringify(values[key])}; expected ${expectationOf(row)}`)
  }
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value))
}

/** What single rows can't say. */
function checkTogether(config: BrokerConfig, problems: string[]): void {
  for (const key of ['requestRingBytes', 'replyRingBytes'] as const) {
    if (!isPowerOfTwo(config[key])) problems.push(`${key} is ${config[key]}; expected a power of two`)
  }
}
