/**
 * `cluster status`.
 * Runs on: main. Touches: the client, stdout.
 */
import type { Cell } from '../columns.js'
import type { Invocation } from '../environment.js'
import { printFacts, printJson, printHeading, printLine, printTable } from '../output.js'
import { bytesText, countText, uptimeText } from '../terminal/quantities.js'
import { withClient } from '../with-client.js'

type Fields = Readonly<Record<string, unknown>>

export async function clusterStatus(invocation: Invocation): Promise<void> {
  const status = await withClient(invocation, (client) => client.admin().clusterStatus())
  if (invocation.isJson) return printJson(status)
  const levels = levelsOf(status)
  printFacts(flatten(levels))
  for (const [name, list] of Object.entries(levels)) if (isTable(list)) printList(name, list)
}

/** Without what only means something as a difference of two answers, which `top` makes. */
function levelsOf(status: Fields): Fields {
  const { counters: _counters, histograms: _histograms, subscribedPartitions: _partitions, ...levels } = status
  return levels
}

/** `a.b` for nested fields; lists of objects are tables of their own. */
function flatten(fields: Fields, prefix = ''): [string, Cell][] {
  return Object.entries(fields).flatMap(([name, value]): [string, Cell][] => {
    if (isTable(value)) return []
    if (isObject(value)) return flatten(value, `${prefix}${name}.`)
    return [[`${prefix}${name}`, shown(name, value)]]
  })
}

function printList(name: string, list: readonly Fields[]): void {
  const columns = Object.keys(list[0]!)
  printLine('')
  printHeading(name)
  printTable(
    columns.map((column) => column.toUpperCase()),
    list.map((row) => columns.map((column) => cellOf(row[column]))),
  )
}

/** By the unit in the name. */
function shown(name: string, value: unknown): Cell {
  if (typeof value !== 'number') return cellOf(value)
  if (name.endsWith('Bytes')) return `${bytesText(value)}${value < 1024 ? '' : ` (${countText(value)} bytes)`}`
  if (name.endsWith('Ms')) return value < 1000 ? `${Number(value.toFixed(2))} ms` : uptimeText(value)
  return value
}

function cellOf(value: unknown): Cell {
  return typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value)
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTable(value: unknown): value is readonly Fields[] {
  return Array.isArray(value) && value.length > 0 && value.every(isObject)
}
