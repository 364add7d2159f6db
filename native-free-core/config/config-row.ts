/**
 * What a row of a configuration table is. Rows make validation, documentation and help.
 * Runs on: every thread, and browsers. Touches: nothing.
 */
import { formatQuantity, isQuantityUnit } from './quantity.js'

export type ConfigType = 'integer' | 'boolean' | 'string' | 'choice' | 'strings'
export type ConfigValue = number | boolean | string | readonly string[]

export interface ConfigRow<Value extends ConfigValue = ConfigValue> {
  readonly type: ConfigType
  readonly defaultValue: Value
  /** Inclusive bounds of an integer. */
  readonly min?: number
  readonly max?: number
  /** The permitted words of a choice. */
  readonly choices?: readonly string[]
  /** The unit in words: ms, bytes, percent, count. */
  readonly unit?: string
  readonly description: string
  /** False: a change takes effect while the broker runs. */
  readonly restart: boolean
  /** Its value is shown to nobody. */
  readonly secret?: boolean
}

/** For tables: what a change while the broker runs does. */
export const whileRunning = false

export function integerRow(
  defaultValue: number,
  min: number,
  max: number,
  unit: string,
  description: string,
  restart = true,
): ConfigRow<number> {
  return { type: 'integer', defaultValue, min, max, unit, description, restart }
}

export function booleanRow(defaultValue: boolean, description: string, restart = true): ConfigRow<boolean> {
  return { type: 'boolean', defaultValue, description, restart }
}

export function stringRow(defaultValue: string, description: string, restart = true): ConfigRow<string> {
  return { type: 'string', defaultValue, description, restart }
}

/** The same row, whose value is shown to nobody. */
export function secret(row: ConfigRow<string>): ConfigRow<string> {
  return { ...row, secret: true }
}

export function stringsRow(
  defaultValue: readonly string[],
  description: string,
  restart = true,
): ConfigRow<readonly string[]> {
  return { type: 'strings', defaultValue, description, restart }
}

export function choiceRow<Word extends string>(
  defaultValue: Word,
  choices: readonly Word[],
  description: string,
  restart = true,
): ConfigRow<Word> {
  return { type: 'choice', defaultValue, choices, description, restart }
}

/** What a row accepts, in words: for messages and documentation. */
export function expectationOf(row: ConfigRow): string {
  switch (row.type) {
    case 'integer':
      return `${row.min} to ${row.max}${row.unit === undefined || row.unit === 'count' ? '' : ` ${row.unit}`}`
    case 'boolean':
      return 'true or false'
    case 'choice':
      return (row.choices ?? []).join(', ')
    case 'strings':
      return 'a list of texts'
    case 'string':
      return 'a text'
  }
}

export const hiddenValue = '(hidden)'

/** The same, with sizes and durations in units as well: for values that may be written so. */
export function quantityExpectationOf(row: ConfigRow): string {
  if (row.type !== 'integer' || !isQuantityUnit(row.unit)) return expectationOf(row)
  return `${expectationOf(row)} (${formatQuantity(row.min!, row.unit)} to ${formatQuantity(row.max!, row.unit)})`
}

/** A value as it is written in a file or a variable: sizes and durations with their unit, lists with commas. */
export function valueText(value: ConfigValue, row: ConfigRow): string {
  if (typeof value === 'number' && isQuantityUnit(row.unit)) return formatQuantity(value, row.unit)
  return typeof value === 'object' ? value.join(',') : String(value)
}
