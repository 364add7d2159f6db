/**
 * A broker's configuration put together from layers, each checked on its own: defaults, a file, the environment,
 * options.
 * Runs on: main, the command line. Touches: nothing. Never: YAML, which a broker in a program has no need to load.
 * All errors are found in one go; each names its place, value and what was expected.
 */
import fastestValidator, { type ValidationSchema } from 'fastest-validator'
import {
  type BrokerConfig,
  type BrokerConfigKey,
  brokerConfigOf,
  brokerConfigRows,
} from '../../native-free-core/config/broker-config.js'
import { type ConfigRow, quantityExpectationOf } from '../../native-free-core/config/config-row.js'
import { isQuantityUnit, parseQuantity } from '../../native-free-core/config/quantity.js'
import { ConfigError, type ConfigProblem } from './config-problems.js'
import { environmentNameOf, readVariables, type Variables } from './config-variables.js'
import { nearestOf } from './nearest.js'

export const configKeys = Object.keys(brokerConfigRows) as BrokerConfigKey[]
// The package's types speak of a default export inside the default export; what it exports is the class.
const Validator = fastestValidator as unknown as typeof fastestValidator.default
const validate = new Validator({ haltOnFirstError: false }).compile(schemaOf())

function schemaOf(): ValidationSchema {
  const schema: Record<string, unknown> = { $$strict: false }
  for (const key of configKeys) schema[key] = ruleOf(brokerConfigRows[key])
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
      // Where nothing is the default, nothing may be said.
      return { type: 'string', empty: row.defaultValue === '', optional: true }
  }
}

export type Values = Readonly<Record<string, unknown>>
type Place = Pick<ConfigProblem, 'place' | 'excerpt'>
/** Where a key or its value was given, for messages. */
type PlaceOf = (key: string, part: 'key' | 'value') => Place

/** The layer that a value came from. */
export interface ConfigOrigin {
  readonly layer: 'default' | 'file' | 'environment' | 'option'
  /** `config/broker.yaml:2`, `STREAMBUS_PORT`; the layer's name for the others. */
  readonly text: string
}

export interface LoadedConfig {
  readonly config: BrokerConfig
  readonly origins: Readonly<Record<BrokerConfigKey, ConfigOrigin>>
  readonly file: string | undefined
}

export interface Layer {
  readonly layer: ConfigOrigin['layer']
  readonly values: Values
  readonly placeOf: PlaceOf
}

/** The configuration of a broker in a program: defaults and options. Throws INVALID_CONFIG with every problem. */
export function readOptions(options: Partial<BrokerConfig>): LoadedConfig {
  return combine(undefined, [optionLayer(options)], [])
}

/** The same of a process that was given no file: defaults, the environment, overrides. */
export function readSurroundings(environment: Variables, overrides: Partial<BrokerConfig> = {}): LoadedConfig {
  const problems: ConfigProblem[] = []
  return combine(undefined, [environmentLayer(environment, problems), optionLayer(overrides)], problems)
}

/** Later layers prevail. Throws INVALID_CONFIG with every problem, those that were found before too. */
export function combine(file: string | undefined, layers: readonly Layer[], problems: ConfigProblem[]): LoadedConfig {
  for (const { values, placeOf } of layers) check(values, placeOf, problems)
  if (problems.length > 0) throw new ConfigError(inOrder(problems))
  const config = brokerConfigOf(Object.assign({}, ...layers.map(({ values }) => values)) as Partial<BrokerConfig>)
  const lastFirst = [...layers].reverse()
  const giver = (key: string): Layer | undefined => lastFirst.find(({ values }) => values[key] !== undefined)
  checkTogether(config, (key) => giver(key)?.placeOf(key, 'value') ?? { place: '' }, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  const origins = Object.fromEntries(configKeys.map((key) => [key, originOf(key, giver(key))]))
  return { config, origins: origins as LoadedConfig['origins'], file }
}

/** As they stand in the file; what is nowhere in it comes last. */
function inOrder(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const lineOf = ({ excerpt }: ConfigProblem): number => excerpt?.line ?? Number.MAX_SAFE_INTEGER
  return [...problems].sort((one, other) => lineOf(one) - lineOf(other))
}

/** 64MiB in a file is a text; a text without a unit stays one, and is refused where a number belongs. */
export function withUnit(key: string, value: unknown): unknown {
  const unit = rowOf(key)?.unit
  if (typeof value !== 'string' || !isQuantityUnit(unit)) return value
  return parseQuantity(value, unit) ?? value
}

export function environmentLayer(environment: Variables, problems: ConfigProblem[]): Layer {
  const { texts, problems: found } = readVariables(environment, configKeys)
  problems.push(...found)
  const values = [...texts].map(([key, text]) => [key, valueOfText(text, brokerConfigRows[key])])
  return {
    layer: 'environment',
    values: Object.fromEntries(values) as Values,
    placeOf: (key) => ({ place: environmentNameOf(key) }),
  }
}

export function optionLayer(overrides: Partial<BrokerConfig>): Layer {
  return { layer: 'option', values: overrides, placeOf: (key) => ({ place: `option ${key}` }) }
}

function originOf(key: string, giver: Layer | undefined): ConfigOrigin {
  if (giver === undefined) return { layer: 'default', text: 'default' }
  const { layer, placeOf } = giver
  if (layer === 'option') return { layer, text: 'option' }
  return { layer, text: placeOf(key, 'key').place.replace(/(:\d+):\d+$/, '$1') }
}

/** Not a plain look-up: "constructor" is in every object. */
function rowOf(key: string): ConfigRow | undefined {
  return Object.hasOwn(brokerConfigRows, key) ? brokerConfigRows[key as BrokerConfigKey] : undefined
}

/** What a text from the environment or the command line means; a text that means nothing stays as it is. */
export function valueOfText(text: string, row: ConfigRow): unknown {
  if (row.type === 'integer') {
    if (/^-?\d+$/.test(text)) return Number(text)
    return isQuantityUnit(row.unit) ? (parseQuantity(text, row.unit) ?? text) : text
  }
  if (row.type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  if (row.type !== 'strings') return text
  const items = text.split(',').map((item) => item.trim())
  return items.filter((item) => item !== '')
}

/** Finds unknown keys and wrong values of one layer. */
export function check(values: Values, placeOf: PlaceOf, problems: ConfigProblem[]): void {
  for (const key of Object.keys(values)) {
    if (rowOf(key) !== undefined) continue
    const near = nearestOf(key, configKeys)
    const hint = near === undefined ? '' : `did you mean ${near}?`
    const label = near === undefined ? {} : { label: hint }
    problems.push({ ...placeOf(key, 'key'), message: `${key} is unknown${hint && `; ${hint}`}`, ...label })
  }
  const wrong = new Set<string>()
  const result = validate({ ...values })
  if (Array.isArray(result)) for (const error of result) wrong.add(String(error.field).split(/[.[]/)[0]!)
  for (const key of wrong) {
    const label = `expected ${quantityExpectationOf(brokerConfigRows[key as BrokerConfigKey])}`
    problems.push({ ...placeOf(key, 'value'), message: `${key} is ${JSON.stringify(values[key])}; ${label}`, label })
  }
}

/** What single rows can't say. */
export function checkTogether(
  config: BrokerConfig,
  placeOf: (key: BrokerConfigKey) => Place,
  problems: ConfigProblem[],
): void {
  for (const key of ['requestRingBytes', 'replyRingBytes'] as const) {
    if (Number.isInteger(Math.log2(config[key]))) continue
    const label = 'expected a power of two'
    problems.push({ ...placeOf(key), message: `${key} is ${config[key]}; ${label}`, label })
  }
}
